"""Chapter mnasnet-reward: formula, published networks, clouds, gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sympy as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from lwsurvey.chapters.mnasnet_reward import figures, formula, preferences, tables, tradeoff
from lwsurvey.figures import style
from lwsurvey.search import SearchError, fronts, space
from lwsurvey.search.reward import HARD, SOFT, reward
from lwsurvey.search.table import Table

UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


# The formula


def test_the_printed_formula_is_parsed_and_agrees():
    printed, drawn = formula.equation(), formula.draws(300)
    assert printed.free_symbols >= {formula.T, formula.alpha, formula.beta}
    assert formula.quantities(printed) == {formula.ACC, formula.LAT}
    assert formula.largest_gap(printed, drawn) < 1e-12
    assert formula.one_exponent().free_symbols == {formula.T, formula.w, formula.m}


def test_a_wrong_formula_is_noticed():
    a, b = formula.alpha, formula.beta
    wrong = formula.equation().subs({a: b, b: a}, simultaneous=True)
    assert formula.largest_gap(wrong, formula.draws(300)) > 0.1


def test_the_derivatives_have_one_sign_and_a_changing_one_is_refused():
    single = formula.one_exponent()
    assert formula.signs(single.diff(formula.ACC), -0.07, 75) == 1
    assert formula.signs(single.diff(formula.LAT), -0.07, 75) == -1
    with pytest.raises(ValueError, match="signs"):
        formula.signs(formula.LAT - 100, -0.07, 75)


def test_what_the_papers_print():
    assert formula.printed_exponent() == formula.printed_exponent("first_arxiv_version") == -0.15
    assert formula.first_year("tan2019mnasnet") == 2018
    assert isinstance(formula.equation(), sp.Expr)


# Published networks


def test_the_cloud_has_each_network_once_and_nothing_from_memory():
    cloud = tables.mnasnet()
    assert cloud.index.is_unique and not cloud.isna().any().any()
    assert not any("B1" in name for name in cloud.index)
    assert cloud.loc["MnasNet-A3", ["top1", "latency"]].tolist() == [76.7, 103.0]
    assert (tables.at_224(cloud).input == 224).all()
    assert not cloud.duplicated(["top1", "latency", "input"]).any()


@pytest.mark.parametrize("make", [tables.mnasnet, tables.v3], ids=["MnasNet", "V3"])
def test_what_the_hull_says_is_what_the_reward_prefers(make):
    cloud = make()
    corners = preferences.hull(cloud)
    assert set(corners.index) <= set(preferences.front(cloud).index)
    for name, row in corners.iterrows():
        low = max(row["w from"], row["w to"] - 1)
        middle = (low + row["w to"]) / 2
        for target in (20, 75, 300):
            assert preferences.winner(cloud, target, middle, middle) == name
    assert (corners["w to"].iloc[:-1].to_numpy() == corners["w from"].iloc[1:].to_numpy()).all()


@UNTIMED
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=20))
def test_any_cloud_has_its_winners_on_the_hull(points):
    cloud = pd.DataFrame(points, columns=["latency", "top1"], dtype=float)
    corners = preferences.hull(cloud)
    assert fronts.front(corners.latency, corners.top1).all()
    for w in -np.geomspace(0.01, 3, 25):
        paid = reward(cloud.top1, cloud.latency, 10.0, w, w)
        assert paid[corners.index].max() == pytest.approx(paid.max(), rel=1e-9)


def test_one_exponent_ignores_the_target_and_two_do_not():
    shop = tables.at_224(tables.mnasnet())
    targets, ws = np.linspace(20, 150, 40), np.array([-0.15, -0.07])
    same = preferences.winners(shop, targets, ws, ws)
    assert same.shape == (40, 2) and (same == same[0]).all()
    assert len(np.unique(preferences.winners(shop, targets, np.zeros(2), ws))) > 2


def test_the_exponent_that_refuses_a_late_network():
    shop = tables.at_224(tables.mnasnet())
    best = shop.loc[preferences.best_within(shop, 75)]
    for _, row in preferences.latecomers(shop, 75).iterrows():
        for shift, refused in ((-1e-6, True), (1e-6, False)):
            beta, w = row.beta + shift, row.w + shift
            for pair in ((0.0, beta), (w, w)):
                ours, theirs = (reward(x.top1, x.latency, 75, *pair) for x in (best, row))
                assert (ours > theirs) == refused


@UNTIMED
@given(st.floats(0.001, 0.2), st.floats(-1, -0.05))
def test_the_lateness_that_is_allowed_leaves_the_reward_as_it_is(g, w):
    times = 1 + preferences.tolerance(g, w) / 100
    assert (1 + g) * times**w == pytest.approx(1, rel=1e-9)


# Clouds


def test_a_prohibitive_penalty_is_the_constraint_and_the_soft_one_is_not():
    cloud = preferences.random_clouds(200, 12)
    best = preferences.constrained_choices(cloud)
    assert len(best) == 200 and (best.latency <= best.target).all()
    assert (
        preferences.agreement(cloud, preferences.PROHIBITIVE)
        == preferences.compliance(cloud, (0, -1000))
        == 1
    )
    assert preferences.agreement(cloud, SOFT) < 0.9
    assert preferences.compliance(cloud, SOFT) <= preferences.compliance(cloud, HARD) <= 1


# Gains


def test_a_power_law_has_its_exponent_as_elasticity():
    t = np.array([1.0, 2.0, 5.0, 9.0])
    assert tradeoff.elasticity(t, 60 * t**0.1) == pytest.approx([0.1] * 3)
    fitted = tradeoff.per_doubling(t, 60 * t**0.1)
    assert fitted.value == pytest.approx(100 * (2**0.1 - 1))
    assert fitted.high - fitted.low < 1e-6


def test_the_fitted_gain_is_as_uncertain_as_the_networks_are_far_off_the_line():
    t, off = np.array([1.0, 2.0, 4.0]), np.array([1.0, 1.01, 1.0])
    fitted = tradeoff.per_doubling(t, 60 * t**0.1 * off)
    assert fitted.value == pytest.approx(100 * (2**0.1 - 1))
    # By hand: residuals -1/3, 2/3, -1/3 of ln 1.01; Student's t of one degree is 12.706.
    half = 12.706 * np.log(1.01) * np.sqrt(2 / 3) / np.sqrt(2 * np.log(2) ** 2)
    assert fitted.high == pytest.approx(100 * (2 ** (0.1 + half) - 1), rel=1e-3)


def test_rounding_widens_the_elasticities_of_v3():
    small, large = map(tradeoff.rounding_interval, tradeoff.SIZES)
    assert small.low < tradeoff.v3_elasticities()["V3-Small"] == small.value < small.high
    assert tradeoff.small_minus_large().low == pytest.approx(small.low - large.high)
    assert tradeoff.to_doubling(small).value == pytest.approx(100 * (2**small.value - 1))


def made_up(seeds: int, noise: float) -> Table:
    """A table of the space's size in which a doubling brings 8 %."""
    rng, names = np.random.default_rng(1), [space.name(one) for one in space.architectures()]
    latency = np.exp(rng.uniform(np.log(1e-3), np.log(4e-3), len(names)))
    mean = 60 * (latency / 1e-3) ** np.log2(1.08) - rng.exponential(6, len(names))
    runs = [
        pd.DataFrame({"network": names, "seed": seed}).assign(
            validation=mean + rng.normal(0, noise, len(names)),
            test=mean + rng.normal(0, noise, len(names)),
        )
        for seed in range(seeds)
    ]
    networks = pd.DataFrame({"network": names, "latency": latency}).set_index("network")
    return Table(networks, pd.concat(runs).assign(loss=0.5), {})


