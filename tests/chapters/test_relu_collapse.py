"""The toy of MobileNetV2's figure 1: what ReLU keeps, and who can get it back."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lwsurvey.chapters.relu_collapse import decoders, glyphs, maps, nets, plane, shape

SEEDS = st.integers(0, 2**32 - 1)
ROWS = st.integers(2, 12)
UNTIMED = settings(deadline=None, max_examples=60)  # the machine may be busy


def one(seed: int, n: int) -> np.ndarray:
    """A random matrix that is not too close to degenerate, shape ``(1, n, 2)``."""
    t = maps.embeddings(1, n, seed=seed)
    angles = np.sort(np.mod(np.arctan2(t[0, :, 1], t[0, :, 0]), np.pi))
    assume(np.diff(np.append(angles, angles[0] + np.pi)).min() > 1e-3)
    assume(np.linalg.norm(t[0], axis=1).min() > 1e-2)
    return t


# The theorem


@pytest.mark.parametrize(("n", "d"), list(product(range(1, 9), range(1, 5))))
def test_theorem_counts_the_sign_patterns(n, d):
    patterns = list(product((0, 1), repeat=n))
    expected = sum(sum(pattern) >= d for pattern in patterns) / len(patterns)
    assert plane.kept_share(n, d) == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("n", "share"), [(2, 0.25), (3, 0.5), (5, 0.8125), (15, 0.9995), (30, 1.0)]
)
def test_theorem_gives_the_values_of_the_paper(n, share):
    assert plane.kept_share(n) == pytest.approx(share, abs=5e-5)


@UNTIMED
@given(n=st.integers(1, 60), d=st.integers(1, 20))
def test_theorem_equals_the_paper_s_printed_form(n, d):
    printed = sum(comb(n, k) for k in range(n - d + 1)) / 2**n
    assert plane.kept_share(n, d) == pytest.approx(printed, abs=1e-12)
    assert plane.lost_share(n, d) + plane.kept_share(n, d) == pytest.approx(1)


def test_a_tiny_loss_is_not_rounded_away():
    assert plane.lost_share(192, 32) == pytest.approx(1.11815e-22, rel=1e-4)


@pytest.mark.parametrize("n", [2, 3, 5, 8])
def test_theorem_is_the_average_over_matrices(n):
    kept = plane.plane_kept(maps.embeddings(4000, n, seed=n))
    assert abs(kept.mean() - plane.kept_share(n)) < 4 * kept.std() / 4000**0.5 + 1e-9


def test_three_rows_keep_half_of_the_plane_whatever_they_are():
    assert np.allclose(plane.plane_kept(maps.embeddings(500, 3, seed=1)), 0.5)


# One matrix


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_arcs_cover_the_circle_and_agree_with_sampled_directions(seed, n):
    t = one(seed, n)
    cut = plane.arcs(t)
    assert cut.width.sum() == pytest.approx(2 * np.pi) and (cut.width >= 0).all()
    direction = np.stack([np.cos(cut.middle[0]), np.sin(cut.middle[0])], axis=1)
    active = (maps.embed(t, direction) > 0).sum(axis=2)
    assert (active == cut.active).all()
    assert plane.fewest_active(t)[0] == active.min()


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_more_rows_never_lose_what_fewer_keep(seed, n):
    t = maps.embeddings(1, n + 1, seed=seed)
    assert plane.plane_kept(t)[0] >= plane.plane_kept(t[:, :n])[0] - 1e-12


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_relu_never_raises_the_rank_and_linear_keeps_it(seed, n):
    t, x = one(seed, n), maps.disc(50, seed)
    assert (maps.local_rank(t, x, "linear") == 2).all()
    assert (maps.local_rank(t, x, "relu6") <= maps.local_rank(t, x)).all()
    left = [t[0][t[0] @ point > 0] for point in x]
    numeric = [np.linalg.matrix_rank(rows) if len(rows) else 0 for rows in left]
    assert (maps.local_rank(t, x)[0] == numeric).all()


def test_relu6_loses_what_saturates_and_equals_relu_below():
    t = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    x = np.array([[5.9, 5.9], [6.1, 1.0], [7.0, 8.0], [-1.0, 2.0]])
    z = maps.embed(t, x)
    assert maps.activate(z, "relu6").tolist() == [[[5.9, 5.9], [6, 1], [6, 6], [0, 2]]]
    assert maps.local_rank(t, x, "relu6").tolist() == [[2, 1, 0, 1]]
    assert maps.local_rank(t, x, "relu").tolist() == [[2, 2, 2, 1]]


# Decoders


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_best_decoder_is_exact_where_two_rows_are_active(seed, n):
    t, x = one(seed, n), maps.disc(60, seed)
    guess = decoders.best_in_disc(t, maps.activate(maps.embed(t, x)))
    exact = maps.local_rank(t, x) == 2
    assert np.abs(guess - x)[exact].max(initial=0) < 1e-7


@UNTIMED
@given(seed=SEEDS, n=st.integers(2, 5))
def test_points_that_are_not_recoverable_share_their_activation(seed, n):
    t, x = one(seed, n), maps.disc(60, seed)
    y = maps.activate(maps.embed(t, x))
    guess = decoders.best_in_disc(t, y)[0]
    again = maps.activate(maps.embed(t, guess))[0]
    lost = maps.local_rank(t, x)[0] < 2
    # The guess is another point of the same fibre: nobody can tell it from the input.
    assert np.abs(again - y[0])[lost].max(initial=0) < 1e-9
    assert np.linalg.norm(guess, axis=1)[lost].max(initial=0) <= 1 + 1e-9


@pytest.mark.parametrize("n", [2, 3, 5])
def test_best_decoder_is_the_mean_of_the_fibre(n):
    t, x = maps.embeddings(1, n, seed=11), maps.disc(20_000, 3)
    y = maps.activate(maps.embed(t, x))
    miss = x - decoders.best_in_disc(t, y)[0]
    active = y[0] > 0
    for pattern in np.unique(active, axis=0):
        group = (active == pattern).all(axis=1)
        if pattern.sum() < 2 and group.sum() > 500:
            spread = 4 * miss[group].std(axis=0).max() / group.sum() ** 0.5
            assert np.abs(miss[group].mean(axis=0)).max() < spread + 1e-6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_no_other_decoder_is_better_on_the_disc(seed):
    t, x = maps.embeddings(30, 3, seed=seed), maps.disc(400, 5)
    y = maps.activate(maps.embed(t, x))
    best = decoders.relative_error(decoders.best_in_disc(t, y), x).mean()
    assert best < decoders.relative_error(decoders.best_affine(y, x), x).mean()
    assert best < decoders.relative_error(decoders.pseudo_inverse(t, y), x).mean()


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_pseudo_inverse_undoes_the_embedding_but_halves_relu(seed, n):
    t, x = one(seed, n), maps.disc(20, seed)
    z = maps.embed(t, x)
    assert np.allclose(decoders.pseudo_inverse(t, z), x, atol=1e-8)
    rest = decoders.pseudo_inverse(t, np.abs(z)) / 2
    halved = decoders.pseudo_inverse(t, maps.activate(z))
    assert np.allclose(halved, x / 2 + rest, atol=1e-8 * (1 + np.abs(rest).max()))


def test_pseudo_inverse_tends_to_half_of_the_input():
    t, x = maps.embeddings(5, 4000, seed=0), maps.spiral(50)
    guess = decoders.pseudo_inverse(t, maps.activate(maps.embed(t, x)))
    assert np.abs(guess - x / 2).max() < 0.05


def test_best_affine_is_exact_without_relu_and_beats_small_changes():
    t, x = maps.embeddings(3, 4, seed=2), maps.spiral(80)
    z = maps.embed(t, x)
    assert decoders.relative_error(decoders.best_affine(z, x), x).max() < 1e-20
    y = maps.activate(z)
    best = decoders.best_affine(y, x)
    worse = best + 0.01 * y[..., :2]
    assert (decoders.relative_error(worse, x) > decoders.relative_error(best, x)).all()


@pytest.mark.parametrize(("share", "error"), [(0, 1), (0.5, 0.25), (1, 0)])
def test_relative_error_of_a_shrunken_curve(share, error):
    x = maps.spiral(30)
    assert np.allclose(decoders.relative_error(np.stack([share * x] * 2), x), error)


# Curves and convexity


def test_a_curve_collapses_where_it_crosses_a_fibre_twice():
    t = np.array([[[1.0, 0.0], [0.0, 1.0]]])
    # Up the second quadrant and down again: every height twice, but the top and the foot.
    tent = np.array([[-3.0, 0.05], [-2.0, 0.5], [-1.5, 1.0], [-1.0, 0.4], [-0.5, 0.1]])
    assert shape.curve_collapsed(t, tent).tolist() == [3 / 5]
    assert shape.curve_collapsed(t, tent[:3]).tolist() == [0]
    assert shape.curve_collapsed(t, np.abs(tent)).tolist() == [0]
    assert shape.curve_collapsed(t, -np.abs(tent)).tolist() == [1]


@UNTIMED
@given(seed=SEEDS, n=ROWS)
def test_a_curve_loses_no_more_points_than_the_plane(seed, n):
    t, x = one(seed, n), maps.spiral(60)
    assert shape.curve_collapsed(t, x)[0] <= (maps.local_rank(t, x) < 2).mean()


def test_two_rows_have_a_convex_image_and_many_have_not():
    assert shape.chords_outside(maps.embeddings(20, 2, seed=0), 50, seed=1).max() == 0
    assert shape.chords_outside(maps.embeddings(20, 15, seed=0), 50, seed=1).min() > 0.5


# Bad input


@pytest.mark.parametrize(
    "call",
    [
        lambda: maps.spiral(1),
        lambda: maps.embeddings(0, 2, seed=0),
        lambda: maps.embed(np.zeros((2, 3, 2)), np.zeros((4, 3))),
        lambda: maps.activate(np.zeros(2), "gelu"),
        lambda: maps.passing(np.zeros(2), "Relu"),
        lambda: plane.kept_share(0),
        lambda: plane.arcs(np.zeros((2, 3, 3))),
        lambda: decoders.pseudo_inverse(np.zeros((2, 3, 2)), np.zeros((2, 4, 5))),
        lambda: decoders.best_affine(np.zeros((1, 4, 4)), np.zeros((4, 2))),
        lambda: glyphs.glyphs(0, seed=0),
        lambda: nets.train(lambda: nets.separable_net(4), seed=0, images=3, epochs=1),
    ],
)
def test_bad_input_is_refused_with_a_reason(call):
    with pytest.raises(ValueError, match=r"need|must|unknown|positive|a spiral"):
        call()


# The trained part


def test_glyphs_are_the_same_for_the_same_seed_only():
    (x, label), (same, _), (other, _) = (glyphs.glyphs(30, seed=k) for k in (1, 1, 2))
    assert x.shape == (30, 1, 16, 16) and label.min() >= 0 and label.max() <= 9
    assert torch.equal(x, same) and not torch.equal(x, other)
    assert len({digit.numpy().tobytes() for digit in glyphs.templates()[0]}) == 10


def test_training_is_repeatable_and_learns():
    first, again = (
        nets.train(lambda: nets.separable_net(24), seed=3, images=1280, epochs=3) for _ in range(2)
    )
    assert nets.accuracy(first, 300) == nets.accuracy(again, 300) > 15


@pytest.mark.parametrize("relu_slim", [False, True])
def test_slim_outputs_are_negative_only_without_relu(relu_slim):
    block = nets.Inverted(4, 6, 1, 2, relu_slim).eval()
    out = block(torch.randn(8, 4, 6, 6, generator=torch.Generator().manual_seed(0)))
    assert (out.min() >= 0).item() is relu_slim


def test_filled_share_sees_a_subspace():
    net = nets.separable_net(8).eval()
    net.blocks = torch.nn.Sequential(torch.nn.Conv2d(8, 8, 1, bias=False))
    with torch.no_grad():
        net.blocks[0].weight.copy_(torch.ones(8, 8)[:, :, None, None])
    assert nets.filled_share(net) == 1 / 8
