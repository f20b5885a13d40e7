"""Chapter netadapt: the printed algorithm, schedules, shapes, rivals, and the drawings."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch

from lwsurvey import cost, data, latency
from lwsurvey.chapters.netadapt import (
    experiment,
    figures,
    networks,
    proposals,
    pruning,
    runs,
    tables,
)
from lwsurvey.figures import style
from lwsurvey.models import small
from lwsurvey.stats import mean_interval

FULL = networks.full(32)


def widths_of(network) -> tuple[int, ...]:
    return tuple(group.filters for group in pruning.groups(network, small.INPUT))


# What is printed


def test_the_printed_problem_has_one_free_index_and_the_right_one_none():
    assert tables.free_indices() == ["i"]
    assert tables.free_indices(r"Res_j(Net) \leq Bud_j, j = 1, \dots, m") == []
    assert tables.free_indices(r"Res_j(Net_i) \leq Bud_j, i = 1, \dots, n") == ["j"]


def test_steps_of_one_per_cent_end_after_a_hundred():
    left = tables.iterations()
    assert len(left) == 101 and left[-1] == 0
    assert len(tables.iterations(Fraction(3, 10))) == 5
    with pytest.raises(ValueError, match="positive"):
        tables.iterations(Fraction(0))


@pytest.mark.parametrize("budget", [60, 120, 200])
def test_the_misplaced_pick_costs_calls_and_changes_nothing(budget):
    wrong, right = (tables.algorithm_1(budget, 20, inside=inside) for inside in (True, False))
    assert wrong.widths == right.widths and wrong.iterations == right.iterations
    assert right.picks == right.iterations and wrong.picks == 5 * right.picks
    assert tables.Toy().measure(right.widths) <= budget


def test_a_toy_that_cannot_meet_its_budget_says_so():
    with pytest.raises(ValueError, match="out of reach"):
        tables.algorithm_1(1, 20, inside=False)


def test_the_book_picks_once_a_step_among_all_layers():
    assert tables.picks_per_step(data.portion(100, 10, 10)) == (1.0, 5.0)


# Schedules


@pytest.mark.parametrize("first, decay, reduction", [(0.1, 1.0, 0.3), (0.025, 0.96, 0.25)])
def test_needed_steps_suffice_and_one_less_does_not(first, decay, reduction):
    n = tables.steps_needed(first, decay, reduction)
    assert tables.steps(first, decay, n).sum() >= reduction - 1e-12
    assert tables.steps(first, decay, n - 1).sum() < reduction


def test_a_weak_schedule_never_gets_there():
    assert math.isinf(tables.steps_needed(0.025, 0.96, 0.75))
    with pytest.raises(ValueError, match="first > 0"):
        tables.steps(0, 0.96, 3)
    with pytest.raises(ValueError, match="decay"):
        tables.steps(0.1, 1.1, 3)


def test_the_papers_figures_are_read():
    sums = tables.schedules()["steps, ms"]
    assert sums.round(2).tolist() == [8.51, 10.0, 10.26]
    assert tables.mobilenet_v3_step() == 0.01 and tables.published_entries() == 33056
    assert tables.affiliations() == "MIT and Google"
    assert (tables.guided_by_macs()["latency, %"] >= 100).all()


# Shapes


def test_shapes_are_the_small_mobilenet():
    ours, theirs = networks.mobilenet_v1(FULL), small.mobilenet_v1(32)
    assert [(k, v.shape) for k, v in ours.state_dict().items()] == [
        (k, v.shape) for k, v in theirs.state_dict().items()
    ]
    with pytest.raises(ValueError, match="7 widths"):
        networks.mobilenet_v1((8, 8))


@pytest.mark.parametrize("widths", [FULL, (8, 16, 8, 24, 64, 16, 40)])
def test_quick_macs_are_the_counters(widths):
    network = networks.mobilenet_v1(widths)
    count = networks.Macs(networks.mobilenet_v1(FULL))
    assert (
        count(network)
        == count(networks.weightless(widths))
        == cost.count(network, small.INPUT).macs
    )


def test_the_ladder_is_uniform_and_random_networks_are_not_wider():
    rungs = networks.ladder(FULL)
    assert rungs[0] == FULL and len(set(rungs)) == len(rungs)
    assert all(n % networks.MULTIPLE == 0 for one in rungs for n in one)
    drawn = networks.random(FULL, 50, seed=0)
    assert drawn == networks.random(FULL, 50, seed=0) != networks.random(FULL, 50, seed=1)
    assert (np.array(drawn) <= FULL).all() and (np.array(drawn) >= networks.MULTIPLE).all()


def test_a_pruned_network_has_the_widths_and_the_filters_of_largest_norm():
    torch.manual_seed(0)
    network, widths = networks.mobilenet_v1(FULL), (16, 24, 32, 8, 64, 40, 16)
    cut = networks.prune_to(network, widths)
    assert widths_of(cut) == widths and widths_of(network) == FULL
    norms = network.stem[0].weight.flatten(1).norm(dim=1)
    kept = norms.topk(16).indices.sort().values
    assert torch.equal(cut.stem[0].weight, network.stem[0].weight[kept])


# The study


SETTINGS = experiment.Settings(
    width=32, epochs=1, steps=2, first=0.1, short=proposals.Short(steps=1, batch=32)
)


def by_filters(network) -> float:
    return 1e-5 * sum(widths_of(network))


@pytest.fixture(scope="module")
def found():
    return experiment.searches(2, data.portion(320, 50, 50), by_filters, SETTINGS, 1)


def test_both_guides_begin_alike_and_end_at_the_same_latency(found):
    for one in found:
        budget = by_filters(one.by_macs.network)
        assert by_filters(one.by_latency.network) <= budget
        assert (
            one.by_latency.reached and one.by_macs.steps == one.by_latency.steps == SETTINGS.steps
        )
        assert one.by_macs.start[1] == one.by_latency.start[1]
        assert tuple(one.by_latency.filters.values()) == FULL


def test_two_runs_joined_are_one(found):
    run = found[0].by_latency
    assert sorted(run.log["step"].unique()) == list(range(1, run.steps + 1))
    assert len(run.widths) == len(run.path) == run.steps + 1
    assert experiment.last_widths(run) == widths_of(run.network)
    assert run.path["resource"].iloc[-1] == pytest.approx(by_filters(run.network))


def test_every_variant_is_finished_once_a_seed(found):
    uniform = [networks.ladder(FULL)[3]] * 2
    frame = experiment.finishes(found, uniform, data.portion(320, 50, 50), SETTINGS, 1)
    assert frame.groupby("variant")["seed"].agg(list).tolist() == [[0, 1]] * 6
    assert len(experiment.effects(frame)) == 5
    assert frame["test"].between(0, 100).all()


def test_the_rival_from_scratch_sees_at_least_as_many_images():
    assert SETTINGS.visits(320) == 2 * 320 + 2 * 32
    assert SETTINGS.scratch_epochs(320) * 320 >= SETTINGS.visits(320)


def test_a_run_goes_as_the_algorithm_has_it_and_another_would_be_seen(found):
    run = found[0].by_latency
    assert runs.broken_steps(run) == 0
    for column, value in (("changed", 2), ("picked", True), ("after", -1.0)):
        log = run.log.copy()
        log.loc[log["step"] == 1, column] = value
        if column == "after":
            log.loc[(log["step"] == 1) & ~log["picked"], column] = 50.0
        assert runs.broken_steps(dataclasses.replace(run, log=log)) == 1


def test_networks_asked_for_are_counted_once(found):
    once = runs.queries(found[:1])
    assert runs.queries([found[0], found[0]]) == once and FULL in once
    assert len(once) <= found[0].by_latency.estimates
    assert len(runs.queries(found)) < sum(one.by_latency.estimates for one in found)
    assert experiment.last_widths(found[0].by_latency) in once


def test_halving_a_layer_saves_what_the_counter_says():
    saved = runs.savings(FULL, macs=networks.Macs(networks.mobilenet_v1(FULL)))["macs"]
    narrow = (*FULL[:-1], FULL[-1] // 2)
    count = [cost.count(networks.mobilenet_v1(w), small.INPUT).macs for w in (narrow, FULL)]
    assert saved["pw 6"] == pytest.approx(100 * (1 - count[0] / count[1]))
    assert saved.idxmax() == "all to 8"


# Time


def test_rivals_are_the_nearest_by_measured_time(found):
    rungs = networks.ladder(FULL)[1:4]
    times = {experiment.rung(one): [1.0 + k] * 15 for k, one in enumerate(rungs)}
    times |= {
        experiment.final(experiment.ADAPTED, 0): [2.1] * 15,
        experiment.final(experiment.ADAPTED, 1): [2.9] * 15,
    }
    raced = latency.Comparison(pd.DataFrame(times))
    assert experiment.rivals(raced, found, FULL) == [rungs[1], rungs[2]]
    ratio = experiment.ratios(raced, found, [experiment.rung(rungs[1]), experiment.rung(rungs[2])])
    assert ratio.value == pytest.approx(np.mean([2.1 / 2, 2.9 / 3]))
    with pytest.raises(ValueError, match="no uniform network"):
        experiment.rivals(latency.Comparison(pd.DataFrame({"x": [1.0] * 15})), found, FULL)


def test_twins_have_equal_macs_and_the_largest_ratio():
    frame = pd.DataFrame({"MACs": [100, 101, 100, 200, 100], "latency": [1.0, 1.3, 1.2, 9.0, 5.0]})
    frame["parameters"] = [50, 50, 50, 50, 60]
    assert networks.twins(frame) == (1, 0)
    with pytest.raises(ValueError, match="no two"):
        networks.twins(frame.iloc[[0, 3]])
    with pytest.raises(ValueError, match="no two"):
        networks.twins(frame.iloc[[0, 4]])


# V3's variant


def test_the_slope_is_the_brute_force_maximum_and_the_accuracy_is_not():
    assert runs.disagreements(proposals.pick_slope, 200) == 0
    assert runs.disagreements(proposals.pick_highest_accuracy, 200) > 50


@pytest.mark.parametrize("make", [small.mobilenet_v2, small.mobilenet_v3])
def test_all_places_of_both_kinds_can_be_cut(make):
    found = runs.halvings(make(16, t=3), torch.randn(2, *small.INPUT[1:]))
    assert found["works"].all() and set(found["kind"]) == set(runs.V3_KINDS)
    assert (found.loc[found["kind"] == "bottleneck", "layers"] > 1).any()


def test_what_breaks_is_counted():
    broken = networks.mobilenet_v1(FULL)
    broken.late[0].pointwise = torch.nn.Conv2d(5, 64, 1)
    x = torch.randn(2, *small.INPUT[1:])
    assert not runs._works(broken, x, torch.Size([2, 10]))


def test_other_operations_are_seen_and_other_widths_are_not():
    network = networks.mobilenet_v1(FULL)
    other = networks.mobilenet_v1(networks.ladder(FULL)[2])
    assert runs.other_operations(network, other) == 0
    other.stem[0].stride = (1, 1)
    assert runs.other_operations(network, other) == 1


def test_spread_and_picks_of_a_log(found):
    run = found[0].by_latency
    assert (runs.spread(run.log) >= 1).all()
    picks = runs.rule_picks(run.log, run.start[1])
    picked = run.log[run.log["picked"]].set_index("step")["layer"]
    assert (picks["by accuracy"] == picked).all()


# Figures


def test_all_figures_are_drawn(found):
    style()
    run = found[0].by_latency
    steps = run.steps + 1
    pair = pd.DataFrame({"table": np.ones(steps), "whole": np.ones(steps)})
    frame = pd.DataFrame({"MACs": [1e5, 2e5], "latency": [1e-3, 2e-3]})
    drawn = [
        figures.schedules({"a": (0.1, 1.0)}, 10, 25),
        figures.steps(run.widths, pair, pair),
        figures.prediction(pd.DataFrame({"estimate": [1.0, 2.0], "measured": [1.1, 2.1]}), 0.1),
        figures.work_and_time(frame, (0, 1)),
        figures.filters_kept({"a": pd.DataFrame([[50, 100], [60, 90]], columns=["x", "y"])}),
    ]
    for one in drawn:
        one.canvas.draw()


def test_a_met_budget_is_the_measured_share_over_the_budgets(found):
    class Table:
        estimate = staticmethod(by_filters)

    names = [experiment.final(experiment.ADAPTED, one.seed) for one in found]
    raced = latency.Comparison(
        pd.DataFrame({experiment.SEED: [2.0] * 15} | {n: [1.0] * 15 for n in names})
    )
    budgets = [by_filters(one.by_macs.network) / by_filters(one.pretrained) for one in found]
    assert experiment.budget_share(raced, found, Table()) == mean_interval(
        [0.5 / b for b in budgets]
    )
