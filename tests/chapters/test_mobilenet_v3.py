"""Chapter mobilenet-v3: both ends, the hard functions, 8-bit grids, arms and pictures."""

from __future__ import annotations

import math

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F
from torchvision import models as library

from lwsurvey import cost, data, figures
from lwsurvey.chapters.mobilenet_v3 import (
    anatomy,
    arms,
    design,
    draw,
    ends,
    functions,
    grid,
    mirrors,
    paper,
    quantise,
    race,
    study,
    timing,
)
from lwsurvey.latency import Comparison
from lwsurvey.models import editing, small
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.stats import Estimate

NETWORKS = (*timing.OWN, *(f"timm: {name}" for name in timing.TIMM))
UNTIMED = settings(deadline=None, max_examples=40)  # the machine may be busy


# The hard functions


def test_the_largest_gaps_are_those_of_the_formulas_and_of_a_search():
    gaps = functions.gaps()
    assert gaps.gap["sigmoid"] == pytest.approx((3**0.5 - math.log(2 + 3**0.5)) / 6, abs=1e-12)
    assert gaps.gap["swish"] == pytest.approx(3 / (1 + math.exp(3)), abs=1e-12)
    for name in functions.PAIRS:
        place, gap = functions.searched(name)
        assert gap == pytest.approx(gaps.gap[name], abs=1e-9)
        assert place == pytest.approx(gaps["at"][name], abs=1e-5)


@UNTIMED
@given(st.floats(-40, 40))
def test_no_point_has_a_larger_gap(x):
    at = torch.tensor(x, dtype=torch.float64)
    for name, (soft, hard) in functions.PAIRS.items():
        assert float((soft(at) - hard(at)).abs()) <= functions.gaps().gap[name] + 1e-12


def test_printed_formulas_are_the_librarys_and_bend_by_a_third():
    assert functions.library_difference() < 1e-6
    assert functions.curvature() == pytest.approx(1 / 3, abs=1e-6)


def test_one_operator_reads_and_writes_each_element_once():
    assert functions.memory_accesses() == {"fused": 2, "composed": 2 + 2 + 3 + 2}


# The 8-bit grid


def test_whole_numbers_give_the_hard_sigmoid_exactly():
    q = grid.inputs()
    exact = [min(255, math.floor(min(max((int(i) + 48) / 96, 0), 1) * 256 + 0.5)) for i in q]
    assert grid.hard_shift(q).tolist() == exact


def test_lines_and_shifts_stay_within_their_known_error():
    q = grid.inputs()
    off = grid.soft_lines(q) / 256 - torch.sigmoid(q / 16)
    assert 0.015 < float(off.abs().max()) < 0.0189 + 1 / 256
    assert (grid.soft_lines(q).diff() >= 0).all()


def test_the_errors_name_every_way_and_single_precision_is_right():
    errors = grid.errors().set_index(["function", "computed in"])
    assert len(errors) == sum(map(len, grid.WAYS.values()))
    assert errors.loc[(slice(None), "single precision"), "inputs that differ"].eq(0).all()
    assert errors.loc[("sigmoid", "lines and shifts"), "inputs that differ"] > 0


# What the networks have


def test_stages_of_the_large_network_as_printed():
    assert anatomy.stages(anatomy.LARGE) == [
        (3, False, 1, 1, 16), (3, False, 2, 2, 24), (5, True, 2, 3, 40),
        (3, False, 2, 4, 80), (3, True, 1, 2, 112), (5, True, 2, 3, 160),
    ]  # fmt: skip


def test_the_seed_differs_where_the_authors_changed_it():
    assert design.as_in_the_seed()["as in MnasNet-A1"].eq("yes").all()
    assert design.against_the_seed()["blocks as in A1"] == 15


def test_the_design_facts():
    assert design.tail() == {
        "map side of the 1280-wide layer": 1, "3x3 layers in the tail": 0,
        "projections in the tail": 0,
    }  # fmt: skip
    assert design.history()["V1 inverted residual"] == 0
    assert all(design.ingredients().values())
    assert design.early_hard_swish() == {"Large": 2, "Small": 3}
    assert list(design.drops().values()) == pytest.approx([0.375, 5 / 12, 0.5, 0.5])
    assert design.quarter_share() == 1


def test_inverted_residuals_see_an_activation_behind_a_projection():
    assert list(anatomy.inverted_residuals(anatomy.V2)) == [True] * 16
    assert not list(anatomy.inverted_residuals(anatomy.V1))


@pytest.mark.parametrize("name", ["large", "small"])
def test_copied_weights_give_torchvisions_outputs(name):
    theirs = getattr(library, f"mobilenet_v3_{name}")().eval()
    ours = editing.copy_weights(theirs, MobileNetV3(name)).eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(ours(x), theirs(x), atol=1e-5)