def test_the_gain_on_a_table_is_found_and_its_interval_grows_with_the_noise():
    quiet, loud = (tradeoff.gain_on_table(made_up(3, noise)) for noise in (0.05, 1.0))
    assert quiet.value == pytest.approx(8, abs=0.3)
    assert loud.high - loud.low > 5 * (quiet.high - quiet.low)
    assert quiet.n == 3 and 0 < quiet.detectable < loud.detectable
    with pytest.raises(SearchError, match="one seed"):
        tradeoff.gain_on_table(made_up(1, 1.0))


def test_the_figures_are_drawn():
    style()
    cloud = tables.at_224(tables.mnasnet())
    best, corners = preferences.front(cloud), preferences.hull(cloud)
    table = made_up(3, 0.5)
    plane = table.networks.assign(test=table.accuracy())
    drawn = [
        figures.shapes(),
        figures.sensitivity([0.05]),
        figures.indifference(cloud, 75, tables.FOUND),
        figures.front(cloud, best, corners),
        figures.maps(cloud, preferences.winners, np.linspace(25, 150, 9), np.array([-1.0, -0.1])),
        figures.elasticities(tradeoff.a1_elasticities(), tradeoff.by_phone(), tradeoff.middles()),
        figures.search_table(plane, plane.loc[tradeoff.table_front(table).index]),
    ]
    assert all(one.axes for one in drawn)
