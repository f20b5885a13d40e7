"""Chapter mobilenet-v3: both ends, the hard functions, 8-bit grids, variants and figures."""

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

from lwsurvey import cost, data, train
from lwsurvey.chapters.mobilenet_v3 import (
    design,
    experiment,
    figures,
    functions,
    networks,
    tables,
)
from lwsurvey.figures import style
from lwsurvey.latency import Comparison
from lwsurvey.models import editing, small
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.stats import Estimate
from lwsurvey.train.device import seeded

NETWORKS = (*experiment.OWN, *(f"timm: {name}" for name in experiment.TIMM))
UNTIMED = settings(deadline=None, max_examples=40)  # the machine may be busy


# The hard functions


def test_the_largest_gaps_are_those_of_the_formulas_and_of_a_search():
    gaps = functions.gaps()
    assert gaps.gap["sigmoid"] == pytest.approx((3**0.5 - math.log(2 + 3**0.5)) / 6, abs=1e-12)
    assert gaps.gap["swish"] == pytest.approx(3 / (1 + math.exp(3)), abs=1e-12)
    for name in functions.PAIRS:
        place, gap = functions.search_gap(name)
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
    q = functions.grid_inputs()
    exact = [min(255, math.floor(min(max((int(i) + 48) / 96, 0), 1) * 256 + 0.5)) for i in q]
    assert functions.hard_shift(q).tolist() == exact


def test_lines_and_shifts_stay_within_their_known_error():
    q = functions.grid_inputs()
    off = functions.soft_lines(q) / 256 - torch.sigmoid(q / 16)
    assert 0.015 < float(off.abs().max()) < 0.0189 + 1 / 256
    assert (functions.soft_lines(q).diff() >= 0).all()


def test_the_errors_name_every_way_and_single_precision_is_right():
    errors = functions.grid_errors().set_index(["function", "computed in"])
    assert len(errors) == sum(map(len, functions.WAYS.values()))
    assert errors.loc[(slice(None), "single precision"), "inputs that differ"].eq(0).all()
    assert errors.loc[("sigmoid", "lines and shifts"), "inputs that differ"] > 0


# What the networks have


def test_stages_of_the_large_network_as_printed():
    assert design.stages(design.LARGE) == [
        (3, False, 1, 1, 16), (3, False, 2, 2, 24), (5, True, 2, 3, 40),
        (3, False, 2, 4, 80), (3, True, 1, 2, 112), (5, True, 2, 3, 160),
    ]  # fmt: skip


def test_the_seed_differs_where_the_authors_changed_it():
    assert design.seed_stages()["as in MnasNet-A1"].eq("yes").all()
    assert design.seed_differences()["blocks as in A1"] == 15


def test_the_design_facts():
    assert design.tail() == {
        "map side of the 1280-wide layer": 1, "3x3 layers in the tail": 0,
        "projections in the tail": 0,
    }  # fmt: skip
    assert design.history()["V1 inverted residual"] == 0
    assert all(design.ingredients().values())
    assert design.early_hard_swish() == {"Large": 2, "Small": 3}
    assert list(design.resolution_drops().values()) == pytest.approx([0.375, 5 / 12, 0.5, 0.5])
    assert design.quarter_share() == 1


def test_inverted_residuals_see_an_activation_behind_a_projection():
    assert list(design.inverted_residuals(design.V2)) == [True] * 16
    assert not list(design.inverted_residuals(design.V1))


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
    assert tables.last_stage(tail).MACs.sum() == tables.closed_form(tail)
    rest = tables.closed_form("original") - tables.closed_form("efficient")
    both = [tables.profile(tail=name).macs for name in ("original", "efficient")]
    assert both[0] - both[1] == rest


def test_a_thin_stem_halves_the_first_layers():
    wide, thin = (tables.first_layers(filters).sum() for filters in (32, 16))
    assert (wide == 2 * thin).all()
    assert tables.profile(stem=32).macs - tables.profile().macs == (wide - thin).MACs


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
    off = [float((networks.quantise(net, x, bits)(x) - before).abs().mean()) for bits in (8, 5, 3)]
    assert off[0] < off[1] < off[2]
    assert off[0] < 0.2 * float(before.std())
    assert torch.equal(net(x), before)


