"""The surveyed networks: equal to the libraries', or to their papers where no library has them."""

from __future__ import annotations

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models.googlenet import BasicConv2d

from lwsurvey import cost
from lwsurvey.cost import closed_form
from lwsurvey.models import alexnet, editing, googlenet, shufflenet_v1, shufflenet_v2
from lwsurvey.models.alexnet import AlexNet
from lwsurvey.models.blocks import (
    BasicBlock,
    Bottleneck,
    ChannelShuffle,
    Head,
    InvertedResidual,
    Residual,
    SqueezeExcitation,
    same_convolution,
)
from lwsurvey.models.espnet import ESP, ESPNet, ESPNetC
from lwsurvey.models.googlenet import GoogLeNet
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import MobileNetV2, round_channels
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.models.shufflenet_v1 import ShuffleNetV1
from lwsurvey.models.shufflenet_v2 import ShuffleNetV2


def meta(make, *arguments, **options) -> nn.Module:
    with torch.device("meta"):
        return make(*arguments, **options).eval()


def shapes(network: nn.Module, *names: str, side: int = 224) -> dict[str, tuple[int, ...]]:
    """Channels, rows and columns that parts of a network on the meta device give."""
    found = {}
    for name in names:
        network.get_submodule(name).register_forward_hook(
            lambda _part, _inputs, output, name=name: found.update({name: tuple(output.shape[1:])})
        )
    network(torch.empty(1, 3, side, side, device="meta"))
    return found


@torch.no_grad()
def outputs(ours: nn.Module, theirs: nn.Module, side: int = 64) -> tuple[Tensor, Tensor]:
    """What both networks give for the same images, after random values in the same order."""
    torch.manual_seed(0)
    mine, other = ours.eval().state_dict(), theirs.eval().state_dict()
    assert [v.shape for v in mine.values()] == [v.shape for v in other.values()]
    for ours_value, their_value in zip(mine.values(), other.values(), strict=True):
        if ours_value.is_floating_point():
            ours_value.copy_(_random_like(ours_value))
        their_value.copy_(ours_value)
    images = torch.randn(2, 3, side, side)
    results = ours(images), theirs(images)
    spread = (results[0][0] - results[0][1]).abs().mean() / results[0].abs().mean()
    assert spread > 0.01, "the outputs do not depend on the images"
    return results


def _random_like(value: Tensor) -> Tensor:
    if value.dim() < 2:
        return 0.8 + 0.4 * torch.rand_like(value)
    return torch.randn_like(value) * (2 / value[0].numel()) ** 0.5


@pytest.mark.parametrize(("alpha", "name"), [(1, "mobilenetv1_100"), (1.25, "mobilenetv1_125")])
def test_mobilenet_v1_equals_timms_which_has_relu6(alpha, name):
    theirs = timm.create_model(name)
    ours = MobileNetV1(alpha, activation=nn.ReLU6)
    torch.testing.assert_close(*outputs(ours, theirs))
    mine, other = outputs(MobileNetV1(alpha), theirs)
    assert not torch.allclose(mine, other, rtol=1e-2), "ReLU would have given the same"


@pytest.mark.parametrize("alpha", [1, 0.35, 0.75, 1.4])
def test_mobilenet_v2_equals_torchvisions(alpha):
    theirs = torchvision.models.mobilenet_v2(width_mult=alpha)
    torch.testing.assert_close(*outputs(MobileNetV2(alpha), theirs))


@pytest.mark.parametrize("size", ["large", "small"])
@pytest.mark.parametrize("alpha", [1, 0.75])
def test_mobilenet_v3_equals_torchvisions(size, alpha):
    theirs = torchvision.models.get_model(f"mobilenet_v3_{size}", width_mult=alpha)
    torch.testing.assert_close(*outputs(MobileNetV3(size, alpha), theirs))
    changed = MobileNetV3(size, alpha, activation=nn.SiLU)
    mine, other = outputs(changed, theirs)
    assert not torch.allclose(mine, other, rtol=1e-2), "swish would have given the same"


