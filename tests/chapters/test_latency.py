"""What the chapter on time needs: jobs of known work, roofs, networks, rankings, figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.text import Text
from torch import nn

from lwsurvey import cost
from lwsurvey.chapters.latency import experiment, figures, layers, networks, ranking
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


def test_rivals_have_equal_macs():
    for (C, side), (dense, depthwise) in layers.equal_macs((4, 8), (3, 5)).items():
        assert dense.macs == depthwise.macs == 9 * C * C * side * side
        assert depthwise.intensity < dense.intensity


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
    assert np.allclose(layers.larger_utilisation(times, BLOCKS), 1)


def test_the_formula_of_the_chapter_gives_the_speed_up():
    times = times_of(BLOCKS, 1, 1 / 0.1, 1 / 0.8)
    assert np.allclose(layers.utilisation(times, BLOCKS, "depthwise"), 0.1)
    assert np.allclose(layers.utilisation(times, BLOCKS, "pointwise"), 0.8)
    assert np.allclose(layers.larger_utilisation(times, BLOCKS), 0.8)
    expected = [9 * b.M / (9 / 0.1 + b.M / 0.8) for b in BLOCKS]
    assert np.allclose(layers.speed_ups(times, BLOCKS), expected)


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


@pytest.mark.parametrize("seed", range(4))
def test_a_random_network_is_the_same_for_the_same_seed_and_runs(seed):
    first, second = (networks.random_mobilenet(seed, 0.25) for _ in range(2))
    assert str(first) == str(second)
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    settled = jobs.settle(first, (1, 3, 32, 32))
    assert settled(torch.ones(1, 3, 32, 32)).shape == (1, 10)


def test_random_networks_differ():
    assert len({str(networks.random_mobilenet(seed, 0.25)) for seed in range(8)}) == 8


def test_twins_without_what_stands_between_have_the_same_macs():
    found = networks.twins(size=32)
    for kind in ("separable", "dense"):
        whole, bare = found[kind], found[f"{kind}, convolutions only"]
        assert whole.macs == bare.macs and whole.bytes > bare.bytes


def test_every_name_in_the_library_has_a_label():
    assert {*networks.TORCHVISION, "mobilenet_v1"} <= set(figures.LABELS)


# Rankings


def test_misranked_pairs_by_hand():
    assert ranking.misranked([1, 2, 3], [1, 2, 3]) == 0
    assert ranking.misranked([1, 2, 3], [3, 2, 1]) == 100
    assert ranking.misranked([1, 2, 3], [2, 1, 3]) == pytest.approx(100 / 3)
    assert ranking.misranked([1, 2, 3], [2, 1, 3], [1, 2, 3]) == 0  # not in both
    assert ranking.misranked([1, 2, 3], [2, 1, 3], [3, 2, 1]) == pytest.approx(100 / 3)
    with pytest.raises(ValueError, match="differ"):
        ranking.misranked([1, 1], [1, 2])
    with pytest.raises(ValueError, match="as many"):
        ranking.misranked([1, 2], [1])


def test_the_interval_of_misranked_pairs_covers_the_population():
    """Of 60 samples of a known population, 95 % of the intervals should contain its share."""
    draw = np.random.default_rng(1)
    x, e = draw.normal(size=(2, 4000))
    truth, hits = ranking.misranked(x[:2000], (x + 0.5 * e)[:2000]), 0
    for k in range(60):
        part = draw.integers(0, 4000, 60)
        found = ranking.misranked_interval(x[part], (x + 0.5 * e)[part], seed=k)
        hits += found.low <= truth <= found.high
    assert hits >= 51


def test_leave_one_out_is_what_it_says():
    draw = np.random.default_rng(2)
    X, y = draw.normal(size=(12, 2)), draw.normal(size=12)
    by_hand = []
    for k in range(12):
        rest = np.arange(12) != k
        A = np.column_stack([np.ones(11), X[rest]])
        by_hand.append(np.append(1, X[k]) @ np.linalg.lstsq(A, y[rest], rcond=None)[0])
    assert np.allclose(ranking.predict(X, y), by_hand)
    with pytest.raises(ValueError, match="too few"):
        ranking.predict(X[:3], y[:3])


@pytest.mark.parametrize(("weight", "helps"), [(0.0, False), (1.0, True)])
def test_bytes_gain_only_where_they_matter(weight, helps):
    draw = np.random.default_rng(3)
    a, b, e = draw.normal(size=(3, 80))
    rows = {"macs": np.exp(a), "bytes": np.exp(b), "seconds": np.exp(a + weight * b + 0.2 * e)}
    found = ranking.gain(pd.DataFrame(rows))
    assert (found.low > 0) == helps


# Extremes


def test_the_widest_spread_per_mac_is_found():
    run = noisy(a=1.0, b=3.0, c=2.0)
    spread = ranking.spread_per_mac(run, {"a": 100, "b": 100, "c": 400})
    assert (spread.slow, spread.quick) == ("b", "c")
    assert spread.ratio.low < 6 < spread.ratio.high


def test_only_networks_of_nearly_equal_macs_are_paired():
    run = noisy(a=1.0, b=1.5, c=9.0)
    spread = ranking.spread_of_equals(run, {"a": 100, "b": 104, "c": 200})
    assert (spread.slow, spread.quick) == ("b", "a")
    with pytest.raises(ValueError, match="within"):
        ranking.spread_of_equals(run, {"a": 100, "b": 120, "c": 200})


# What else decides


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_so_many_weights_are_zero_and_the_others_stay(share):
    layer = nn.Conv2d(8, 8, 3, padding=1, bias=False)
    emptied = experiment.sparse(layer, share)
    kept = emptied.weight != 0
    assert kept.sum() == layer.weight.numel() - round(share * layer.weight.numel())
    assert torch.equal(emptied.weight[kept], layer.weight[kept])
    assert emptied.padding == layer.padding


def test_both_products_are_the_same_product():
    dense, rows = experiment.products(32, 0.9).values()
    torch.testing.assert_close(dense(), rows())


def test_every_setting_is_in_the_table():
    names = [
        f"{k}, batch {b}, {how}"
        for k in experiment.NETWORKS
        for b in (1, 2)
        for how in experiment.LAYOUTS
    ]
    run = noisy(**{name: 2.0 if name.startswith("dense") else 1.0 for name in names})
    table = experiment.settings_table(run, (1, 2), "here")
    assert len(table) == 4 and np.allclose(table["speed-up"], 2, rtol=0.05)
    assert table.dense[2] == pytest.approx(table.dense[0] / 2, rel=0.05)
    assert figures.settings(table).axes


def test_without_a_compiler_there_is_a_reason(monkeypatch):
    def refuse(graph, inputs):
        raise RuntimeError("no compiler here")

    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda module: compile_(module, backend=refuse))
    reason = experiment.compile_forward(nn.Linear(2, 2), (1, 2))
    assert isinstance(reason, str) and "no compiler here" in reason


def test_a_compiled_module_gives_the_same(monkeypatch):
    compile_ = torch.compile
    monkeypatch.setattr(torch, "compile", lambda module: compile_(module, backend="eager"))
    assert callable(experiment.compile_forward(nn.Linear(2, 2), (1, 2)))


# Where the time goes


def test_parts_add_up_to_the_network():
    found = layers.block_jobs(BLOCKS) | networks.twins(size=32)
    run = Comparison(times=times_of(BLOCKS, 1, 2, 1))
    whole = comparison(**{name: [1e9, 1e9] for name in found if " " not in name or "," in name})
    table = experiment.shares_of_time(run, whole, found, BLOCKS)
    for _, part in table.groupby("network"):
        assert part["share of MACs"].sum() == pytest.approx(100)
        assert part["share of time"].sum() == pytest.approx(100)


# Figures


def test_figures_show_every_layer_and_network():
    names = ["dense x", "depthwise x", "pointwise x", "linear"]
    rows = {name: idle(10 ** (9 + k), 10**9) for k, name in enumerate(names)}
    table = jobs.rates(rows, noisy(**dict.fromkeys(names, 1.0)))
    assert figures.roofline(table, ROOFS).axes and figures.bandwidths(table).axes
    table.index = ["alexnet", "mobilenet_v1", "resnet18", "resnet50"]
    written = {text.get_text() for text in figures.networks(table).axes[0].texts}
    assert {"AlexNet", "MobileNet V1", "ResNet-18", "ResNet-50"} <= written


def test_names_do_not_cover_each_other():
    names = [*networks.TORCHVISION, "mobilenet_v1"]
    draw = np.random.default_rng(4)
    macs = np.exp(draw.uniform(0, 5, len(names))) * 1e7
    rows = {name: idle(int(m), int(m)) for name, m in zip(names, macs, strict=True)}
    run = noisy(
        **{n: m / 1e10 * f for n, m, f in zip(names, macs, draw.uniform(1, 4, 18), strict=True)}
    )
    fig = figures.networks(jobs.rates(rows, run))
    fig.draw_without_rendering()
    labels = [t for t in fig.axes[0].texts if t.get_text() in figures.LABELS.values()]
    boxes = [Text.get_window_extent(text) for text in labels]  # without a line to the dot
    overlaps = [a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i]]
    assert len(labels) == 18 and sum(overlaps) <= 1
