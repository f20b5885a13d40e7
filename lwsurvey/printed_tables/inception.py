"""Inception V3 (Szegedy et al. 2016): the outline of its table 1."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import nn

from lwsurvey import cost
from lwsurvey.models import zoo
from lwsurvey.printed_tables import traces


class Row(NamedTuple):
    """A printed row: its layer with padding, and the side and channels of its input."""

    name: str
    layer: str
    K: int
    stride: int
    padding: int
    side: int
    C: int


OUTLINE = (
    Row("conv 299", "conv", 3, 2, 0, 299, 3),
    Row("conv 149", "conv", 3, 1, 0, 149, 32),
    Row("conv padded 147", "conv", 3, 1, 1, 147, 32),
    Row("pool 147", "pool", 3, 2, 0, 147, 64),
    Row("conv 73", "conv", 3, 1, 0, 73, 64),
    Row("conv 71", "conv", 3, 2, 0, 71, 80),
    Row("reduction 35", "conv", 3, 2, 0, 35, 288),
    Row("reduction 17", "conv", 3, 2, 0, 17, 768),
    Row("pool 8", "pool", 8, 1, 0, 8, 2048),
)
"""What the sides are recomputed from; the reductions are the 3 x 3 / 2 of figure 10."""

UNPADDED = Row("conv 35", "conv", 3, 1, 0, 35, 192)

STEM = {
    "conv 299": "Conv2d_1a_3x3.conv",
    "conv 149": "Conv2d_2a_3x3.conv",
    "conv padded 147": "Conv2d_2b_3x3.conv",
    "pool 147": "maxpool1",
    "conv 73": "Conv2d_3b_1x1.conv",
    "conv 71": "Conv2d_4a_3x3.conv",
}
"""The layers of torchvision's network in the places of the printed ones, in their order."""

PLACES = {
    "conv 35": "Mixed_5b",
    "3 x Inception": "Mixed_5b",
    "5 x Inception": "Mixed_6b",
    "2 x Inception": "Mixed_7b",
    "pool 8": "avgpool",
    "linear": "fc",
}
"""What takes the input of the other rows: the first module of its size, pool, classifier.

The two rows at 35 x 35 share one: behind the last pooling there is no further convolution.
"""


def v3_sides() -> dict[str, int]:
    """Side of each row's output, from its printed input, kernel, stride and padding (C318)."""
    return {row.name: side_of_output(row) for row in OUTLINE}


def unpadded_row() -> int:
    """Side of the output of the 3 x 3 convolution that is printed at 35 x 35 x 192 (C319)."""
    return side_of_output(UNPADDED)


def side_of_output(row: Row) -> int:
    """Run the layer of a printed row on a map of its printed size."""
    with torch.device("meta"):
        layer = (
            nn.Conv2d(row.C, 1, row.K, row.stride, row.padding)
            if row.layer == "conv"
            else nn.MaxPool2d(row.K, row.stride, row.padding)
        )
    counted = cost.profile(layer, (1, row.C, row.side, row.side))
    return counted.layers.output.iloc[-1][2]


@cache
def v3_outline() -> dict[str, int]:
    """Layers and input sizes of the outline in torchvision's network at 299 x 299."""
    network = zoo.from_torchvision("inception_v3", init_weights=False)
    trace = traces.trace(network, 299)
    layers = trace.layers.set_index("name")
    cells = {}
    for name, path in STEM.items():
        row = layers.loc[path]
        cells |= {f"{name}.kernel": row.K, f"{name}.stride": row.s}
        cells |= {f"{name}.padding": network.get_submodule(path).padding}
        cells |= {f"{name}.side": row.side, f"{name}.in": row.C}
    for name, path in PLACES.items():
        given = trace.calls[path][0][0]
        cells |= {f"{name}.side": traces.rows_of(given), f"{name}.in": given[1]}
    end = layers.loc["fc"]
    cells |= {"pool 8.kernel": layers.K["avgpool"]}
    cells |= {"softmax.side": end.side_out, "softmax.in": end.C_out}
    # The padding of a convolution is a square pair.
    return {
        name: int(value[0] if isinstance(value, tuple) else value) for name, value in cells.items()
    }
