"""Chapter mnasnet-search: searches, choices and their judges, effects, what is built."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from made_up_table import NAMES, made_up

from lwsurvey import paths
from lwsurvey.chapters.mnasnet_search import choices, effects, experiment, figures, tables
from lwsurvey.claims import judge, ledger
from lwsurvey.figures import style
from lwsurvey.models import zoo
from lwsurvey.runs import Runs
from lwsurvey.search import fronts, replay, space, table
from lwsurvey.search.reward import HARD, SOFT, reward
from lwsurvey.search.table import Table
from lwsurvey.stats import mean_interval


@pytest.fixture(scope="module")
def known() -> Table:
    return made_up()


@pytest.fixture(scope="module")
def draws(known) -> replay.Draws:
    return replay.draw(known.networks, known.runs, 20, seed=0)


def paid(draws, ends=SOFT, target=None):
    target = target or float(np.median(draws.latency))
    return partial(reward, target=target, alpha=ends[0], beta=ends[1])


SETTINGS = {
    "policy gradient": {"rate": 20},
    "evolution": {"population": 20, "tournament": 10},
    "random": {},
}

# Searches


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_search_repeats_itself_with_its_seed_and_not_with_another(draws, kind):
    one, same, other = (
        experiment.search(kind, SETTINGS[kind], draws, paid(draws), 30, s) for s in (1, 1, 2)
    )
    assert (one.networks == same.networks).all() and (one.rewards == same.rewards).all()
    assert (one.networks != other.networks).any()


def test_controllers_that_learn_beat_chance_where_there_is_something_to_learn(draws):
    pay = paid(draws, (0.0, 0.0))  # accuracy alone, to which all choices add
    found = {
        kind: experiment.regret(draws, experiment.search(kind, setting, draws, pay, 200, 3), pay)
        for kind, setting in SETTINGS.items()
    }
    for kind in ("evolution", "policy gradient"):
        assert mean_interval((found["random"] - found[kind])[:, -1]).low > 0


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
    near, far = (paid(draws, SOFT, t)(draws.held[0], draws.latency) for t in (1e-3, 1.0))
    assert (near.argsort() == far.argsort()).all()


def test_the_hard_reward_takes_the_most_accurate_within_the_target(draws):
    within = draws.latency <= np.median(draws.latency)
    best = np.where(within, draws.seen.mean(axis=2), -1.0).argmax(axis=1)
    assert (experiment.exhaustive(draws, paid(draws, HARD)) == best).all()


def test_the_trade_is_the_exponent_that_makes_a_power_law_worth_alike():
    time = np.linspace(1, 9, 50)
    w = experiment.front_exponent(time, 70 * time**0.05)
    assert w == pytest.approx(-0.05)
    worth = reward(70 * time**0.05, time, 2.0, w, w)
    assert np.ptp(worth) < 1e-9


# Choices and judges


def test_choices_are_the_best_that_can_be_had(draws):
    chosen, seen = choices.choose(draws), draws.seen.mean(axis=2)
    rows = np.arange(draws.repeats)
    assert set(chosen) == {name for pair in choices.COMPARED.values() for name in pair}
    for budget, any_blocks, one_block, counted, measured in zip(
        choices.budgets(draws.latency),
        *(chosen[name] for name in ("any blocks", "one block", "MACs", "time")),
        strict=True,
    ):
        assert (draws.latency[any_blocks] <= budget).all() and choices.UNIFORM[one_block].all()
        assert (seen[rows, any_blocks] >= seen[rows, one_block]).all()
        assert (draws.latency[measured] <= draws.latency[counted]).all()
        assert (seen[rows, measured] >= seen[rows, counted]).all()


def test_who_knows_the_time_from_macs_loses_nothing(draws):
    perfect = replay.Draws(draws.seen, draws.held, draws.latency, draws.latency)
    chosen = choices.choose(perfect)
    assert (chosen["MACs"] == chosen["any blocks"]).all()
    assert (chosen["MACs"] == chosen["time"]).all()


def test_networks_that_are_not_there_are_not_chosen(draws):
    there = np.arange(len(NAMES)) % 2 == 0
    chosen = choices.choose(draws, there)
    assert all(there[chosen[name]].all() for name in ("MACs", "time", "any blocks"))


def test_the_judging_runs_judge_and_the_run_held_back_where_there_are_none(draws):
    judged = np.full((len(NAMES), 2), np.nan)
    judged[7] = 60, 70
    networks = np.full(draws.repeats, 7)
    networks[1] = 8
    found = choices.judge(draws, judged, networks)
    assert found[0] == 65 and found[1] == 100 * draws.held[1, 8]


def test_judges_stand_in_the_order_of_the_space():
    frame = pd.DataFrame({"network": [NAMES[3]] * 2, "seed": [9, 8], "test": [2.0, 1.0]})
    judged = choices.judges(frame)
    assert judged[3].tolist() == [1.0, 2.0] and np.isnan(np.delete(judged, 3, axis=0)).all()


def test_the_hand_made_rival_is_the_best_that_takes_no_more_time(draws):
    found = np.arange(draws.repeats) * 60
    for repeat, (own, place) in enumerate(
        zip(found, choices.hand_made_rivals(draws, found), strict=True)
    ):
        one, two = space.architectures()[place]
        assert one == two and str(one) in choices.HAND
        times = draws.latency[choices.BY_HAND]
        if times.min() > draws.latency[own]:
            assert draws.latency[place] == times.min()
            continue
        fast = choices.BY_HAND[times <= draws.latency[own]]
        seen = draws.seen[repeat].mean(axis=1)
        assert draws.latency[place] <= draws.latency[own] and seen[place] == seen[fast].max()


def test_the_gain_knows_how_few_networks_and_seeds_there_are(draws):
    found = np.repeat([5, 6], draws.repeats // 2)
    rivals = np.full(draws.repeats, 900)
    judged = np.full((len(NAMES), 4), np.nan)
    judged[[5, 6, 900]] = 80.0, 80.0, 79.0, 79.0
    judged[5], judged[6], judged[900] = 80, 80, 79
    sure = choices.gain(draws, judged, found, rivals)
    assert (sure.value, sure.low, sure.high) == pytest.approx((1, 1, 1))
    judged[6] = 90
    apart = choices.gain(draws, judged, found, rivals)
    assert apart.value == pytest.approx(6) and apart.low < 1 < 11 < apart.high
    judged[6], judged[900] = 80, (77, 79, 79, 81)
    assert choices.gain(draws, judged, found, rivals).low < 0.2


# Effects


def test_matched_networks_differ_in_one_decision(known):
    for decision in range(len(space.DECISIONS)):
        off, on = effects.matched_pairs(decision)
        changed = space.codes()[off] != space.codes()[on]
        assert changed[:, decision].all() and changed.sum() == len(off)
    what = effects.main_effects(known)
    added = np.linspace(0.1, 1.2, len(space.DECISIONS))
    for row, true in zip(what.itertuples(), added, strict=True):
        assert row.accuracy.value == pytest.approx(true, abs=0.1)
    assert what.time[0] == pytest.approx(100 * np.expm1(0.3), abs=0.1)
    assert what.choice[0] == "block 1, operation inverted"


def test_rows_are_compared_with_those_of_the_table(known):
    made = known.runs.iloc[[5, 2000]].copy()
    made.iloc[1, made.columns.get_loc("test")] += 1
    found = effects.compare_rows(known, made)
    assert found["the same"].tolist() == ["yes", "no"]
    assert found.difference.tolist() == pytest.approx([0, 1])


# What is published


def test_mnasnet_a1_is_read_as_its_authors_list_it():
    """Against the strings of the official code, kept in the papers' table."""
    listed = pd.read_csv(paths.data("papers/papers_mnasnet_search.csv")).set_index("item")["value"]
    read = tables.blocks(zoo.from_timm("semnasnet_100"))
    for text, block in zip(listed["A1 blocks (official code)"].split("; "), read, strict=True):
        parts, layer = text.split("_"), block[0]
        assert len(block) == int(parts[0][1:]) and f"k{layer.kernel}" in parts
        assert f"e{layer.expansion}" in parts and layer.squeeze == ("se0.25" in parts)
        assert set(block) == {layer}


