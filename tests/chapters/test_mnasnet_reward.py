"""Chapter mnasnet-reward: formula, published networks, what is preferred, local gains."""

from __future__ import annotations

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwsurvey.chapters.mnasnet_reward import experiment, figures, formula, tables
from lwsurvey.claims import judge, ledger
from lwsurvey.figures import style
from lwsurvey.search import fronts
from lwsurvey.search.reward import HARD, SOFT, reward
from lwsurvey.stats import Estimate

UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


# The formula


def test_the_printed_formula_is_parsed_and_agrees():
    printed, drawn = formula.equation(), formula.draws(300)
    assert printed.free_symbols >= {formula.T, formula.alpha, formula.beta}
    assert formula.largest_gap(printed, drawn) < 1e-12


def test_a_wrong_formula_is_noticed():
    a, b = formula.alpha, formula.beta
    wrong = formula.equation().subs({a: b, b: a}, simultaneous=True)
    assert formula.largest_gap(wrong, formula.draws(300)) > 0.1


def test_what_the_papers_print():
    assert formula.printed_exponent() == formula.printed_exponent("first_arxiv_version") == -0.15
    assert formula.years("tan2019mnasnet") == (2018, 2019)


# Published networks


@pytest.fixture(scope="module")
def shop():
    cloud = tables.mnasnet()
    return cloud[cloud.input == 224]


def test_the_cloud_has_each_network_once_and_nothing_from_memory():
    cloud = tables.mnasnet()
    assert cloud.index.is_unique and not cloud.isna().any().any()
    assert not any("B1" in name for name in cloud.index)
    assert cloud.loc["MnasNet-A3", ["top1", "latency"]].tolist() == [76.7, 103.0]
    assert not cloud.duplicated(["top1", "latency", "input"]).any()


@pytest.mark.parametrize("make", [tables.mnasnet, tables.v3], ids=["MnasNet", "V3"])
def test_what_the_hull_says_is_what_the_reward_prefers(make):
    cloud = make()
    corners = experiment.hull(cloud)
    assert set(corners.index) <= set(experiment.front(cloud).index)
    for name, row in corners.iterrows():
        low = max(row["w from"], row["w to"] - 1)
        middle = (low + row["w to"]) / 2
        for target in (20, 75, 300):
            assert experiment.winner(cloud, target, middle, middle) == name
    assert (corners["w to"].iloc[:-1].to_numpy() == corners["w from"].iloc[1:].to_numpy()).all()


@UNTIMED
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=20))
def test_any_cloud_has_its_winners_on_the_hull(points):
    cloud = pd.DataFrame(points, columns=["latency", "top1"], dtype=float)
    corners = experiment.hull(cloud)
    assert fronts.front(corners.latency, corners.top1).all()
    assert experiment.shortfall(cloud) > -1e-9
    for w in -np.geomspace(0.01, 3, 25):
        paid = reward(cloud.top1, cloud.latency, 10.0, w, w)
        assert paid[corners.index].max() == pytest.approx(paid.max(), rel=1e-9)


def test_whoever_gains_what_is_lacking_is_preferred():
    cloud = pd.DataFrame({"latency": [1.0, 2.0, 4.0], "top1": [50.0, 55.0, 70.0]})
    lacking = experiment.shortfall(cloud)
    assert lacking == pytest.approx(100 * (np.sqrt(50 * 70) / 55 - 1))
    for share, wins in ((0.999, False), (1.001, True)):
        better = cloud.assign(top1=[50, 55 * (1 + share * lacking / 100), 70])
        assert (1 in experiment.hull(better).index) == wins


def test_one_exponent_ignores_the_target_and_two_do_not(shop):
    targets, ws = np.linspace(20, 150, 40), np.array([-0.15, -0.07])
    same = experiment.winners(shop, targets, ws, ws)
    assert same.shape == (40, 2) and (same == same[0]).all()
    assert len(np.unique(experiment.winners(shop, targets, np.zeros(2), ws))) > 2


# Gains


def test_a_power_law_has_its_exponent_as_elasticity():
    t = np.array([1.0, 2.0, 5.0, 9.0])
    assert experiment.elasticity(t, 60 * t**0.1) == pytest.approx([0.1] * 3)


