"""The chapter's closed forms against real layers, its printed formulas, and its experiment."""

from __future__ import annotations

import pytest
import torch

from lwsurvey import cost
from lwsurvey.chapters.conv_cost import experiment, grid, tables
from lwsurvey.chapters.conv_cost.blocks import forms
from lwsurvey.cost.closed_form import Cost


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
    off = set(table.index[table.gives != table.counted])
    assert off == {"C073", "C170", "C704"}


def test_forms_equal_their_modules():
    for form, module in forms(16, 7).values():
        assert form.macs == cost.count(module, (1, 16, 7, 7)).macs


def test_updates_repeat_and_tell_kernels_apart():
    assert experiment.update_similarity("separable", 3, 2) == experiment.update_similarity(
        "separable", 3, 2
    )
    one, other = torch.zeros(1, 3, 3), torch.zeros(1, 3, 3)
    one[0, 0, 0] = other[0, 2, 2] = 1
    apart = torch.stack([one, other] * 4)
    assert experiment._mean_cosine(apart) == pytest.approx(12 / 28)
    filters = one.expand(experiment.FILTERS, experiment.CHANNELS, 3, 3)
    assert experiment._mean_cosine(filters) == pytest.approx(1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: grid.settings(7), "largest_map must be 8 or more"),
        (lambda: forms(12, 7), "C must be divisible by 8"),
        (lambda: experiment.update_similarity("dense", 0, 1), "or ordinary, not 'dense'"),
        (lambda: experiment.update_similarity("ordinary", 0, 0), "take 1 or more"),
    ],
)
def test_bad_input_says_what_was_wrong(call, message):
    with pytest.raises(ValueError, match=r".+") as error:
        call()
    assert message in str(error.value)