def test_the_parts_of_v3_that_were_changed_by_hand():
    """Figure 5 of the paper, and its 34.3 M MACs by hand."""
    counted = {
        name: cost.count(meta(MobileNetV3, **options), (1, 3, 224, 224)).macs
        for name, options in {
            "as published": {}, "original": {"tail": "original"}, "stem": {"stem": 32}
        }.items()
    }  # fmt: skip
    before = 49 * (160 * 960 + 960 * 9 + 960 * 320 + 320 * 1280) + 1280 * 1000
    after = 49 * 160 * 960 + 960 * 1280 + 1280 * 1000
    assert counted["original"] - counted["as published"] == before - after
    wider = 112 * 112 * 16 * (27 + 9 + 16)
    assert counted["stem"] - counted["as published"] == wider
    bare = meta(MobileNetV3, squeeze=False)
    assert not any(isinstance(part, SqueezeExcitation) for part in bare.modules())


def test_squeeze_and_excitation_equals_torchvisions_and_its_equations():
    ours, theirs = SqueezeExcitation(12, 3), torchvision.ops.SqueezeExcitation(12, 3)
    torch.testing.assert_close(*outputs_of_channels(ours, theirs, 12))
    x = torch.randn(2, 12, 5, 7)
    W1, W2 = ours.fc1.weight[:, :, 0, 0], ours.fc2.weight[:, :, 0, 0]
    z = x.mean((2, 3))
    s = torch.sigmoid((z @ W1.T + ours.fc1.bias).relu() @ W2.T + ours.fc2.bias)
    torch.testing.assert_close(ours.scores(x).flatten(1), s)
    torch.testing.assert_close(ours(x), x * s[:, :, None, None])
    assert SqueezeExcitation(12, 3, side=2)(x).shape == x.shape


@torch.no_grad()
def outputs_of_channels(ours: nn.Module, theirs: nn.Module, C: int) -> tuple[Tensor, Tensor]:
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        other.copy_(mine)
    x = torch.randn(2, C, 6, 6)
    return ours(x), theirs(x)


@pytest.mark.parametrize(("N", "stride"), [(32, 1), (32, 2), (24, 1)])
@torch.no_grad()
def test_resnets_blocks_equal_torchvisions(N, stride):
    torch.manual_seed(0)

    def projection() -> nn.Module:
        return nn.Sequential(nn.Conv2d(N, 32, 1, stride, bias=False), nn.BatchNorm2d(32))

    x = torch.randn(2, N, 7, 9)
    for ours, kind, planes in (
        (BasicBlock(N, 32, stride), resnet.BasicBlock, 32),
        (Bottleneck(N, 8, M=32, stride=stride), resnet.Bottleneck, 8),
    ):
        same = N == 32 and stride == 1
        theirs = kind(N, planes, stride, downsample=None if same else projection()).eval()
        for value in theirs.state_dict().values():
            value.copy_(_random_like(value) if value.is_floating_point() else value)
        torch.testing.assert_close(editing.copy_weights(theirs, ours).eval()(x), theirs(x))


def test_same_outputs_are_those_of_the_same_weights():
    one, two = (BasicBlock(8, 8) for _ in range(2))
    assert editing.same_outputs(one, two, (2, 8, 5, 5))
    other = BasicBlock(8, 8)
    other.shortcut = None
    assert not editing.same_outputs(other, two, (2, 8, 5, 5))


def test_a_residual_without_projection_adds_where_the_shape_stays():
    x = torch.randn(2, 8, 7, 9)
    for make in (BasicBlock, lambda *sizes, **how: Bottleneck(8, 2, M=sizes[1], **how)):
        kept, changed = make(8, 8, projection=False), make(8, 16, projection=False)
        torch.testing.assert_close(kept(x), (x + kept.branch(x)).relu())
        torch.testing.assert_close(changed(x), changed.branch(x).relu())
    linear = Residual(nn.Identity(), nn.Identity(), relu=False)
    assert torch.equal(linear(x), 2 * x)


def test_an_inverted_residual_has_what_is_asked_for():
    x = torch.randn(2, 8, 6, 6)
    block = InvertedResidual(8, 8, hidden=24).eval()
    bare = InvertedResidual(8, 8, hidden=24, shortcut=False).eval()
    bare.load_state_dict(block.state_dict())
    torch.testing.assert_close(block(x), bare(x) + x)
    clipped = InvertedResidual(8, 8, hidden=24, shortcut=False, linear=False).eval()
    clipped.load_state_dict(block.state_dict())
    torch.testing.assert_close(clipped(x), bare(x).clamp(0, 6))
    assert not InvertedResidual(8, 8, hidden=24, stride=2).shortcut
    assert not InvertedResidual(8, 9, hidden=24).shortcut
    assert len(InvertedResidual(8, 8, hidden=8).expand) == 0
    assert len(InvertedResidual(8, 8, hidden=8, always_expand=True).expand) == 3
    assert len(InvertedResidual(8, 8, hidden=24, depthwise_activation=False).depthwise) == 2
    squeezed = InvertedResidual(8, 8, hidden=24, squeeze=lambda C: SqueezeExcitation(C, 6))
    assert squeezed.squeeze.fc1.in_channels == 24


