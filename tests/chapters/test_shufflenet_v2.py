"""The four guidelines of ShuffleNet V2: variants, printed tables, counts in networks, figures."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lwsurvey import cost
from lwsurvey.chapters.shufflenet_v2 import (
    experiment,
    figures,
    graph,
    networks,
    tables,
)
from lwsurvey.latency import Comparison
from lwsurvey.models import shufflenet_v2, small
from lwsurvey.stats import Estimate

COLUMNS = list(product((1, 2, 3, 4), ("GPU", "ARM"), (0, 1, 2)))


def counted(variant: networks.Variant) -> int:
    """MACs of what a variant builds."""
    with torch.device("meta"):
        return cost.count(variant.make(), variant.shape).macs


# The paper's tables


def test_printed_speeds_are_those_of_the_csv_files():
    assert tables.speeds(1, "ARM").loc["1:12"].tolist() == [57.6, 15.1, 4.4]
    assert tables.speeds(2, "GPU").loc["g = 8"].tolist() == [634, 445, 230]
    assert tables.speeds(3, "GPU").loc["4-fragment-parallel"].tolist() == [691, 572, 292]
    assert tables.speeds(4, "ARM").loc["neither"].tolist() == [66.3, 20.2, 5.4]


@pytest.mark.parametrize(("guideline", "platform"), list(product((1, 2, 3, 4), ("GPU", "ARM"))))
def test_relative_speeds_are_one_in_the_first_row(guideline, platform):
    assert (tables.relative(guideline, platform).iloc[0] == 1).all()


def test_a_slowdown_is_a_ratio_of_speeds():
    assert tables.slowdowns(1, "GPU").loc["1:12", 0] == pytest.approx(1480 / 748)
    assert tables.slowdowns(4, "ARM").loc["ReLU and shortcut", 2] == pytest.approx(5.4 / 5.0)


def test_of_thirty_cells_two_are_not_slower():
    cells = tables.slower_cells()
    assert (len(cells), cells.sum()) == (30, 28)
    assert set(cells.index[~cells]) == {(3, "ARM", "4-fragment-series", size) for size in (1, 2)}


def test_remarks_are_held_against_all_their_cells():
    table = tables.remarks()
    assert table.loc["G2, GPU", "cells that fit"] == "2 of 3"
    assert table.loc["G3, GPU", "cells that fit"] == "2 of 6"
    assert table.loc["G4", "in its table"] == "1.08 to 1.24"


def test_table_8_gives_ratios_of_times():
    found = tables.network_speeds("140M", "ShuffleNetV1 1x g=3", "ShuffleNetV2 1x")
    assert found == pytest.approx({"GPU": 341 / 213, "ARM": 24.4 / 21.8})


# Variants


@pytest.mark.parametrize(("guideline", "platform", "column"), COLUMNS)
def test_a_variant_has_the_work_that_it_says(guideline, platform, column):
    for name, variant in networks.printed_column(guideline, platform, column).items():
        assert counted(variant) == variant.macs, name


@pytest.mark.parametrize(("guideline", "platform", "column"), COLUMNS)
def test_the_work_of_a_column_drifts_by_less_than_six_per_cent(guideline, platform, column):
    work = [
        variant.macs for variant in networks.printed_column(guideline, platform, column).values()
    ]
    assert max(work) / min(work) < 1.06
    if guideline == 4:
        assert len(set(work)) == 1


@pytest.mark.parametrize(("guideline", "c"), list(product((1, 2), (64, 128))))
def test_exact_variants_have_exactly_equal_work(guideline, c):
    found = networks.exact(guideline, c)
    assert len({counted(variant) for variant in found.values()}) == 1
    assert len({variant.access for variant in found.values()}) == 3


@pytest.mark.parametrize("guideline", [1, 2, 3, 4])
def test_the_strongest_violations_have_exactly_equal_work(guideline):
    found = networks.strongest(guideline)
    pairs = [pair for g, *pair in networks.STRONGEST.values() if g == guideline]
    assert len({counted(variant) for variant in found.values()}) == 1
    assert next(iter(found)) == pairs[0][1] and {x for pair in pairs for x in pair} == set(found)


@pytest.mark.parametrize(
    ("c", "g", "base", "width"), [(180, 8, 64, 184), (360, 8, 128, 360), (90, 2, 64, 90)]
)
def test_widths_that_groups_do_not_divide_move_to_the_nearest_work(c, g, base, width):
    assert networks.divisible(c, g, base) == width


@pytest.mark.parametrize("parts", [1, 2, 4])
def test_nearest_root_is_the_nearest(parts):
    for product_ in range(4, 300):
        found = networks.nearest_root(product_, parts)
        off = [abs(parts * w * w - product_) for w in range(1, 20)]
        assert abs(parts * found * found - product_) == min(off)


def test_access_of_a_variant_is_the_counter_s():
    for name, variant in networks.printed_column(2, "ARM", 0).items():
        with torch.device("meta"):
            assert cost.profile(variant.make(), variant.shape).memory_access == variant.access, name


def test_parallel_fragments_are_added():
    block = networks.Parallel(3, 4).eval()
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(block(x), sum(layer(x) for layer in block))


@pytest.mark.parametrize(("relu", "shortcut"), list(product((True, False), repeat=2)))
@torch.no_grad()
def test_a_bottleneck_switches_relu_and_shortcut(relu, shortcut):
    block = networks.Bottleneck(8, relu, shortcut).eval()
    act = torch.relu if relu else torch.nn.Identity()
    x = torch.randn(2, 8, 5, 5)
    before = x.clone()
    reduce, spatial, expand = (part for part in block.branch if isinstance(part, nn.Conv2d))
    y = expand(act(spatial(act(reduce(x)))))
    torch.testing.assert_close(block(x), act(y + x if shortcut else y))
    assert torch.equal(x, before)


# Tables of times


def column(times: dict[str, float], variants: networks.Variants) -> experiment.Column:
    """A column whose variants took these seconds in each of 20 rounds."""
    return experiment.Column(
        variants, Comparison(pd.DataFrame({n: [t] * 20 for n, t in times.items()}))
    )


@pytest.fixture
def timed() -> list[experiment.Column]:
    found = networks.printed_column(1, "ARM", 0)
    return [column(dict(zip(found, (1.0, 2.0, 4.0, 0.5), strict=True)), found)]


def test_speed_is_over_the_first_variant_and_per_mac_takes_the_drift_out(timed):
    one = timed[0]
    assert one.speed("1:6").value == 0.25
    assert one.drift("1:2") == pytest.approx(22 * 44 / 32**2 - 1)
    assert one.speed_per_mac("1:2").value == pytest.approx(0.5 * 22 * 44 / 32**2)


def test_the_table_has_the_paper_s_layout(timed):
    table = experiment.table(1, timed)
    assert table.loc["1:12", "paper ×1"] == "57.6"
    assert table.loc["1:12", "ours ×1"] == "2"
    assert table.loc["1:12", "MACs"] == "-5.1 %" and table.loc["1:1", "MACs"] == "equal"


def test_the_outcome_counts_cells_in_which_the_violation_is_slower(timed):
    assert "slower in 0 of 1 cells" in experiment.outcome(1, timed)
    slow = column(dict.fromkeys(timed[0].variants, 1.0) | {"1:12": 3.0}, timed[0].variants)
    assert "slower in 1 of 2 cells" in experiment.outcome(1, [*timed, slow])


def test_a_relative_table_names_the_verdict(timed):
    table = experiment.relative_table({"×1": timed[0]}, per_mac=True).set_index("variant")
    assert table["than the first row"].to_dict() == {
        "1:2": "slower", "1:6": "slower", "1:12": "faster"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("device", "platform"), [("cpu", "ARM"), ("cuda", "GPU"), ("cuda:1", "GPU"), ("mps", "GPU")]
)
def test_a_device_gets_the_columns_of_its_kind(device, platform):
    assert experiment.platform_of(device) == platform


@pytest.mark.parametrize(
    ("number", "text"), [(0.012345, "0.0123"), (1234.5, "1,230"), (3.0, "3"), (2e6, "2,000,000")]
)
def test_numbers_are_rounded_without_exponent(number, text):
    assert experiment.format_number(number) == text


def test_variants_are_timed_in_turns():
    found = networks.strongest(1, 16)
    one = experiment.time_variants(found, budget=0.05, least_rounds=3, rounds=3)
    assert list(one.times.times) == list(found)
    assert (one.times.times > 0).to_numpy().all()


# Counts in networks


class Fan(nn.Module):
    """A block with as many parallel convolutions as asked, then one for all of them."""

    def __init__(self, fan: int) -> None:
        super().__init__()
        self.side = nn.ModuleList(nn.Conv2d(3, 3, 1) for _ in range(fan))
        self.last = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        total = self.side[0](x)
        for layer in self.side[1:]:
            total = total + layer(x)
        return self.last(total).relu()


@pytest.mark.parametrize("fan", [1, 2, 5])
def test_branches_are_the_convolutions_that_could_run_at_once(fan):
    with torch.device("meta"):
        network = nn.Sequential(Fan(fan), Fan(1))
    first, second = graph.by_block(graph.trace(network, 8, [Fan])).values()
    assert (graph.branches(first), graph.branches(second)) == (fan, 1)
    assert sum(each.kind == "addition" for each in first) == fan - 1
    assert first[-1].kind == "activation"
    assert graph.ends(first) == ((1, 3, 8, 8),) * 2


def test_violations_are_those_that_the_architectures_imply():
    found = {name: graph.violations(name) for name in graph.SUBJECTS}
    assert not any(found["ShuffleNet V2"].values())
    # 13 units with two 1 x 1 each, from c to c / 4 and back, in groups, and one addition.
    assert found["ShuffleNet V1"] == {"G1": 26, "G2": 26, "G3": 0, "G4": 0, "additions": 13}
    # 10 units with a residual: two 1 x 1, two ReLU6 on the expanded maps.
    assert found["MobileNet V2"] == {"G1": 20, "G2": 0, "G3": 0, "G4": 20, "additions": 10}
    assert found["NASNet-A"]["G3"] == 15 and found["NASNet-A"]["additions"] == 75


def test_the_unit_is_as_the_paper_draws_it():
    assert graph.unit_branch() == {
        "convolutions in the branch": 3, "convolutions with unequal widths": 0,
        "untouched share": 0.5,
    }  # fmt: skip
    assert graph.unit_shares()["ReLU share"] == graph.unit_shares()["depthwise share"] == 0.5
    assert not any(graph.network_counts().values())
    assert sum(map(graph.splits, graph.units())) == 13 and len(graph.units()) == 16


def test_unchanged_channels_are_found_bit_for_bit():
    x = torch.randn(2, 8, 3, 3)
    assert experiment.unchanged(shufflenet_v2.Unit(8, 8).eval(), x) == 0.5
    before = torch.get_rng_state()
    assert experiment.unchanged(experiment.library_unit(), torch.randn(1, 116, 3, 3)) == 0.5
    torch.set_rng_state(before)
    experiment.library_unit()
    assert torch.equal(torch.get_rng_state(), before)
    assert experiment.unchanged(nn.Identity(), x) == 1
    assert experiment.unchanged(nn.Conv2d(8, 8, 1), x) == 0


def test_the_gap_to_the_paper_grows_faster_than_the_network():
    table, growth = tables.sizes(), tables.growth("1×", "2×")
    assert (table["parameters, M"].round(1) == table["paper's, M"]).all()
    assert growth["widths"] < growth["macs"] < growth["least"]


# Data movement, training, pictures


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("way", [networks.one_copy, networks.one_gather])
def test_merged_moves_the_same_bits(way, channels):
    halves = torch.randn(2, 2, channels, 3, 4).unbind()
    for found, wanted in zip(way(*halves), networks.three_steps(*halves), strict=True):
        assert torch.equal(found, wanted)


def test_merging_halves_the_traffic_and_saves_no_arithmetic():
    halves = torch.empty(2, 1, 6, 5, 5).unbind()
    apart, together = (
        cost.profile(networks.Join(way), halves)
        for way in (networks.three_steps, networks.one_copy)
    )
    assert (apart.macs, together.macs) == (0, 0)
    assert apart.memory_access == 2 * together.memory_access


def test_trained_networks_have_equal_work():
    costs = small.costs(networks.small_networks(450_000))
    assert (abs(costs.MACs / 450_000 - 1) <= 0.05).all()
    assert costs.MACs[networks.V2] == costs.MACs[networks.UNSHUFFLED]


def test_the_best_rival_is_chosen_on_validation_and_is_a_rival():
    names = [networks.V2, *networks.RIVALS, networks.UNSHUFFLED]
    frame = pd.DataFrame(
        {"variant": names, "validation": [99, 1, 3, 2, 98], "test": [1, 9, 2, 8, 1], "seed": 0}
    )
    assert experiment.best_rival(frame) == networks.RIVALS[1]


def test_figures_show_every_variant(timed):
    fig = figures.relative(1, timed, "here")
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["1:2", "1:6", "1:12"]
    heights = np.concatenate([line.get_ydata() for line in fig.axes[0].lines])
    assert {0.5, 0.25, 2.0} <= set(heights)
    some = Estimate(1.2, 1.1, 1.3, 20)
    two = figures.layouts(
        {"contiguous": {"G1": some, "G2": some}, "channels_last": {"G1": some, "G2": some}}
    )
    assert len(two.axes[0].get_yticklabels()) == 2
    drawn = figures.units(116)
    texts = [text.get_text() for ax in drawn.axes for text in ax.texts]
    assert "split 58 + 58" in texts and texts.count("concatenate") == 2
    plt.close("all")
