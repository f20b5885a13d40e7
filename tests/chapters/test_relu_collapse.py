"""The toy of MobileNetV2's figure 1: what ReLU keeps, and who can get it back."""

from __future__ import annotations

from itertools import product
from math import comb

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn

from lwsurvey.chapters.relu_collapse import decoders, embedding, experiment, figures, networks
from lwsurvey.train import TrainError

SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.integers(2, 12)
UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


def one(seed: int, n: int) -> np.ndarray:
    """A random matrix that is not too close to degenerate, shape ``(1, n, 2)``."""
    t = embedding.random_matrices(1, n, seed=seed)
    angles = np.sort(np.mod(np.arctan2(t[0, :, 1], t[0, :, 0]), np.pi))
    assume(np.diff(np.append(angles, angles[0] + np.pi)).min() > 1e-3)
    assume(np.linalg.norm(t[0], axis=1).min() > 1e-2)
    return t


# The theorem


@pytest.mark.parametrize(("n", "d"), list(product(range(1, 9), range(1, 5))))
def test_theorem_counts_the_sign_patterns(n, d):
    patterns = list(product((0, 1), repeat=n))
    expected = sum(sum(pattern) >= d for pattern in patterns) / len(patterns)
    assert embedding.kept_share(n, d) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("n", "share"), [(2, 0.25), (3, 0.5), (5, 0.8125), (15, 0.9995), (30, 1.0)]
)
def test_theorem_gives_the_values_of_the_paper(n, share):
    assert embedding.kept_share(n) == pytest.approx(share, abs=5e-5)


@UNTIMED
@given(n=st.integers(1, 60), d=st.integers(1, 20))
def test_theorem_equals_the_paper_s_printed_form(n, d):
    printed = sum(comb(n, k) for k in range(n - d + 1)) / 2**n
    assert embedding.kept_share(n, d) == pytest.approx(printed, abs=1e-12)
    assert embedding.lost_share(n, d) + embedding.kept_share(n, d) == pytest.approx(1)


def test_a_tiny_loss_is_not_rounded_away():
    assert embedding.lost_share(192, 32) == pytest.approx(1.11815e-22, rel=1e-4)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_theorem_is_the_average_over_matrices(n):
    kept = embedding.plane_kept(embedding.random_matrices(4000, n, seed=n))
    assert abs(kept.mean() - embedding.kept_share(n)) < 4 * kept.std() / 4000**0.5 + 1e-9


def test_three_rows_keep_half_of_the_plane_whatever_they_are():
    assert np.allclose(embedding.plane_kept(embedding.random_matrices(500, 3, seed=1)), 0.5)


# One matrix


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_arcs_cover_the_circle_and_agree_with_sampled_directions(seed, n):
    t = one(seed, n)
    cut = embedding.arcs(t)
    assert cut.width.sum() == pytest.approx(2 * np.pi) and (cut.width >= 0).all()
    direction = np.stack([np.cos(cut.middle[0]), np.sin(cut.middle[0])], axis=1)
    active = (embedding.embed(t, direction) > 0).sum(axis=2)
    assert (active == cut.active).all()
    assert embedding.fewest_active(t)[0] == active.min()


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_more_rows_never_lose_what_fewer_keep(seed, n):
    t = embedding.random_matrices(1, n + 1, seed=seed)
    assert embedding.plane_kept(t)[0] >= embedding.plane_kept(t[:, :n])[0] - 1e-12


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_relu_never_raises_the_rank_and_linear_keeps_it(seed, n):
    t, x = one(seed, n), embedding.disc(50, seed)
    assert (embedding.local_rank(t, x, "linear") == 2).all()
    assert (embedding.local_rank(t, x, "relu6") <= embedding.local_rank(t, x)).all()
    left = [t[0][t[0] @ point > 0] for point in x]
    numeric = [np.linalg.matrix_rank(rows) if len(rows) else 0 for rows in left]
    assert (embedding.local_rank(t, x)[0] == numeric).all()


def test_relu6_loses_what_saturates_and_equals_relu_below():
    t = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    x = np.array([[5.9, 5.9], [6.1, 1.0], [7.0, 8.0], [-1.0, 2.0]])
    z = embedding.embed(t, x)
    assert embedding.activate(z, "relu6").tolist() == [[[5.9, 5.9], [6, 1], [6, 6], [0, 2]]]
    assert embedding.local_rank(t, x, "relu6").tolist() == [[2, 1, 0, 1]]
    assert embedding.local_rank(t, x, "relu").tolist() == [[2, 2, 2, 1]]