def test_copying_refuses_another_network():
    with pytest.raises((ValueError, RuntimeError)):
        editing.copy_weights(MobileNetV3("small"), MobileNetV3("large"))


# The ends


@pytest.mark.parametrize("tail", ["original", "efficient"])
def test_a_last_stage_costs_what_the_formula_says(tail):
    assert ends.last_stage(tail).MACs.sum() == ends.closed_form(tail)
    rest = ends.closed_form("original") - ends.closed_form("efficient")
    both = [ends.profile(tail=name).macs for name in ("original", "efficient")]
    assert both[0] - both[1] == rest


def test_a_thin_stem_halves_the_first_layers():
    wide, thin = (ends.first_layers(filters).sum() for filters in (32, 16))
    assert (wide == 2 * thin).all()
    assert ends.profile(stem=32).macs - ends.profile().macs == (wide - thin).MACs


# Quantising


def trained() -> tuple[nn.Module, torch.Tensor]:
    """A small network with sensible statistics, and some images."""
    torch.manual_seed(0)
    net, x = small.mobilenet_v3(8), data.fashion_mnist().train.x[:64]
    for _ in range(3):
        net(x)
    return net.eval(), x


@torch.no_grad()
def test_fewer_bits_are_further_from_the_network():
    net, x = trained()
    before = net(x)
    off = [float((quantise.quantised(net, x, bits)(x) - before).abs().mean()) for bits in (8, 5, 3)]
    assert off[0] < off[1] < off[2]
    assert off[0] < 0.2 * float(before.std())
    assert torch.equal(net(x), before)


@torch.no_grad()
def test_every_map_lies_on_its_grid():
    net, x = trained()
    low_bits = quantise.quantised(net, x, 4)
    seen = []
    for part in low_bits.modules():
        if isinstance(part, quantise.Rounded):
            part.register_forward_hook(lambda p, i, out: seen.append(out.unique().numel()))
    low_bits(x)
    assert len(seen) > 30 and max(seen) <= 16


@torch.no_grad()
def test_opening_a_gate_changes_nothing():
    for activation in (nn.SiLU(), nn.Hardswish()):
        x = torch.linspace(-6, 6, 101).reshape(1, 1, 1, -1)
        opened = quantise.opened(nn.Sequential(activation))
        assert torch.allclose(opened(x), activation(x), atol=1e-6)
        assert any(isinstance(part, quantise.Gated) for part in opened.modules())


@UNTIMED
@given(st.floats(-8, 0), st.floats(0.1, 8))
def test_a_grid_holds_zero_and_rounds_by_half_a_step(low, high):
    x = torch.linspace(low, high, 200)
    out = quantise.on_grid(x, low, high, 255)
    step = (high - low) / 255
    assert float(quantise.on_grid(torch.zeros(1), low, high, 255)) == 0
    assert float((out - x).abs().max()) <= 1.01 * step + 1e-6


def test_a_grid_needs_bits():
    with pytest.raises(ValueError, match="bits"):
        quantise.quantised(nn.Sequential(), torch.zeros(1), 9)


# Mirrors


def test_a_mirrored_copy_is_found_and_a_lone_filter_refused():
    torch.manual_seed(0)
    half = torch.randn(4, 1, 3, 3)
    assert mirrors.best_match(torch.cat([half, half.flip(3)]), True) == pytest.approx(1)
    assert mirrors.best_match(torch.cat([half, -half.flip(2)]), True) == pytest.approx(1)
    assert mirrors.best_match(torch.cat([half, half.flip(3)]), False) < 0.99
    with pytest.raises(ValueError, match="another one"):
        mirrors.best_match(half[:1], True)


def test_what_was_not_trained_has_learned_nothing():
    make = arms.arms()[arms.PLAIN]
    with mirrors.seeded(3, torch.device("cpu")):
        net = make()
    found = mirrors.learned(make, net, 3)
    assert found["mirrored"] == found["alike"] == 0 and 0.3 < found["chance"] < 1


# The arms


def test_arms_change_one_thing_each():
    made = arms.costs().MACs
    assert list(made.index) == [
        arms.PLAIN, arms.SQUEEZED, arms.HARD, arms.SHORT, arms.V3, arms.SOFT
    ]  # fmt: skip
    assert made[arms.SQUEEZED] == made[arms.HARD] > made[arms.SHORT] > made[arms.V3]
    assert made[arms.V3] == made[arms.SOFT]


def test_layers_of_one_name_and_shape_begin_alike():
    nets = {}
    for name, make in arms.arms().items():
        torch.manual_seed(5)
        nets[name] = dict(make().named_parameters())
    for name, own in nets.items():
        shared = {k for k in own if k in nets[arms.V3] and own[k].shape == nets[arms.V3][k].shape}
        assert len(shared) > 30, name
        assert all(torch.equal(own[k], nets[arms.V3][k]) for k in shared)


