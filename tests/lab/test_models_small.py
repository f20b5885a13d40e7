"""The small networks: one plan, the book's units, and matched costs."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from lwsurvey import cost
from lwsurvey.models import matching, mobilenet_v3, shufflenet_v1, shufflenet_v2, small
from lwsurvey.models.blocks import (
    ChannelShuffle,
    DepthwiseSeparable,
    InvertedResidual,
    SqueezeExcitation,
    WidthError,
)

MACS = 390_000
NETWORKS = [
    *((small.shufflenet_v1, {"groups": g}, shufflenet_v1.Unit) for g in (1, 2, 3, 4, 8)),
    (small.shufflenet_v2, {}, shufflenet_v2.Unit),
    (small.mobilenet_v1, {}, DepthwiseSeparable),
    (small.mobilenet_v2, {}, InvertedResidual),
    (small.mobilenet_v2, {"t": 3}, InvertedResidual),
]


@pytest.mark.parametrize(("builder", "options", "unit"), NETWORKS)
def test_every_family_follows_the_plan_at_matched_cost(builder, options, unit):
    network = small.match_macs(builder, MACS, **options)
    assert abs(cost.count(network, small.INPUT).macs / MACS - 1) <= matching.WITHIN
    x = torch.zeros(2, 1, 28, 28)
    with torch.no_grad():
        maps = [x := part(x) for part in (network.stem, network.early, network.late)]
        assert network.head(x).shape == (2, 10)
    assert [tuple(m.shape[2:]) for m in maps] == [(14, 14), (7, 7), (4, 4)]
    assert 1.5 <= maps[2].shape[1] / maps[1].shape[1] <= 2.5
    assert [type(part) for part in (*network.early, *network.late)] == [unit] * 2 * small.UNITS


@pytest.mark.parametrize(("builder", "options"), [(b, o) for b, o, _ in NETWORKS[1:6]])
def test_without_shuffle_everything_else_is_equal(builder, options):
    torch.manual_seed(0)
    mixed = small.match_macs(builder, MACS, **options)
    torch.manual_seed(0)
    apart = small.match_macs(builder, MACS, shuffle=False, **options)
    weights = mixed.state_dict(), apart.state_dict()
    assert list(weights[0]) == list(weights[1])
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])
    assert cost.count(mixed, small.INPUT) == cost.count(apart, small.INPUT)
    assert not any(isinstance(part, ChannelShuffle) for part in apart.modules())
    x = torch.randn(2, 1, 28, 28)
    mixed.eval(), apart.eval()
    with torch.no_grad():
        assert not torch.allclose(mixed(x), apart(x))


def test_without_shuffle_half_of_v2_passes_untouched():
    network = small.shufflenet_v2(16, shuffle=False).eval()
    x = torch.randn(1, 16, 7, 7)
    with torch.no_grad():
        assert torch.equal(network.early[1:](x)[:, :8], x[:, :8])


def test_at_the_width_of_the_stem_only_the_first_unit_is_special():
    network = small.mobilenet_v2(small.STEM, t=3)
    assert len(network.early[0].expand) == 0 < len(network.late[0].expand)


def test_v1_opens_without_groups_as_in_the_paper():
    network = small.shufflenet_v1(48, groups=3)
    assert network.early[0].branch[0].groups == 1
    assert network.early[0].branch[5].groups == network.late[0].branch[0].groups == 3


def test_the_search_draws_nothing_and_finds_the_same_again():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    matching._widths.cache_clear()
    widths = matching._widths(small.shufflenet_v2, 500_000, ())
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(3)
    first = small.match_macs(small.shufflenet_v2, 500_000)
    torch.manual_seed(3)
    again = small.shufflenet_v2(widths[0], late=widths[1])
    assert all(map(torch.equal, first.state_dict().values(), again.state_dict().values()))


@pytest.mark.parametrize(("macs", "ratio_is_two"), [(488_500, True), (477_000, False)])
def test_the_nearest_width_is_found(macs, ratio_is_two):
    """Against a search through all widths; between two of them another ratio comes nearer."""
    found = small.match_macs(small.mobilenet_v1, macs)
    widths = range(30, 42)
    every = {w: cost.count(small.mobilenet_v1(w), small.INPUT).macs for w in widths}
    nearest = min(abs(count - macs) for count in every.values())
    off = abs(cost.count(found, small.INPUT).macs - macs)
    assert off == nearest if ratio_is_two else off < nearest
    early, late = (stage[0].pointwise.out_channels for stage in (found.early, found.late))
    assert (late == 2 * early) == ratio_is_two


def test_what_cannot_be_matched_is_said():
    with pytest.raises(ValueError, match=r"shufflenet_v1\(groups=8\) comes within 5% of 100000"):
        small.match_macs(small.shufflenet_v1, 100_000, groups=8)

    def never(width: int, late: int) -> nn.Module:
        raise WidthError("no")

    with pytest.raises(ValueError, match=r"never.* takes no two widths"):
        small.match_macs(never, 100_000)


@pytest.mark.parametrize(("builder", "options"), [(b, o) for b, o, _ in NETWORKS])
@pytest.mark.parametrize("macs", [150_000, 477_000])
def test_the_rule_finds_what_counting_everything_finds(builder, options, macs):
    given = tuple(sorted(options.items()))
    size = matching._valid(builder, given)
    counted = partial(matching._macs, builder, given)
    by_rule = matching._nearest(matching._rule(counted, *size), macs, *size)
    assert by_rule == matching._nearest(counted, macs, *size)


def test_a_builder_that_breaks_the_rule_is_counted():
    def stepped(width: int, late: int) -> nn.Module:
        return small.mobilenet_v1(width // 5 * 5 + 1, late=late // 5 * 5 + 1)

    width, late = matching._widths(stepped, 400_000, ())
    counted = cost.count(stepped(width, late), small.INPUT).macs
    assert abs(counted / 400_000 - 1) <= matching.WITHIN


def test_an_error_that_is_not_of_the_width_is_not_taken_for_one():
    with pytest.raises(ValueError, match="5 do not"):
        small.match_macs(small.shufflenet_v1, 100_000, groups=5)
    with pytest.raises(ValueError, match="MACs are 1 or more, not 0"):
        small.match_macs(small.mobilenet_v1, 0)
    with pytest.raises(ValueError, match="the expansion is 1 or more, not 0"):
        small.match_macs(small.mobilenet_v2, 100_000, t=0)


@pytest.mark.parametrize(("builder", "options"), [(b, o) for b, o, _ in NETWORKS])
def test_the_search_counts_few_networks_and_counts_them_whole(builder, options):
    matching._widths.cache_clear(), matching._macs.cache_clear()
    small.match_macs(builder, 431_000, **options)
    assert matching._macs.cache_info().currsize <= 9
    given = tuple(sorted(options.items()))
    whole = builder(96, late=192, **options)
    assert matching._macs(builder, given, 96, 192) == cost.count(whole, small.INPUT).macs


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: small.shufflenet_v1(50, groups=3), "groups"),
        (lambda: small.shufflenet_v1(40, groups=5), "divide the 24 channels"),
        (lambda: small.shufflenet_v1(40, groups=0), "divide the 24 channels"),
        (lambda: small.shufflenet_v2(15), "even"),
        (lambda: small.mobilenet_v1(0), "positive"),
        (lambda: small.mobilenet_v1(8, late=-1), "positive"),
        (lambda: small.mobilenet_v2(8, t=0), "expansion"),
        (lambda: small.mobilenet_v1(8, classes=0), "one class"),
    ],
)
def test_what_does_not_fit_is_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("make", [shufflenet_v1.ShuffleNetV1, shufflenet_v2.ShuffleNetV2])
def test_the_full_networks_can_do_without_shuffle(make):
    with torch.device("meta"):
        mixed, apart = make(), make(shuffle=False)
    assert list(mixed.state_dict()) == list(apart.state_dict())
    assert not any(isinstance(part, ChannelShuffle) for part in apart.modules())
    units = [part for part in apart.modules() if isinstance(part, shufflenet_v2.Unit)]
    assert not any(unit.shuffle for unit in units)


@pytest.mark.parametrize("tail", mobilenet_v3.TAILS)
@pytest.mark.parametrize("squeeze", [True, False])
def test_v3_has_its_parts_where_the_paper_has_them(tail, squeeze):
    network = small.mobilenet_v3(8, squeeze=squeeze, activation=nn.SiLU, stem=32, tail=tail)
    assert network(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    excited = [m for m in network.modules() if isinstance(m, SqueezeExcitation)]
    assert len(excited) == (2 * small.UNITS if squeeze else 0)
    assert network.stem[0].out_channels == 32 and len(network.first.expand) == 0
    early = [type(m) for m in network.early.modules() if isinstance(m, nn.SiLU)]
    late = [type(m) for m in network.late.modules() if isinstance(m, nn.SiLU)]
    assert (len(early), len(late)) == (0, 2 * small.UNITS)
    spatial = [m for m in network.tail.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
    assert len(spatial) == (tail == "original")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tail": "long"}, "efficient, original, not 'long'"),
        ({"t": 0}, "1 or more, not 8, 0 and 16"),
        ({"stem": 0}, "1 or more, not 8, 4 and 0"),
    ],
)
def test_v3_names_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        small.mobilenet_v3(8, **options)