# Decoders


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_best_decoder_is_exact_where_two_rows_are_active(seed, n):
    t, x = one(seed, n), embedding.disc(60, seed)
    guess = decoders.best_in_disc(t, embedding.activate(embedding.embed(t, x)))
    exact = embedding.local_rank(t, x) == 2
    assert np.abs(guess - x)[exact].max(initial=0) < 1e-7


@UNTIMED
@given(seed=SEEDS, n=st.integers(2, 5))
def test_points_that_are_not_recoverable_share_their_activation(seed, n):
    t, x = one(seed, n), embedding.disc(60, seed)
    y = embedding.activate(embedding.embed(t, x))
    guess = decoders.best_in_disc(t, y)[0]
    again = embedding.activate(embedding.embed(t, guess))[0]
    lost = embedding.local_rank(t, x)[0] < 2
    # The guess is another point of the same fibre: nobody can tell it from the input.
    assert np.abs(again - y[0])[lost].max(initial=0) < 1e-9
    assert np.linalg.norm(guess, axis=1)[lost].max(initial=0) <= 1 + 1e-9


@pytest.mark.parametrize("n", [2, 3, 5])
def test_best_decoder_is_the_mean_of_the_fibre(n):
    t, x = embedding.random_matrices(1, n, seed=11), embedding.disc(20_000, 3)
    y = embedding.activate(embedding.embed(t, x))
    miss = x - decoders.best_in_disc(t, y)[0]
    active = y[0] > 0
    for pattern in np.unique(active, axis=0):
        group = (active == pattern).all(axis=1)
        if pattern.sum() < 2 and group.sum() > 500:
            spread = 4 * miss[group].std(axis=0).max() / group.sum() ** 0.5
            assert np.abs(miss[group].mean(axis=0)).max() < spread + 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_other_decoder_is_better_on_the_disc(seed):
    t, x = embedding.random_matrices(30, 3, seed=seed), embedding.disc(400, 5)
    y = embedding.activate(embedding.embed(t, x))
    best = decoders.relative_error(decoders.best_in_disc(t, y), x).mean()
    assert best < decoders.relative_error(decoders.best_affine(y, x), x).mean()
    assert best < decoders.relative_error(decoders.pseudo_inverse(t, y), x).mean()


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_pseudo_inverse_undoes_the_embedding_but_halves_relu(seed, n):
    t, x = one(seed, n), embedding.disc(20, seed)
    z = embedding.embed(t, x)
    assert np.allclose(decoders.pseudo_inverse(t, z), x, atol=1e-8)
    rest = decoders.pseudo_inverse(t, np.abs(z)) / 2
    halved = decoders.pseudo_inverse(t, embedding.activate(z))
    assert np.allclose(halved, x / 2 + rest, atol=1e-8 * (1 + np.abs(rest).max()))


def test_pseudo_inverse_tends_to_half_of_the_input():
    t, x = embedding.random_matrices(5, 4000, seed=0), embedding.spiral(50)
    guess = decoders.pseudo_inverse(t, embedding.activate(embedding.embed(t, x)))
    assert np.abs(guess - x / 2).max() < 0.05


def test_best_affine_is_exact_without_relu_and_beats_small_changes():
    t, x = embedding.random_matrices(3, 4, seed=2), embedding.spiral(80)
    z = embedding.embed(t, x)
    assert decoders.relative_error(decoders.best_affine(z, x), x).max() < 1e-20
    y = embedding.activate(z)
    best = decoders.best_affine(y, x)
    worse = best + 0.01 * y[..., :2]
    assert (decoders.relative_error(worse, x) > decoders.relative_error(best, x)).all()


@pytest.mark.parametrize(("share", "error"), [(0, 1), (0.5, 0.25), (1, 0)])
def test_relative_error_of_a_shrunken_curve(share, error):
    x = embedding.spiral(30)
    assert np.allclose(decoders.relative_error(np.stack([share * x] * 2), x), error)


# Curves and convexity


def test_a_curve_collapses_where_it_crosses_a_fibre_twice():
    t = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    # Up the second quadrant and down again: every height twice, but the top and the foot.
    tent = np.array([[-3.0, 0.05], [-2.0, 0.5], [-1.5, 1.0], [-1.0, 0.4], [-0.5, 0.1]])
    assert decoders.curve_collapsed(t, tent).tolist() == [3 / 5]
    assert decoders.curve_collapsed(t, tent[:3]).tolist() == [0]
    assert decoders.curve_collapsed(t, np.abs(tent)).tolist() == [0]
    assert decoders.curve_collapsed(t, -np.abs(tent)).tolist() == [1]


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_a_curve_loses_no_more_points_than_the_plane(seed, n):
    t, x = one(seed, n), embedding.spiral(60)
    assert decoders.curve_collapsed(t, x)[0] <= (embedding.local_rank(t, x) < 2).mean()