def test_depthwise_convolutions_are_found():
    assert len(tables.depthwise(zoo.from_timm("semnasnet_100").blocks)) == 16
    dense = torch.nn.Conv2d(8, 8, 3)
    assert tables.depthwise(torch.nn.Sequential(dense, torch.nn.Conv2d(1, 8, 3))) == []


def test_nasnets_normal_cells_are_one():
    cells = tables.nasnet_cells()
    assert len(cells) > 10 and len(set(cells)) == 1 and len(cells[0]) > 10


def test_a_network_in_which_a_block_is_bypassed_is_noticed():
    network = zoo.from_timm("semnasnet_100")
    assert tables.other_links(network) == 0
    pairs = list(zip(network.blocks, parts(network), strict=True))
    network.forward = lambda x: [stage(part) for stage, part in pairs]
    assert tables.other_links(network) == len(network.blocks) - 1


def parts(network):
    """An input of its own for each block."""
    for stage in network.blocks:
        first = next(m for m in stage.modules() if isinstance(m, torch.nn.Conv2d))
        yield torch.empty(1, first.in_channels, 14, 14, device="meta")


# What decides


@pytest.fixture(scope="module")
def trained() -> dict[str, pd.DataFrame]:
    """The recorded networks of each study."""
    rows = Runs(paths.root() / "data" / "runs" / "mnasnet-search.csv").rows.values()
    frame = [dict(study=r.study, network=r.variant, seed=r.seed, **r.numbers) for r in rows]
    return dict(list(pd.DataFrame(frame).groupby("study")))


