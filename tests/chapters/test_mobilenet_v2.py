"""Chapter mobilenet-v2: wirings of one chain, slices of blocks, gradients, readouts, variants."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn
from torchvision import models as library
from torchvision.models import mobilenetv2, resnet

from lwsurvey import cost, data, paths, train
from lwsurvey.chapters.mobilenet_v2 import experiment, figures, memory, networks, tables
from lwsurvey.chapters.mobilenet_v2.networks import JOINS, Chain
from lwsurvey.figures import style
from lwsurvey.models import editing, small
from lwsurvey.models.blocks import DepthwiseSeparable, InvertedResidual, norm_relu
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import MobileNetV2
from lwsurvey.stats import exact, mean_interval

X = torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))


def block_network(**options) -> nn.Module:
    """The plan of the small networks with `InvertedResidual`, first unit not expanding."""

    def unit(N, M, stride):
        first = N == small.STEM and stride == 2
        return InvertedResidual(N, M, hidden=N if first else 6 * N, stride=stride, **options)

    return small.plan(unit, 8)


# The chain


@pytest.mark.parametrize(
    "chained, blocked",
    [
        ({}, {}),
        ({"join": "none"}, {"shortcut": False}),
        ({"linear": False}, {"linear": False}),
        ({"depthwise_activation": False}, {"depthwise_activation": False}),
    ],
)
def test_a_chain_is_the_network_of_blocks_in_each_state(chained, blocked):
    blocks = tables.randomise_norms(block_network(**blocked))
    chain = editing.copy_weights(blocks, Chain(8, **chained)).eval()
    assert torch.allclose(chain(X), blocks(X), rtol=1e-4, atol=1e-4)


def test_wirings_share_weights_and_cost_and_differ_in_what_they_compute():
    nets = {}
    for join in JOINS:
        torch.manual_seed(3)
        nets[join] = tables.randomise_norms(Chain(8, join=join))
    states = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets.values()]
    assert all(torch.equal(states[0], state) for state in states)
    assert len({cost.count(net, small.INPUT) for net in nets.values()}) == 1
    outputs = [net(X) for net in nets.values()]
    assert all(not torch.allclose(a, b) for i, a in enumerate(outputs) for b in outputs[i + 1 :])


@torch.no_grad()
def test_wide_joins_add_before_the_activation():
    net = tables.randomise_norms(Chain(8, join="expanded"))
    first, *others = networks.units(net)
    x, kept = first(net.stem(X)), 0
    for place, unit in enumerate(others, start=1):
        expanded = unit.expand[:2](x) + (kept if place in net.joins else 0)
        kept = expanded.clamp(0, 6)
        x = unit.project(unit.depthwise(kept))
    assert net.joins == [2, 3, 5] and torch.allclose(net(X), net.head(x))


def test_joins_need_equal_shapes():
    assert {join: len(Chain(9, join=join).joins) for join in JOINS} == {
        "narrow": 4, "expanded": 3, "filtered": 2, "none": 0
    }  # fmt: skip
    assert len(Chain(9, late=9, join="expanded").joins) == 3  # a stride stands between
    assert len(Chain(9, late=9, join="filtered").joins) == 3


def test_t_1_keeps_its_expansion():
    assert all(len(unit.expand) == 3 for unit in networks.units(Chain(8, 1))[1:])


@pytest.mark.parametrize("wrong", [{"width": 0}, {"t": 0}, {"late": 0}, {"join": "fat"}])
def test_a_chain_refuses_nonsense(wrong):
    with pytest.raises(ValueError):
        Chain(**({"width": 8} | wrong))


# Built networks


def test_blocks_of_torchvision_and_ours_are_the_printed_ones():
    spec = tables.printed(pd.read_csv(paths.data("papers/papers_mobilenetv2_spec.csv")))
    theirs = tables.blocks(library.mobilenet_v2(), mobilenetv2.InvertedResidual)
    ours = tables.blocks(MobileNetV2(), InvertedResidual)
    assert (theirs[spec.columns] == spec).all(axis=None)
    assert (theirs == ours).all(axis=None)
    assert theirs.shortcut.sum() == 10 and theirs.bare.sum() == 0 and theirs.depthwise.all()


def test_a_block_that_differs_is_noticed():
    other = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), InvertedResidual(8, 8, hidden=48, linear=False))
    row = tables.blocks(other, InvertedResidual).iloc[0]
    assert row.order != tables.BLOCK and row.shortcut
    bare = InvertedResidual(8, 8, hidden=48, norm=lambda channels: nn.Identity())
    assert tables._bare(bare) == 3


def test_resnets_bottlenecks():
    found = tables.bottlenecks(library.resnet50(), resnet.Bottleneck)
    assert len(found) == 16 and found.relu_on_slim.all()
    assert (4 * found.slim == found.M).all() and (found.kernel == 3).all()


# Memory


@pytest.mark.parametrize("slices", [1, 2, 5, 48])
@pytest.mark.parametrize(
    "block",
    [
        InvertedResidual(8, 8, hidden=48),
        InvertedResidual(8, 12, hidden=48, stride=2),
        InvertedResidual(48, 8, hidden=48),
        DepthwiseSeparable(48, 8, stride=2, after=norm_relu),
    ],
)
def test_a_sliced_block_computes_the_same_with_the_same_work(block, slices):
    block = tables.randomise_norms(block)
    N = next(p for p in block.modules() if isinstance(p, nn.Conv2d)).in_channels
    made, x = memory.Sliced(block, slices), torch.randn(2, N, 9, 9)
    assert torch.allclose(made(x), block(x), rtol=1e-4, atol=1e-4)
    assert cost.count(made, x.shape).macs == cost.count(block, x.shape).macs


def test_slices_must_fit():
    with pytest.raises(ValueError):
        memory.Sliced(InvertedResidual(2, 2, hidden=12), 13)


def test_peaks_fall_with_slices_and_the_first_is_the_plain_run():
    net = MobileNetV2()
    peaks = memory.peaks(net, (1, 2, 4))
    assert peaks[1] == cost.profile(net, memory.IMAGE).peak_activations
    assert peaks[1] > peaks[2] > peaks[4]


def test_maps_between_blocks_and_the_papers_table():
    net = MobileNetV1()
    table = memory.widest_maps(net, [*net.blocks, net.head.pool])
    paper = memory.table3(pd.read_csv(paths.data("papers/papers_mobilenetv2_table3.csv")))
    assert (table.channels == paper["mobilenetv1 channels"]).all()
    assert list(memory.misprints(paper)) == ["mobilenetv1 at 7 x 7"]


# Gradients and readouts


def test_recorded_norms_are_those_of_the_gradients():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    recorder = experiment.Recorder(net[0])
    net(torch.ones(5, 3)).square().sum().backward()
    expected = torch.cat([p.grad.flatten() for p in net[0].parameters()]).norm()
    assert torch.allclose(recorder.norms(1), expected)
    with pytest.raises(ValueError):
        recorder.norms(2)


def test_gradients_at_the_start_have_one_norm_a_unit_and_repeat():
    images = data.fashion_mnist().train.take(20)
    make = networks.stacks()["deep, shortcuts"]
    norms = experiment.gradients_at_start(make, images, 0)
    assert len(norms) == 2 * networks.DEEP and min(norms) > 0
    assert norms == experiment.gradients_at_start(make, images, 0)


def test_a_readout_of_everything_reads_everything():
    x = torch.randn(500, 4).double().numpy()
    noise = torch.randn(500, 6).double().numpy()
    assert experiment.readout_r2(x, 2 * x + 1, x, 2 * x + 1) == pytest.approx(1)
    assert experiment.readout_r2(x, noise, x[::-1], noise) < 0.1


def test_readouts_look_at_every_expansion():
    net = Chain(8)
    pairs = experiment.inputs_and_features(net, X)
    assert [y.shape[1] // x.shape[1] for x, y in pairs] == [6] * 5
    images = data.fashion_mnist().train.take(40)
    assert experiment.share_read(net, images, images) > 0.5


# The variants


def test_the_variants_cost_what_the_chapter_says():
    price = small.costs(networks.ablations())
    same = price.drop(["t = 1, same widths", "V1", "V1, no ReLU after 3 x 3"])
    assert same.MACs.nunique() == same.parameters.nunique() == 1
    assert (price.drop("t = 1, same widths").MACs / networks.MACS - 1).abs().max() < 0.03


def test_the_unfiltered_v1_has_no_relu_behind_its_depthwise_layers():
    def relus(net):
        return sum(isinstance(p, nn.ReLU) for p in net.modules())

    assert relus(networks.separable()) - relus(networks.separable(False)) == 6


def test_examined_trainings_are_those_of_repeat_and_tell_more():
    whole = data.fashion_mnist()
    split = data.Split(whole.train.take(40), whole.validation.take(20), whole.test.take(20))
    some, how = {"V2": networks.ablations()["V2"]}, dict(seeds=2, epochs=1, batch=20)
    examined = experiment.run_examined(some, split, **how)
    plain = train.repeat(some, split, **how)
    columns = ["variant", "seed", "validation", "test", "loss"]
    assert (examined[columns] == plain[columns]).all(axis=None)
    assert examined[["first", "last", "read"]].notna().all(axis=None)


def test_lead_takes_the_rival_that_validation_names():
    rows = []
    for macs in networks.BUDGETS:
        for seed in (0, 1):
            for name, test, validation in (("V2", 80, 0), ("V1", 70, 2), ("ShuffleNet V1", 90, 1)):
                row = {"variant": f"{name}, {macs}", "seed": seed, "test": test + seed}
                rows.append(row | {"validation": validation})
    ahead, best = experiment.lead(pd.DataFrame(rows))
    assert ahead.value == 10 and set(best.values()) == {"V1"}


def test_effects_are_written():
    assert experiment.format_effect(mean_interval([1.0, 1.0])) == "+1.00 points [+1.00, +1.00]"
    assert experiment.format_effect(mean_interval([-1.0, 1.0])).endswith("(open)")


def test_the_figures_are_drawn():
    style()
    one = exact(1.0)
    assert len(figures.brackets().axes) == 2
    bars = figures.peaks({1: 2_000_000, 2: 1_000_000}, {"V1": 1_200_000}).axes[0]
    assert [bar.get_height() for bar in bars.patches] == [2, 1]
    assert bars.lines[0].get_ydata()[0] == 1.2
    lines = figures.lines({"V2": {1: one, 6: exact(2.0)}, "V1": {6: one}}, "t").axes[0]
    assert [list(c.lines[0].get_ydata()) for c in lines.containers] == [[1, 2], [1]]
    along = figures.gradient_norms({"a": [[1.0, 2.0], [4.0, 8.0]]}).axes[0]
    assert list(along.lines[0].get_ydata()) == pytest.approx([2, 4])