def test_two_rows_have_a_convex_image_and_many_have_not():
    assert decoders.chords_outside(embedding.random_matrices(20, 2, seed=0), 50, seed=1).max() == 0
    assert (
        decoders.chords_outside(embedding.random_matrices(20, 15, seed=0), 50, seed=1).min() > 0.5
    )


# Bad input


@pytest.mark.parametrize(
    "call",
    [
        lambda: embedding.spiral(1),
        lambda: embedding.random_matrices(0, 2, seed=0),
        lambda: embedding.embed(np.zeros((2, 3, 2)), np.zeros((4, 3))),
        lambda: embedding.activate(np.zeros(2), "gelu"),
        lambda: embedding.passing(np.zeros(2), "Relu"),
        lambda: embedding.kept_share(0),
        lambda: embedding.arcs(np.zeros((2, 3, 3))),
        lambda: decoders.pseudo_inverse(np.zeros((2, 3, 2)), np.zeros((2, 4, 5))),
        lambda: decoders.best_affine(np.zeros((1, 4, 4)), np.zeros((4, 2))),
        lambda: experiment.glyphs(0, seed=0),
    ],
)
def test_bad_input_is_refused_with_a_reason(call):
    with pytest.raises(ValueError, match=r"need|must|unknown|positive|a spiral"):
        call()


# The trained part


def test_glyphs_are_the_same_for_the_same_seed_only():
    first, same, other = (experiment.glyphs(30, seed=k) for k in (1, 1, 2))
    assert first.x.shape == (30, 1, 16, 16) and first.y.min() >= 0 and first.y.max() <= 9
    assert torch.equal(first.x, same.x) and not torch.equal(first.x, other.x)
    assert len({digit.numpy().tobytes() for digit in experiment.templates()[0]}) == 10


def test_training_is_repeatable_and_learns():
    options = dict(seed=3, images=1280, epochs=3, test=300)
    first, again = (experiment.fit(lambda: networks.separable_net(24), **options) for _ in range(2))
    assert first.test == again.test > 15
    with pytest.raises(TrainError, match="3 training images do not fill a batch"):
        experiment.fit(lambda: networks.separable_net(4), seed=0, images=3, epochs=1)


def test_momentum_falls_while_the_rate_rises_and_the_cycle_ends_with_the_training():
    sgd, schedule = experiment.CyclingMomentum(epochs=2).optimiser(networks.separable_net(4), 640)
    rates, momenta = [], []
    for _ in range(2 * 10):
        rates.append(sgd.param_groups[0]["lr"])
        momenta.append(sgd.param_groups[0]["momentum"])
        sgd.step()
        schedule.step()
    assert max(rates) == pytest.approx(0.1) and rates[-1] < 1e-5
    assert np.array_equal(np.sign(np.diff(rates)), -np.sign(np.diff(momenta)))


@pytest.mark.parametrize("relu_slim", [False, True])
def test_slim_outputs_are_negative_only_without_relu(relu_slim):
    x = torch.randn(8, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    inverted = networks.inverted_net(4, 2, relu_slim).eval()
    out = inverted.blocks[1](inverted.stem(x))  # has stride 2, so that no input is added
    assert (out.min() >= 0).item() is relu_slim
    inside = networks.bottleneck_net(8, 4, relu_slim).eval()
    assert sum(isinstance(part, nn.ReLU6) for part in inside.blocks.modules()) == 8 * relu_slim


@pytest.mark.parametrize("make", [networks.inverted_net, networks.separable_net])
def test_each_network_halves_its_maps_twice(make):
    net = make(8).eval()
    assert net.blocks(net.stem(torch.zeros(2, 1, 16, 16))).shape == (2, 8, 4, 4)


def test_an_expansion_of_one_keeps_its_convolution():
    kernels = [tuple(p.shape[2:]) for p in networks.inverted_net(8, t=1).blocks.parameters()]
    assert kernels.count((1, 1)) == 8 and kernels.count((3, 3)) == 4


def test_filled_share_sees_a_subspace():
    net = networks.separable_net(8).eval()
    net.blocks = nn.Sequential(nn.Conv2d(8, 8, 1, bias=False))
    with torch.no_grad():
        net.blocks[0].weight.copy_(torch.ones(8, 8)[:, :, None, None])
    assert experiment.filled_share(net) == 1 / 8


def test_the_dots_of_a_figure_are_the_same_each_time():
    effects = {"one": np.arange(5.0), "other": np.arange(5.0) - 2}
    dots = [figures.differences(effects).axes[0].lines[0].get_ydata() for _ in range(2)]
    assert np.array_equal(*dots)
    plt.close("all")
