"""The cost counter against oracles that know no formula, and on what it must not do."""

from __future__ import annotations

import copy
import functools
import weakref
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lwsurvey import cost
from lwsurvey.cost import CostError, conventions, trace
from lwsurvey.models import zoo

CONVOLUTIONS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class Lambda(nn.Module):
    """A module out of a function; given modules are its own."""

    def __init__(self, function, *parts: nn.Module) -> None:
        super().__init__()
        self.function, self.parts = function, nn.ModuleList(parts)

    def forward(self, *x, **named):
        return self.function(*self.parts, *x, **named)


def ones(layer: nn.Module) -> nn.Module:
    for parameter in layer.parameters():
        nn.init.ones_(parameter)
    return layer.double()


@settings(max_examples=60, deadline=None)
@given(sides=st.integers(1, 3), n=st.integers(1, 3), m=st.integers(1, 3), G=st.integers(1, 3),
       K=st.integers(1, 3), stride=st.integers(1, 2), dilation=st.integers(1, 2),
       size=st.integers(1, 6), transposed=st.booleans(), batch=st.integers(1, 2))  # fmt: skip
def test_a_convolution_has_as_many_products_as_the_sum_of_ones(
    sides, n, m, G, K, stride, dilation, size, transposed, batch
):
    assume(transposed or size >= dilation * (K - 1) + 1)
    kind = (TRANSPOSED if transposed else CONVOLUTIONS)[sides]
    layer = kind(n * G, m * G, K, stride, groups=G, dilation=dilation, bias=False)
    x = torch.ones(batch, n * G, *[size] * sides, dtype=torch.float64)
    products = int(ones(layer)(x).sum())  # each product is one
    counted = cost.profile(layer, x.shape)
    assert counted.macs == products
    assert counted.parameters == sum(p.numel() for p in layer.parameters())
    assert counted.layers.kernel[0] == (K,) * sides


def by_torch(module: nn.Module, *x: torch.Tensor) -> int:
    module = copy.deepcopy(module).to("meta").eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        module(*[tensor.to("meta") for tensor in x])
    return counter.get_total_flops() // 2


SEEN = {
    "functional convolution": (lambda x: F.conv2d(x, torch.ones(5, 3, 3, 3)), (1, 3, 6, 6), 2160),
    "matrix product": (lambda x: x @ x.transpose(1, 2), (2, 4, 8), 2 * 4 * 8 * 4),
    "einsum": (lambda x: torch.einsum("bik,bjk->bij", x, x), (2, 4, 8), 2 * 4 * 4 * 8),
    "vector": (lambda x: x[0] @ x[1], (2, 8), 8),
    "three factors": (lambda x: F.bilinear(x, x, torch.ones(3, 4, 4)), (2, 4), 2 * 3 * 4 * 4),
    "matrix and vector": (lambda x: x @ x[0], (4, 8), 32),
    "attention": (lambda x: F.scaled_dot_product_attention(x, x, x), (1, 2, 5, 4), 400),
    "outer products of scalars": (lambda x: x * x, (4, 8), 0),
}  # fmt: skip


@pytest.mark.parametrize("name", SEEN)
def test_functional_products_are_seen(name):
    function, shape, macs = SEEN[name]
    assert cost.profile(Lambda(function), shape).macs == macs


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(8, 3), (2, 5, 8)),
        (nn.LSTM(4, 6, 2, bidirectional=True), (7, 2, 4)),
        (nn.GRU(4, 6), (7, 2, 4)),
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), (2, 5, 8)),
        (nn.MultiheadAttention(8, 2), ((5, 1, 8),) * 3),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_layers_agree_with_pytorchs_counter(layer, shape):
    shapes = shape if isinstance(shape[0], tuple) else (shape,)
    counted = cost.profile(layer, shape)
    assert counted.macs == by_torch(layer, *[torch.empty(s) for s in shapes]) > 0
    assert counted.parameters == sum(p.numel() for p in layer.parameters())
    assert counted.layers.parameters.sum() == counted.parameters and not counted.unused


NETWORKS = ["mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x0_5", "vit_b_32", "swin_t",
            "densenet121", "efficientnet_b0", "mnasnet0_5", "googlenet"]  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_agree_with_pytorchs_counter(name):
    network = zoo.from_torchvision(name)
    counted = cost.profile(network, (2, 3, 224, 224))
    assert counted.macs == by_torch(network, torch.empty(2, 3, 224, 224))
    assert counted.parameters == sum(p.numel() for p in network.parameters())
    assert not counted.uncounted
    for what in ("layer", "type", "stage"):
        groups = counted.by(what)
        for column in ("macs", "activations", "memory_access"):
            assert groups[column].sum() == getattr(counted, column), (what, column)


