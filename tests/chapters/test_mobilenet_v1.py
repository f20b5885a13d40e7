"""Chapter mobilenet-v1: the networks with one change, the grid, what runs, the study, figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from torch import nn

from lwsurvey import cost, train
from lwsurvey.chapters.mobilenet_v1 import experiment, figures, networks, operators, tables
from lwsurvey.data import Images, Split
from lwsurvey.figures import style
from lwsurvey.models import small, zoo
from lwsurvey.models.blocks import Residual
from lwsurvey.stats import Estimate

VARIANTS = experiment.main_variants() | experiment.other_variants()


def drawn(make, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return make()


def noise(images: int, side: int = 28) -> Images:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 1, side, side, generator=generator)
    return Images(x, torch.arange(images) % 10)


# The networks


def test_the_plain_network_is_the_small_mobilenet_v1_at_the_same_widths():
    ours, other = drawn(networks.plain).state_dict(), drawn(lambda: small.mobilenet_v1(32))
    assert all(map(torch.equal, ours.values(), other.state_dict().values()))


@pytest.mark.parametrize("name", sorted(set(VARIANTS) - {"random windows"}))
def test_every_variant_gives_ten_outputs_and_learns_with_all_its_weights(name):
    net = drawn(VARIANTS[name])
    net(torch.randn(4, 1, 28, 28)).square().sum().backward()
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert all(p.grad is not None and p.grad.any() for p in net.parameters() if p.dim() > 1)


@pytest.mark.parametrize(("pairs", "depth"), [(networks.plain, 6), (networks.deep, 12)])
def test_shortcuts_stand_around_pairs_of_equal_shape_and_change_no_weight(pairs, depth):
    plain, added = drawn(pairs), networks.with_shortcuts(drawn(pairs))
    assert len(list(networks.pairs(added))) == len(list(networks.pairs(plain))) == depth
    assert sum(isinstance(part, Residual) for part in added.modules()) == depth - 2
    assert all(map(torch.equal, added.state_dict().values(), plain.state_dict().values()))
    assert cost.count(added, small.INPUT) == cost.count(plain, small.INPUT)
    with torch.no_grad():
        x = torch.randn(2, 1, 28, 28)
        assert not torch.allclose(plain.eval()(x), added.eval()(x))


def test_random_windows_stay_as_they_were_drawn():
    make = networks.random_windows
    split = Split(noise(40), noise(20), noise(20))
    fitted = train.fit(make, split, seed=0, epochs=1, batch=20).net
    assert networks.kernel_cosines(drawn(make), fitted) == pytest.approx([1] * 6)
    plain = train.fit(networks.plain, split, seed=0, epochs=1, batch=20).net
    assert min(networks.kernel_cosines(drawn(networks.plain), plain)) < 0.999
    assert all(map(torch.equal, drawn(make).parameters(), drawn(networks.plain).parameters()))


def test_a_shortcut_adds_before_the_last_relu():
    unit, x = networks.with_shortcuts(networks.plain()).eval().early[1], torch.randn(1, 32, 5, 5)
    pair = unit.branch
    before = pair.after_pointwise[0](pair.pointwise(pair.after_depthwise(pair.depthwise(x))))
    torch.testing.assert_close(unit(x), (before + x).relu())


def test_a_variant_keeps_the_weights_that_it_does_not_replace():
    plain = drawn(networks.plain)
    whole = tables.weights(plain)
    shared = {name: networks.shared_weights(plain, drawn(make)) for name, make in VARIANTS.items()}
    assert shared["shortcuts"] == shared["deep"] == shared["deep, shortcuts"] == whole
    pointwise = sum(p.numel() for p in plain.parameters() if p.shape[2:] == (1, 1))
    assert shared["grouped 1×1"] == shared["low-rank 1×1"] == whole - pointwise
    assert shared["random windows"] == whole
    assert shared["full"] == plain.stem[0].weight.numel() + plain.head.linear.weight.numel()
    assert networks.shared_weights(plain, drawn(networks.plain, seed=1)) == 0


def test_the_cut_pointwise_convolutions_cost_half_or_less_and_nearly_half():
    costs = experiment.costs()
    for name in experiment.CUT:
        assert 0.45 < costs.pointwise[name] / costs.pointwise[experiment.PLAIN] <= 0.5
    assert costs.pointwise[experiment.PLAIN] < costs.MACs[experiment.PLAIN]
    assert list(costs.index) == [*VARIANTS, *experiment.half_side_variants()]


@pytest.mark.parametrize(("N", "M"), [(1, 1), (24, 32), (32, 64), (7, 13)])
def test_the_rank_is_the_largest_at_half_the_cost(N, M):
    R = networks.rank(N, M)
    assert 2 * R * (N + M) <= N * M < 2 * (R + 1) * (N + M)


def test_widths_must_be_whole():
    with pytest.raises(ValueError, match="not whole"):
        networks.plain(0.3)


# The grid, and what runs


def test_the_counted_grid_obeys_the_formula_and_has_the_printed_cells():
    grid = tables.grid()
    assert len(grid) == 16 and grid.top1.notna().sum() == 8
    assert all(tables.block_macs(*at) == tables.block_formula(*at) for at in grid.index)
    assert grid.MACs[1.0, 224] == pytest.approx(568.74, abs=0.005)
    assert grid.top1[0.5, 160] == 60.2 and grid["MACs printed"][0.5, 160] == 76
    assert grid.groupby("alpha").weights.nunique().eq(1).all()


def test_rivals_have_the_printed_and_the_counted_figures_in_one_row():
    rivals = tables.rivals()
    assert list(rivals.index[:2]) == ["Conv MobileNet", "MobileNet"] and len(rivals) == 7
    assert rivals["top-1, %"]["GoogLeNet"] == 69.8 and rivals["MACs printed"]["AlexNet"] == 720
    for ends in (("MACs printed", "counted"), ("parameters printed", "counted ")):
        ratio = rivals[ends[1]] / rivals[ends[0]]
        assert ratio.drop("SqueezeNet").between(0.9, 1.1).all()


def test_the_windows_are_the_input_channels_or_all_pairs_of_channels():
    assert tables.spatial_kernels("separable") == 4960
    assert tables.spatial_kernels("standard") == 3_139_584


def test_the_listener_hears_additions_and_what_follows_convolutions():
    v1, v2 = zoo.load("timm:mobilenetv1_100"), zoo.load("torchvision:mobilenet_v2")
    assert (operators.additions(v1), operators.additions(v2)) == (0, 10)
    assert operators.relu_follows(v1) == [True] * 27
    followed = operators.relu_follows(v2)
    assert len(followed) == 52 and followed.count(False) == 17  # the linear projections


def test_a_convolution_at_the_end_is_followed_by_nothing():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
    assert operators.relu_follows(net.eval()) == [True, False]


# The study


def test_a_tiny_study_has_every_variant_and_pairs_what_it_compares():
    split = Split(noise(40), noise(20), noise(20))
    runs = experiment.run(split, 3, 2, epochs=1, batch=20)
    assert dict(runs.groupby("variant").size()) == {
        **dict.fromkeys(experiment.main_variants(), 3),
        **dict.fromkeys([*experiment.other_variants(), *experiment.half_side_variants()], 2),
    }
    effects = experiment.effects(runs)
    assert effects["separable or full"].n == 3 and effects["double depth or single"].n == 2
    assert experiment.better_cut(runs) in experiment.CUT
    assert {s: list(line) for s, line in experiment.grid(runs).items()} == {
        s: list(experiment.ALPHAS) for s in experiment.SIDES
    }


def test_a_difference_uses_the_seeds_that_both_variants_have():
    rows = [("a", 0, 5.0), ("a", 1, 7.0), ("a", 2, 90.0), ("b", 0, 4.0), ("b", 1, 4.0)]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "test"])
    found = experiment.difference(runs, "a", "b")
    assert (found.value, found.n) == (2.0, 2)


def test_the_better_cut_is_chosen_on_validation_images():
    rows = [(experiment.CUT[0], 0, 1.0, 9.0), (experiment.CUT[1], 0, 2.0, 3.0)]
    runs = pd.DataFrame(rows, columns=["variant", "seed", "validation", "test"])
    assert experiment.better_cut(runs) == experiment.CUT[1]


def test_halved_images_are_means_of_four_pixels():
    split = Split(noise(20), noise(20), noise(20))
    small_one = experiment.halve(split).train
    assert small_one.x.shape == (20, 1, 14, 14)
    assert small_one.x[3, 0, 1, 2] == pytest.approx(split.train.x[3, 0, 2:4, 4:6].mean())


def test_what_is_timed_has_the_work_that_is_said():
    competitors = experiment.competitors(224)
    assert competitors[experiment.SMALL][1] == 128
    work = experiment.work(224)
    grid = tables.grid().MACs
    assert work[experiment.SMALL] == pytest.approx(grid[1.0, 128] / grid[1.0, 224])
    assert work[experiment.FULL] == pytest.approx(8.558, abs=5e-4)
    assert list(experiment.calls(28, "cpu")) == list(competitors)


# The figures


@pytest.fixture(autouse=True)
def closed():
    style()
    yield
    plt.close("all")


def test_the_mosaic_shows_every_kernel_once():
    net = drawn(networks.plain)
    fig = figures.kernels(net)
    shown = [ax.images[0].get_array() for ax in fig.axes]
    cells = [(image[::4, ::4, 3] > 0).sum() for image in shown]
    assert cells == [pair.depthwise.weight.shape[0] for pair in networks.pairs(net)]


def test_the_figures_are_drawn():
    grid, one = tables.grid(), Estimate(0.5, 0.4, 0.6, 5)
    assert len(figures.bubbles(grid).axes[0].collections) == 16
    ours = {side: dict.fromkeys(experiment.ALPHAS, one) for side in experiment.SIDES}
    index = pd.MultiIndex.from_product([experiment.SIDES, experiment.ALPHAS])
    fig = figures.curves(grid, ours, pd.Series(range(1, 9), index=index))
    assert [len(ax.get_legend().get_texts()) for ax in fig.axes] == [3, 2]
    assert figures.times({"a": one}, {"a": 0.3}).axes[0].get_xscale() == "log"
    assert figures.blocks().axes
