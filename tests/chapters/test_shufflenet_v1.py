"""Chapter shufflenet-v1: the shuffle as a permutation and a graph, networks, counts, the study."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models as library
from torchvision.models import mobilenetv2, shufflenetv2

from lwsurvey import cost, train
from lwsurvey.chapters.shufflenet_v1 import (
    experiment,
    figures,
    networks,
    tables,
    wiring,
)
from lwsurvey.figures import style
from lwsurvey.models import editing, small
from lwsurvey.models import shufflenet_v1 as v1
from lwsurvey.models import shufflenet_v2 as v2
from lwsurvey.models.blocks import ChannelShuffle, channel_shuffle, same_convolution
from lwsurvey.stats import Estimate

UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy
GROUPS, SIZE = st.integers(1, 9), st.integers(1, 14)


# The permutation


@UNTIMED
@given(g=GROUPS, s=SIZE)
def test_the_shuffle_is_a_permutation_and_its_inverse_has_the_other_number_of_groups(g, s):
    order = wiring.shuffle_order(g * s, g)
    assert wiring.is_permutation(order)
    x = torch.arange(g * s).reshape(1, -1, 1, 1)
    assert torch.equal(channel_shuffle(channel_shuffle(x, g), s), x)


@UNTIMED
@given(g=GROUPS, s=SIZE)
def test_cards_torchvision_pytorch_and_the_formula_agree(g, s):
    c = g * s
    order = wiring.shuffle_order(c, g)
    assert order == wiring.card_order(c, g)
    assert order == wiring.order_of(lambda x: shufflenetv2.channel_shuffle(x, g), c)
    assert order == wiring.order_of(nn.ChannelShuffle(g), c)
    assert order == [(p % g) * s + p // g for p in range(c)]


@UNTIMED
@given(g=GROUPS, k=st.integers(1, 4))
def test_a_literal_deal_of_subgroups_fills_the_same_groups(g, k):
    order, literal = wiring.shuffle_order(k * g * g, g), wiring.subgroup_order(k * g * g, g)
    assert wiring.is_permutation(literal)
    assert wiring.count_misplaced(order, literal, g) == 0


def test_misplaced_counts_what_is_in_another_group():
    assert wiring.count_misplaced([0, 1, 2, 3], [1, 0, 3, 2], 2) == 0
    assert wiring.count_misplaced([0, 1, 2, 3], [0, 2, 1, 3], 2) == 2
    unshuffled, shuffled = list(range(16)), wiring.shuffle_order(16, 4)
    assert wiring.count_misplaced(unshuffled, shuffled, 4) == 12


def test_groups_that_do_not_divide_are_named():
    for deal in (wiring.card_order, wiring.subgroup_order):
        with pytest.raises(ValueError, match="12 channels"):
            deal(12, 5)
        with pytest.raises(ValueError):
            deal(12, 0)
    with pytest.raises(ValueError, match="equal subgroups"):
        wiring.subgroup_order(60, 3)
    with pytest.raises(ValueError, match="every channel once"):
        wiring.Permutation([0, 0, 2])


def test_a_permutation_module_gathers_as_the_shuffle_does_and_has_no_parameters():
    module = wiring.Permutation(wiring.shuffle_order(12, 3))
    x = torch.randn(2, 12, 3, 3)
    assert torch.equal(module(x), channel_shuffle(x, 3))
    assert not list(module.parameters()) and not module.state_dict()


# The graph


@UNTIMED
@given(g=GROUPS, s=SIZE, layers=st.integers(1, 5))
def test_the_closed_form_is_the_share_of_the_graph(g, s, layers):
    assert wiring.shares(g * s, g, layers)[-1] == pytest.approx(
        wiring.predicted_share(g * s, g, layers)
    )
    assert wiring.shares(g * s, g, layers, shuffle=False)[-1] == pytest.approx(1 / g)


@UNTIMED
@given(g=GROUPS, s=SIZE)
def test_two_layers_suffice_exactly_if_the_square_of_the_groups_fits(g, s):
    needed = wiring.least_layers(g * s, g)
    assert (needed is not None and needed <= 2) == (s >= g)
    assert (needed is None) == (s == 1 and g > 1)


@UNTIMED
@given(g=GROUPS, s=SIZE)
def test_the_rule_of_one_line_foretells_every_link(g, s):
    right, links = wiring.count_predicted(g * s, g)
    assert right == links == (g * s) ** 2


def test_a_wrong_rule_would_be_noticed(monkeypatch):
    monkeypatch.setattr(wiring, "predicted_links", lambda c, g: np.eye(g, dtype=bool))
    right, links = wiring.count_predicted(16, 4)
    assert right < links


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("c", "g"), [(24, 3), (16, 4), (16, 8)])
def test_the_graph_agrees_with_the_gradients_of_real_layers(c, g, shuffle):
    middle = nn.ChannelShuffle(g) if shuffle else nn.Identity()
    layers = [same_convolution(c, c, 1, groups=g) for _ in range(2)]
    reached = cost.reach(nn.Sequential(layers[0], middle, layers[1]), c, 3)[:, :, 1, 1]
    order = wiring.shuffle_order(c, g) if shuffle else None
    assert (reached.numpy() == wiring.stack_edges(c, g, 2, order)).all()


def test_tables_of_the_graph():
    table = wiring.least_layers_table((8, 24), (1, 3, 8))
    assert table.loc[8].tolist() == [1, "", "never"] and table.loc[24].tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="one layer"):
        wiring.stack_edges(8, 2, 0)
    with pytest.raises(ValueError, match="do not divide"):
        wiring.grouped_edges(8, 9, 2)


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize(("N", "M", "stride"), [(36, 36, 1), (24, 36, 2)])
def test_the_edges_of_a_unit_are_its_gradients(N, M, stride, shuffle):
    # The normalisation in front keeps ReLU from hiding what the shortcut brings.
    unit = nn.Sequential(nn.BatchNorm2d(N), v1.Unit(N, M, 3, stride, shuffle=shuffle))
    reached = cost.reach(networks.saturate(unit), N, 5).flatten(2).any(2).numpy()
    assert (reached == wiring.unit_edges(N, M, 3, stride, shuffle)).all()


def test_concatenation_doubles_what_is_heard_of_even_without_a_shuffle():
    assert wiring.stage_shares(4, shuffle=False) == pytest.approx([1 / 4, 1 / 2, 1])
    assert wiring.stage_shares(4, shuffle=True) == [1, 1, 1]


# Variants


def test_removing_shuffles_keeps_weights_and_loses_only_the_order():
    net = v1.Unit(36, 36, 3).eval()
    bare, x = networks.remove_shuffles(net), torch.randn(1, 36, 5, 5)
    assert not any(isinstance(part, ChannelShuffle) for part in bare.modules())
    assert any(isinstance(part, ChannelShuffle) for part in net.modules())
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), bare.parameters(), strict=True))
    assert not torch.equal(net(x), bare(x))
    assert isinstance(networks.remove_shuffles(ChannelShuffle(2)), nn.Identity)


def test_randomising_puts_a_permutation_of_the_right_size_everywhere():
    torch.manual_seed(3)
    net = networks.shufflenet(4)
    other = networks.randomise(net, small.INPUT)
    found = [part for part in other.modules() if isinstance(part, wiring.Permutation)]
    shuffled = [part for part in net.modules() if isinstance(part, ChannelShuffle)]
    assert len(found) == len(shuffled) == 6
    assert all(len(part.order) % 4 == 0 and wiring.is_permutation(part.order) for part in found)
    assert not any(isinstance(part, ChannelShuffle) for part in other.modules())
    assert other.training and other(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert all(
        int(m.num_batches_tracked) == 0 for m in net.modules() if hasattr(m, "num_batches_tracked")
    )


def test_the_variant_with_random_orders_begins_with_the_weights_of_the_shuffled_one():
    torch.manual_seed(5)
    one = networks.shufflenet(4)
    torch.manual_seed(5)
    two = networks.random_order(4)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))


def test_ungrouping_opens_grouped_pointwise_convolutions_only():
    unit = networks.ungroup(v1.Unit(36, 36, 3))
    assert [m.groups for m in unit.modules() if isinstance(m, nn.Conv2d)] == [1, 9, 1]


@pytest.mark.parametrize("unit", [v1.Unit(36, 36, 3), v1.Unit(24, 48, 3, 2), v2.Unit(8, 8)])
def test_folding_changes_nothing_but_the_normalisations(unit):
    for part in unit.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.running_mean, -1, 1)
            nn.init.uniform_(part.running_var, 0.5, 2)
            nn.init.uniform_(part.weight, 0.5, 2)
    folded = editing.fold_norms(unit)
    x = torch.randn(2, 8 if isinstance(unit, v2.Unit) else unit.branch[0].in_channels, 6, 6)
    assert torch.allclose(folded(x), unit.eval()(x), atol=1e-4)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())


# Counts and anatomy


def test_the_printed_complexities_leave_the_classifier_out():
    table = tables.complexity()
    assert table["printed is"].tolist() == [
        "either", "without classifier", "either", "without classifier", "without classifier", "with"
    ]  # fmt: skip
    assert table.loc["1×, g = 3", "parameters"] == 1_865_728


def test_the_resnext_unit_of_the_paper():
    table = tables.resnext()
    assert table["1 × 1, %"][1] == pytest.approx(93.43, abs=0.005)
    assert table.MACs.is_monotonic_decreasing


def test_without_bottleneck_is_four_times_the_unit():
    pair = v1.Unit(72, 72, 3), tables.without_bottleneck(72, 3)
    assert tables.larger_ratio(*pair, (1, 72, 7, 7)) == 0.25


def test_the_access_share_of_v2_is_two_maps_of_all_that_it_moves():
    share = tables.access_share(
        v2.Unit(232, 232), v2.Unit(232, 232, shuffle=False), (1, 232, 14, 14)
    )
    total = cost.profile(v2.Unit(232, 232), (1, 232, 14, 14)).memory_access
    assert share == pytest.approx(100 * 2 * 232 * 14 * 14 / total)


def test_what_stands_behind_a_convolution():
    unit = v1.Unit(36, 36, 3)
    assert networks.after(unit.branch, "1x1") == ["ReLU", "ChannelShuffle"]
    assert networks.after(unit.branch, "3x3") == []
    theirs = library.shufflenet_v2_x0_5().stage2[1].branch2
    assert editing.layer_names(theirs) == ["1x1", "ReLU", "3x3", "1x1", "ReLU"]


def test_shortcuts_are_found_by_silencing_the_branch():
    x = torch.randn(1, 24, 8, 8)
    assert networks.pools_and_concatenates(v1.Unit(24, 48, 3, 2), x) == (True, True)
    plain = nn.Sequential(same_convolution(24, 48, 1, 2), nn.BatchNorm2d(48), nn.ReLU())
    assert networks.pools_and_concatenates(plain, x) == (False, True)
    kept = mobilenetv2.InvertedResidual(24, 24, 1, 6)
    assert torch.equal(editing.bypass(kept, x), x)
    assert not editing.bypass(mobilenetv2.InvertedResidual(24, 32, 1, 6), x).any()


# The study


def test_the_variants_have_nearly_equal_macs_and_on_and_off_exactly():
    work = small.costs(networks.variants()).MACs
    assert (abs(work / networks.MACS - 1) < 0.05).all()
    assert all(work[f"{g} on"] == work[f"{g} off"] for g in (2, 3, 4, 8))
    widths = [networks.shufflenet(g).head.linear.in_features for g in networks.GROUPS]
    assert widths == sorted(widths) and "1 off" not in work


def test_effects_are_paired_and_said_in_words():
    rows = [
        (arm, seed, 80 + seed + ("on" in arm)) for arm in networks.variants() for seed in range(3)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "seed", "test"])
    found = experiment.effects(frame)
    assert found["shuffle on or off, g = 8"].value == 1
    assert found["random order or shuffle, g = 4"].value == -1
    drawn = figures.by_groups(train.means(frame)).axes[0].lines
    assert [len(line.get_xdata()) for line in drawn if line.get_marker() == "o"] == [5, 4]


# Time


def test_shares_and_their_place():
    assert experiment.position(Estimate(5, 4, 6, 9), 10) == "below"
    assert experiment.position(Estimate(15, 11, 19, 9), 10) == "above"
    assert experiment.position(Estimate(10, 9, 11, 9), 10) == "on both sides of"
    with pytest.raises(ValueError, match="V1 unit"):
        experiment.build("V3 unit", True)


def test_the_share_is_formed_round_by_round():
    from lwsurvey.latency import Comparison

    on = np.linspace(1, 3, 40)
    times = pd.DataFrame({"V1 unit on": on, "V1 unit off": 0.9 * on})
    share = experiment.share(Comparison(times), "V1 unit")
    assert share.low == pytest.approx(10) and share.high == pytest.approx(10)


def test_every_way_to_shuffle_is_the_same_shuffle_and_the_view_moves_nothing():
    ways = experiment.ways((1, 12, 4, 4), 3, "cpu")
    results = {name: way() for name, way in ways.items()}
    assert results["view only"].shape == (1, 4, 3, 4, 4)
    shuffled = results["view and copy (ours)"]
    assert torch.equal(results["view only"].reshape(shuffled.shape), shuffled)
    assert torch.equal(results["gather by index"], shuffled)
    calls = experiment.on_and_off(("V2 unit",), fold=True, device="cpu")
    assert calls["V2 unit on"]().shape == calls["V2 unit off"]().shape == (1, 232, 14, 14)


# Figures


def test_every_figure_is_drawn():
    style()
    some = {f"unit {k}": Estimate(k, k - 1, k + 1, 5) for k in range(3)}
    drawn = [
        figures.shuffle_wiring(9, 3), figures.shares_after(24, (2, 8), 3), figures.unit_diagram(),
        figures.time_shares(some, pd.Series({"GPU": 5}), 10),
    ]  # fmt: skip
    assert all(figure.axes for figure in drawn)
    words = {text.get_text() for ax in figures.unit_diagram().axes for text in ax.texts}
    assert {"stride 1", "stride 2", "channel shuffle", "concat"} <= words
