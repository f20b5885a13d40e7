"""Chapter se: slots and variants, counts against formulas, blocks in libraries, scores, figures."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.ops import SqueezeExcitation as Theirs

from lwsurvey import cost, latency
from lwsurvey.chapters.se import experiment, figures, library, networks, tables
from lwsurvey.chapters.se.networks import FAMILIES, Slot
from lwsurvey.data import Images, Split
from lwsurvey.figures import style
from lwsurvey.models import small, zoo
from lwsurvey.models.blocks import SqueezeExcitation
from lwsurvey.stats import exact

MADE = networks.families() | networks.variations() | networks.descriptors()


def parameters(make) -> int:
    return sum(p.numel() for p in make().parameters())


# The variants


@pytest.mark.parametrize("name", MADE)
def test_a_variant_is_a_network_for_small_grey_images(name):
    out = MADE[name]()(torch.randn(2, 1, 28, 28))
    assert out.shape == (2, 10) and out.isfinite().all()


@pytest.mark.parametrize("family", FAMILIES)
def test_with_one_seed_the_block_leaves_the_other_weights_as_they_are(family):
    torch.manual_seed(3)
    bare = networks.bare(family).state_dict()
    torch.manual_seed(3)
    full = networks.with_se(family).state_dict()
    assert len(full) > len(bare)
    assert all(torch.equal(value, full[name]) for name, value in bare.items())


@pytest.mark.parametrize("family", networks.WIDENED)
def test_the_wider_control_is_the_narrowest_with_the_parameters(family):
    width = MADE[f"{family} wider"]().head.linear.in_features // 2
    wanted = parameters(MADE[f"{family} on"])
    assert parameters(lambda: networks.bare(family, width)) >= wanted
    assert parameters(lambda: networks.bare(family, width - 1)) < wanted


def test_every_unit_but_the_first_of_v3_has_a_block():
    for name, number in {"plain on": 6, "separable on": 6, "V3 on": 5, "V3 off": 0}.items():
        parts = [m for m in MADE[name]().modules() if isinstance(m, SqueezeExcitation)]
        assert len(parts) == number


def test_places_have_equal_weights_and_keep_the_shortcut_free():
    reference = parameters(MADE["V3 on"])
    for place in ("before", "behind"):
        assert abs(parameters(MADE[place]) / reference - 1) < 1e-3
        units = [u for u in MADE[place]().modules() if hasattr(u, "project")]
        assert all(isinstance(unit.squeeze, nn.Identity) for unit in units)
    with pytest.raises(ValueError, match="before, inside, behind"):
        networks.inverted(8, place="outside")


@pytest.mark.parametrize("C", [20, 40, 100])
def test_both_descriptors_have_the_same_weights(C):
    one, four = networks.excitation(Slot(C)), networks.grid_excitation(Slot(C))
    sizes = [sum(p.numel() for p in b.parameters() if p.dim() > 1) for b in (one, four)]
    assert sizes[0] == sizes[1] == 2 * C * C // 4


def test_without_its_squeeze_a_block_scores_each_position():
    block, x = networks.local_excitation(Slot(8)), torch.randn(2, 8, 5, 6)
    assert block.scores(x).shape == x.shape
    assert torch.allclose(block(x)[..., 2, 3], block(x[..., 2:3, 3:4])[..., 0, 0], atol=1e-6)


def test_a_reduction_halves_the_weights():
    counted = [cost.count(MADE[name](), small.INPUT).parameters for name in ("r = 2", "V3 on")]
    bare = parameters(MADE["V3 off"])
    assert (counted[0] - bare) / (counted[1] - bare) == pytest.approx(2, rel=0.05)


# The study


def test_pooling_uses_every_pair_of_a_family_and_a_seed():
    rows = [
        (f"{family} {state}", seed, 80 + seed + (state == "on") * (k + 1))
        for k, family in enumerate(networks.POOLED) for seed in (0, 1) for state in ("on", "off")
    ]  # fmt: skip
    pooled = experiment.pooled_effect(pd.DataFrame(rows, columns=["variant", "seed", "test"]))
    assert pooled.value == pytest.approx(2) and pooled.n == 6


def test_enlarged_images_keep_their_classes_and_their_mean():
    part = Images(torch.randn(4, 1, 28, 28), torch.tensor([0, 1, 0, 1]))
    large = experiment.enlarge(Split(part, part, part)).test
    assert large.x.shape == (4, 1, 56, 56) and torch.equal(large.y, part.y)
    assert torch.allclose(large.x.mean((2, 3)), part.x.mean((2, 3)), atol=0.02)


# Counts


def test_the_formula_is_the_extra_of_the_authors_network():
    stages = tables.by_stage(16)
    nets = zoo.from_timm("legacy_seresnet50"), zoo.from_torchvision("resnet50")
    extra = tables.parameters(nets[0]) - tables.parameters(nets[1])
    assert extra == stages.weights.sum() + stages.biases.sum() == 2_530_992
    counted = tables.by_reduction().counted["16"]
    assert counted == tables.parameters(nets[0]) / 1e6


def test_the_printed_table_of_reductions_is_met_within_a_tenth_of_a_million():
    table = tables.by_reduction()
    assert (table.counted - table.printed).abs().max() < 0.1


def test_mobilenet_v3_without_its_blocks_has_the_rest():
    for size in ("large", "small"):
        net = zoo.from_torchvision(f"mobilenet_v3_{size}")
        bare = library.without_blocks(net)
        assert not library.blocks(bare) and library.blocks(net)
        found = library.widths(net)
        extra = tables.parameters(net) - tables.parameters(bare)
        assert extra == tables.weights(found) + tables.biases(found)
        assert all(library.stand_inside(net)) and len(library.stand_inside(net)) == len(found)
        shapes = tables.shapes(size)
        assert [shape[1] for shape in shapes] == [C for C, _ in found]


def test_a_block_in_another_place_is_not_inside():
    block, layer, project = Theirs(8, 2), nn.Conv2d(8, 8, 3, groups=8), nn.Conv2d(8, 4, 1)
    cases = {(layer, block, project): True, (nn.Conv2d(8, 8, 3), block, project): False}
    cases[layer, project, Theirs(4, 1)] = False
    for parts, expected in cases.items():
        assert library.stand_inside(nn.Sequential(*parts)) == [expected]


def test_full_width_blocks_keep_their_gates():
    net = library.with_reduction(zoo.from_torchvision("mobilenet_v3_small"), 1)
    assert all(squeezed == C for C, squeezed in library.widths(net))
    assert {type(b.scale_activation) for b in library.blocks(net)} == {nn.Hardsigmoid}


@pytest.mark.parametrize("name", ["resnet18", "densenet121", "shufflenet_v2_x1_0"])
def test_networks_accept_the_block(name):
    state = torch.random.get_rng_state()
    assert library.accepts(name)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_network_whose_gradient_stops_does_not_accept(monkeypatch):
    monkeypatch.setattr(SqueezeExcitation, "forward", lambda self, x: x * self.scores(x).detach())
    assert not library.accepts("resnet18")


# Scores, times, figures


def test_scores_are_those_of_the_blocks_and_classes_explain_what_depends_on_them():
    images = Images(torch.randn(20, 1, 28, 28), torch.arange(20) % 10)
    found = experiment.scores(networks.with_se("V3"), images)
    assert [score.shape for score in found] == [(20, 48)] * 2 + [(20, 48)] + [(20, 96)] * 2
    assert all((score >= 0).all() and (score <= 1).all() for score in found)
    by_class = images.y.numpy()[:, None] / np.array([[10.0, 20.0]])
    assert experiment.share_between_classes(by_class, images) == pytest.approx(100)
    assert experiment.share_between_classes(np.ones((20, 3)), images) == 0
    assert experiment.class_means(found[0], images).shape == (10, 48)


def test_parts_of_the_blocks_are_timed_and_their_shares_make_a_whole():
    run = latency.compare(experiment.parts("cpu", "small"), rounds=3, least_rounds=3, budget=0.1)
    assert sum(experiment.share(run, part) for part in experiment.PARTS) == pytest.approx(100)
    assert len(experiment.time_table(run, experiment.work("small"))) == 4
    assert set(experiment.competitors("cpu", "small", 32)) == {"without", "r = 4", "r = 1"}


def test_figures_can_be_drawn():
    style()
    frame = pd.DataFrame(np.random.default_rng(0).random((10, 6)))
    for figure in (
        figures.block(),
        figures.scores(frame, frame),
        figures.added({"a": 3.0, "b": exact(2)}),
    ):
        figure.canvas.draw()
        assert figure.axes
        plt.close(figure)