def test_the_stem_of_the_plain_arms_has_relu_and_that_of_v3_has_h_swish():
    made = arms.arms()
    assert isinstance(made[arms.SHORT]().stem[2], nn.ReLU)
    assert isinstance(made[arms.V3]().stem[2], nn.Hardswish)
    assert not any(isinstance(part, nn.Hardswish) for part in made[arms.PLAIN]().modules())


def test_a_study_gives_every_run_and_does_not_depend_on_the_jobs():
    split = data.fashion_mnist().take(40, 50, 10)
    one = study.run(split, 2, 1, epochs=1, batch=32)
    assert len(one) == 12 and one.lost.notna().sum() == 4 and one.mirrored.notna().sum() == 8
    two = study.run(split, 2, 2, epochs=1, batch=32)
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))
    assert list(study.effects(one)) == list(study.STEPS)
    assert set(study.costs_of_bits(one)) == {arms.V3, arms.SOFT}


def test_outcomes():
    assert study.outcome(Estimate(0.1, -0.4, 0.4, 5), 0.5) == "equal"
    assert study.outcome(Estimate(1, 0.2, 1.8, 5), 0.5) == "a gain"
    assert study.outcome(Estimate(-1, -1.8, -0.2, 5), 0.5) == "a loss"
    assert study.outcome(Estimate(0.1, -0.6, 0.8, 5), 0.5) == "open"


# Times


def comparison(**times: float) -> Comparison:
    """A comparison in which every round took the same."""
    base = {name: 1.0 for name in NETWORKS} | {"moved layer": 0.02}
    return Comparison(pd.DataFrame({k: [v] * 20 for k, v in (base | times).items()}))


def test_ratios_have_the_papers_names():
    assert set(race.ratios(comparison())) == set(paper.published_ratios())


def test_the_least_ratio_is_below_one_if_one_rival_is():
    slow = {f"timm: {name}": 2.0 for name in ("MnasNet-A1", "V2 1.0", "V2 0.35")}
    assert race.least(comparison(**slow)).low == pytest.approx(2)
    assert race.least(comparison(**slow | {"timm: V2 0.35": 0.5})).high == pytest.approx(0.5)


def test_shares_and_savings():
    found = comparison(**{"V3-Large, ours": 0.9, "V3-Large, original tail": 1.0})
    assert race.saved(found, "V3-Large, original tail").value == pytest.approx(10)
    assert race.share(found).value == pytest.approx(2)
    assert list(race.medians(found).columns) == ["time", "from", "to"]


def test_nonlinearities_that_are_timed_are_the_functions_they_are_called():
    x = torch.linspace(-6, 6, 101)
    made = timing.FUNCTIONS
    assert torch.allclose(made["h-swish, composed"](x), F.hardswish(x), atol=1e-6)
    assert torch.allclose(made["swish, composed"](x), F.silu(x), atol=1e-6)
    assert len(timing.shapes()) == 21
    for call in timing.nonlinearities([(1, 2, 3, 3)], "cpu").values():
        call()


def test_the_relu_network_differs_in_nothing_else():
    nets = timing.networks()
    assert set(nets) == set(NETWORKS)
    assert not any(isinstance(p, nn.Hardswish) for p in nets["V3-Large, ReLU"].modules())
    macs = [cost.count(nets[n], ends.IMAGE).macs for n in ("V3-Large", "V3-Large, ReLU")]
    assert macs[0] == macs[1] == cost.count(nets["V3-Large, ours"], ends.IMAGE).macs


# The paper's figures


def test_the_papers_figures():
    assert paper.saving(paper.LAST) == (7, "ms")
    assert paper.saving(paper.FIRST) == (2, "ms")
    assert paper.improved() == "latency"
    ratios = paper.ratios()[list(paper.PHONES)]
    assert ratios.shape == (5, 3) and (ratios < 1).sum().sum() == 1
    assert paper.published_ratios()["short / original tail"] == pytest.approx(0.89)


# Pictures


def test_pictures_are_drawn_in_the_books_inks():
    figures.style()
    tails = {tail: ends.last_stage(tail) for tail in ends.NAMES}
    ratio = {"V3-Large / V2": Estimate(0.8, 0.78, 0.83, 9), "other": Estimate(1, 0.9, 1.1, 9)}
    drawn = [
        draw.nonlinearities(functions.gaps()), draw.block(), draw.tails(tails),
        draw.times(paper.table3()), draw.ratios(ratio, paper.published_ratios()),
    ]  # fmt: skip
    for fig in drawn:
        fig.canvas.draw()
        inks = {text.get_color() for text in fig.findobj(plt.Text) if text.get_text().strip()}
        assert not inks & {"black", "white", "k", "w"}
        assert np.all(fig.get_size_inches() < 9)
        plt.close(fig)