@torch.no_grad()
def test_every_map_lies_on_its_grid():
    net, x = trained()
    low_bits = networks.quantise(net, x, 4)
    seen = []
    for part in low_bits.modules():
        if isinstance(part, networks.Rounded):
            part.register_forward_hook(lambda p, i, out: seen.append(out.unique().numel()))
    low_bits(x)
    assert len(seen) > 30 and max(seen) <= 16


@torch.no_grad()
def test_opening_a_gate_changes_nothing():
    for activation in (nn.SiLU(), nn.Hardswish()):
        x = torch.linspace(-6, 6, 101).reshape(1, 1, 1, -1)
        open_ = networks.open_gates(nn.Sequential(activation))
        assert torch.allclose(open_(x), activation(x), atol=1e-6)
        assert any(isinstance(part, networks.Gated) for part in open_.modules())


@UNTIMED
@given(st.floats(-8, 0), st.floats(0.1, 8))
def test_a_grid_holds_zero_and_rounds_by_half_a_step(low, high):
    x = torch.linspace(low, high, 200)
    out = networks.on_grid(x, low, high, 255)
    step = (high - low) / 255
    assert float(networks.on_grid(torch.zeros(1), low, high, 255)) == 0
    assert float((out - x).abs().max()) <= 1.01 * step + 1e-6


def test_a_grid_needs_bits():
    with pytest.raises(ValueError, match="bits"):
        networks.quantise(nn.Sequential(), torch.zeros(1), 9)


# Mirrors


def test_a_mirrored_copy_is_found_and_a_lone_filter_refused():
    torch.manual_seed(0)
    half = torch.randn(4, 1, 3, 3)
    assert experiment.best_match(torch.cat([half, half.flip(3)]), True) == pytest.approx(1)
    assert experiment.best_match(torch.cat([half, -half.flip(2)]), True) == pytest.approx(1)
    assert experiment.best_match(torch.cat([half, half.flip(3)]), False) < 0.99
    with pytest.raises(ValueError, match="another one"):
        experiment.best_match(half[:1], True)


def test_what_was_not_trained_has_learned_nothing():
    make = networks.variants()[networks.PLAIN]
    with seeded(3, torch.device("cpu")):
        net = make()
    found = experiment.mirror_gains(make, net, 3)
    assert found["mirrored"] == found["alike"] == 0 and 0.3 < found["chance"] < 1


# The variants


def test_variants_change_one_thing_each():
    made = small.costs(networks.variants()).MACs
    assert list(made.index) == [
        networks.PLAIN, networks.SQUEEZED, networks.HARD, networks.SHORT, networks.V3, networks.SOFT
    ]  # fmt: skip
    assert made[networks.SQUEEZED] == made[networks.HARD] > made[networks.SHORT] > made[networks.V3]
    assert made[networks.V3] == made[networks.SOFT]


def test_layers_of_one_name_and_shape_begin_alike():
    nets = {}
    for name, make in networks.variants().items():
        torch.manual_seed(5)
        nets[name] = dict(make().named_parameters())
    for name, own in nets.items():
        shared = {
            k for k in own if k in nets[networks.V3] and own[k].shape == nets[networks.V3][k].shape
        }
        assert len(shared) > 30, name
        assert all(torch.equal(own[k], nets[networks.V3][k]) for k in shared)


def test_the_stem_of_the_plain_variants_has_relu_and_that_of_v3_has_h_swish():
    made = networks.variants()
    assert isinstance(made[networks.SHORT]().stem[2], nn.ReLU)
    assert isinstance(made[networks.V3]().stem[2], nn.Hardswish)
    assert not any(isinstance(part, nn.Hardswish) for part in made[networks.PLAIN]().modules())


def test_trained_networks_are_put_into_8_bits_or_asked_for_mirrors():
    split = data.fashion_mnist().take(40, 50, 10)
    how = dict(seeds=2, epochs=1, batch=32, examine=experiment.examine)
    runs = train.repeat(networks.variants(), split, **how)
    assert list(experiment.effects(runs)) == list(experiment.STEPS)
    in_8_bits = {networks.V3, networks.SOFT}
    assert set(runs.dropna(subset="lost").variant) == in_8_bits
    for column in ("mirrored", "alike", "chance"):
        assert set(runs.dropna(subset=column).variant) == set(networks.variants()) - in_8_bits


