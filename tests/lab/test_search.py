"""Search: rewards, decisions, fronts, controllers, and searches replayed from a table."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_table import NAMES, made_up

from lwsurvey.search import SearchError, controllers, fronts, replay, space
from lwsurvey.search.reward import HARD, SOFT, exponent, gain, reward
from lwsurvey.search.table import Table

SHARES, TIMES = st.floats(0.01, 1), st.floats(1, 1000)
POWERS = st.floats(-2, 0)
POINTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=25)
UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


# The reward


@UNTIMED
@given(a=SHARES, t=TIMES, target=TIMES, alpha=POWERS, beta=POWERS)
def test_a_reward_is_the_accuracy_at_the_target_and_the_power_law_elsewhere(
    a, t, target, alpha, beta
):
    assert reward(a, target, target, alpha, beta) == a
    w = alpha if t <= target else beta
    wanted = math.exp(math.log(a) + w * (math.log(t) - math.log(target)))
    assert reward(a, t, target, alpha, beta) == pytest.approx(wanted, rel=1e-12)


@UNTIMED
@given(a=SHARES, t=TIMES, target=TIMES, g=st.floats(0.001, 0.5))
def test_twice_the_time_for_the_gain_pays_the_same(a, t, target, g):
    w = exponent(g)
    pair = reward(a, t, target, w, w), reward(a * (1 + g), 2 * t, target, w, w)
    assert pair[0] == pytest.approx(pair[1], rel=1e-12)
    assert gain(w) == pytest.approx(g, rel=1e-12)


def test_arrays_series_and_numbers_broadcast():
    series = pd.Series([70.0, 75.0], index=["a", "b"])
    paid = reward(series, pd.Series([75.0, 150.0], index=["a", "b"]), 75.0, *HARD)
    assert list(paid.index) == ["a", "b"] and list(paid) == [70.0, 37.5]
    table = reward(np.array([0.5, 0.6]), np.array([[10.0], [20.0]]), 15, *SOFT)
    assert table.shape == (2, 2)
    assert reward(0.5, 20, 10, *HARD) == 0.25 and reward(0.5, 5, 10, *HARD) == 0.5


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ((0.5, 0, 10), "latency"),
        ((0.5, math.nan, 10), "latency"),
        ((0.5, 10, -1), "target"),
        ((-0.1, 10, 10), "accuracy"),
        ((0.5, 10, 10, 0.07), "alpha"),
        ((0.5, 10, 10, 0, math.inf), "beta"),
        ((np.array([0.5, 0.6]), np.array([1.0, 0.0]), 10), "latency"),
    ],
)
def test_what_cannot_be_paid_is_refused_by_name(arguments, word):
    with pytest.raises(SearchError, match=word):
        reward(*arguments)


def test_an_exponent_needs_a_gain_above_minus_one():
    assert exponent(0.05) == pytest.approx(-0.0703893279)
    with pytest.raises(SearchError, match="gain"):
        exponent(-1)


# Decisions


def test_each_network_has_its_own_decisions_and_they_lead_back_to_it():
    codes = space.codes()
    assert len(np.unique(codes, axis=0)) == len(NAMES)
    assert (space.index(codes) == np.arange(len(NAMES))).all()
    assert (space.settle(codes)[0] == codes).all()


def test_settling_makes_a_network_of_any_decisions():
    every = np.array(list(itertools.product(*map(range, space.OPTIONS))))
    settled, free = space.settle(every)
    places = space.index(settled)
    assert places.min() == 0 and len(np.unique(places)) == len(NAMES)
    assert (settled[free] == every[free]).all() and (settled[~free] == 0).all()


def test_a_decision_is_void_exactly_where_its_block_cannot_have_it():
    _, free = space.settle(space.codes())
    for network, row in zip(space.architectures(), free, strict=True):
        said = dict(zip(space.DECISIONS, row, strict=True))
        for b, block in enumerate(network, start=1):
            assert said[f"block {b}, se_ratio"] == (block.operation == "inverted")
            assert said[f"block {b}, skip"] == (block.layers == 2)


def test_neighbours_are_others_and_include_every_free_change():
    near, codes = space.neighbours(), space.codes()
    _, free = space.settle(codes)
    assert (near != np.arange(len(near))[:, None]).all()
    assert [len(set(row)) for row in near] == free.sum(axis=1).tolist()


# Fronts


def dominates(a, b):
    return a[0] <= b[0] and a[1] >= b[1] and a != b


@UNTIMED
@given(points=POINTS)
def test_the_front_is_what_no_other_point_dominates(points):
    expected = [not any(dominates(q, p) for q in points) for p in points]
    assert fronts.front(*zip(*points, strict=True)).tolist() == expected


@UNTIMED
@given(points=POINTS, corner=st.tuples(st.integers(0, 9), st.integers(-1, 8)))
def test_the_hypervolume_counts_the_unit_squares_that_some_point_dominates(points, corner):
    worst, least = corner
    squares = sum(
        any(c <= x and g >= y + 1 for c, g in points)
        for x in range(0, worst) for y in range(least, 9)
    )  # fmt: skip
    assert fronts.hypervolume(*zip(*points, strict=True), corner) == squares


def test_points_that_make_no_sense_are_refused():
    with pytest.raises(SearchError, match="as many"):
        fronts.front([1, 2], [1])
    with pytest.raises(SearchError, match="finite"):
        fronts.hypervolume([1.0], [math.nan], (2, 0))


# Controllers


def test_random_search_visits_all_networks_alike():
    one = controllers.Random(len(NAMES) * 50, 0).ask()
    counts = np.bincount(one, minlength=len(NAMES))
    assert len(counts) == len(NAMES) and counts.min() > 20 and counts.max() < 90


def test_evolution_forgets_its_oldest_however_good():
    search = controllers.Evolution(1, 0, population=2, tournament=50)
    for network, paid in ((0, 9.0), (700, 1.0)):
        search.tell(np.array([network]), np.array([paid]))
    assert search.ask()[0] in space.neighbours()[0]
    search.tell(np.array([1200]), np.array([2.0]))
    assert all(search.ask()[0] in space.neighbours()[1200] for _ in range(20))


def test_the_policy_prefers_what_was_paid_and_leaves_void_decisions_alone():
    policy = controllers.PolicyGradient(300, 0, rate=2.0)
    for _ in range(150):
        networks = policy.ask()
        policy.tell(networks, space.codes()[networks][:, 0].astype(float))
    chance = policy.probabilities().mean(axis=0)
    assert np.allclose(policy.probabilities().sum(axis=2), 1)
    assert chance[0, 1] > 0.95 and np.abs(chance[1:, 1] - 0.5).max() < 0.1
    before = policy.probabilities()
    plain = np.zeros(300, dtype=int)  # separable, one layer
    policy.tell(plain, np.full(300, 5.0))
    changed = np.abs(policy.probabilities() - before).max(axis=(0, 2)) > 0
    assert changed.tolist() == space.settle(space.codes()[:1])[1][0].tolist()


def test_the_gradient_of_the_policy_is_that_of_the_log_probability():
    """By finite differences of the probability of the network that was taken."""
    policy = controllers.PolicyGradient(1, 0, rate=1.0, memory=0.0)
    policy._logits = np.random.default_rng(0).normal(size=policy._logits.shape)
    policy._baseline, taken = np.zeros(1), np.array([900])
    logits, code = policy._logits.copy(), space.codes()[900]
    free = space.settle(code)[1]

    def log_probability(at):
        policy._logits = at
        each = policy.probabilities()[0, np.arange(len(code)), code]
        return np.log(each[free]).sum()

    slopes = np.zeros(logits.shape)
    for place in np.ndindex(logits.shape):
        step = np.zeros(logits.shape)
        step[place] = 1e-6
        slopes[place] = (log_probability(logits + step) - log_probability(logits - step)) / 2e-6
    policy._logits = logits.copy()
    policy.tell(taken, np.ones(1))
    assert np.allclose(policy._logits - logits, slopes, atol=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: controllers.Evolution(1, 0, population=0, tournament=1),
        lambda: controllers.PolicyGradient(1, 0, rate=0),
        lambda: controllers.PolicyGradient(1, 0, rate=1, memory=1),
    ],
)
def test_settings_that_make_no_sense_are_refused(make):
    with pytest.raises(SearchError):
        make()


# Replay


@pytest.fixture(scope="module")
def table() -> Table:
    return made_up()


@pytest.fixture(scope="module")
def draws(table) -> replay.Draws:
    return replay.draw(table.networks, table.runs, 20, seed=0)


def test_the_run_held_back_is_never_seen(table, draws):
    test = table.runs.pivot(index="network", columns="seed", values="test").loc[NAMES]
    validation = table.runs.pivot(index="network", columns="seed", values="validation").loc[NAMES]
    for held, seen in zip(draws.held, draws.seen, strict=True):
        which = (np.abs(test.to_numpy() / 100 - held[:, None])).argmin(axis=1)
        rows = zip(validation.to_numpy(), which, strict=True)
        rest = np.array([np.delete(row, at) for row, at in rows])
        assert np.allclose(np.sort(seen), np.sort(rest) / 100)
    assert (draws.held[0] != draws.held[1]).any()


def test_an_evaluation_is_a_visible_run_and_the_latency(draws):
    plain = replay.run(controllers.Random(20, 0), draws, lambda a, t: a + 1e6 * t, 30, seed=1)
    for r, e in itertools.product(range(20), range(30)):
        at = plain.networks[r, e]
        possible = draws.seen[r, at] + 1e6 * draws.latency[at]
        assert np.isclose(plain.rewards[r, e], possible).any()


def test_a_replay_says_what_does_not_fit(table, draws):
    with pytest.raises(SearchError, match="two runs"):
        replay.draw(table.networks, table.runs[table.runs.seed == 0], 2, seed=0)
    with pytest.raises(SearchError, match="lack runs"):
        replay.draw(table.networks, table.runs.iloc[1:], 2, seed=0)
    with pytest.raises(SearchError, match="not in the table"):
        replay.draw(table.networks.iloc[1:], table.runs, 2, seed=0)
    with pytest.raises(SearchError, match="do not fit"):
        replay.run(controllers.Random(3, 0), draws, lambda a, t: a, 5, seed=0)
