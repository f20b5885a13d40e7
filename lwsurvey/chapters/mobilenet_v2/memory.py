"""What must be in memory: maps between blocks, and blocks that are computed slice by slice."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey import cost
from lwsurvey.models.blocks import DepthwiseSeparable, InvertedResidual, same_convolution
from lwsurvey.models.editing import replace

IMAGE = (1, 3, 224, 224)
BYTES = 2
"""Of an element in the paper's table 3, which counts 16-bit floats."""


def widest_maps(net: nn.Module, parts: Iterable[nn.Module]) -> pd.DataFrame:
    """The widest map that a part of a network hands on, for each side of the map.

    Args:
        net: for images of 224 x 224.
        parts: such as the stem and all blocks; what lies inside them does not count.

    Returns:
        Index ``side``, largest first; columns ``channels``, ``elements`` and ``kB`` (thousand
        bytes at 16 bits).
    """
    shapes: list[torch.Size] = []
    hooks = [p.register_forward_hook(lambda _, x, y: shapes.append(y.shape)) for p in parts]
    cost.profile(net, IMAGE)
    for hook in hooks:
        hook.remove()
    widest: dict[int, int] = {}
    for _, channels, *sides in shapes:
        side = sides[0] if sides else 1
        widest[side] = max(widest.get(side, 0), channels)
    table = pd.DataFrame({"channels": widest}).sort_index(ascending=False).rename_axis("side")
    table["elements"] = table.channels * table.index**2
    table["kB"] = table.elements * BYTES / 1000
    return table


def table3(table: pd.DataFrame) -> pd.DataFrame:
    """Table 3 of the paper as numbers: channels and kB by side, two columns a network.

    Args:
        table: ``data/papers/papers_mobilenetv2_table3.csv``; its later version is taken.
    """
    rows = table[table.version.str.startswith("later") & table.resolution.str.contains(r"\dx")]
    names = [name for name in table.columns if name.endswith("_ch_kb")]
    found = {"side": rows.resolution.str.split("x").str[0].astype(int)}
    for name in names:
        cells = rows[name].str.split("/", expand=True).astype(int)
        short = name.removesuffix("_ch_kb")
        found |= {f"{short} channels": cells[0], f"{short} kB": cells[1]}
    return pd.DataFrame(found).set_index("side")


class Sliced(nn.Module):
    """A block of MobileNet V1 or V2 that never holds the whole of its middle.

    The middle is computed, filtered and projected a slice of its channels at a time, and the
    projections are added up: the projection of all channels is the sum of those of the slices.
    Each output is the block's, but for rounding, with the same MACs.

    Args:
        block: in evaluation mode, with a depthwise convolution of K x K; V2's without squeeze.
        slices: how many; at most the channels of the middle.

    Raises:
        ValueError: too many slices, or none.
    """

    def __init__(self, block: InvertedResidual | DepthwiseSeparable, slices: int) -> None:
        super().__init__()
        block = copy.deepcopy(block).eval()
        expand, filters, project, last = _pieces(block)
        hidden = project.in_channels
        if not 1 <= slices <= hidden:
            raise ValueError(f"{hidden} channels cannot be cut into {slices} slices")
        self.starts = [hidden * i // slices for i in range(slices + 1)]
        cuts = [slice(*ends) for ends in zip(self.starts, self.starts[1:], strict=False)]
        self.expand = nn.ModuleList(_cut(expand, cut) for cut in cuts)
        self.filters = nn.ModuleList(_cut(filters, cut) for cut in cuts)
        self.project = nn.ModuleList(_columns(project, cut) for cut in cuts)
        self.last = last
        self.expands = len(expand) > 0
        self.shortcut = getattr(block, "shortcut", False)

    def forward(self, x: Tensor) -> Tensor:
        out = None
        for i, (expand, filters, project) in enumerate(
            zip(self.expand, self.filters, self.project, strict=True)
        ):
            # Without an expansion the middle is the input, of which a slice is a view.
            part = expand(x) if self.expands else x[:, self.starts[i] : self.starts[i + 1]]
            part = project(filters(part))
            out = part if out is None else out + part
        out = self.last(out)
        return x + out if self.shortcut else out


def _pieces(block: nn.Module) -> tuple[nn.Sequential, nn.Sequential, nn.Conv2d, nn.Module]:
    """Expansion, filters with what follows them, projection, and what follows that."""
    if isinstance(block, InvertedResidual):
        return block.expand, block.depthwise, block.project[0], block.project[1:]
    filters = nn.Sequential(block.depthwise, *block.after_depthwise)
    return nn.Sequential(), filters, block.pointwise, block.after_pointwise


def _cut(layer: nn.Module, cut: slice) -> nn.Module:
    """Some of the output channels of a convolution, and of what follows it."""
    if isinstance(layer, nn.Sequential):
        return nn.Sequential(*(_cut(part, cut) for part in layer))
    if isinstance(layer, nn.Conv2d):
        depthwise, M = layer.groups > 1, cut.stop - cut.start
        K, (stride, _) = layer.kernel_size[0], layer.stride
        N = M if depthwise else layer.in_channels
        made = same_convolution(N, M, K, stride, groups=M if depthwise else 1)
        return _with(made, {"weight": layer.weight[cut]})
    if isinstance(layer, nn.BatchNorm2d):
        made = nn.BatchNorm2d(cut.stop - cut.start, eps=layer.eps).eval()
        state = {k: v[cut] if v.ndim else v for k, v in layer.state_dict().items()}
        return _with(made, state)
    return layer


def _columns(project: nn.Conv2d, cut: slice) -> nn.Conv2d:
    made = nn.Conv2d(cut.stop - cut.start, project.out_channels, 1, bias=False)
    return _with(made, {"weight": project.weight[:, cut]})


def _with(layer: nn.Module, state: dict[str, Tensor]) -> nn.Module:
    """A layer with given values, on their device."""
    layer.to(next(iter(state.values())).device).load_state_dict(state)
    return layer.requires_grad_(False)


def slice_blocks(net: nn.Module, slices: int) -> nn.Module:
    """A copy of a network in which each block of `Sliced`'s kinds is computed in slices."""
    for kind in (InvertedResidual, DepthwiseSeparable):
        net = replace(net, kind, lambda block: Sliced(block, slices))
    return net


def peaks(net: nn.Module, slices: Iterable[int]) -> dict[int, int]:
    """Peak of the activations of one image, in elements, by number of slices."""
    # On the meta device nothing is drawn or copied; a count needs no values.
    net = copy.deepcopy(net).to("meta")
    with torch.device("meta"):
        return {n: cost.profile(slice_blocks(net, n), IMAGE).peak_activations for n in slices}


def misprints(paper: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Cells whose kB do not follow from their own channels: printed, and computed from these.

    Args:
        paper: of `table3`. Rounding is forgiven: one kB, or 5 % of the cell.
    """
    found = {}
    for name in (column.removesuffix(" kB") for column in paper if column.endswith(" kB")):
        computed = paper[f"{name} channels"] * paper.index**2 * BYTES / 1000
        off = (paper[f"{name} kB"] - computed).abs()
        for side in paper.index[off > (0.05 * computed).clip(lower=1)]:
            found[f"{name} at {side} x {side}"] = (paper[f"{name} kB"][side], computed[side])
    return found