@pytest.fixture(scope="module")
def real() -> tuple[replay.Draws, Table]:
    known = table.load()
    return replay.draw(known.networks, known.runs, 60, seed=3), known


def test_the_networks_that_are_judged_were_trained(trained, real):
    names = {space.name(one) for one in choices.networks_to_judge(real[1])}
    assert names == set(trained["judges"].network)
    assert set(trained["judges"].seed) == set(range(100, 107))


def test_repeating_the_table_on_another_machine_gives_the_same_mean(trained, real):
    rows = effects.compare_rows(real[1], trained["table again"])
    mean = mean_interval(rows.difference)
    assert len(rows) == 99 and mean.low < 0 < mean.high and mean.high - mean.low < 0.5


def test_the_judging_runs_decide_and_other_runs_would_decide_otherwise(trained, real):
    draws, _ = real
    judged = choices.judges(trained["judges"])
    found = choices.advantages(draws, judged, 40)
    turned = choices.advantages(draws, 150 - judged, 40)
    for claim, name in (("C845", "measuring"), ("C846", "freedom")):
        row = ledger()[claim]
        assert judge(row, found[name]).verdict == row.verdict == "holds at reduced scale"
        assert judge(row, turned[name]).verdict == "contradicted at reduced scale"


@pytest.mark.parametrize(
    ("claim", "measured", "then"),
    [
        ("C513", {"factorised": 13, "flat": 13}, "contradicted"),
        ("C035", {"layers of A1": 0, "listed operations": 0}, "holds"),
        ("C035", {"layers of A1": 1, "listed operations": 1}, "contradicted"),
        ("C038", 2, "holds"),
        ("C141", {"distinct inside a block": 2, "blocks differ": 1}, "contradicted"),
        ("C247", 1, "contradicted"),
        ("C037", 3, "contradicted"),
        ("C036", -1, "contradicted"),
        ("C843", 1, "holds"),
        ("C844", mean_interval([-0.02, -0.01]), "inconclusive"),
        ("C844", mean_interval([-0.021, -0.02, -0.02]), "contradicted on this hardware"),
        ("C032", 1, "holds"),
    ],
)
def test_another_count_would_turn_the_verdict(claim, measured, then):
    assert judge(ledger()[claim], measured).verdict == then != ledger()[claim].verdict


# Figures


def test_the_figure_of_all_networks_has_raster_dots_and_a_front(known, draws):
    style()
    places = np.arange(len(NAMES))
    panels = {"a": (np.ones(len(NAMES)), places, "front"), "b": (np.ones(1), places[:50], "front")}
    fig = figures.planes(draws.latency, known.accuracy().to_numpy(), panels, 2e-3)
    assert len(fig.axes) == 2
    assert all(dots.get_rasterized() for ax in fig.axes for dots in ax.collections)