def test_remembered_shapes_change_nothing(monkeypatch):
    networks = [zoo.from_torchvision(n) for n in ("shufflenet_v2_x1_0", "swin_v2_t", "maxvit_t")]
    remembered = [cost.profile(network, (1, 3, 224, 224)) for network in networks]
    monkeypatch.setattr(
        trace.Tracer, "_answer", lambda self, f, a, k: trace._on_one_device(f, a, k)
    )
    for network, known in zip(networks, remembered, strict=True):
        assert cost.profile(network, (1, 3, 224, 224)).layers.equals(known.layers)


def test_a_shared_layer_counts_each_time_and_its_parameters_once():
    layer = nn.Linear(4, 4)
    counted = cost.profile(nn.Sequential(layer, nn.ReLU(), layer), (1, 4))
    assert (counted.macs, counted.parameters) == (32, 20)
    assert counted.layers.name.tolist() == ["0", "1", "0"]
    assert counted.layers.parameters.tolist() == [20, 0, 0]
    assert counted.by("layer").calls.to_dict() == {"0": 2, "1": 1}


def test_tied_weights_and_unused_ones():
    encoder, decoder, spare = nn.Linear(4, 6, bias=False), nn.Linear(6, 4), nn.Linear(9, 9)
    tied = Lambda(
        lambda a, b, s, x: F.linear(a(x), a.weight.t()) + b(a(x)), encoder, decoder, spare
    )
    counted = cost.profile(tied, (1, 4))
    assert counted.parameters == sum(p.numel() for p in tied.parameters())
    assert counted.layers.parameters.sum() == counted.parameters - 90
    assert counted.unused == ["parts.2.weight", "parts.2.bias"]


def test_memory_access_of_a_pointwise_layer_is_shufflenet_v2s():
    N, M, H, W = 24, 48, 14, 10
    counted = cost.profile(nn.Conv2d(N, M, 1, bias=False), (1, N, H, W))
    assert counted.memory_access == H * W * (N + M) + N * M
    assert counted.bytes() == 4 * counted.memory_access
    assert counted.bytes(torch.float16) == 2 * counted.memory_access


def test_peak_memory_of_known_graphs():
    wide = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 2, 1))
    assert cost.profile(wide, (1, 1, 5, 5)).peak_activations == 25 * (8 + 2)
    shortcut = Lambda(lambda a, x: x + a(x), nn.Conv2d(4, 4, 1))
    assert cost.profile(shortcut, (1, 4, 5, 5)).peak_activations == 25 * (4 + 4)
    long = Lambda(lambda a, b, x: x + b(a(x)), nn.Conv2d(4, 6, 1), nn.Conv2d(6, 4, 1))
    assert cost.profile(long, (1, 4, 5, 5)).peak_activations == 25 * (4 + 6 + 4)
    split = Lambda(lambda x: torch.cat([part.relu() for part in x.chunk(2, 1)], 1))
    assert cost.profile(split, (1, 4, 5, 5)).peak_activations == 25 * (4 + 4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["conv", "pool", "dilated", "residual"]),
                          st.sampled_from([1, 3, 5]), st.integers(1, 2)),
                min_size=1, max_size=4))  # fmt: skip