@pytest.mark.parametrize(
    ("channels", "expected"), [(11.2, 16), (1, 8), (12, 16), (44.8, 48), (90, 88)]
)
def test_channels_are_rounded_as_timm_rounds_them(channels, expected):
    from timm.layers import make_divisible

    assert round_channels(channels) == make_divisible(channels) == expected


@pytest.mark.parametrize("alpha", [1, 0.75, 0.5, 0.25])
def test_both_mobilenets_count_as_their_closed_forms(alpha):
    blocks = {"separable": closed_form.separable, "standard": closed_form.convolution}
    for name, form in blocks.items():
        network, expected = (
            meta(MobileNetV1, alpha, name),
            closed_form.mobilenet_v1(alpha, 224, form),
        )
        assert cost.count(network, (1, 3, 224, 224)).macs == expected.macs
        weights = sum(p.numel() for p in network.parameters() if p.dim() > 1)
        assert weights == expected.parameters


def test_mobilenet_v1_has_the_maps_of_its_table():
    for block in ("separable", "standard"):
        network = meta(MobileNetV1, block=block)
        names = [f"blocks.{i}" for i in range(13)]
        rows = [(M, side, side) for _, M, side in closed_form.MOBILENET_V1]
        assert list(shapes(network, *names).values()) == rows
    assert sum(isinstance(m, nn.Conv2d) for m in meta(MobileNetV1).modules()) == 27


# Zhang et al. 2018, table 1: groups, channels of stages 2 to 4, complexity in million MACs.
SHUFFLENET_V1 = [
    (1, (144, 288, 576), 143),
    (2, (200, 400, 800), 140),
    (3, (240, 480, 960), 137),
    (4, (272, 544, 1088), 133),
    (8, (384, 768, 1536), 137),
]


@pytest.mark.parametrize(("groups", "channels", "complexity"), SHUFFLENET_V1)
def test_shufflenet_v1_has_the_rows_of_its_table(groups, channels, complexity):
    network = meta(ShuffleNetV1, groups)
    stages = [f"stage{i}" for i in (2, 3, 4)]
    expected = [(M, side, side) for M, side in zip(channels, (28, 14, 7), strict=True)]
    assert list(shapes(network, "stem", "pool", *stages).values()) == [
        (24, 112, 112), (24, 56, 56), *expected,
    ]  # fmt: skip
    macs = cost.count(network, (1, 3, 224, 224)).macs
    assert round((macs - 1000 * channels[-1]) / 1e6) == complexity  # without the classifier


@pytest.mark.parametrize(
    ("groups", "scale", "stem", "million", "parameters"),
    [  # figures of the authors' code, github megvii-model/ShuffleNet-Series
        (3, 0.5, None, 38, 0.7), (8, 0.5, 16, 40, 1.0), (3, 1.5, None, 292, 3.4),
        (8, 1.5, None, 290, 4.3), (3, 2, None, 524, 5.4), (8, 2, None, 522, 6.5),
    ],
)  # fmt: skip
def test_shufflenet_v1_needs_what_its_authors_publish(groups, scale, stem, million, parameters):
    network = meta(ShuffleNetV1, groups, scale, stem=stem)
    counted = cost.count(network, (1, 3, 224, 224))
    assert round(counted.macs / 1e6) == million
    assert abs(counted.parameters / 1e6 - parameters) < 0.06  # they cut off: 5.45 is printed 5.4


def test_shufflenet_v1_units_do_what_figure_2_shows():
    unit = shufflenet_v1.Unit(24, 240, 3, 2, first_groups=1).eval()
    layers = [layer for layer in unit.branch.modules() if not list(layer.children())]
    kinds = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU, ChannelShuffle, *[nn.Conv2d, nn.BatchNorm2d] * 2]
    assert [type(layer) for layer in layers] == kinds
    assert layers[3].groups == 3
    sizes = [
        (c.in_channels, c.out_channels, c.groups, c.stride[0]) for c in layers[::4] + layers[6:7]
    ]
    assert sizes == [(24, 60, 1, 1), (60, 60, 60, 2), (60, 216, 3, 1)]


