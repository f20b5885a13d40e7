"""Chapter mobilenet-v2: wirings of one chain, slices of blocks, gradients, readouts, the arms."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from torch import nn
from torchvision import models as library
from torchvision.models import mobilenetv2, resnet

from lwsurvey import cost, data, figures, paths
from lwsurvey.chapters.mobilenet_v2 import (
    tables as anatomy,
    arms,
    deep,
    figures as draw,
    gradients,
    memory,
    readout,
    experiment as study,
)
from lwsurvey.chapters.mobilenet_v2.networks import JOINS, Chain
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
        ({"filtered": False}, {"depthwise_activation": False}),
    ],
)
def test_a_chain_is_the_network_of_blocks_in_each_state(chained, blocked):
    blocks = anatomy.stirred(block_network(**blocked))
    chain = editing.copy_weights(blocks, Chain(8, **chained)).eval()
    assert torch.allclose(chain(X), blocks(X), rtol=1e-4, atol=1e-4)


def test_wirings_share_weights_and_cost_and_differ_in_what_they_compute():
    nets = {}
    for join in JOINS:
        torch.manual_seed(3)
        nets[join] = anatomy.stirred(Chain(8, join=join))
    states = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets.values()]
    assert all(torch.equal(states[0], state) for state in states)
    assert len({cost.count(net, small.INPUT) for net in nets.values()}) == 1
    outputs = [net(X) for net in nets.values()]
    assert all(not torch.allclose(a, b) for i, a in enumerate(outputs) for b in outputs[i + 1 :])


def test_wide_joins_add_before_the_activation():
    torch.manual_seed(0)
    net = Chain(8, join="expanded").eval()
    outputs = []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, x, y: outputs.append(y))
    net(X)
    target, source = next(iter(net.joins.items()))
    layer = net.layers[target]
    expected = (layer.norm(layer.convolution(outputs[target - 1])) + outputs[source]).clamp(0, 6)
    assert torch.allclose(outputs[target], expected)


def test_joins_need_equal_shapes():
    assert {join: len(Chain(9, join=join).joins) for join in JOINS} == {
        "narrow": 4, "expanded": 3, "filtered": 2, "none": 0
    }  # fmt: skip
    assert len(Chain(9, late=9, join="expanded").joins) == 3  # a stride stands between
    assert len(Chain(9, late=9, join="filtered").joins) == 3


def test_t_1_keeps_its_expansion():
    assert len(Chain(8, 1).layers) == len(Chain(8, 6).layers)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"t": 0}, {"late": 0}, {"join": "fat"}])
def test_a_chain_refuses_nonsense(wrong):
    with pytest.raises(ValueError):
        Chain(**({"width": 8} | wrong))


# Built networks


def test_blocks_of_torchvision_and_ours_are_the_printed_ones():
    spec = anatomy.printed(pd.read_csv(paths.data("papers/papers_mobilenetv2_spec.csv")))
    theirs = anatomy.blocks(library.mobilenet_v2(), mobilenetv2.InvertedResidual)
    ours = anatomy.blocks(MobileNetV2(), InvertedResidual)
    assert (theirs[spec.columns] == spec).all(axis=None)
    assert (theirs == ours).all(axis=None)
    assert theirs.shortcut.sum() == 10 and theirs.bare.sum() == 0 and theirs.depthwise.all()


def test_a_block_that_differs_is_noticed():
    other = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), InvertedResidual(8, 8, hidden=48, linear=False))
    row = anatomy.blocks(other, InvertedResidual).iloc[0]
    assert row.order != anatomy.BLOCK and row.shortcut
    bare = InvertedResidual(8, 8, hidden=48, norm=lambda channels: nn.Identity())
    assert anatomy._bare(bare) == 3


def test_resnets_bottlenecks():
    found = anatomy.bottlenecks(library.resnet50(), resnet.Bottleneck)
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
    block = anatomy.stirred(block)
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
    table = memory.between(net, [*net.blocks, net.head.pool])
    paper = memory.paper(pd.read_csv(paths.data("papers/papers_mobilenetv2_table3.csv")))
    assert (table.channels == paper["mobilenetv1 channels"]).all()
    assert list(memory.misprints(paper)) == ["mobilenetv1 at 7 x 7"]


# Gradients and readouts


def test_recorded_norms_are_those_of_the_gradients():
    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 2))
    recorder = gradients.Recorder({"first": net[0]})
    net(torch.ones(5, 3)).square().sum().backward()
    expected = torch.cat([p.grad.flatten() for p in net[0].parameters()]).norm()
    assert torch.allclose(recorder.norms("first", 1), expected)
    with pytest.raises(ValueError):
        recorder.norms("first", 2)


def test_gradients_at_the_start_have_one_norm_a_unit_and_repeat():
    images = data.fashion_mnist().train.take(20)
    make = arms.stacks()["deep, shortcuts"]
    norms = gradients.at_start(make, deep.units_of, images, 0)
    assert len(norms) == 2 * deep.DEEP and min(norms) > 0
    assert norms == gradients.at_start(make, deep.units_of, images, 0)


def test_a_readout_of_everything_reads_everything():
    x = torch.randn(500, 4).double().numpy()
    noise = torch.randn(500, 6).double().numpy()
    assert readout._share(x, 2 * x + 1, x, 2 * x + 1) == pytest.approx(1)
    assert readout._share(x, noise, x[::-1], noise) < 0.1


def test_readouts_look_at_every_expansion():
    net = Chain(8)
    pairs = readout.inputs_and_features(net, X)
    assert [y.shape[1] // x.shape[1] for x, y in pairs] == [6] * 5
    images = data.fashion_mnist().train.take(40)
    assert readout.share_read(net, images, images) > 0.5


# The arms


def test_the_arms_cost_what_the_chapter_says():
    price = small.costs(arms.ablations())
    same = price.drop(["t = 1, same widths", "V1", "V1, no ReLU after 3 x 3"])
    assert same.MACs.nunique() == same.parameters.nunique() == 1
    assert (price.drop("t = 1, same widths").MACs / arms.MACS - 1).abs().max() < 0.03


def test_the_unfiltered_v1_has_no_relu_behind_its_depthwise_layers():
    def relus(net):
        return sum(isinstance(p, nn.ReLU) for p in net.modules())

    assert relus(arms.separable()) - relus(arms.separable(False)) == 6


def test_units_of_a_chain_hold_all_layers_but_the_stem():
    net = arms.inverted()
    units = study.chain_units(net)
    assert [len(unit) for unit in units] == [2, 3, 3, 3, 3, 3]
    assert [layer for unit in units for layer in unit] == list(net.layers)[1:]


def test_looked_into_gives_what_repeat_gives_and_more():
    from lwsurvey import train

    whole = data.fashion_mnist()
    split = data.Split(whole.train.take(40), whole.validation.take(20), whole.test.take(20))
    some, how = {"V2": arms.ablations()["V2"]}, dict(epochs=1, batch=20)
    seen = study.looked_into(some, split, study.chain_units, seeds=2, **how)
    plain = train.repeat(some, split, seeds=2, **how)
    columns = ["arm", "seed", "validation", "test", "loss"]
    assert (seen[columns] == plain[columns]).all(axis=None)
    assert seen[["first", "last", "read"]].notna().all(axis=None)


def test_lead_takes_the_rival_that_validation_names():
    rows = []
    for macs in arms.BUDGETS:
        for seed in (0, 1):
            for name, test, validation in (("V2", 80, 0), ("V1", 70, 2), ("ShuffleNet V1", 90, 1)):
                row = {"arm": f"{name}, {macs}", "seed": seed, "test": test + seed}
                rows.append(row | {"validation": validation})
    ahead, best = study.lead(pd.DataFrame(rows))
    assert ahead.value == 10 and set(best.values()) == {"V1"}


def test_effects_are_said():
    assert study.said(mean_interval([1.0, 1.0])) == "+1.00 points [+1.00, +1.00]"
    assert study.said(mean_interval([-1.0, 1.0])).endswith("(open)")


def test_the_pictures_are_drawn():
    figures.style()
    one = exact(1.0)
    assert len(draw.brackets().axes) == 2
    bars = draw.by_slices({1: 2_000_000, 2: 1_000_000}, {"V1": 1_200_000}).axes[0]
    assert [bar.get_height() for bar in bars.patches] == [2, 1]
    assert bars.lines[0].get_ydata()[0] == 1.2
    lines = draw.lines({"V2": {1: one, 6: exact(2.0)}, "V1": {6: one}}, "t").axes[0]
    assert [list(c.lines[0].get_ydata()) for c in lines.containers] == [[1, 2], [1]]
    along = draw.along({"a": [[1.0, 2.0], [4.0, 8.0]]}).axes[0]
    assert list(along.lines[0].get_ydata()) == pytest.approx([2, 4])
