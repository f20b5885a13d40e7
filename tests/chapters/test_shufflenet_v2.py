"""The four guidelines of ShuffleNet V2: variants, printed tables, graphs, verdicts, figures."""

from __future__ import annotations

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from lwsurvey import paths, train
from lwsurvey.chapters.shufflenet_v2 import experiment, figures, graph, networks, tables
from lwsurvey.claims import judge, ledger
from lwsurvey.latency import Comparison
from lwsurvey.latency.disturbances import Disturbance
from lwsurvey.models import zoo
from lwsurvey.runs import Runs
from lwsurvey.schema import NOT_JUDGED
from lwsurvey.stats import Estimate

COLUMNS = list(product((1, 2, 3, 4), ("GPU", "ARM"), (0, 1, 2)))


# The paper's tables


def test_printed_speeds_are_those_of_the_csv_files():
    assert tables.speeds(1).loc["1:12", "ARM"].tolist() == [57.6, 15.1, 4.4]
    assert tables.speeds(2).loc["g = 8", "GPU"].tolist() == [634, 445, 230]
    assert tables.speeds(3).loc["4-fragment-parallel", "GPU"].tolist() == [691, 572, 292]
    assert tables.speeds(4).loc["neither", "ARM"].tolist() == [66.3, 20.2, 5.4]
    assert list(tables.speeds(4).index) == [
        "ReLU and shortcut", "ReLU only", "shortcut only", "neither"
    ]  # fmt: skip


def test_of_thirty_cells_none_is_faster_and_two_are_ties():
    slow = tables.slowdowns()
    assert (len(slow), (slow > 1).sum(), (slow < 1).sum()) == (30, 28, 0)
    assert [*slow[slow == 1].index] == [(3, "4-fragment-series", "ARM", size) for size in (1, 2)]
    assert slow[1, "1:12", "GPU", 0] == pytest.approx(1480 / 748)
    assert slow[4, "ReLU and shortcut", "ARM", 2] == pytest.approx(5.4 / 5.0)


# Variants


@pytest.mark.parametrize(("guideline", "platform", "column"), COLUMNS)
def test_the_work_of_a_column_drifts_by_less_than_six_per_cent(guideline, platform, column):
    found = networks.printed_column(guideline, platform, column)
    assert list(found) == list(tables.printed(guideline).index)
    work = [variant.cost.macs for variant in found.values()]
    assert max(work) / min(work) < 1.06
    if guideline == 4:
        assert len(set(work)) == 1


def test_variants_have_the_widths_of_the_tables():
    def widths(*column):
        return [one.widths for one in networks.printed_column(*column).values()]

    assert widths(1, "ARM", 0) == ["(32, 32)", "(22, 44)", "(13, 78)", "(9, 108)"]
    assert widths(2, "ARM", 0) == ["64", "90", "128", "184"]  # 180 is printed
    assert widths(2, "GPU", 1) == ["256", "360", "512", "720"]
    assert widths(3, "GPU", 0) == ["128", "91", "64", "91", "64"]
    assert widths(4, "ARM", 2) == ["128"] * 4