def family(noise: float, seed: int = 0) -> pd.DataFrame:
    """Five blocks of five networks on a parabola whose gain at 40 is 8 %."""
    rng, rows = np.random.default_rng(seed), []
    for block, height in enumerate(rng.uniform(50, 70, 5)):
        latency = 20.0 * 2 ** np.linspace(0, 2.5, 5) / (1 + block / 5)
        x = np.log2(latency / 40)
        # A block as a whole may rise faster or slower than the others.
        steep = np.log(1.08) + rng.normal(0, noise)
        top1 = height * np.exp(steep * x - 0.01 * x**2)
        rows.append(pd.DataFrame({"latency": latency, "top1": top1, "input": block}))
    return pd.concat(rows, ignore_index=True)


def test_the_local_gain_is_that_of_the_curve_where_it_is_asked_for():
    clean = family(0)
    found = experiment.local_gain(clean, 40.0, "input")
    assert found.value == pytest.approx(8) and found.high - found.low < 1e-6 and found.n == 5
    assert experiment.local_gain(clean, 20.0, "input").value > 10 > 8 > 6
    one = experiment.local_gain(clean[clean.input == 2], 40.0)
    assert one.value == pytest.approx(8) and one.n == 5


def test_the_interval_of_the_local_gain_contains_it_nearly_always():
    found = [experiment.local_gain(family(0.01, seed), 40.0, "input") for seed in range(200)]
    assert np.mean([one.low <= 8 <= one.high for one in found]) > 0.9
    wider = experiment.local_gain(family(0.01, 1), 40.0, "input", confidence=0.99)
    assert wider.low < found[1].low < found[1].high < wider.high


def test_rounding_widens_the_elasticities_of_v3():
    for size in experiment.SIZES:
        found = experiment.rounding_interval(size)
        assert found.low < experiment.v3_elasticity(size) == found.value < found.high


# Verdicts


RIGHT = {
    "C635": (0.927, "contradicted", 1.0, "holds"),
    "C826": (1, "holds", 7, "contradicted"),
    "C827": (3.05, "holds", 7.2, "contradicted"),
    "C512": (2, "holds", 1, "contradicted"),
    "C105": (2, "erratum", 1, "holds"),
    "C636": (Estimate(5.4, 3.5, 7.2, 5), "inconclusive", Estimate(9, 7, 11, 5), "contradicted"),
    "C825": (Estimate(10.4, 9.5, 11.4, 1), "holds", Estimate(5, 4, 5.4, 1), "contradicted"),
}


@pytest.mark.parametrize("claim", RIGHT)
def test_a_verdict_follows_the_data(claim):
    now, verdict, other, turned = RIGHT[claim]
    assert judge(ledger()[claim], now).verdict == verdict == ledger()[claim].verdict
    assert judge(ledger()[claim], other).verdict == turned


def test_two_exponents_would_turn_what_is_found_of_the_target(shop):
    targets = np.linspace(25, 150, 50)
    choices = {p: experiment.winners(shop, targets, *map(np.atleast_1d, p)) for p in (SOFT, HARD)}
    verdicts = [judge(ledger()["C826"], len(np.unique(c))).verdict for c in choices.values()]
    assert verdicts == ["holds", "contradicted"]


def test_each_cell_of_a_table_counts():
    carried, dated = ledger()["C246"], ledger()["C828"]
    flat = {name: Estimate(5, 4.8, 5.2, 19) for name in carried.rule.value}
    assert judge(carried, flat).verdict == "holds at reduced scale"
    steep = flat | {"a quarter": Estimate(20.5, 15.6, 25.6, 19)}
    assert judge(carried, steep).verdict == carried.verdict == "contradicted at reduced scale"
    years = dict(dated.rule.value)
    assert judge(dated, years).verdict == dated.verdict == "holds"
    assert judge(dated, years | {"MnasNet": 2018}).failed == ("MnasNet",)
    assert judge(replace(dated, verdict=""), years).verdict == "holds"


def test_the_figures_are_drawn(shop):
    style()
    fig, ax = plt.subplots()
    figures.gains(ax, {1.0: Estimate(5, 4, 6, 5), 2.0: Estimate(3, 2, 4, 5)}, {"five": 5}, "curve")
    drawn = [
        fig,
        figures.indifference(shop, 75, tables.FOUND),
        figures.maps(shop, np.linspace(25, 150, 9), np.array([-1.0, -0.1])),
    ]
    assert all(one.axes for one in drawn)
    plt.close("all")