def test_shufflenet_v1_units_join_by_concatenation_or_addition():
    x = torch.rand(1, 24, 9, 9)
    unit = shufflenet_v1.Unit(24, 240, 3, 2, first_groups=1).eval()
    pooled = torch.nn.functional.avg_pool2d(x, 3, 2, 1)
    torch.testing.assert_close(unit(x), torch.cat([pooled, unit.branch(x).relu()], 1))
    unit = shufflenet_v1.Unit(24, 24, 2).eval()
    torch.testing.assert_close(unit(x), (x + unit.branch(x)).relu())


@pytest.mark.parametrize(
    ("scale", "name"), [(0.5, "x0_5"), (1, "x1_0"), (1.5, "x1_5"), (2, "x2_0")]
)
def test_shufflenet_v2_equals_torchvisions(scale, name):
    theirs = torchvision.models.get_model(f"shufflenet_v2_{name}")
    torch.testing.assert_close(*outputs(ShuffleNetV2(scale), theirs))


@pytest.mark.parametrize("scale", shufflenet_v2.WIDTHS)
def test_shufflenet_v2_has_the_rows_of_its_table(scale):
    names = ("stem", "pool", "stage2", "stage3", "stage4", "conv5")
    widths = shufflenet_v2.WIDTHS[scale]
    sides = (112, 56, 28, 14, 7, 7)
    rows = [(M, s, s) for M, s in zip((24, *widths), sides, strict=True)]
    assert list(shapes(meta(ShuffleNetV2, scale), *names).values()) == rows


def torchvisions_googlenet_as_printed() -> nn.Module:
    """Without batch normalisation, with 5 x 5 kernels and with a last pooling of 3 x 3."""
    network = torchvision.models.googlenet(weights=None, aux_logits=False, init_weights=False)
    for layer in network.modules():
        if isinstance(layer, BasicConv2d):
            layer.bn = nn.Identity()
    for name in googlenet.INCEPTION:
        wide = network.get_submodule(f"inception{name}.branch3.1")
        wide.conv = same_convolution(wide.conv.in_channels, wide.conv.out_channels, 5)
    network.maxpool4 = nn.MaxPool2d(3, 2, ceil_mode=True)
    network.fc = nn.Linear(1024, 1000, bias=False)
    return network


def test_googlenet_equals_torchvisions_with_its_departures_undone():
    theirs = torchvisions_googlenet_as_printed()
    torch.testing.assert_close(*outputs(GoogLeNet(bias=False), theirs, side=97))


def test_googlenet_has_the_maps_of_its_table():
    widths = (256, 480, 512, 512, 512, 528, 832, 832, 1024)
    sides = (28, 28, 14, 14, 14, 14, 14, 7, 7)
    modules = {
        name: (M, side, side)
        for name, M, side in zip(googlenet.INCEPTION, widths, sides, strict=True)
    }
    ends = {"conv1": (64, 112, 112), "pool1": (64, 56, 56), "conv2": (192, 56, 56),
            "pool2": (192, 28, 28), "pool3": (480, 14, 14), "pool4": (832, 7, 7),
            "avgpool": (1024,), "linear": (1000,)}  # fmt: skip
    assert shapes(meta(GoogLeNet), *modules, *ends) == modules | ends
    assert {name: f.M for name, f in googlenet.INCEPTION.items()} == {
        name: shape[0] for name, shape in modules.items()
    }
    kernels = [m.kernel_size for m in GoogLeNet().modules() if isinstance(m, nn.Conv2d)]
    assert kernels.count((5, 5)) == 9 and len(kernels) == 57