def test_receptive_fields_are_those_that_gradients_reach(plan):
    def layer(kind: str, K: int, stride: int) -> nn.Module:
        if kind == "pool":
            return nn.AvgPool2d(K, stride, K // 2)
        dilation = 2 if kind == "dilated" else 1
        convolution = nn.Conv2d(1, 1, K, stride, K // 2 * dilation, dilation, bias=False)
        if kind == "residual":
            stride_one = nn.Conv2d(1, 1, K, 1, K // 2, bias=False)
            return Lambda(lambda a, x: x + a(x), stride_one)
        return convolution

    size = 161
    network = nn.Sequential(*[layer(*step) for step in plan])
    network.apply(lambda m: [nn.init.ones_(p) for p in m.parameters(recurse=False)])
    field = cost.profile(network, (1, 1, size, size)).layers.receptive_field.iloc[-1]
    reached = cost.reach(network, 1, size)[0, 0]
    # A dilated window has holes; its extent is what counts.
    touched = reached.any(1).nonzero().flatten()
    assert field == (int(touched[-1] - touched[0]) + 1,) * 2


def test_receptive_field_of_vgg16():
    layers = cost.profile(zoo.from_torchvision("vgg16"), (1, 3, 224, 224)).layers
    assert layers[layers.name == "features.30"].receptive_field.item() == (212, 212)
    assert layers[layers.name == "classifier.0"].receptive_field.item() is None


class Meddler(nn.Module):
    """Does in its forward pass what a counter must keep away from the original."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.5)
        self.register_buffer("seen", torch.zeros(1))
        self.history, self.plain, self.last = [], torch.zeros(3), None

    def forward(self, x):
        self.seen += 1
        self.plain += 1
        self.history.append(len(x))
        self.last = self.drop(self.norm(self.layer(x)) + torch.rand(1, device=x.device))
        self.extra = 1
        return self.last


@pytest.mark.parametrize("device", ["meta", "cpu"])
@pytest.mark.parametrize("shape", [(2, 3, 8, 8), (2, 7, 8, 8)], ids=["right", "wrong"])
def test_the_model_and_the_world_stay_as_they_were(device, shape):
    model = nn.Sequential(Meddler()).train()
    model[0].norm.eval()
    model[0].layer.register_forward_hook(lambda m, i, o: o)
    before, attributes = copy.deepcopy(model.state_dict()), {**vars(model[0])}
    devices = [p.device for p in model.parameters()]
    random, hooks = torch.get_rng_state(), len(nn.modules.module._global_forward_hooks)
    try:
        cost.profile(model, shape, device=device)
    except CostError:
        assert shape[1] == 7
    assert torch.equal(torch.get_rng_state(), random)
    assert [m.training for m in model.modules()] == [True, True, True, False, True]
    assert vars(model[0]).keys() == attributes.keys() and "forward" not in vars(model[0].layer)
    assert model[0].history == [] and model[0].last is None and model[0].plain.sum() == 0
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert [p.device for p in model.parameters()] == devices
    assert len(model[0].layer._forward_hooks) == 1
    assert len(nn.modules.module._global_forward_hooks) == hooks
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert torch.backends.mha.get_fastpath_enabled()


def test_a_network_of_any_size_takes_no_memory():
    with torch.device("meta"):
        huge = nn.Sequential(nn.Linear(10**6, 10**6), nn.Linear(10**6, 10**6))
    assert cost.profile(huge, (1, 10**6)).macs == 2 * 10**12


def test_a_bound_method_and_a_reference_in_an_attribute_lead_to_the_twin():
    class Bound(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)
            self.call, self.known = self._call, [self.layer]

        def _call(self, x):
            return self.known[0](x)

        def forward(self, x):
            return self.call(x)

    assert cost.profile(Bound(), (1, 3)).macs == 9


class Holder(nn.Module):
    """Reaches its layer in a way that its registered children do not show."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
        block = self.block
        ways = {
            "list": [block], "ordered": OrderedDict(a=block), "namespace": SimpleNamespace(a=block),
            "weak": weakref.ref(block),
            "partial": functools.partial(block.forward), "closure": lambda x: block(x),
        }  # fmt: skip
        self.way, self.how = ways[how], how

    def forward(self, x):
        way, how = self.way, self.how
        if how == "list":
            return way[0](x)
        if how in ("ordered", "namespace"):
            return (way["a"] if how == "ordered" else way.a)(x)
        return way()(x) if how == "weak" else way(x)


@pytest.mark.parametrize("how", ["list", "ordered", "namespace", "weak", "partial", "closure"])
def test_however_a_module_is_reached_the_original_is_not_run(how):
    holder = Holder(how)
    counted = cost.profile(holder, (2, 3, 4, 4))
    assert counted.macs == 2 * 16 * 12 and not counted.unused
    assert holder.block[1].num_batches_tracked == 0 and holder.block[1].running_mean.sum() == 0
    if how != "closure":
        assert counted.layers.name.tolist() == ["block.0", "block.1"]


class Stateful(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.skips = nn.Conv2d(3, 3, 1), []
        self.encoder, self.decoder = Lambda(self.push), Lambda(self.pop)
        self.store, self.seen = OrderedDict(), {}
        self.layer.register_forward_hook(self.save)

    def push(self, x):
        self.skips.append(x)
        return x

    def pop(self, x):
        return x + self.skips.pop()

    def save(self, module, given, out):
        self.seen["layer"] = out

    def forward(self, x):
        self.layer.weight.data.clamp_(-0.01, 0.01)
        self.store["x"] = x
        y = self.layer(self.encoder(x))
        return self.decoder(y) + self.seen["layer"]


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_state_that_parts_share_is_shared_by_the_twins_only(device):
    model = Stateful()
    nn.init.ones_(model.layer.weight)
    assert cost.profile(model, (1, 3, 4, 4), device=device).macs == 144
    assert model.layer.weight.min() == 1
    assert not model.skips and not model.store and not model.seen


def repeated(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    turns = torch.zeros(1, device="cpu")
    for _ in range(4):
        turns += 1
    for _ in range(int(turns)):
        x = layer(x)
    return x


def reshaped(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    hidden = x * 2
    y = layer(hidden)
    hidden.unsqueeze_(-1)
    return y


@pytest.mark.filterwarnings("error")
def test_operators_in_place():
    assert cost.profile(Lambda(repeated, nn.Linear(3, 3)), (1, 3)).macs == 4 * 9
    assert cost.profile(Lambda(reshaped, nn.Linear(8, 5)), (2, 8)).macs == 2 * 40
    assert cost.profile(Lambda(lambda x: x[0] @ x.t()), (2, 8)).macs == 16
    copied = cost.profile(Lambda(lambda x: torch.empty_like(x).copy_(x)), (3, 64))
    assert copied.memory_access == 2 * 192


def test_in_inference_mode_under_autocast_and_in_threads():
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(), nn.Linear(64, 5))
    expected = cost.profile(model, (1, 3, 4, 4)).macs
    with torch.inference_mode():
        assert cost.profile(model, (1, 3, 4, 4)).macs == expected
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert cost.profile(model, (1, 3, 4, 4)).macs == expected
    with torch.device("meta"):
        assert cost.profile(model, (1, 3, 4, 4)).macs == expected
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: cost.profile(model, (1, 3, 4, 4)).macs, range(20))
        assert set(found) == {expected}
    assert torch.backends.mha.get_fastpath_enabled()


def test_geometry_is_that_of_the_convolution():
    assert cost.by_layer(nn.Conv1d(3, 3, 3), (1, 3, 8)).empty
    pooled = Lambda(lambda c, x: F.conv2d(x, c.weight).mean((2, 3)), nn.Conv2d(3, 4, 3, bias=False))
    row = cost.by_layer(pooled, (1, 3, 8, 8)).iloc[0]
    assert (row.H, row.W, row.macs) == (6, 6, 36 * 108)
    dilated = cost.profile(nn.MaxPool2d(3, 1, dilation=2), (1, 1, 9, 9)).layers
    assert dilated.receptive_field[0] == (5, 5)


def test_nested_inputs():
    double = Lambda(lambda x: x[0]["a"] * x[1])
    assert cost.profile(double, {"x": [{"a": (2, 4)}, (2, 4)]}).memory_access == 24


def test_modules_that_other_tools_have_changed():
    plain = zoo.from_torchvision("resnet18")
    macs = cost.profile(plain, (1, 3, 224, 224)).macs
    for changed in (torch.fx.symbolic_trace(plain), torch.compile(plain), nn.DataParallel(plain)):
        assert cost.profile(changed, (1, 3, 224, 224)).macs == macs
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 4, 3))
    assert cost.profile(normed, (1, 3, 8, 8)).macs == 3888
    hooked = nn.utils.spectral_norm(nn.Conv2d(3, 4, 3))
    assert cost.profile(hooked, (1, 3, 8, 8)).macs >= 3888


def test_what_is_not_known_is_named_and_not_free():
    spectrum = Lambda(lambda a, x: torch.fft.rfft2(a(x)).abs(), nn.Conv2d(3, 4, 1))
    with pytest.warns(UserWarning, match=r"aten::_fft_r2c \(1\)"):
        counted = cost.profile(spectrum, (1, 3, 8, 8))
    assert counted.uncounted == {"aten::_fft_r2c": 1} and counted.macs == 768


def branch(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return layer(x) if x.sum() > 0 else layer(layer(x))


def test_a_forward_pass_that_branches_on_data():
    network = Lambda(branch, nn.Linear(4, 4, bias=False))
    with pytest.raises(CostError, match=r"values of a tensor.*device='cpu'"):
        cost.profile(network, (1, 4))
    assert cost.profile(network, (1, 4), device="cpu").macs == 16
    assert cost.profile(network, -torch.ones(1, 4), device="cpu").macs == 32


def test_networks_without_parameters_and_with_two_inputs():
    counted = cost.profile(Lambda(lambda x: F.max_pool2d(x, 2)), (1, 3, 8, 8))
    assert (counted.macs, counted.parameters) == (0, 0)
    assert counted.memory_access == 3 * 64 + 3 * 16 and not counted.uncounted
    two = Lambda(lambda a, x, y: a(x) @ y, nn.Linear(4, 5))
    assert cost.profile(two, ((2, 4), (5, 3))).macs == 40 + 30
    named = Lambda(lambda a, x, scale: a(x) * scale, nn.Linear(4, 5))
    assert cost.profile(named, {"x": (2, 4), "scale": (5,)}).macs == 40


def test_integer_inputs_and_half_precision():
    words = nn.Sequential(nn.Embedding(10, 6), nn.Linear(6, 2))
    assert cost.profile(words, torch.tensor([[1, 2, 3]])).macs == 3 * 12
    assert cost.profile(nn.Conv2d(3, 4, 1).bfloat16(), (1, 3, 4, 4)).macs == 192


LAYER = nn.Conv2d(3, 4, 1)  # on 5 x 5 pixels: 300 products, 100 outputs
COUNTED_THEIR_WAY = [
    # module, papers, torch, fvcore, ptflops, ptflops-aten, thop, calflops; measured on the tools
    (LAYER, 300, 600, 300, 400, 400, 300, 300),
    (nn.BatchNorm2d(3), 0, 0, 150, 150, 0, 300, 0),
    (nn.ReLU(), 0, 0, 0, 150, 0, 0, 0),
    (nn.ReLU6(), 0, 0, 0, 75, 0, 0, 0),
    (nn.Hardswish(), 0, 0, 0, 0, 0, 0, 0),
    (nn.AvgPool2d(5), 0, 0, 0, 150, 0, 3, 0),
    (nn.AdaptiveAvgPool2d(1), 0, 0, 75, 150, 0, 78, 0),
    (Lambda(lambda x: x.mean((2, 3))), 0, 0, 0, 0, 0, 0, 0),
]


@pytest.mark.parametrize(
    "row", COUNTED_THEIR_WAY, ids=[type(row[0]).__name__ for row in COUNTED_THEIR_WAY]
)
def test_conventions_of_other_counters(row):
    module, *expected = row
    counts = [
        cost.profile(module, (1, 3, 5, 5), conventions=rules).macs
        for rules in conventions.CONVENTIONS.values()
    ]
    assert counts == expected


def test_unknown_conventions_are_refused():
    assert conventions.get("papers") is cost.PAPERS
    with pytest.raises(ValueError, match=r"no conventions 'paper'; there are papers, torch"):
        conventions.get("paper")


class TwoInputs(nn.Module):
    def forward(self, image, mask):
        return image * mask


class Quantised(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.ao.nn.quantized.Linear(3, 4)


def scripted() -> nn.Module:
    return torch.jit.script(nn.Linear(3, 4))


WRONG = {
    "a string": (lambda: "resnet50", (1, 3, 8, 8), "string 'resnet50'.*lwsurvey profile resnet50"),
    "a class": (lambda: nn.ReLU, (1, 3), "is a class; pass an instance"),
    "no module": (lambda: F.relu, (1, 3), "expected a torch.nn.Module, got function"),
    "size 0": (nn.ReLU, (1, 3, 0, 8), r"positive integers; \(1, 3, 0, 8\) has 0"),
    "negative": (nn.ReLU, (1, -3), "has -3"),
    "a fraction": (nn.ReLU, (1, 3.5), "has 3.5"),
    "no shape": (nn.ReLU, "224", "expected a shape such as"),
    "empty": (nn.ReLU, (), "expected a shape such as"),
    "two inputs": (TwoInputs, (1, 3), r"forward takes image, mask.*given 1 input"),
    "lazy": (lambda: nn.LazyLinear(4), (1, 3), "lazy layers without sizes"),
    "lazy buffers": (lambda: nn.LazyBatchNorm2d(affine=False), (1, 3, 4, 4), "lazy layers"),
    "scripted": (scripted, (1, 3), "ScriptModule.*before|ScriptModule.*given to torch.jit"),
    "quantised": (Quantised, (1, 3), r"layer \(Linear\) is quantised.*float model"),
    "wrong channels": (
        lambda: nn.Sequential(nn.Sequential(nn.ReLU(), nn.Conv2d(3, 4, 1))), (1, 5, 8, 8),
        r"layer 0\.1 \(Conv2d\) failed on \(1, 5, 8, 8\)(.|\n)*was given \(1, 5, 8, 8\)",
    ),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:FutureWarning")
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
@pytest.mark.parametrize("name", WRONG)
def test_bad_input_gets_a_clear_error(name):
    make, shape, message = WRONG[name]
    with pytest.raises(CostError, match=message):
        cost.profile(make(), shape)


def test_a_model_on_meta_has_no_values_to_compute_with():
    with pytest.raises(CostError, match="use device='meta'"):
        cost.profile(nn.Linear(3, 4).to("meta"), (1, 3), device="cpu")


def test_grouping_by_something_else_is_refused():
    with pytest.raises(ValueError, match="layer, type, stage"):
        cost.profile(nn.ReLU(), (1, 3)).by("colour")
