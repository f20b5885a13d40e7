"""Chapter mnasnet-search: decisions, controllers, fronts, replay, and the studies on the table."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lwsurvey import figures
from lwsurvey.chapters.mnasnet_search import (
    beside,
    diagram,
    draw,
    draw_searches,
    effects,
    published,
    ranking,
    study,
)
from lwsurvey.models import zoo
from lwsurvey.search import SearchError, controllers, fronts, replay, space
from lwsurvey.search.reward import HARD, SOFT
from lwsurvey.search.table import Table
from lwsurvey.stats import Estimate, mean_interval

UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy
NAMES = [space.name(one) for one in space.architectures()]
POINTS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=25)


@pytest.fixture(scope="module")
def table() -> Table:
    """A made-up table: every choice adds accuracy and time, with noise between three runs."""
    rng, codes = np.random.default_rng(0), space.codes()
    true = 75 + codes @ np.linspace(0.1, 1.2, codes.shape[1])
    time = 1e-3 * np.exp(codes @ np.linspace(0.3, 0.05, codes.shape[1]))
    macs = (1e5 * np.exp(codes @ np.full(codes.shape[1], 0.2))).astype(int)
    networks = pd.DataFrame(
        {
            "macs": macs,
            "parameters": macs,
            "latency": time,
            "low": time * 0.99,
            "high": time * 1.01,
        },
        index=pd.Index(NAMES, name="network"),
    )
    wide = {s: true + rng.normal(0, 0.5, (2, len(true))) for s in range(3)}
    runs = pd.concat(
        pd.DataFrame({"network": NAMES, "seed": s, "validation": v, "test": t, "loss": 1.0})
        for s, (v, t) in wide.items()
    )
    return Table(networks, runs, {})


@pytest.fixture(scope="module")
def draws(table) -> replay.Draws:
    return replay.draw(table.networks, table.runs, 20, seed=0)


def paid(draws, w=SOFT):
    return study.objective(float(np.median(draws.latency)), w)


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
    for network, reward in ((0, 9.0), (700, 1.0)):
        search.tell(np.array([network]), np.array([reward]))
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
        replay.run(controllers.Random(3, 0), draws, paid(draws), 5, seed=0)


@pytest.mark.parametrize("name", study.GRID)
def test_a_search_repeats_itself_with_its_seed_and_not_with_another(draws, name):
    setting = study.GRID[name][0]
    one, same, other = (study.search(name, setting, draws, paid(draws), 30, s) for s in (1, 1, 2))
    assert (one.networks == same.networks).all() and (one.rewards == same.rewards).all()
    assert (one.networks != other.networks).any()


def test_controllers_that_learn_beat_chance_where_there_is_something_to_learn(draws):
    pay = study.objective(1.0, (0.0, 0.0))  # accuracy alone, to which all choices add
    found = {
        name: study.regret(draws, study.search(name, setting, draws, pay, 200, 3), pay)[:, -1]
        for name, setting in (
            ("random", {}),
            ("evolution", {"population": 20, "tournament": 10}),
            ("policy gradient", {"rate": 20}),
        )
    }
    assert mean_interval(found["random"] - found["evolution"]).low > 0
    assert mean_interval(found["random"] - found["policy gradient"]).low > 0


# Studies


def test_the_pick_is_the_best_seen_so_far():
    rewards = np.array([[1.0, 3.0, 2.0, 3.0, 4.0]])
    log = replay.Log(np.array([[10, 11, 12, 13, 14]]), rewards)
    assert study.picks(log).tolist() == [[10, 11, 11, 11, 14]]


def test_who_visits_everything_has_no_regret_without_noise_and_covers_all(draws):
    clear, pay = draws.without_noise(), paid(draws)
    everything = np.tile(np.arange(len(NAMES)), (draws.repeats, 1))
    rewards = pay(clear.seen[..., 0], clear.latency)
    log = replay.Log(everything, rewards)
    assert (study.regret(clear, log, pay)[:, -1] == 0).all()
    assert np.allclose(study.covered(clear, log, len(NAMES)), 100)
    assert (study.covered(clear, log, 50) < 100).all()
    sizes = [fronts.front(draws.latency, held).sum() for held in draws.held]
    assert study.non_dominated(clear, log).tolist() == sizes


def test_the_target_of_a_soft_reward_changes_no_ranking(draws):
    near, far = (study.objective(t, SOFT)(draws.held[0], draws.latency) for t in (1e-3, 1.0))
    assert (near.argsort() == far.argsort()).all()


def test_the_hard_reward_takes_the_most_accurate_within_the_target(draws):
    pay, T = paid(draws, HARD), float(np.median(draws.latency))
    found = study.exhaustive(draws, pay)
    assert (found == ranking.best(draws, draws.latency <= T)).all()


def test_the_trade_is_the_exponent_that_makes_a_power_law_worth_alike():
    time = np.linspace(1, 9, 50)
    w = study.trade(time, 70 * time**0.05)
    assert w == pytest.approx(-0.05)
    worth = study.objective(2.0, (w, w))(70 * time**0.05, time)
    assert np.ptp(worth) < 1e-9


def test_settings_are_tried_alike_and_one_of_each_controller_is_taken(draws):
    tried = study.tuned(draws, paid(draws), 20, seed=0)
    assert tried.groupby("controller").size().to_dict() == {
        "evolution": 6, "policy gradient": 6, "random": 1,
    }  # fmt: skip
    assert (tried.groupby("controller").taken.sum() >= 1).all()


def test_the_hand_made_rival_is_uniform_plain_and_no_smaller_if_there_is_one(draws):
    found = np.arange(len(NAMES))
    for own, place in zip(found, beside.by_hand(draws, found), strict=True):
        one, two = space.architectures()[place]
        assert one == two and one.kernel == 3 and not one.se_ratio and str(one) in beside.HAND
        largest = max(draws.macs[NAMES.index(f"{b}-{b}")] for b in beside.HAND)
        assert draws.macs[place] >= min(draws.macs[own], largest)


def test_the_gain_keeps_the_noise_of_few_trainings_however_many_searches(draws):
    found, others = np.full(20, 5), np.full(20, 900)
    quiet = beside.gain_over(draws, found, others, noise=0.0)
    noisy = beside.gain_over(draws, found, others, noise=0.5)
    assert noisy.value == quiet.value
    assert noisy.high - noisy.value > 1.96 * 0.5 and noisy.detectable > quiet.detectable


def test_a_share_has_the_exact_interval():
    one = beside.share_found(np.array([True] * 3 + [False] * 17))
    assert one.value == 0.15 and one.low == pytest.approx(0.0321, abs=1e-4)
    assert one.high == pytest.approx(0.3789, abs=1e-4)


def test_a_share_is_set_against_what_luck_would_find():
    assert beside.chance(1, 4) == 0.25 and beside.chance(2, 4) == pytest.approx(1 - 0.75**2)
    hits = np.array([True] * 3 + [False] * 17)
    above, share = beside.above_chance(hits, 1, 4), beside.share_found(hits)
    assert above.value == pytest.approx(-0.1) and above.low == pytest.approx(share.low - 0.25)
    assert above.high == pytest.approx(share.high - 0.25) and above.n == 20


def test_the_median_error_of_predicted_times():
    latency = np.full(101, 2.0)
    one = ranking.missed(2.0 * (1 + np.arange(101) / 100), latency)
    assert one.value == pytest.approx(50)
    # Binomial(101, 1/2): the 40th and the 62nd of the ordered errors, here 39 % and 61 %...
    assert (one.low, one.high) == pytest.approx((40, 60), abs=1.01)
    assert ranking.missed(latency, latency).high == 0


# MACs and time


@UNTIMED
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 5), st.floats(0, 3), st.floats(0.01, 0.4)), min_size=3, max_size=9
    )
)
def test_pairs_are_counted_as_by_hand(rows):
    macs, time, half = map(np.array, zip(*rows, strict=True))
    apart = [
        (i, j) for i, j in itertools.combinations(range(len(rows)), 2)
        if abs(time[i] - time[j]) > half[i] + half[j]
    ]  # fmt: skip
    if not apart:
        return
    wrong = sum((macs[i] - macs[j]) * (time[i] - time[j]) < 0 for i, j in apart)
    found = ranking.pairs(macs, time, half)
    assert found["pairs"] == math.comb(len(rows), 2)
    assert found["apart"] == pytest.approx(100 * len(apart) / found["pairs"])
    assert found["wrong"] == pytest.approx(100 * wrong / len(apart))


def test_intervals_add_what_varies_between_comparisons(table):
    logs, half = ranking.intervals(table.networks, 0.05)
    assert np.allclose(np.exp(logs), table.networks.latency)
    assert np.allclose(half, np.hypot(0.01, 1.96 * 0.05), atol=1e-4)


def test_the_rank_correlation_is_1_where_macs_decide_and_errors_lower_it():
    work = np.arange(1.0, 60.0)
    value, again = ranking.tau(work, np.log(work), np.full(59, 0.2))
    assert value == pytest.approx(1) and 0.8 < again < 0.99
    assert ranking.tau(work, np.log(work), np.zeros(59))[1] == pytest.approx(1)


def test_whoever_measures_has_no_less_that_can_be_seen(draws):
    budgets = np.quantile(draws.latency, [0.3, 0.7])
    frame = ranking.by_macs(draws, budgets)
    assert len(frame) == 2 * draws.repeats
    counted = ranking.best(draws, ranking.predicted(draws) <= budgets[0])
    first = frame[frame.budget == budgets[0]]
    assert np.allclose(first.exceeded, 100 * (draws.latency[counted] / budgets[0] - 1))
    perfect = replay.Draws(draws.seen, draws.held, draws.latency, draws.latency)
    exact = ranking.by_macs(perfect, budgets)
    assert (exact.exceeded <= 1e-9).all() and (exact.lost == 0).all()


def test_the_whole_space_contains_the_cells(draws):
    uniform = np.array([a == b for a, b in space.architectures()])
    budgets = np.quantile(draws.latency, [0.2, 0.9])
    frame = ranking.of_cells(draws, budgets, uniform)
    assert np.allclose(frame.gained, frame.whole - frame.cell)
    only = ranking.of_cells(draws, budgets, np.ones(len(uniform), dtype=bool))
    assert (only.gained == 0).all() and (only.differ == 0).all()
    one = ranking.over_budgets(frame, "gained")
    assert one.low <= one.value <= one.high


# Effects


def test_matched_networks_differ_in_one_decision(table):
    for decision in range(len(space.DECISIONS)):
        off, on = effects.matched(decision)
        changed = space.codes()[off] != space.codes()[on]
        assert changed[:, decision].all() and changed.sum() == len(off)
    what = effects.main(table)
    added = np.linspace(0.1, 1.2, len(space.DECISIONS))
    for row, true in zip(what.itertuples(), added, strict=True):
        assert row.accuracy.value == pytest.approx(true, abs=0.1)
    assert what.time[0].value == pytest.approx(100 * math.expm1(0.3), abs=0.1)


def test_the_bound_grows_with_the_noise_and_with_the_number_of_rows():
    assert effects.limit(1.0, 1) == pytest.approx(1.96 * math.sqrt(2), abs=1e-3)
    assert effects.limit(1.0, 10) == pytest.approx(2.807 * math.sqrt(2), abs=1e-3)


def test_agreement_of_times_is_a_rank_correlation_and_a_ratio():
    times = pd.DataFrame({"in the table": [1.0, 2.0, 4.0], "here": [2.0, 4.0, 8.0]})
    assert effects.agreement(times) == (pytest.approx(1.0), pytest.approx(2.0))


# What is published


def test_mnasnet_a1_is_read_as_its_authors_list_it():
    """Against the strings of the official code, kept in the papers' table."""
    listed = published.listed()["A1 blocks (official code)"].split("; ")
    read = published.blocks(zoo.from_timm(published.A1))
    for text, block in zip(listed, read, strict=True):
        parts = text.split("_")
        layer = block[0]
        assert len(block) == int(parts[0][1:]) and f"k{layer.kernel}" in parts
        assert f"e{layer.expansion}" in parts
        assert layer.squeeze == ("se0.25" in parts) and f"s{layer.stride}{layer.stride}" in parts
        assert all(one.structure == layer.structure and one.depthwise for one in block)