def test_alexnet_has_the_sizes_of_its_paper():
    """Krizhevsky et al. 2012, figure 2: maps of 55, 27 and 13; 60 million parameters."""
    network = meta(AlexNet)
    layers = {"conv1": (96, 55, 55), "conv2": (256, 27, 27), "conv3": (384, 13, 13),
              "conv5": (256, 13, 13), "fc6": (4096,)}  # fmt: skip
    assert shapes(network, *layers, side=alexnet.SIDE) == layers
    assert network.conv2.weight.shape == (256, 48, 5, 5)  # section 3.5, on two graphics cards
    assert network.conv4.weight.shape == (384, 192, 3, 3)
    assert network.conv3.weight.shape == (384, 256, 3, 3)
    counted = cost.count(network, (1, 3, alexnet.SIDE, alexnet.SIDE))
    assert (round(counted.macs / 1e6, 1), round(counted.parameters / 1e6, 2)) == (724.4, 60.97)


def test_alexnet_normalises_as_section_3_3():
    x = torch.randn(1, 96, 4, 4, dtype=torch.float64)
    squares = x[0, 8:13, 2, 1].pow(2).sum()  # five neighbouring channels
    expected = x[0, 10, 2, 1] / (2 + 1e-4 * squares) ** 0.75
    torch.testing.assert_close(AlexNet().norm1(x)[0, 10, 2, 1], expected)