@pytest.mark.parametrize("c", [32, 128])
def test_the_strongest_violations_have_exactly_equal_work_and_other_access(c):
    pairs = [
        (networks.pair(c // 4, 4 * c), networks.pair(c, c)),
        (networks.group(4 * c, 16), networks.group(c)),
        (networks.fragments(c, 4), networks.fragments(c)),
        (networks.fragments(c, 4, parallel=True), networks.fragments(c)),
        (networks.bottleneck(c, True, True), networks.bottleneck(c)),
    ]
    for breaks, keeps in pairs:
        assert breaks.cost.macs == keeps.cost.macs
        assert breaks.cost.memory_access > keeps.cost.memory_access


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


# Races


def run(times: dict[str, float], variants, **options) -> experiment.Race:
    """A race whose variants took these seconds in each of 20 rounds."""
    frame = pd.DataFrame({name: [t] * 20 for name, t in times.items()})
    return experiment.Race(variants, Comparison(frame, **options))


@pytest.fixture
def timed() -> experiment.Race:
    found = networks.printed_column(1, "ARM", 0)
    return run(dict(zip(found, (1.0, 2.0, 4.0, 0.5), strict=True)), found)


def test_speeds_are_over_the_first_variant(timed):
    assert {n: e.value for n, e in timed.speeds().items()} == {"1:2": 0.5, "1:6": 0.25, "1:12": 2}


def test_the_outcome_counts_cells_in_which_the_violation_is_slower(timed):
    assert "slower in 0 of 1 cells" in experiment.outcome(1, [timed])
    slow = run(dict.fromkeys(timed.variants, 1.0) | {"1:12": 3.0}, timed.variants)
    assert "slower in 1 of 2 cells" in experiment.outcome(1, [timed, slow])
    load = Disturbance("load", "others were busy")
    disturbed = run(dict.fromkeys(timed.variants, 1.0), timed.variants, found=(load,))
    assert "Disturbed: others were busy." in experiment.outcome(1, [disturbed])


def test_slowdowns_are_times_of_the_violation_over_the_other():
    pairs = {"G1": (networks.pair(4, 64), networks.pair(16, 16))}
    found = experiment.slowdowns(pairs, budget=0.05, least_rounds=3, rounds=3)
    assert found["G1"].low > 0 and found["G1"].n == 3


# Counts in networks


class Cell(nn.Module):
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
        network = nn.Sequential(Cell(fan), Cell(1))
    first, second = graph.parts(graph.trace(network, 8)).values()
    assert (graph.branches(first), graph.branches(second)) == (fan, 1)
    assert (first.kind == "addition").sum() == fan - 1
    assert first.kind.iloc[-1] == "activation"
    assert graph.ends(first) == ((1, 3, 8, 8),) * 2


def blocks(name: str, side: int = 224) -> list[pd.DataFrame]:
    return [*graph.parts(graph.trace(zoo.load(name).eval(), side)).values()]


def test_traces_have_what_the_architectures_imply():
    v1, v2 = blocks("lwsurvey:shufflenet_v1"), blocks("torchvision:shufflenet_v2_x1_0")
    assert len(v1) == len(v2) == 16
    assert sum((part.kind == "split").any() for part in v2) == 13
    assert sum((part.kind == "addition").sum() for part in v1) == 13
    assert sum((part.kind == "addition").sum() for part in v2) == 0
    assert sum((part.G > 1)[part.K == 1].sum() for part in v2) == 0
    assert max(map(graph.branches, v2)) == 2
    inverted = blocks("torchvision:mobilenet_v2")
    assert [graph.branches(part) for part in inverted] == [1] * 17


# Verdicts


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    """The recorded networks as `train.repeat` gives them."""
    rows = Runs(paths.root() / "data" / "runs" / "shufflenet-v2.csv").rows.values()
    return pd.DataFrame([{"variant": r.variant, "seed": r.seed, **r.numbers} for r in rows])


@pytest.mark.parametrize(
    ("claim", "pair", "other", "then"),
    [
        ("C203", ("ShuffleNet V2", "MobileNet V2"), ("ShuffleNet V2", "MobileNet V1"),
         "holds at reduced scale"),
        ("C563", ("ShuffleNet V2", "no shuffle"), ("no shuffle", "ShuffleNet V2"),
         "contradicted at reduced scale"),
    ],
)  # fmt: skip
def test_the_networks_decide_and_another_pair_would_decide_otherwise(
    recorded, claim, pair, other, then
):
    row = ledger()[claim]
    some = recorded if claim == "C563" else recorded[recorded.seed < 112]
    assert judge(row, train.difference(some, *pair)).verdict == row.verdict
    assert judge(row, train.difference(some, *other)).verdict == then


def test_wider_networks_are_more_accurate(recorded):
    some = recorded[recorded.seed < 112]
    assert train.difference(some, "ShuffleNet V2", "ShuffleNet V2, 200k").low > 0


GROUPING = {"grouped 1x1": 0, "1x1 work, of one of two groups": 1}


@pytest.mark.parametrize(
    ("claim", "value", "other", "then"),
    [
        ("C561", 0, 1, "contradicted"),
        ("C424", (1 / 2 + 1 / 4 + 1 / 8) / 3, 1, "holds"),
        ("C425", 0, 13, "contradicted"),
        ("C426", 0, 16, "contradicted"),
        ("C063", GROUPING, GROUPING | {"grouped 1x1": 26}, "contradicted"),
        ("C063", GROUPING, {**GROUPING, "1x1 work, of one of two groups": 4}, "contradicted"),
        ("C423", 1.67, 0.98, "contradicted"),
        ("C905", 0.90, 1.1, "holds"),
        ("C835", 0.5, 1.0, "contradicted at reduced scale"),
        ("C830", 2.6, 1.0, "contradicted at reduced scale"),
        ("C062", 13 / 16, 1, "holds"),
    ],
)  # fmt: skip
def test_a_count_decides_and_another_would_decide_otherwise(claim, value, other, then):
    row = ledger()[claim]
    assert judge(row, value).verdict == row.verdict
    assert judge(row, other).verdict == then != row.verdict


@pytest.mark.parametrize("claim", ["C059", "C833", "C851"])
def test_a_race_of_all_threads_is_judged_on_a_quiet_machine_only(claim):
    row = ledger()[claim]
    assert judge(row, Estimate(1.8, 1.7, 1.9, 30)).verdict == "holds on a stand-in device"
    assert judge(row, Estimate(0.8, 0.7, 0.9, 30)).verdict == "contradicted on a stand-in device"
    load = Estimate(4.8, 4.7, 4.9, 30, unjudged="Each call used 2 threads, but others did, too.")
    assert judge(row, load).verdict == NOT_JUDGED


def test_a_figure_shows_every_variant(timed):
    fig = figures.relative(1, [timed])
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["1:2", "1:6", "1:12"]
    heights = np.concatenate([line.get_ydata() for line in fig.axes[0].lines])
    assert {0.5, 0.25, 2.0} <= set(heights)
    plt.close("all")