def test_nasnets_normal_cells_are_one():
    cells = published.nasnet_cells()
    assert len(cells) > 10 and len(set(cells)) == 1 and len(cells[0]) > 10


def test_a_network_in_which_a_block_is_bypassed_is_noticed():
    network = zoo.from_timm(published.A1)
    assert published.other_links(network) == 0
    pairs = list(zip(network.blocks, parts(network), strict=True))
    network.forward = lambda x: [stage(part) for stage, part in pairs]
    assert published.other_links(network) == len(network.blocks) - 1


def parts(network):
    """An input of its own for each block."""
    for stage in network.blocks:
        first = next(m for m in stage.modules() if isinstance(m, torch.nn.Conv2d))
        yield torch.empty(1, first.in_channels, 14, 14, device="meta")


# Pictures


def test_the_pictures_are_drawn(table, draws):
    figures.style()
    log = study.search("random", {}, draws, paid(draws), 20, 0)
    one = {5: mean_interval([1.0, 2.0]), 20: mean_interval([2.0, 4.0])}
    frame = ranking.by_macs(draws, np.quantile(draws.latency, [0.3, 0.6]))
    every = np.ones(len(NAMES), dtype=bool)
    drawn = [
        diagram.spaces(5, 3, {"a": 1.0, "b": 2.0, "c": 3.0}),
        diagram.strip(published.blocks(zoo.from_timm(published.A1)), [("x",)] * 3),
        draw.plane(draws.latency, table.accuracy().to_numpy(), {"all": every}),
        draw.effects(effects.main(table)),
        draw.macs(draws.macs, draws.latency, {"all": every}, ranking.predicted(draws)),
        draw.wrong_target(frame),
        draw.two_spaces(frame.assign(whole=1.0, cell=0.5)),
        draw_searches.curves({"random": study.regret(draws, log, paid(draws))}, {"random": one}),
        draw_searches.policy(np.full((20, len(space.DECISIONS)), 0.5)),
        draw_searches.visited(draws.latency, draws.held[0], {"a": log, "b": log}, 2e-3),
    ]
    assert all(figure.axes for figure in drawn)
    assert len(draw_searches.second_options()) == len(space.DECISIONS)
    assert isinstance(one[5], Estimate)
