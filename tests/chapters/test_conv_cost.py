"""The chapter's closed forms against real layers, its printed formulas, and its experiment."""

from __future__ import annotations

import pytest
import torch

from lwsurvey import cost
from lwsurvey.chapters.conv_cost import experiment, figures, grid, tables
from lwsurvey.claims import judge, ledger
from lwsurvey.cost.closed_form import Cost
from lwsurvey.stats import Estimate


def test_real_layers_obey_the_formulas_over_the_grid():
    wrong = grid.disagreements(grid.settings(10).iloc[::3])
    assert len(wrong) == 90 and not wrong.to_numpy().any()


def test_the_grid_sees_a_wrong_formula(monkeypatch):
    def without_map(N, M, K, H, W):
        return cost.depthwise(N, K, H, W) + Cost(N * M, N * M)

    monkeypatch.setattr(grid.closed_form, "separable", without_map)
    wrong = grid.disagreements(grid.settings(10).iloc[:6])
    assert wrong["separable"].all() and not wrong["standard"].any()


def test_printed_formulas_are_off_where_the_ledger_says():
    table = tables.printed_formulas()
    off = table[table.gives != table.counted]
    assert set(off.index) == {"C073", "C170", "C704"}
    for claim, row in off.iterrows():
        assert row.gives == float(ledger()[claim].value)
        assert judge(ledger()[claim], int(row.counted)).verdict == "erratum"
        assert judge(ledger()[claim], int(row.gives)).verdict == "holds"


@pytest.mark.parametrize(
    ("claim", "text", "layer"),
    [
        ("C073", "H*W*K**2*alpha*N + H*W*alpha*N*alpha*M", "thin"),
        ("C170", "K*K*H*W*N + N*M*H*W", "separable"),
        ("C704", "K**2*(D_F/2)**2*N", "strided"),
    ],
)
def test_the_corrected_formula_is_right(monkeypatch, claim, text, layer):
    monkeypatch.setitem(tables.PRINTED, claim, ("survey, 0", text, layer))
    assert tables.printed_formulas().ratio[claim] == 1


def test_updates_repeat_and_tell_kernels_apart():
    once, twice = (experiment.update_similarity("separable", 3, 2) for _ in range(2))
    assert once == twice
    one, other = torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)
    one[0, 0, 0] = other[0, 2, 2] = 1
    apart = torch.stack([one, other] * 4)
    assert experiment.mean_cosine(apart) == pytest.approx(12 / 28)
    filters = one.expand(experiment.FILTERS, experiment.CHANNELS, 3, 3)
    assert experiment.mean_cosine(filters) == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "weights"), [("separable", 8 * 9 + 8 * 16), ("ordinary", 8 * 9 * 16)]
)
def test_the_two_networks_differ_in_their_convolution_alone(kind, weights):
    convolution, *rest = experiment.network(kind)
    assert sum(p.numel() for p in convolution.parameters()) == weights
    assert [type(part).__name__ for part in rest] == [
        "ReLU", "AdaptiveAvgPool2d", "Flatten", "Linear"
    ]  # fmt: skip


def test_the_drawing_has_every_solid():
    axes = figures.separable().axes
    faces = [len(ax.patches) // 2 for ax in axes]
    assert faces == [3 * (1 + 3 + 1), 3 * (1 + 3 + 1 + 3 + 1)]


@pytest.mark.parametrize(
    ("claim", "measured", "verdict"),
    [
        ("C009", 3, "holds"), ("C009", 0, "contradicted"),
        ("C070", 0.885, "erratum"), ("C070", 0.12, "holds"), ("C070", 0.5, "contradicted"),
        ("C071", 4, "contradicted"), ("C095", {"MACs": 8.7, "parameters": 8.7}, "holds"),
        ("C095", {"MACs": 8.7, "parameters": 8.4}, "contradicted"),
        ("C204", 0.44, "holds"), ("C204", -0.02, "contradicted"),
        ("C208", 7.9, "holds"), ("C208", 1.0, "contradicted"), ("C619", 0.9, "contradicted"),
        ("C710", 0.9, "holds"), ("C710", 0.385, "contradicted"),
        ("C093", Estimate(-0.0116, -0.0365, 0.0133, 40), "inconclusive"),
        ("C093", Estimate(-0.03, -0.05, -0.01, 40), "holds at reduced scale"),
        ("C093", Estimate(0.03, 0.01, 0.05, 40), "contradicted at reduced scale"),
    ],
)  # fmt: skip
def test_a_verdict_follows_its_measurement(claim, measured, verdict):
    assert judge(ledger()[claim], measured).verdict == verdict


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid.settings(7), "largest_map must be 8 or more"),
        (lambda: experiment.update_similarity("dense", 0, 1), "or ordinary, not 'dense'"),
        (lambda: experiment.update_similarity("ordinary", 0, 0), "take 1 or more"),
    ],
)
def test_bad_input_says_what_was_wrong(call, message):
    with pytest.raises(ValueError, match=r".+") as error:
        call()
    assert message in str(error.value)
