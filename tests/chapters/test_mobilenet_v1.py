"""Chapter mobilenet-v1: the networks with one change, the grid, what runs, the study, pictures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from torch import nn

from lwsurvey import cost, figures, train
from lwsurvey.chapters.mobilenet_v1 import (
    diagram,
    draw,
    nets,
    operators,
    published,
    study,
    timing,
    weights,
)
from lwsurvey.data import Images, Split
from lwsurvey.models import small, zoo
from lwsurvey.models.blocks import DepthwiseSeparable
from lwsurvey.stats import Estimate

ARMS = study.claimed() | study.others()


def drawn(make, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return make()


def noise(images: int, side: int = 28) -> Images:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 1, side, side, generator=generator)
    return Images(x, torch.arange(images) % 10)


# The networks


def test_the_plain_network_is_the_small_mobilenet_v1_at_the_same_widths():
    ours, other = drawn(nets.network).state_dict(), drawn(lambda: small.mobilenet_v1(32))
    assert all(map(torch.equal, ours.values(), other.state_dict().values()))


@pytest.mark.parametrize("name", sorted(set(ARMS) - {"random windows"}))
def test_every_arm_gives_ten_outputs_and_learns_with_all_its_weights(name):
    net = drawn(ARMS[name])
    net(torch.randn(4, 1, 28, 28)).square().sum().backward()
    assert net(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert all(p.grad is not None and p.grad.any() for p in net.parameters() if p.dim() > 1)


@pytest.mark.parametrize(("pairs", "depth"), [(nets.network, 6), (nets.deep, 12)])
def test_shortcuts_stand_around_pairs_of_equal_shape_and_change_no_weight(pairs, depth):
    plain, added = drawn(pairs), nets.with_shortcuts(drawn(pairs))
    assert len(list(nets.pairs(added))) == len(list(nets.pairs(plain))) == depth
    assert sum(isinstance(part, nets.Shortcut) for part in added.modules()) == depth - 2
    assert all(map(torch.equal, added.state_dict().values(), plain.state_dict().values()))
    assert cost.count(added, small.INPUT) == cost.count(plain, small.INPUT)
    with torch.no_grad():
        x = torch.randn(2, 1, 28, 28)
        assert not torch.allclose(plain.eval()(x), added.eval()(x))


def test_random_windows_stay_as_they_were_drawn():
    make = nets.random_windows
    split = Split(noise(40), noise(20), noise(20))
    fitted = train.fit(make, split, seed=0, epochs=1, batch=20).net
    assert weights.turned(drawn(make), fitted) == pytest.approx([1] * 6)
    plain = train.fit(nets.network, split, seed=0, epochs=1, batch=20).net
    assert min(weights.turned(drawn(nets.network), plain)) < 0.999
    assert all(map(torch.equal, drawn(make).parameters(), drawn(nets.network).parameters()))


def test_a_shortcut_adds_before_the_last_relu():
    pair = DepthwiseSeparable(4, 4, after=lambda n: nn.Sequential(nn.Identity(), nn.ReLU()))
    x = torch.randn(1, 4, 5, 5)
    before = pair.pointwise(pair.depthwise(x).relu())
    torch.testing.assert_close(nets.Shortcut(pair)(x), (before + x).relu())


def test_a_variant_keeps_the_weights_that_it_does_not_replace():
    plain = drawn(nets.network)
    whole = published.weights(plain)
    shared = {name: weights.common(plain, drawn(make)) for name, make in ARMS.items()}
    assert shared["shortcuts"] == shared["deep"] == shared["deep, shortcuts"] == whole
    pointwise = sum(p.numel() for p in plain.parameters() if p.shape[2:] == (1, 1))
    assert shared["grouped 1×1"] == shared["low-rank 1×1"] == whole - pointwise
    assert shared["random windows"] == whole
    assert shared["full"] == plain.stem[0].weight.numel() + plain.head.linear.weight.numel()
    assert weights.common(plain, drawn(nets.network, seed=1)) == 0


def test_the_cut_pointwise_convolutions_cost_half_or_less_and_nearly_half():
    costs = study.costs()
    for name in study.CUT:
        assert 0.45 < costs.pointwise[name] / costs.pointwise[study.PLAIN] <= 0.5
    assert costs.pointwise[study.PLAIN] < costs.MACs[study.PLAIN]
    assert list(costs.index) == [*ARMS, *study.small_images()]


@pytest.mark.parametrize(("N", "M"), [(1, 1), (24, 32), (32, 64), (7, 13)])
def test_the_rank_is_the_largest_at_half_the_cost(N, M):
    R = nets.rank(N, M)
    assert 2 * R * (N + M) <= N * M < 2 * (R + 1) * (N + M)


def test_widths_must_be_whole():
    with pytest.raises(ValueError, match="not whole"):
        nets.network(0.3)


# The grid, and what runs


def test_the_counted_grid_obeys_the_formula_and_has_the_printed_cells():
    grid = published.grid()
    assert len(grid) == 16 and grid.top1.notna().sum() == 8
    assert all(published.of_blocks(*at) == published.block_formula(*at) for at in grid.index)
    assert grid.MACs[1.0, 224] == pytest.approx(568.74, abs=0.005)
    assert grid.top1[0.5, 160] == 60.2 and grid["MACs printed"][0.5, 160] == 76
    assert grid.groupby("alpha").weights.nunique().eq(1).all()


def test_rivals_have_the_printed_and_the_counted_figures_in_one_row():
    rivals = published.rivals()
    assert list(rivals.index[:2]) == ["Conv MobileNet", "MobileNet"] and len(rivals) == 7
    assert rivals["top-1, %"]["GoogLeNet"] == 69.8 and rivals["MACs printed"]["AlexNet"] == 720
    for ends in (("MACs printed", "counted"), ("parameters printed", "counted ")):
        ratio = rivals[ends[1]] / rivals[ends[0]]
        assert ratio.drop("SqueezeNet").between(0.9, 1.1).all()


def test_the_windows_are_the_input_channels_or_all_pairs_of_channels():
    assert published.spatial_kernels("separable") == 4960
    assert published.spatial_kernels("standard") == 3_139_584


def test_the_listener_hears_additions_and_what_follows_convolutions():
    v1, v2 = zoo.load("timm:mobilenetv1_100"), zoo.load("torchvision:mobilenet_v2")
    assert (operators.additions(v1), operators.additions(v2)) == (0, 10)
    assert operators.rectified(v1) == [True] * 27
    followed = operators.rectified(v2)
    assert len(followed) == 52 and followed.count(False) == 17  # the linear projections


def test_a_convolution_at_the_end_is_followed_by_nothing():
    with torch.device("meta"):
        net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
    assert operators.rectified(net.eval()) == [True, False]


# The study


def test_a_tiny_study_has_every_arm_and_pairs_what_it_compares():
    split = Split(noise(40), noise(20), noise(20))
    runs = study.run(split, 3, 2, epochs=1, batch=20)
    assert dict(runs.groupby("arm").size()) == {
        **dict.fromkeys(study.claimed(), 3),
        **dict.fromkeys([*study.others(), *study.small_images()], 2),
    }
    effects = study.effects(runs)
    assert effects["separable or full"].n == 3 and effects["double depth or single"].n == 2
    assert study.better_cut(runs) in study.CUT
    assert {s: list(line) for s, line in study.grid(runs).items()} == {
        s: list(study.ALPHAS) for s in study.SIDES
    }


def test_a_difference_uses_the_seeds_that_both_arms_have():
    rows = [("a", 0, 5.0), ("a", 1, 7.0), ("a", 2, 90.0), ("b", 0, 4.0), ("b", 1, 4.0)]
    runs = pd.DataFrame(rows, columns=["arm", "seed", "test"])
    found = study.difference(runs, "a", "b")
    assert (found.value, found.n) == (2.0, 2)


def test_the_better_cut_is_chosen_on_validation_images():
    rows = [(study.CUT[0], 0, 1.0, 9.0), (study.CUT[1], 0, 2.0, 3.0)]
    runs = pd.DataFrame(rows, columns=["arm", "seed", "validation", "test"])
    assert study.better_cut(runs) == study.CUT[1]


def test_halved_images_are_means_of_four_pixels():
    split = Split(noise(20), noise(20), noise(20))
    small_one = study.halved(split).train
    assert small_one.x.shape == (20, 1, 14, 14)
    assert small_one.x[3, 0, 1, 2] == pytest.approx(split.train.x[3, 0, 2:4, 4:6].mean())


def test_what_is_timed_has_the_work_that_is_said():
    networks = timing.networks(224)
    assert {name: side for name, (_, side) in networks.items()}[timing.SMALL] == 128
    work = timing.work(224)
    grid = published.grid().MACs
    assert work[timing.SMALL] == pytest.approx(grid[1.0, 128] / grid[1.0, 224])
    assert work[timing.FULL] == pytest.approx(8.558, abs=5e-4)
    assert list(timing.calls(28, "cpu")) == list(networks)


# The pictures


@pytest.fixture(autouse=True)
def closed():
    figures.style()
    yield
    plt.close("all")


def test_the_mosaic_shows_every_kernel_once():
    net = drawn(nets.network)
    fig = draw.kernels(net)
    shown = [ax.images[0].get_array() for ax in fig.axes]
    cells = [(image[::4, ::4, 3] > 0).sum() for image in shown]
    assert cells == [pair.depthwise.weight.shape[0] for pair in nets.pairs(net)]


def test_the_pictures_are_drawn():
    grid, one = published.grid(), Estimate(0.5, 0.4, 0.6, 5)
    assert len(draw.bubbles(grid).axes[0].collections) == 16
    ours = {side: dict.fromkeys(study.ALPHAS, one) for side in study.SIDES}
    index = pd.MultiIndex.from_product([study.SIDES, study.ALPHAS])
    fig = draw.curves(grid, ours, pd.Series(range(1, 9), index=index))
    assert [len(ax.get_legend().get_texts()) for ax in fig.axes] == [3, 2]
    assert draw.times({"a": one}, {"a": 0.3}).axes[0].get_xscale() == "log"
    assert diagram.blocks().axes
