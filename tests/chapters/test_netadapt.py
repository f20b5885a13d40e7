"""Chapter netadapt: its networks and their costs, the recorded study, and the drawing."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import pytest
import torch

from lwsurvey import cost, data, paths, train
from lwsurvey.chapters.netadapt import experiment, figures, networks, results
from lwsurvey.chapters.netadapt.networks import FULL
from lwsurvey.claims import judge, ledger
from lwsurvey.figures import style
from lwsurvey.models import small
from lwsurvey.runs import Runs
from lwsurvey.search.netadapt import Schedule, Short
from lwsurvey.stats import mean_interval

AFTER, BEFORE = ("after_0", "after_1"), ("before_0", "before_1")


# Networks


def test_shapes_are_the_small_mobilenet():
    ours, theirs = networks.mobilenet_v1(FULL), small.mobilenet_v1(64)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, v.shape) for k, v in theirs.state_dict().items()
    ]
    assert networks.widths_of(ours) == FULL


@pytest.mark.parametrize("widths", [FULL, (8, 16, 8, 24, 64, 16, 40)])
def test_quick_macs_are_the_counters(widths):
    net = networks.mobilenet_v1(widths)
    assert networks.macs(net) == cost.count(net, small.INPUT).macs


def test_rungs_are_uniform_and_random_networks_are_not_wider():
    assert networks.rung(1.0) == FULL
    assert networks.rung(0.4) == (8, 24, 24, 24, 48, 48, 48)
    drawn = networks.draw(50, seed=0)
    assert drawn == networks.draw(50, seed=0) != networks.draw(50, seed=1)
    assert all(
        8 <= n <= most and n % 8 == 0 for w in drawn for n, most in zip(w, FULL, strict=True)
    )


def test_a_pruned_network_has_the_widths_and_the_filters_of_largest_norm():
    torch.manual_seed(0)
    net, widths = networks.mobilenet_v1(FULL), (16, 24, 32, 8, 64, 40, 16)
    cut = networks.prune_to(net, widths)
    assert networks.widths_of(cut) == widths and networks.widths_of(net) == FULL
    kept = net.stem[0].weight.flatten(1).norm(dim=1).topk(16).indices.sort().values
    assert torch.equal(cut.stem[0].weight, net.stem[0].weight[kept])


def test_the_recorded_table_is_the_sum_of_its_pieces():
    frame = pd.read_csv(paths.data("lookup/netadapt.csv"))
    table, widths = networks.recorded_table(), (16, 24, 32, 8, 64, 40, 16)
    rows = frame.set_index(["piece", "N", "M"]).seconds
    total = rows["stem.0", 1, 16] + rows["head.pool", 16, 10]
    for place, (N, M) in enumerate(pairwise(widths)):
        block = f"{'early' if place < 3 else 'late'}.{place % 3}"
        total += rows[f"{block}.depthwise", N, N] + rows[f"{block}.pointwise", N, M]
    assert table(networks.mobilenet_v1(widths)) == pytest.approx(total)
    with pytest.raises(KeyError):
        table(networks.mobilenet_v1((9, *widths[1:])))


# The study


@pytest.fixture(scope="module")
def tiny():
    """A pretrained network, and the study at the smallest size."""
    split = data.portion(300, 50, 50)
    fit = train.fit(lambda: networks.mobilenet_v1(FULL), split, seed=1, epochs=1, batch=32)
    return fit, split


def tiny_adapt(guide=None) -> experiment.Adapt:
    table, full = networks.recorded_table(), networks.mobilenet_v1(FULL)
    guide = guide or table
    schedule = (
        Schedule(0.08 * guide(full)) if guide is table else Schedule(0.25 * guide(full), 0.75)
    )
    budgets = tuple(table(networks.mobilenet_v1(networks.rung(share))) for share in (0.8, 0.6))
    long = train.Recipe(1, 32, 0.05)
    return experiment.Adapt(table, guide, schedule, budgets, Short(1, 32), long)


def test_what_is_examined_says_what_the_run_did(tiny):
    cut = tiny_adapt()
    found = cut(*tiny)
    run = pd.Series(found | {"validation": tiny[0].validation})
    path = results.path(run)
    assert len(path) == found["path_steps"] + 1
    rows = path[list(networks.LAYERS)].to_numpy().tolist()
    assert rows[0] == list(FULL)
    cuts = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairwise(rows)]
    assert set(cuts) == {1}
    assert cut.table(networks.mobilenet_v1(rows[-1])) <= cut.budgets[-1]
    [end] = results.ends(pd.DataFrame([run]), 1)
    assert list(end) == rows[-1]
    asked = results.asked(run, cut.table, cut.schedule, cut.budgets[-1])
    assert set(map(tuple, rows)) <= set(asked)


def test_guided_by_macs_it_ends_at_the_same_latency(tiny):
    cut = tiny_adapt(networks.macs)
    run = pd.Series(cut(*tiny) | {"validation": 0.0})
    [end] = results.ends(pd.DataFrame([run]), 1)
    assert cut.table(networks.mobilenet_v1(end)) == pytest.approx(cut.budgets[1], rel=0.1)


def test_the_uniform_control_trains_each_rung(tiny):
    rungs, shorts = (FULL, networks.rung(0.6)), (Short(2, 32), Short(1, 32))
    found = experiment.CutUniformly(rungs, shorts, train.Recipe(1, 32, 0.05))(*tiny)
    assert found.keys() == {"after_uncut", "after_0"}


# The recorded networks


@pytest.fixture(scope="module")
def recorded() -> dict[str, pd.DataFrame]:
    runs = Runs(paths.root() / "data" / "runs" / "netadapt.csv").rows.values()
    rows = [{"study": r.study, "variant": r.variant, "seed": r.seed, **r.numbers} for r in runs]
    frame = pd.DataFrame(rows)
    frame.attrs["runs"] = "recorded"
    return dict(iter(frame.groupby("study")))


def guided(recorded, other=False) -> pd.DataFrame:
    names = ["guided by latency", "uniform, pruned" if other else "guided by MACs"]
    found = {name: (recorded[name].assign(), AFTER) for name in names}
    for rows, _ in found.values():
        rows.attrs["runs"] = "recorded"
    return results.side_by_side(found)


def test_no_network_is_missing(recorded):
    assert {name: len(rows) for name, rows in recorded.items()} == {
        "guided by latency": 12, "guided by MACs": 12, "uniform, pruned": 12,
        "uniform, from scratch": 24,
    }  # fmt: skip
    seeds = [set(rows["seed"]) for rows in recorded.values()]
    assert all(one == set(range(100, 112)) for one in seeds)


def test_the_pretrained_networks_of_all_studies_are_the_same(recorded):
    tests = [recorded[name].set_index("seed")["test"].sort_index() for name in
             ("guided by latency", "guided by MACs", "uniform, pruned")]  # fmt: skip
    assert all(one.equals(tests[0]) for one in tests)


def test_all_runs_guided_by_the_table_end_within_the_budget(recorded):
    table, layers = networks.recorded_table(), list(networks.LAYERS)
    budget = table(networks.mobilenet_v1(networks.rung(0.4)))
    runs = [run for _, run in recorded["guided by latency"].iterrows()]
    ends = [results.path(run)[layers].iloc[-1].tolist() for run in runs]
    met = [table(networks.mobilenet_v1(widths)) <= budget for widths in ends]
    assert judge(ledger()["C248"], sum(met) / len(met)).verdict == ledger()["C248"].verdict


def test_the_recorded_networks_decide(recorded):
    rows, by_claim = recorded["guided by latency"], ledger()
    pair = ("guided by latency", "guided by MACs")
    seen = {
        "C250": train.difference(guided(recorded), *pair),
        "C866": mean_interval(rows["recovery"]),
        "C869": mean_interval(rows["path_spread"]),
        "C904": mean_interval(rows[list(AFTER)].mean(1) - rows[list(BEFORE)].mean(1)),
    }
    assert {i: judge(by_claim[i], e).verdict for i, e in seen.items()} == {
        i: by_claim[i].verdict for i in seen
    }


def test_other_networks_would_decide_otherwise(recorded):
    rows, by_claim = recorded["guided by latency"], ledger()
    lost = mean_interval(rows[list(BEFORE)].mean(1) - rows[list(AFTER)].mean(1))
    assert judge(by_claim["C904"], lost).verdict == "contradicted at reduced scale"
    assert judge(by_claim["C866"], mean_interval(-rows["recovery"])).verdict.startswith("contra")
    equal = mean_interval(1 + 1e-3 * rows["seed"] / 100)
    assert judge(by_claim["C869"], equal).verdict == "contradicted at reduced scale"
    assert judge(by_claim["C248"], 11 / 12).verdict == "contradicted at reduced scale"
    better = train.difference(guided(recorded, other=True), "guided by latency", "uniform, pruned")
    assert judge(by_claim["C250"], better).verdict != "inconclusive"


@pytest.mark.parametrize(
    ("claim", "measured", "then"),
    [
        ("C255", mean_interval([0.05, 0.06, 0.07]), "holds on this hardware"),
        ("C864", mean_interval([0.99, 1.0, 1.01]), "inconclusive"),
        ("C864", mean_interval([0.79, 0.8, 0.81]), "inconclusive"),
        ("C253", 0, "holds"),
        ("C867", 1.5, "contradicted on this hardware"),
    ],
)
def test_another_measurement_would_turn_the_verdict(claim, measured, then):
    assert judge(ledger()[claim], measured).verdict == then


def test_a_run_is_drawn(recorded):
    style()
    path = results.path(recorded["guided by latency"].iloc[0])
    latency = pd.DataFrame({"table": range(len(path)), "whole": range(len(path))})
    fig = figures.steps(path, networks.LAYERS, latency)
    assert len(fig.axes) == 3 and len(fig.axes[0].patches) >= 2 * 7 * len(path)