def test_outcomes():
    assert experiment.outcome(Estimate(0.1, -0.4, 0.4, 5), 0.5) == "equal"
    assert experiment.outcome(Estimate(1, 0.2, 1.8, 5), 0.5) == "a gain"
    assert experiment.outcome(Estimate(-1, -1.8, -0.2, 5), 0.5) == "a loss"
    assert experiment.outcome(Estimate(0.1, -0.6, 0.8, 5), 0.5) == "open"


# Times


def comparison(**times: float) -> Comparison:
    """A comparison in which every round took the same."""
    base = {name: 1.0 for name in NETWORKS} | {"moved layer": 0.02}
    return Comparison(pd.DataFrame({k: [v] * 20 for k, v in (base | times).items()}))


def test_ratios_have_the_papers_names():
    assert set(experiment.ratios(comparison())) == set(tables.published_ratios())


def test_the_least_ratio_is_below_one_if_one_rival_is():
    slow = {f"timm: {name}": 2.0 for name in ("MnasNet-A1", "V2 1.0", "V2 0.35")}
    assert experiment.least_ratio(comparison(**slow)).low == pytest.approx(2)
    assert experiment.least_ratio(
        comparison(**slow | {"timm: V2 0.35": 0.5})
    ).high == pytest.approx(0.5)


def test_shares_and_savings():
    found = comparison(**{"V3-Large, ours": 0.9, "V3-Large, original tail": 1.0})
    assert experiment.saving(found, "V3-Large, original tail").value == pytest.approx(10)
    assert experiment.moved_share(found).value == pytest.approx(2)


def test_nonlinearities_that_are_timed_are_the_functions_they_are_called():
    x = torch.linspace(-6, 6, 101)
    made = experiment.FUNCTIONS
    assert torch.allclose(made["h-swish, composed"](x), F.hardswish(x), atol=1e-6)
    assert torch.allclose(made["swish, composed"](x), F.silu(x), atol=1e-6)
    assert len(experiment.activation_shapes()) == 21
    for call in experiment.nonlinearities([(1, 2, 3, 3)], "cpu").values():
        call()


def test_the_relu_network_differs_in_nothing_else():
    nets = experiment.timed_networks()
    assert set(nets) == set(NETWORKS)
    assert not any(isinstance(p, nn.Hardswish) for p in nets["V3-Large, ReLU"].modules())
    macs = [cost.count(nets[n], tables.IMAGE).macs for n in ("V3-Large", "V3-Large, ReLU")]
    assert macs[0] == macs[1] == cost.count(nets["V3-Large, ours"], tables.IMAGE).macs


# The paper's figures


def test_the_papers_figures():
    assert tables.saving(tables.LAST) == (7, "ms")
    assert tables.saving(tables.FIRST) == (2, "ms")
    assert tables.improvement() == "latency"
    ratios = tables.phone_ratios()[list(tables.PHONES)]
    assert ratios.shape == (5, 3) and (ratios < 1).sum().sum() == 1
    assert tables.published_ratios()["short / original tail"] == pytest.approx(0.89)


# Figures


def test_figures_are_drawn_in_the_books_inks():
    style()
    tails = {tail: tables.last_stage(tail) for tail in tables.NAMES}
    ratio = {"V3-Large / V2": Estimate(0.8, 0.78, 0.83, 9), "other": Estimate(1, 0.9, 1.1, 9)}
    drawn = [
        figures.nonlinearities(functions.gaps()), figures.block(), figures.tails(tails),
        figures.times(tables.table3()), figures.ratios(ratio, tables.published_ratios()),
    ]  # fmt: skip
    for fig in drawn:
        fig.canvas.draw()
        inks = {text.get_color() for text in fig.findobj(plt.Text) if text.get_text().strip()}
        assert not inks & {"black", "white", "k", "w"}
        assert np.all(fig.get_size_inches() < 9)
        plt.close(fig)
