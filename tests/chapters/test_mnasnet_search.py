"""Chapter mnasnet-search: searches and their regret, MACs and time, effects, what is tables."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_table import NAMES, made_up

from lwsurvey.chapters.mnasnet_search import effects, experiment, figures, ranking, tables
from lwsurvey.figures import style
from lwsurvey.models import zoo
from lwsurvey.search import fronts, replay, space
from lwsurvey.search.reward import HARD, SOFT
from lwsurvey.search.table import Table
from lwsurvey.stats import Estimate, mean_interval

UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


@pytest.fixture(scope="module")
def table() -> Table:
    return made_up()


@pytest.fixture(scope="module")
def draws(table) -> replay.Draws:
    return replay.draw(table.networks, table.runs, 20, seed=0)


def paid(draws, w=SOFT):
    return experiment.objective(float(np.median(draws.latency)), w)


# Searches


@pytest.mark.parametrize("name", experiment.GRID)
def test_a_search_repeats_itself_with_its_seed_and_not_with_another(draws, name):
    setting = experiment.GRID[name][0]
    one, same, other = (
        experiment.search(name, setting, draws, paid(draws), 30, s) for s in (1, 1, 2)
    )
    assert (one.networks == same.networks).all() and (one.rewards == same.rewards).all()
    assert (one.networks != other.networks).any()


def test_controllers_that_learn_beat_chance_where_there_is_something_to_learn(draws):
    pay = experiment.objective(1.0, (0.0, 0.0))  # accuracy alone, to which all choices add
    found = {
        name: experiment.regret(draws, experiment.search(name, setting, draws, pay, 200, 3), pay)[
            :, -1
        ]
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
    assert experiment.picks(log).tolist() == [[10, 11, 11, 11, 14]]


def test_who_visits_everything_has_no_regret_without_noise_and_covers_all(draws):
    clear, pay = draws.without_noise(), paid(draws)
    everything = np.tile(np.arange(len(NAMES)), (draws.repeats, 1))
    rewards = pay(clear.seen[..., 0], clear.latency)
    log = replay.Log(everything, rewards)
    assert (experiment.regret(clear, log, pay)[:, -1] == 0).all()
    assert np.allclose(experiment.coverage(clear, log, len(NAMES)), 100)
    assert (experiment.coverage(clear, log, 50) < 100).all()
    sizes = [fronts.front(draws.latency, held).sum() for held in draws.held]
    assert experiment.front_sizes(clear, log).tolist() == sizes


def test_the_target_of_a_soft_reward_changes_no_ranking(draws):
    near, far = (experiment.objective(t, SOFT)(draws.held[0], draws.latency) for t in (1e-3, 1.0))
    assert (near.argsort() == far.argsort()).all()


def test_the_hard_reward_takes_the_most_accurate_within_the_target(draws):
    pay, T = paid(draws, HARD), float(np.median(draws.latency))
    found = experiment.exhaustive(draws, pay)
    assert (found == ranking.best(draws, draws.latency <= T)).all()


def test_the_trade_is_the_exponent_that_makes_a_power_law_worth_alike():
    time = np.linspace(1, 9, 50)
    w = experiment.front_exponent(time, 70 * time**0.05)
    assert w == pytest.approx(-0.05)
    worth = experiment.objective(2.0, (w, w))(70 * time**0.05, time)
    assert np.ptp(worth) < 1e-9


def test_settings_are_tried_alike_and_one_of_each_controller_is_taken(draws):
    tried = experiment.tune(draws, paid(draws), 20, seed=0)
    assert tried.groupby("controller").size().to_dict() == {
        "evolution": 6, "policy gradient": 6, "random": 1,
    }  # fmt: skip
    assert (tried.groupby("controller").taken.sum() >= 1).all()


def test_the_hand_made_rival_is_uniform_plain_and_no_smaller_if_there_is_one(draws):
    found = np.arange(len(NAMES))
    for own, place in zip(found, experiment.hand_made_rivals(draws, found), strict=True):
        one, two = space.architectures()[place]
        assert one == two and one.kernel == 3 and not one.se_ratio and str(one) in experiment.HAND
        largest = max(draws.macs[NAMES.index(f"{b}-{b}")] for b in experiment.HAND)
        assert draws.macs[place] >= min(draws.macs[own], largest)


def test_the_gain_keeps_the_noise_of_few_trainings_however_many_searches(draws):
    found, others = np.full(20, 5), np.full(20, 900)
    quiet = experiment.gain_over(draws, found, others, noise=0.0)
    noisy = experiment.gain_over(draws, found, others, noise=0.5)
    assert noisy.value == quiet.value
    assert noisy.high - noisy.value > 1.96 * 0.5 and noisy.detectable > quiet.detectable


def test_a_share_has_the_exact_interval():
    one = experiment.found_share(np.array([True] * 3 + [False] * 17))
    assert one.value == 0.15 and one.low == pytest.approx(0.0321, abs=1e-4)
    assert one.high == pytest.approx(0.3789, abs=1e-4)


def test_a_share_is_set_against_what_luck_would_find():
    assert experiment.chance(1, 4) == 0.25 and experiment.chance(2, 4) == pytest.approx(1 - 0.75**2)
    hits = np.array([True] * 3 + [False] * 17)
    above, share = experiment.above_chance(hits, 1, 4), experiment.found_share(hits)
    assert above.value == pytest.approx(-0.1) and above.low == pytest.approx(share.low - 0.25)
    assert above.high == pytest.approx(share.high - 0.25) and above.n == 20


def test_the_median_error_of_predicted_times():
    latency = np.full(101, 2.0)
    one = ranking.median_error(2.0 * (1 + np.arange(101) / 100), latency)
    assert one.value == pytest.approx(50)
    # Binomial(101, 1/2): the 40th and the 62nd of the ordered errors, here 39 % and 61 %...
    assert (one.low, one.high) == pytest.approx((40, 60), abs=1.01)
    assert ranking.median_error(latency, latency).high == 0


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
    frame = ranking.choose_by_macs(draws, budgets)
    assert len(frame) == 2 * draws.repeats
    counted = ranking.best(draws, ranking.predict(draws) <= budgets[0])
    first = frame[frame.budget == budgets[0]]
    assert np.allclose(first.exceeded, 100 * (draws.latency[counted] / budgets[0] - 1))
    perfect = replay.Draws(draws.seen, draws.held, draws.latency, draws.latency)
    exact = ranking.choose_by_macs(perfect, budgets)
    assert (exact.exceeded <= 1e-9).all() and (exact.lost == 0).all()


def test_the_whole_space_contains_the_cells(draws):
    uniform = np.array([a == b for a, b in space.architectures()])
    budgets = np.quantile(draws.latency, [0.2, 0.9])
    frame = ranking.compare_spaces(draws, budgets, uniform)
    assert np.allclose(frame.gained, frame.whole - frame.cell)
    only = ranking.compare_spaces(draws, budgets, np.ones(len(uniform), dtype=bool))
    assert (only.gained == 0).all() and (only.differ == 0).all()
    one = ranking.over_budgets(frame, "gained")
    assert one.low <= one.value <= one.high


# Effects


def test_matched_networks_differ_in_one_decision(table):
    for decision in range(len(space.DECISIONS)):
        off, on = effects.matched_pairs(decision)
        changed = space.codes()[off] != space.codes()[on]
        assert changed[:, decision].all() and changed.sum() == len(off)
    what = effects.main_effects(table)
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
    listed = tables.search_facts()["A1 blocks (official code)"].split("; ")
    read = tables.blocks(zoo.from_timm(tables.A1))
    for text, block in zip(listed, read, strict=True):
        parts = text.split("_")
        layer = block[0]
        assert len(block) == int(parts[0][1:]) and f"k{layer.kernel}" in parts
        assert f"e{layer.expansion}" in parts
        assert layer.squeeze == ("se0.25" in parts) and f"s{layer.stride}{layer.stride}" in parts
        assert all(one.structure == layer.structure and one.depthwise for one in block)


def test_nasnets_normal_cells_are_one():
    cells = tables.nasnet_cells()
    assert len(cells) > 10 and len(set(cells)) == 1 and len(cells[0]) > 10


def test_a_network_in_which_a_block_is_bypassed_is_noticed():
    network = zoo.from_timm(tables.A1)
    assert tables.other_links(network) == 0
    pairs = list(zip(network.blocks, parts(network), strict=True))
    network.forward = lambda x: [stage(part) for stage, part in pairs]
    assert tables.other_links(network) == len(network.blocks) - 1


def parts(network):
    """An input of its own for each block."""
    for stage in network.blocks:
        first = next(m for m in stage.modules() if isinstance(m, torch.nn.Conv2d))
        yield torch.empty(1, first.in_channels, 14, 14, device="meta")


# Figures


def test_the_figures_are_drawn(table, draws):
    style()
    log = experiment.search("random", {}, draws, paid(draws), 20, 0)
    one = {5: mean_interval([1.0, 2.0]), 20: mean_interval([2.0, 4.0])}
    frame = ranking.choose_by_macs(draws, np.quantile(draws.latency, [0.3, 0.6]))
    every = np.ones(len(NAMES), dtype=bool)
    drawn = [
        figures.spaces(5, 3, {"a": 1.0, "b": 2.0, "c": 3.0}),
        figures.strip(tables.blocks(zoo.from_timm(tables.A1)), [("x",)] * 3),
        figures.plane(draws.latency, table.accuracy().to_numpy(), {"all": every}),
        figures.effects(effects.main_effects(table)),
        figures.macs(draws.macs, draws.latency, {"all": every}, ranking.predict(draws)),
        figures.wrong_target(frame),
        figures.two_spaces(frame.assign(whole=1.0, cell=0.5)),
        figures.curves({"random": experiment.regret(draws, log, paid(draws))}, {"random": one}),
        figures.policy(np.full((20, len(space.DECISIONS)), 0.5)),
        figures.visits(draws.latency, draws.held[0], {"a": log, "b": log}, 2e-3),
    ]
    assert all(one.axes for one in drawn)
    assert len(figures.second_options()) == len(space.DECISIONS)
    assert isinstance(one[5], Estimate)