def test_alexnets_halves_do_not_meet_where_the_paper_parts_them():
    layers = AlexNet().eval()
    for name, N in (("conv2", 96), ("conv4", 384), ("conv5", 384)):
        x = torch.rand(1, N, 3, 3)
        other = x.clone()
        other[:, : N // 2] = 0
        seen = (layers.get_submodule(name)(x) != layers.get_submodule(name)(other)).any((0, 2, 3))
        half = len(seen) // 2
        assert seen[:half].all() and not seen[half:].any()


def test_espnets_count_as_their_authors_code():
    """Parameters that github sacmehta/ESPNet gives for p = 2 and q = 3, 5, 8 (our run of it).

    The authors publish 0.364 M for q = 8 (README of github sacmehta/ESPNetv2).
    """
    expected = {3: (187_529, 203_189), 5: (252_297, 267_957), 8: (349_449, 365_109)}
    for alpha3, counts in expected.items():
        pair = meta(ESPNetC, 20, 2, alpha3), meta(ESPNet, 20, 2, alpha3)
        assert tuple(sum(p.numel() for p in net.parameters()) for net in pair) == counts
        norms = [m for m in pair[1].modules() if isinstance(m, nn.BatchNorm2d)]
        assert {norm.eps for norm in norms} == {1e-3}
    for classes in (19, 20):
        parameters = sum(p.numel() for p in meta(ESPNet, classes).parameters())
        assert parameters / 1e6 == pytest.approx(0.364, abs=0.0015)


def test_espnets_maps():
    network = meta(ESPNet)
    names = ("encoder.after1", "encoder.after2", "encoder.after3", "up3", "up2", "up1")
    expected = [(19, 48, 48), (131, 24, 24), (256, 12, 12), (20, 24, 24), (20, 48, 48)]
    assert list(shapes(network, *names, side=96).values()) == [*expected, (20, 96, 96)]
    assert network(torch.empty(2, 3, 64, 96, device="meta")).shape == (2, 20, 64, 96)
    assert meta(ESPNetC)(torch.empty(2, 3, 64, 96, device="meta")).shape == (2, 20, 8, 12)


@pytest.mark.parametrize(("M", "branches"), [(100, 5), (20, 4), (23, 5)])
@pytest.mark.parametrize("fusion", [True, False])
def test_an_esp_module_reduces_splits_and_merges(M, branches, fusion):
    """Kernels of ones on a single bright pixel show what each output has seen and added."""
    block = ESP(M, M, branches, shortcut=False, fusion=fusion)
    block.after = nn.Identity()
    for p in block.parameters():
        nn.init.ones_(p)
    x = torch.zeros(1, M, 65, 65)
    x[0, 0, 32, 32] = 1
    y, B = block(x)[0], M // branches
    width = M - (branches - 1) * B
    stamps = [_stamp(2**i) for i in range(branches)]
    for i in range(branches):
        first = i if not fusion else min(i, 1)
        start = 0 if i == 0 else width + (i - 1) * B
        expected = B * sum(stamps[first : i + 1])
        torch.testing.assert_close(y[start], expected)
    weights = sum(p.numel() for p in block.parameters())
    assert weights == M * B + 9 * B * M  # M N / K + (n N)^2 / K where K divides M


def _stamp(dilation: int) -> Tensor:
    ticks = [32 + dilation * step for step in (-1, 0, 1)]
    stamp = torch.zeros(65, 65)
    for row in ticks:
        stamp[row, ticks] = 1
    return stamp


def test_an_esp_module_adds_its_input_only_where_shapes_allow():
    assert ESP(20, 20).shortcut and not ESP(20, 20, stride=2).shortcut
    assert not ESP(20, 25).shortcut and not ESP(20, 20, shortcut=False).shortcut
    block, x = ESP(10, 10), torch.rand(1, 10, 6, 6)
    bare = ESP(10, 10, shortcut=False)
    bare.load_state_dict(block.state_dict())
    block.after = bare.after = nn.Identity()
    torch.testing.assert_close(block(x), bare(x) + x)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MobileNetV1(block="dense"), "one of separable, standard, not 'dense'"),
        (lambda: MobileNetV1(0.7), "0.7 x 32 = 22.4 is not whole"),
        (lambda: MobileNetV1(0), "the multiplier must be positive"),
        (lambda: MobileNetV2(0), "multiplier is positive, not 0"),
        (lambda: MobileNetV2(classes=0), "one class or more, not 0"),
        (lambda: MobileNetV3("medium"), "one of large, small, not 'medium'"),
        (lambda: MobileNetV3(tail="short"), "one of efficient, original, not 'short'"),
        (lambda: MobileNetV3("small", tail="original"), "for the large network alone"),
        (lambda: MobileNetV3(alpha=-1), "alpha and stem are positive, not -1 and 16"),
        (lambda: SqueezeExcitation(8, 0), "1 or more, not 8, 0, 1"),
        (lambda: InvertedResidual(8, 8, hidden=0), "1 or more, not 8, 8, 0 and stride 1"),
        (lambda: InvertedResidual(8, 8, hidden=8, K=4), "K must be odd"),
        (lambda: Head(8, 0), "one class or more, not 0"),
        (lambda: ShuffleNetV1(5), "table 1 has 1, 2, 3, 4, 8 groups, not 5"),
        (lambda: ShuffleNetV1(8, 0.5), "so that N = 0 + a multiple of 8"),
        (lambda: ShuffleNetV1(4, 0.25), "so that 16 divides M"),
        (lambda: shufflenet_v1.Unit(24, 48, 3), "keeps its channels; 24 and 48 differ"),
        (lambda: shufflenet_v1.Unit(48, 48, 3, stride=2), "48 are not more than 48"),
        (lambda: shufflenet_v1.Unit(24, 24, 3, stride=3), "stride 1 or 2, not 3"),
        (lambda: ShuffleNetV2(0.75), "the scales 0.5, 1.0, 1.5, 2.0, not 0.75"),
        (lambda: shufflenet_v2.Unit(24, 25, 2), "M must be even, it is 25"),
        (lambda: shufflenet_v2.Unit(24, 26), "24 and 26 differ"),
        (lambda: shufflenet_v2.Unit(24, 24, 0), "stride 1 or 2, not 0"),
        (lambda: GoogLeNet(0), "one class or more, not 0"),
        (lambda: AlexNet(3), "as 1 or 2, not 3"),
        (lambda: AlexNet(classes=0), "one class or more, not 0"),
        (lambda: meta(AlexNet)(torch.empty(1, 3, 224, 224, device="meta")), "(batch, 3, 227, 227)"),
        (lambda: ESPNetC(20, 0), "alpha2 must be 1 or more, it is 0"),
        (lambda: ESPNet(4), "4 channels cannot be split over 5 branches"),
        (lambda: meta(ESPNet)(torch.empty(1, 3, 100, 96, device="meta")), "divisible by 8"),
        (lambda: ESP(20, 20, stride=3), "stride 1 or 2, not 3"),
        (lambda: ESP(20, 25, shortcut=True), "as many input as output channels"),
        (lambda: ESP(20, 20, K=4), "K must be odd"),
    ],
)
def test_bad_input_says_what_was_wrong(make, message):
    with pytest.raises(ValueError, match=r".+") as error:
        make()
    assert message in str(error.value)


@pytest.mark.parametrize(
    "make", [MobileNetV1, MobileNetV2, MobileNetV3, ShuffleNetV1, ShuffleNetV2, GoogLeNet, ESPNet]
)
def test_a_network_learns_from_a_small_batch(make):
    torch.manual_seed(0)
    network = make(classes=5)
    network(torch.randn(2, 3, 64, 64)).square().mean().backward()
    without = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []
