"""Chapter mobilenet-v2: wirings of one chain, slices of blocks, gradients, readouts."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision import models as library
from torchvision.models import mobilenetv2, resnet

from lwsurvey import cost, data, paths, train
from lwsurvey.chapters.mobilenet_v2 import experiment, memory, networks, tables
from lwsurvey.chapters.mobilenet_v2.networks import JOINS, Chain
from lwsurvey.claims import judge, ledger
from lwsurvey.models import editing, small
from lwsurvey.models.blocks import InvertedResidual
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import MobileNetV2
from lwsurvey.runs import Runs

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
    assert editing.same_outputs(Chain(8, **chained), block_network(**blocked), X.shape)


def test_wirings_share_weights_and_cost_and_differ_in_what_they_compute():
    nets = {}
    for join in JOINS:
        torch.manual_seed(3)
        nets[join] = editing.randomise_norms(Chain(8, join=join))
    states = [torch.cat([p.flatten() for p in net.parameters()]) for net in nets.values()]
    assert all(torch.equal(states[0], state) for state in states)
    assert len({cost.count(net, small.INPUT) for net in nets.values()}) == 1
    outputs = [net(X) for net in nets.values()]
    assert all(not torch.allclose(a, b) for i, a in enumerate(outputs) for b in outputs[i + 1 :])


@torch.no_grad()
def test_joins_of_expansions_add_before_the_activation():
    net = editing.randomise_norms(Chain(8, join="expansion"))
    first, *others = networks.units(net)
    x, kept = first(net.stem(X)), 0
    for place, unit in enumerate(others, start=1):
        expanded = unit.expand[:2](x) + (kept if place in net.joins else 0)
        kept = expanded.clamp(0, 6)
        x = unit.project(unit.depthwise(kept))
    assert net.joins == [2, 3, 5] and torch.allclose(net(X), net.head(x))


def test_joins_need_equal_shapes():
    assert {join: len(Chain(9, join=join).joins) for join in JOINS} == {
        "bottleneck": 4, "expansion": 3, "depthwise": 2, "none": 0
    }  # fmt: skip
    assert len(Chain(9, late=9, join="expansion").joins) == 3  # a stride stands between
    assert len(Chain(9, late=9, join="depthwise").joins) == 3


def test_t_1_keeps_its_expansion():
    assert all(len(unit.expand) == 3 for unit in networks.units(Chain(8, 1))[1:])


@pytest.mark.parametrize("wrong", [{"width": 0}, {"t": 0}, {"late": 0}, {"join": "fat"}])
def test_a_chain_refuses_nonsense(wrong):
    with pytest.raises(ValueError):
        Chain(**({"width": 8} | wrong))


def test_v1_without_its_depthwise_relu_has_six_fewer():
    def relus(net):
        return sum(isinstance(p, nn.ReLU) for p in net.modules())

    assert relus(networks.separable(8, 16)) - relus(networks.separable(8, 16, False)) == 6


def test_stacks_differ_in_branch_sum_or_norm_alone():
    bottlenecks, pairs = (networks.residual_stack(b) for b in (True, False))
    assert [u.shortcut is None for u in networks.units(bottlenecks)] == [
        u.shortcut is None for u in networks.units(pairs)
    ]
    assert networks.units(bottlenecks)[1].branch[0].out_channels == 8
    added, plain = (networks.separable_stack(s) for s in (True, False))
    assert cost.count(added, small.INPUT) == cost.count(plain, small.INPUT)
    assert len(networks.units(added)) == 2 * networks.DEEP
    bare = networks.separable_stack(True, norm=False)
    assert not any(
        isinstance(p, nn.BatchNorm2d) for unit in networks.units(bare) for p in unit.modules()
    )


# Built networks


def test_blocks_of_torchvision_and_ours_are_alike():
    theirs = tables.blocks(library.mobilenet_v2(), mobilenetv2.InvertedResidual)
    ours = tables.blocks(MobileNetV2(), InvertedResidual)
    assert len(theirs) == 17 and (theirs == ours).all(axis=None)
    assert theirs.shortcut.sum() == 10 and theirs.bare.sum() == 0 and theirs.depthwise.all()
    assert theirs.iloc[1].to_dict() == {
        "side": 112, "side_out": 56, "N": 16, "hidden": 96, "M": 24, "t": 6, "K": 3, "stride": 2,
        "depthwise": True, "order": tables.BLOCK, "shortcut": False, "inner_relu": True,
        "bare": 0, "weights": 16 * 96 + 9 * 96 + 96 * 24,
    }  # fmt: skip


@pytest.mark.parametrize(
    "options, column, value",
    [
        ({"linear": False}, "order", f"{tables.BLOCK} ReLU6"),
        ({"shortcut": False}, "shortcut", False),
        ({"norm": lambda channels: nn.Identity()}, "bare", 3),
        ({"activation": nn.Identity}, "inner_relu", False),
    ],
)
def test_a_block_that_differs_is_noticed(options, column, value):
    block = InvertedResidual(8, 8, hidden=48, **options)
    net = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), block, nn.BatchNorm2d(8))
    if column == "bare":
        block.project.append(nn.BatchNorm2d(8))  # `bypass` needs one
        value = 2
    assert tables.blocks(net, InvertedResidual).iloc[0][column] == value


def test_resnets_bottlenecks():
    found = tables.blocks(library.resnet50(), resnet.Bottleneck)
    assert len(found) == 16 and found.inner_relu.all()
    assert (4 * found.hidden == found.M).all() and (found.K == 3).all()


# Memory


@pytest.mark.parametrize("slices", [1, 2, 5, 48])
@pytest.mark.parametrize(
    "N, block",
    [
        (8, InvertedResidual(8, 8, hidden=48)),
        (8, InvertedResidual(8, 12, hidden=48, stride=2)),
        (48, InvertedResidual(48, 8, hidden=48)),
    ],
)
def test_a_sliced_block_computes_the_same_with_the_same_work(N, block, slices):
    block, x = editing.randomise_norms(block), torch.randn(2, N, 9, 9)
    made = memory.Sliced(block, slices)
    assert torch.allclose(made(x), block(x), rtol=1e-4, atol=1e-4)
    assert cost.count(made, x.shape).macs == cost.count(block, x.shape).macs


@pytest.mark.parametrize("slices", [0, 13])
def test_slices_must_fit(slices):
    with pytest.raises(ValueError, match="12 channels"):
        memory.Sliced(InvertedResidual(2, 2, hidden=12), slices)


def test_peaks_fall_with_slices_and_the_first_is_the_plain_run():
    net = MobileNetV2()
    peaks = memory.peaks(net, (1, 2, 4))
    assert peaks[1] == cost.profile(net, editing.IMAGE).peak_activations
    assert peaks[1] > peaks[2] > peaks[4]


def test_feature_maps_between_blocks_and_the_papers_table():
    net, paper = MobileNetV1(), tables.table3()
    channels = memory.widest_maps(net, [*net.blocks, net.head.pool])
    assert channels.equals(paper.channels["mobilenetv1"].rename_axis("side"))
    assert paper.kB["mobilenetv2"].to_dict() == {112: 400, 56: 200, 28: 100, 14: 62, 7: 32, 1: 2}


# Gradients and readouts


def whole(n: int = 40) -> data.Split:
    images = data.fashion_mnist()
    return data.Split(images.train.take(n), images.validation.take(20), images.test.take(20))


def test_watched_gradients_are_those_of_the_first_and_last_unit():
    net = experiment.watch_gradients(partial(Chain, 8))()
    first, *_, last = networks.units(net)
    net(X).square().sum().backward()
    for unit, end in ((first, "first"), (last, "last")):
        expected = sum(float(p.grad.square().sum()) for p in unit.parameters())
        assert sum(net.squares[end]) == pytest.approx(expected)


def test_what_is_examined_is_the_mean_over_the_first_epoch():
    made = experiment.watch_gradients(partial(Chain, 8))
    fitted = train.fit(made, whole(), seed=0, epochs=2, batch=20)
    found = experiment.examine(fitted, whole())
    for unit, end in ((networks.units(fitted.net)[0], "first"), (fitted.net.late[-1], "last")):
        steps = np.reshape(fitted.net.squares[end], (4, len(list(unit.parameters()))))
        assert found[end] == pytest.approx(np.log10(np.sqrt(steps[:2].sum(1))).mean())
    assert 0 < found["read"] <= 1
    plain = train.fit(partial(small.mobilenet_v1, 8), whole(), seed=0, epochs=1, batch=20)
    assert experiment.examine(plain, whole()) == {}


def test_gradients_at_the_start_have_one_norm_a_unit_and_repeat():
    images = whole().train
    make = partial(networks.separable_stack, True)
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
    assert experiment.share_read(net, whole().train, whole().train) > 0.5


def test_lead_takes_the_rival_that_validation_names():
    rows = []
    for budget in ("small", "large"):
        for seed in (0, 1):
            for name, test, validation in (("V2", 80, 0), ("V1", 70, 2), ("ShuffleNet", 90, 1)):
                row = {"variant": f"{name}, {budget}", "seed": seed, "test": test + seed}
                rows.append(row | {"validation": validation})
    ours, *rivals = ([f"{n}, {b}" for b in ("small", "large")] for n in ("V2", "V1", "ShuffleNet"))
    ahead = experiment.lead(pd.DataFrame(rows), ours, dict(enumerate(rivals)))
    assert (ahead.value, ahead.low, ahead.high) == (10, 10, 10)


@pytest.fixture(scope="module")
def recorded() -> pd.DataFrame:
    """The recorded networks as `train.repeat` gives them."""
    rows = Runs(paths.root() / "data" / "runs" / "mobilenet-v2.csv").rows.values()
    frame = [{"variant": row.variant, "seed": row.seed, **row.numbers} for row in rows]
    return pd.DataFrame(frame).assign(uneven=lambda f: (f["first"] - f["last"]).abs())


DEEP = "deep, shortcuts", "deep, no shortcuts"


@pytest.mark.parametrize(
    ("claim", "column", "pair", "others", "then"),
    [
        ("C870", "test", ("V2", "no shortcuts"), None, "contradicted at reduced scale"),
        ("C183", "test", ("V2", "shortcuts: expansions"), ("V2, 156k", "V2"),
         "contradicted at reduced scale"),
        ("C532", "test", ("shortcuts: depthwise", "no shortcuts"), ("V2", "no shortcuts"),
         "holds at reduced scale"),
        ("C624", "test", ("V2", "ReLU6 projection"), None, "contradicted at reduced scale"),
        ("C554", "test", ("no depthwise ReLU6", "V2"), ("V1, no depthwise ReLU", "V1"),
         "contradicted at reduced scale"),
        ("C441", "test", ("V2", "t = 1, same widths"), None, "contradicted at reduced scale"),
        ("C533", "test", ("V2", "t = 1, same MACs"), None, "contradicted at reduced scale"),
        ("C442", "test", ("V2", "V1"), None, "contradicted at reduced scale"),
        ("C408", "test", ("bottlenecks", "pairs of 3 x 3"),
         ("bottlenecks", "narrow pairs of 3 x 3"), "holds at reduced scale"),
        ("C098", "test", DEEP, None, "contradicted at reduced scale"),
        ("C074", "first", DEEP[::-1], None, "holds at reduced scale"),
        ("C627", "uneven", ("no shortcuts", "V2"), None, "holds at reduced scale"),
        ("C534", "read", ("V2", "t = 1, same widths"), None, "contradicted at reduced scale"),
    ],
)  # fmt: skip
def test_the_networks_decide_and_other_networks_would_decide_otherwise(
    recorded, claim, column, pair, others, then
):
    """The pair the other way round, or another pair of the same study, turns the verdict."""
    row = ledger()[claim]
    assert judge(row, train.difference(recorded, *pair, column)).verdict == row.verdict
    other = train.difference(recorded, *(others or pair[::-1]), column)
    assert judge(row, other).verdict == then


@pytest.mark.parametrize(
    ("claim", "value", "then"),
    [
        ("C103", 0.9, "holds"), ("C536", 1.1, "contradicted"), ("C439", 8 / 17, "contradicted"),
        ("C440", 8 / 17, "contradicted"), ("C894", 0.4, "contradicted"),
    ],
)  # fmt: skip
def test_another_count_would_turn_the_verdict(claim, value, then):
    assert judge(ledger()[claim], value).verdict == then != ledger()[claim].verdict
