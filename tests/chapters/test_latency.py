"""What the chapter on time needs: jobs of known work, roofs, networks, rankings, figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats
from torch import nn

from lwsurvey import cost
from lwsurvey.chapters.latency import experiment, figures, layers, networks, ranking
from lwsurvey.claims.judge import judge
from lwsurvey.claims.ledger import Claim, ledger
from lwsurvey.cost import memory
from lwsurvey.cost.closed_form import mobilenet_v1
from lwsurvey.latency import Comparison
from lwsurvey.latency.disturbances import Disturbance
from lwsurvey.latency.roofline import estimates, jobs, machine
from lwsurvey.models.blocks import InvertedResidual
from lwsurvey.stats import Estimate

BLOCKS = layers.mobilenet_v1(32)
ROOFS = machine.Roofs(*(Estimate(x, x / 1.1, x * 1.1, 9) for x in (80.0, 100.0, 10.0)))


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


def claim(name: str) -> Claim:
    return ledger()[name]


def comparison(**times: list[float]) -> Comparison:
    return Comparison(times=pd.DataFrame(times))


def noisy(rounds: int = 30, seed: int = 0, **medians: float) -> Comparison:
    draw = np.random.default_rng(seed)
    columns = {name: m * draw.lognormal(0, 0.02, rounds) for name, m in medians.items()}
    return Comparison(times=pd.DataFrame(columns))


def idle(macs: int = 10, moved: int = 5) -> jobs.Job:
    return jobs.Job(lambda: None, macs, moved)


# Jobs


def test_a_job_knows_its_work():
    work = jobs.job(nn.Conv2d(8, 16, 3, padding=1, bias=False), (1, 8, 7, 7))
    assert work.macs == cost.convolution(8, 16, 3, 7, 7).macs
    assert work.bytes == 4 * memory.convolution(8, 16, 3, 7, 7)
    assert work.intensity == work.macs / work.bytes
    assert work.call().shape == (1, 16, 7, 7)


def test_rates_are_work_over_time():
    table = jobs.rates({"a": idle(4_000_000_000, 2_000_000_000)}, noisy(a=2.0))
    row = table.loc["a"]
    assert row.rate == pytest.approx(4 / row.seconds) and row.rate == pytest.approx(2, rel=0.02)
    assert row.bandwidth == pytest.approx(2 / row.seconds)
    assert row.rate_low < row.rate < row.rate_high and row.low < row.seconds < row.high


def test_settled_statistics_keep_activations_alive():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = nn.Sequential(*[InvertedResidual(8, 8, hidden=48) for _ in range(3)])
        for parameter in net.parameters():
            parameter.data *= 0.01  # so small that they would fade away
    settled = jobs.settle(net, (1, 8, 16, 16))
    assert not settled.training
    norms = [m for m in settled.modules() if isinstance(m, nn.BatchNorm2d)]
    assert {norm.momentum for norm in norms} == {0.1}
    assert all(not torch.equal(n.running_var, torch.ones_like(n.running_var)) for n in norms)


def test_settling_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    jobs.settle(nn.Sequential(nn.BatchNorm2d(3), nn.Dropout()), (1, 3, 4, 4))
    assert torch.equal(torch.random.get_rng_state(), before)


# Layers


def test_the_blocks_are_those_of_the_table():
    blocks = layers.mobilenet_v1()
    assert len(blocks) == 13 and len(set(blocks)) == 9
    assert [block.stride for block in blocks].count(2) == 4
    made = layers.block_jobs(blocks)
    total = sum(made[f"separable {block}"].macs for block in blocks)
    stem, classifier = cost.convolution(3, 32, 3, 112, 112), cost.pointwise(1024, 1000, 1, 1)
    assert total + stem.macs + classifier.macs == mobilenet_v1().macs


@pytest.mark.parametrize("block", dict.fromkeys(BLOCKS), ids=str)
def test_a_block_and_its_twin_agree_in_shape_and_with_the_closed_form(block):
    made = layers.block_jobs([block], batch=2)
    dense, separable, depthwise, pointwise = (made[f"{k} {block}"] for k in layers.KINDS)
    assert dense.call().shape == separable.call().shape == pointwise.call().shape
    assert separable.macs == depthwise.macs + pointwise.macs
    assert dense.macs / separable.macs == pytest.approx(block.mac_ratio, abs=1e-12)


def times_of(blocks, dense: float, depthwise: float, pointwise: float) -> pd.DataFrame:
    """Times at so many seconds per MAC, two rounds."""
    columns = {}
    for block in blocks:
        macs = {kind: work.macs for kind, work in layers.block_jobs([block]).items()}
        rates = {"dense": dense, "depthwise": depthwise, "pointwise": pointwise}
        for kind, rate in rates.items():
            columns[f"{kind} {block}"] = [macs[f"{kind} {block}"] * rate] * 2
        parts = np.add(columns[f"depthwise {block}"], columns[f"pointwise {block}"])
        columns[f"separable {block}"] = parts
    return pd.DataFrame(columns)


def test_at_equal_speed_the_speed_up_is_the_ratio_of_macs():
    times = times_of(BLOCKS, 1, 1, 1)
    assert np.allclose(layers.speed_ups(times, BLOCKS), [b.mac_ratio for b in BLOCKS])
    assert np.allclose(layers.share_of_theory(times, BLOCKS), 1)


def test_the_formula_of_the_chapter_gives_the_speed_up():
    times = times_of(BLOCKS, 1, 1 / 0.1, 1 / 0.8)
    assert np.allclose(layers.utilisation(times, BLOCKS, "depthwise"), 0.1)
    assert np.allclose(layers.utilisation(times, BLOCKS, "pointwise"), 0.8)
    expected = [9 * b.M / (9 / 0.1 + b.M / 0.8) for b in BLOCKS]
    assert np.allclose(layers.speed_ups(times, BLOCKS), expected)


def race_of(dense: float, depthwise: float, pointwise: float, scatter: float = 0.01) -> Comparison:
    times = pd.concat([times_of(BLOCKS, dense, depthwise, pointwise)] * 10, ignore_index=True)
    return Comparison(times * np.random.default_rng(0).lognormal(0, scatter, times.shape))


@pytest.mark.parametrize(
    ("pointwise", "verdict"),
    [(1.0, "holds on a stand-in device"), (3.0, "contradicted on a stand-in device")],
)
def test_blocks_close_to_theory_are_counted(pointwise, verdict):
    close = layers.close_to_theory(race_of(1, 1, pointwise), BLOCKS)
    assert close.low <= close.value <= close.high
    assert judge(claim("C112"), close).verdict == verdict


def test_blocks_on_the_edge_of_close_are_open():
    close = layers.close_to_theory(race_of(1, 1 / 0.75, 1 / 0.75, 0.05), BLOCKS)
    assert judge(claim("C112"), close).verdict == "inconclusive"


# The machine


def test_the_roof_is_the_lower_of_the_two():
    assert ROOFS.attainable(0.5, 100) == 50 and ROOFS.attainable(5, 100) == 80
    assert ROOFS.ridge(10) == 8


def test_triads_take_the_memory_that_they_are_named_after():
    (work,) = machine.triads([0.25], "cpu").values()
    assert work.bytes == pytest.approx(2**18, rel=1e-4)
    assert torch.equal(work.call(), torch.full_like(work.call(), 3))
    with pytest.raises(ValueError, match="ascend"):
        machine.triads([2, 1], "cpu")


def test_roofs_of_known_times():
    peaks = {"slow": idle(10**9), "quick": idle(10**9)}
    moves = {"small": idle(1, 10**9), "large": idle(1, 10**9)}
    run = noisy(slow=0.5, quick=0.1, small=0.01, large=0.1)
    roofs = machine.roofs(peaks, moves, run)
    assert roofs.peak.value == pytest.approx(10, rel=0.03)
    assert roofs.cache.value == pytest.approx(100, rel=0.03)
    assert roofs.memory.value == pytest.approx(10, rel=0.03)


# Estimates


def test_the_choice_does_not_see_the_rounds_of_the_measurement():
    run = comparison(a=[1, 5, 1, 5, 1, 5], b=[2, 3, 2, 3, 2, 3])
    name, rest = estimates.held_out(run, lambda times: times.median().idxmin())
    assert name == "a" and rest.time("a").value == 5 and rest.rounds == 3
    with pytest.raises(ValueError, match="four rounds"):
        estimates.held_out(comparison(a=[1, 2, 3]), lambda times: None)


def test_a_positive_estimate_stays_positive():
    run = comparison(a=[1e-3, 1, 1e-3, 1, 1, 1e-3, 1, 1, 1e-3, 1])
    found = estimates.positive(run, lambda times: times["a"])
    assert 0 < found.low <= found.value <= found.high


@pytest.mark.parametrize(
    ("kinds", "end", "words"),
    [
        ((), 1.0, ""),
        (("outliers",), 1.0, "outliers"),
        (("load",), 1.0, "load; the interval is wider for that"),
        ((), 2.0, "the halves of the run differ by more than chance; the interval is wider"),
    ],
)
def test_a_positive_estimate_says_what_disturbed_it(kinds, end, words):
    run = noisy(40, a=1.0)
    found = tuple(Disturbance(kind, kind) for kind in kinds)
    times = run.times * np.repeat([[1.0], [end]], 20, axis=0)
    note = estimates.positive(Comparison(times, found=found), lambda times: times["a"]).note
    assert note.startswith(words) and bool(note) == bool(words)
    assert ("wider" in note) == ("load" in kinds or end != 1)


def test_the_errors_of_a_quotient_add_as_squares():
    one, three, four = (Estimate(1, 1, 1, 9), *(Estimate(1, 1 / r, r, 9) for r in (1.03, 1.04)))
    assert estimates.quotient(three, one).high == pytest.approx(1.03)
    both = estimates.quotient(three, four)
    assert np.log(both.high) == pytest.approx(np.hypot(np.log(1.03), np.log(1.04)))
    with pytest.raises(ValueError, match="positive"):
        estimates.quotient(one, Estimate(1, -1, 3, 9))


# Networks


def test_twins_without_what_stands_between_have_the_same_macs():
    found = networks.twins(size=32)
    for kind in ("separable", "dense"):
        whole, bare = found[kind], found[f"{kind}, convolutions only"]
        assert whole.macs == bare.macs and whole.bytes > bare.bytes


def test_every_name_in_the_library_has_a_label():
    assert {*networks.TORCHVISION, *networks.SHIPPED} <= set(networks.LABELS)


# Rankings


def test_rank_correlation_by_hand():
    assert ranking.tau([1, 2, 3], [1, 2, 3]) == 1 and ranking.tau([1, 2, 3], [3, 2, 1]) == -1
    assert ranking.tau([1, 2, 3], [2, 1, 3]) == pytest.approx(1 / 3)
    assert ranking.tau([1, 1, 2], [1, 2, 3]) == 1 and ranking.tau([1, 1], [1, 2]) == 0
    x, y = np.random.default_rng(0).normal(size=(2, 40))
    assert ranking.tau(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)


def family(scatter: float, noise: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """MACs of 80 networks, and two measurements of times that follow them so closely."""
    draw = np.random.default_rng(5)
    macs = np.exp(draw.uniform(0, 1, 80))
    times = macs * draw.lognormal(0, scatter, 80)
    return macs, times * draw.lognormal(0, noise, (2, 80))


@pytest.mark.parametrize(
    ("scatter", "noise", "verdict"),
    [
        (0.2, 0.01, "holds on this hardware"), (0.0, 0.01, "inconclusive"),
        (0.0, 0.2, "inconclusive"),  # noise alone convicts nobody
    ],
)  # fmt: skip
def test_what_turns_the_verdicts_on_macs_as_a_stand_in(scatter, noise, verdict):
    macs, halves = family(scatter, noise)
    assert judge(claim("C140"), ranking.order_lost(macs, halves)).verdict == verdict
    if noise < 0.1:
        apart = ranking.equal_macs_apart(macs, halves)
        assert judge(claim("C241"), apart).verdict == verdict


def test_only_networks_of_nearly_equal_macs_are_paired():
    macs = np.array([100.0, 104.0, 200.0])
    halves = np.array([[1.0, 1.5, 9.0], [1.0, 1.4, 9.0]])
    assert ranking.equal_macs_apart(macs, halves).value == pytest.approx(1.4)
    assert ranking.equal_macs_apart(macs, halves[:, ::-1][[0, 1]]).value > 1.4
    turned = np.array([[1.0, 1.5, 9.0], [1.5, 1.0, 9.0]])
    assert ranking.equal_macs_apart(macs, turned).value == 1  # they disagree on the order
    with pytest.raises(ValueError, match="within"):
        ranking.equal_macs_apart(np.array([1.0, 2.0, 4.0]), halves)


@pytest.mark.parametrize(("weight", "helps"), [(0.0, False), (1.0, True)])
def test_bytes_gain_only_where_they_matter(weight, helps):
    draw = np.random.default_rng(3)
    a, b, e = draw.normal(size=(3, 80))
    rows = {"macs": np.exp(a), "bytes": np.exp(b), "seconds": np.exp(a + weight * b + 0.2 * e)}
    alone, found = ranking.gain(pd.DataFrame(rows))
    assert (found.low > 0) == helps and alone < 1


# Where the time goes


def test_parts_add_up_to_the_network():
    found = layers.block_jobs(BLOCKS) | networks.twins(size=32)
    whole = {name: 1e9 for name in networks.twins(size=32)}
    times = pd.concat([times_of(BLOCKS, 1, 2, 1)] * 8, ignore_index=True).assign(**whole)
    parts = experiment.parts_of_time(Comparison(times), found, BLOCKS)
    for net in ("separable", "dense"):
        times, macs = zip(*(part for key, part in parts.items() if key[0] == net), strict=True)
        assert sum(t.value for t in times) == pytest.approx(1e12) and sum(macs) == pytest.approx(1)


# Verdicts that another measurement turns


@pytest.mark.parametrize(
    ("name", "holds", "fails"),
    [
        ("C113", 0.8, 1.2), ("C198", 3.0, 1.5), ("C603", 0.6, 0.4), ("C901", 0.5, 1.5),
        ("C902", 0.7, 1.3), ("C903", -0.8, 0.3), ("C823", 1.1, 0.6), ("C444", 0.8, 1.2),
    ],
)  # fmt: skip
def test_each_verdict_can_turn(name, holds, fails):
    row = claim(name)
    for value, wanted in ((holds, row.held), (fails, row.contradicted)):
        estimate = Estimate(value, value - 0.02, value + 0.02, 20)
        assert judge(row, estimate).verdict == wanted


# Figures


def test_the_roofline_names_every_layer():
    names = ["dense x", "depthwise x", "pointwise x", "linear"]
    rows = {name: idle(10 ** (9 + k), 10**9) for k, name in enumerate(names)}
    table = jobs.rates(rows, noisy(**dict.fromkeys(names, 1.0)))
    fig = figures.roofline(table, dict(zip(names, "abcd", strict=True)), ROOFS)
    assert {text.get_text() for text in fig.axes[0].texts} == set("abcd")
