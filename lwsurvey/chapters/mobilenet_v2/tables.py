"""Tables of blocks: read off built networks, and as the paper prints them."""

from __future__ import annotations

from itertools import pairwise

import pandas as pd
import torch
from torch import nn

from lwsurvey.models.editing import bypass, copy_weights, layer_names, unit_inputs

BLOCK = "1x1 ReLU6 3x3 ReLU6 1x1"
"""Table 1 of the paper as a word: the order of convolutions and activations."""


def blocks(net: nn.Module, kind: type) -> pd.DataFrame:
    """A row for each block of a kind, in the order of execution on a 224 x 224 image.

    Returns:
        Columns ``side`` and ``side_out`` (rows of the map), ``N``, ``hidden``, ``M``, ``t``
        (``hidden / N``), ``stride``, ``depthwise`` (the only 3 x 3 convolution is), ``order``
        (such as `BLOCK`), ``shortcut`` (something comes out if the branch gives nothing, which
        is tried), ``bare`` (convolutions without a normalisation right behind them).
    """
    return pd.DataFrame([_row(block, x) for block, x in unit_inputs(net, kind)])


def _row(block: nn.Module, x: torch.Tensor) -> dict[str, object]:
    convolutions = [part for part in block.modules() if isinstance(part, nn.Conv2d)]
    middle = next(part for part in convolutions if part.kernel_size == (3, 3))
    out = bypass(block, x)
    return {
        "side": x.shape[-1],
        "side_out": out.shape[-1],
        "N": x.shape[1],
        "hidden": middle.in_channels,
        "M": out.shape[1],
        "t": middle.in_channels / x.shape[1],
        "stride": middle.stride[0],
        "depthwise": middle.groups == middle.in_channels == middle.out_channels,
        "order": " ".join(part for part in layer_names(block) if part != type(block).__name__),
        "shortcut": bool(out.any()),
        "bare": _bare(block),
    }


def _bare(block: nn.Module) -> int:
    leaves = [part for part in block.modules() if not list(part.children())]
    behind = [b for a, b in pairwise([*leaves, nn.Identity()]) if isinstance(a, nn.Conv2d)]
    return sum(not isinstance(part, nn.BatchNorm2d) for part in behind)


def expected_order(t: float) -> str:
    """`BLOCK`, without its first row where nothing is expanded."""
    return BLOCK if t > 1 else BLOCK.removeprefix("1x1 ReLU6 ")


def printed(spec: pd.DataFrame) -> pd.DataFrame:
    """The paper's table 2, a row for each block: ``side``, ``N``, ``t``, ``M``, ``stride``.

    Args:
        spec: ``data/papers/papers_mobilenetv2_spec.csv``.
    """
    rows = []
    for row in spec[spec.op == "bottleneck"].itertuples():
        side, _, N = map(int, row.input.split("x"))
        for i in range(int(row.n)):
            stride = 1 if i else int(row.s)
            rows.append({"side": side, "N": N, "t": row.t, "M": int(row.c), "stride": stride})
            side, N = side // stride, int(row.c)
    return pd.DataFrame(rows)


def bottlenecks(net: nn.Module, kind: type) -> pd.DataFrame:
    """ResNet's blocks: ``kernel`` of the middle, ``slim`` and ``M`` channels, ``relu_on_slim``."""
    rows, shapes = [], []
    for block, x in unit_inputs(net, kind):
        hook = block.relu.register_forward_hook(lambda _, x, y: shapes.append(y.shape[1]))
        with torch.inference_mode():
            block(x)
        hook.remove()
        slim, M = block.conv2.out_channels, block.conv3.out_channels
        rows.append({"kernel": block.conv2.kernel_size[0], "slim": slim, "M": M})
        rows[-1]["relu_on_slim"] = slim in shapes
        shapes.clear()
    return pd.DataFrame(rows)


def randomise_norms(net: nn.Module) -> nn.Module:
    """The network with random normalisations, in evaluation mode; it is changed.

    A fresh normalisation does nothing much, so that two networks could agree in spite of it.
    """
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            for values in (part.weight, part.bias, part.running_mean, part.running_var):
                nn.init.uniform_(values, 0.5, 1.5)
    return net.eval()


@torch.inference_mode()
def agree(ours: nn.Module, theirs: nn.Module, shape: tuple[int, ...]) -> bool:
    """Whether two networks give the same outputs once ours has their weights; both are changed.

    Args:
        ours: gets the weights.
        theirs: gets random normalisations first.
        shape: of a random input.
    """
    theirs = randomise_norms(theirs)
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    return torch.allclose(copy_weights(theirs, ours).eval()(x), theirs(x), rtol=1e-4, atol=1e-4)
