"""What else decides about time: batch, layout, compiler, zeros; where MobileNet V1 spends it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import pandas as pd
import torch
from torch import nn
from torch._dynamo.exc import ShortenTraceback

from lwsurvey import latency
from lwsurvey.chapters.latency.layers import Block
from lwsurvey.chapters.latency.networks import network
from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.jobs import Job, job, settle
from lwsurvey.models.blocks import same_convolution
from lwsurvey.models.mobilenet_v1 import MobileNetV1

NETWORKS = {"separable": "mobilenet_v1", "dense": "mobilenet_v1 dense"}
LAYOUTS = {"contiguous": False, "channels_last": True}


def settings(batches: Sequence[int], *, size: int, device: str = "cpu") -> dict[str, Callable]:
    """Calls of MobileNet V1 and its dense twin, in each batch size and memory layout.

    Returns:
        Calls named ``KIND, batch B, LAYOUT``.
    """
    made = {kind: network(name, size) for kind, name in NETWORKS.items()}
    return {
        f"{kind}, batch {batch}, {layout}": latency.call(
            made[kind], (batch, 3, size, size), device=device, channels_last=last
        )
        for kind, (layout, last), batch in product(NETWORKS, LAYOUTS.items(), batches)
    }


def compare_settings(
    places: Mapping[str, tuple[str, int]], batches: Sequence[int], *, size: int, **options: object
) -> pd.DataFrame:
    """`settings_table` of each place, one below the other.

    Args:
        places: name -> device and threads.
        batches: images a call, of each setting.
        size: rows and columns of the images.
        options: passed to `lwsurvey.latency.compare`.
    """
    devices = dict.fromkeys(device for device, _ in places.values())
    calls = {device: settings(batches, size=size, device=device) for device in devices}
    tables = []
    for name, (device, threads) in places.items():
        tried = calls[device]
        rest = dict.fromkeys(key.partition(",")[2] for key in tried)
        pairs = [(f"dense,{setting}", f"separable,{setting}") for setting in rest]
        run = latency.compare(tried, device=device, threads=threads, pairs=pairs, **options)
        tables.append(settings_table(run, batches, name))
    return pd.concat(tables, ignore_index=True)


def settings_table(comparison: Comparison, batches: Sequence[int], where: str) -> pd.DataFrame:
    """Milliseconds an image of both networks, and the speed-up, for each setting.

    Args:
        comparison: what `latency.compare` found for the calls of `settings`.
        batches: as for `settings`.
        where: a name for threads or device.
    """
    rows = []
    for batch, layout in product(batches, LAYOUTS):
        names = [f"{kind}, batch {batch}, {layout}" for kind in NETWORKS]
        each = [1e3 * comparison.time(name).value / batch for name in names]
        up = comparison.ratio(names[1], names[0])
        rows.append([where, batch, layout, *each, up.value, up.low, up.high])
    columns = ["where", "batch", "layout", *NETWORKS, "speed-up", "low", "high"]
    return pd.DataFrame(rows, columns=columns)


def front(blocks: int, size: int) -> tuple[nn.Module, tuple[int, int, int, int]]:
    """The stem and the first blocks of MobileNet V1, and the shape of an image."""
    shape = (1, 3, size, size)
    made = MobileNetV1()
    return settle(nn.Sequential(made.stem, *made.blocks[:blocks]), shape), shape


def compile_forward(
    module: nn.Module, shape: tuple[int, ...], device: str = "cpu"
) -> Callable | str:
    """The module's forward pass through `torch.compile`, already compiled.

    Returns:
        A call, or the reason why there is none, such as a missing C++ compiler.

    Raises:
        AssertionError: the compiled module gives another result, by more than 0.2 % of the
            largest output.
    """
    # It warns of a CUDA without a graphics card, which has nothing to do with this.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    quick = latency.call(torch.compile(module), shape, device=device)
    try:
        found = quick()
    except ShortenTraceback as failure:  # also that a GPU is too old for Triton, or has none
        inner = getattr(failure, "inner_exception", failure)
        return f"{type(inner).__name__}: {str(inner).strip().partition(chr(10))[0]}"
    wanted = latency.call(module, shape, device=device)()
    # Other kernels add up in another order, and a GPU may round to TF32.
    torch.testing.assert_close(found, wanted, rtol=0, atol=2e-3 * wanted.abs().max().item())
    return quick


def sparse(layer: nn.Conv2d, share: float, seed: int = 0) -> nn.Conv2d:
    """A copy of a convolution with a random share of its weights set to zero."""
    emptied = nn.Conv2d(
        layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding,
        groups=layer.groups, bias=layer.bias is not None,
    )  # fmt: skip
    emptied.load_state_dict(layer.state_dict())
    weights = emptied.weight.detach().view(-1)
    generator = torch.Generator().manual_seed(seed)
    zeroed = torch.randperm(len(weights), generator=generator)[: round(share * len(weights))]
    weights[zeroed] = 0
    return emptied


def zeros(maps: Sequence[tuple[int, int]], share: float) -> dict[str, Job]:
    """Dense 3 x 3 convolutions ``full C, SIDE²``, and ``zeros C, SIDE²`` with many zeros.

    Args:
        maps: channels and side of each feature map.
        share: zeros among the weights, 0 to 1.
    """
    found = {}
    for C, side in maps:
        layer, shape = same_convolution(C, C, 3), (1, C, side, side)
        found[f"full {C}, {side}²"] = job(layer, shape)
        found[f"zeros {C}, {side}²"] = job(sparse(layer, share), shape)
    return found


def products(n: int, share: float, seed: int = 0) -> dict[str, Callable[[], torch.Tensor]]:
    """A product of n x n matrices, the first with many zeros, stored densely and as rows."""
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(n, n, generator=generator) for _ in range(2))
    a[torch.rand(n, n, generator=generator) < share] = 0
    with warnings.catch_warnings():
        # PyTorch calls the format a beta version once in each process.
        warnings.filterwarnings("ignore", "Sparse CSR tensor support")
        rows = a.to_sparse_csr()
    return {"dense": lambda: a @ b, "compressed rows": lambda: rows @ b}


def shares_of_time(
    layers: Comparison, whole: Comparison, jobs: Mapping[str, Job], blocks: Sequence[Block]
) -> pd.DataFrame:
    """Time and MACs of the parts of MobileNet V1 and of its dense twin.

    The layers are timed one by one, the rest is what the whole network takes beyond them. So
    small parts carry the errors of large ones, and may come out negative.

    Args:
        layers: comparison of the jobs of `layers.block_jobs`.
        whole: comparison of those of `networks.twins`, on the same device with as many threads.
        jobs: both sets of jobs.
        blocks: blocks of the network.

    Returns:
        Columns ``network``, ``part``, ``ms``, ``share of time`` and ``share of MACs`` (in
        percent).
    """
    kinds = {"separable": ("depthwise", "pointwise"), "dense": ("dense",)}
    return pd.concat(
        [_parts(net, use, layers, whole, jobs, blocks) for net, use in kinds.items()],
        ignore_index=True,
    )


def _parts(net, kinds, layers, whole, jobs, blocks) -> pd.DataFrame:
    each, nets = layers.times.median(), whole.times.median()
    rows = {}
    for kind in kinds:
        names = [f"{kind} {block}" for block in blocks]
        rows[f"{kind} layers"] = each[names].sum(), sum(jobs[name].macs for name in names)
    bare = f"{net}, convolutions only"
    seconds, macs = (sum(column) for column in zip(*rows.values(), strict=True))
    rows["stem, classifier, calls"] = nets[bare] - seconds, jobs[net].macs - macs
    rows["batch normalisation and ReLU"] = nets[net] - nets[bare], 0
    table = pd.DataFrame(rows.values(), columns=["seconds", "macs"])
    return pd.DataFrame(
        {
            "network": net, "part": list(rows), "ms": 1e3 * table.seconds,
            "share of time": 100 * table.seconds / nets[net],
            "share of MACs": 100 * table.macs / jobs[net].macs,
        }
    )  # fmt: skip
