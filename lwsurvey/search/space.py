"""A factorised hierarchical search space in miniature (Tan et al. 2019, section 4.1, figure 4).

A network is a fixed stem, two blocks and a fixed head. Each block repeats one searched layer, and
the two blocks are chosen apart: with ``S`` choices a block and ``B`` blocks there are ``S ** B``
networks.

To a controller a network is a row of small integers, its code: one decision for each dimension of
each block. Two of them can be void: a separable layer has no squeeze-and-excitation, and a block
of one layer no skip connection.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from functools import cache

import numpy as np
from numpy.typing import NDArray

from lwsurvey.search import SearchError

OPERATIONS = ("separable", "inverted")
KERNELS = (3, 5)
SE_RATIOS = (0.0, 0.25)
FILTERS = (0.75, 1.25)
LAYERS = (1, 2)
SKIPS = ("none", "identity")

BLOCKS = 2
"""Blocks of a network; the paper searches seven."""


@dataclass(frozen=True, order=True)
class Block:
    """What is searched of one block; the names are the paper's.

    Attributes:
        operation: ``separable`` (depthwise, then pointwise convolution) or ``inverted`` (the
            paper's MBConv, here of expansion 3).
        kernel: side of the depthwise convolution.
        se_ratio: width of squeeze-and-excitation over that of the expansion; 0 is none. Only
            the inverted layer has it, as in MnasNet-A1.
        filters: the block's output channels over those of the plan.
        layers: how often the layer stands in the block.
        skip: ``identity`` adds a layer's input to its output, wherever the shapes agree; in a
            block of one layer they nowhere do, so that there is only ``none``.

    Raises:
        SearchError: a value that the space does not have, or a combination that it leaves out.
    """

    operation: str
    kernel: int
    se_ratio: float
    filters: float
    layers: int
    skip: str

    def __post_init__(self) -> None:
        for name, value in zip(DIMENSIONS, astuple(self), strict=True):
            if value not in DIMENSIONS[name]:
                raise SearchError(f"{name} is one of {DIMENSIONS[name]}, not {value!r}")
        if self.se_ratio and self.operation != "inverted":
            raise SearchError("only inverted layers have squeeze-and-excitation in this space")
        if self.skip == "identity" and self.layers == 1:
            raise SearchError("a block of one layer has no place for a skip connection")

    def __str__(self) -> str:
        letter = self.operation[0] + str(self.kernel)
        se = "e" if self.se_ratio else ""
        width = "w" if self.filters == max(FILTERS) else "n"
        return f"{letter}{se}{width}{self.layers}" + ("+" if self.skip == "identity" else "")


DIMENSIONS = dict(
    zip(
        (field.name for field in fields(Block)),
        (OPERATIONS, KERNELS, SE_RATIOS, FILTERS, LAYERS, SKIPS),
        strict=True,
    )
)
"""What each dimension of a block may be."""

Architecture = tuple[Block, ...]
"""The blocks of a network, from the input on."""


def blocks() -> tuple[Block, ...]:
    """Every block of the space, in a fixed order."""
    found = []
    for values in itertools.product(*DIMENSIONS.values()):
        try:
            found.append(Block(*values))
        except SearchError:
            continue
    return tuple(found)


def architectures() -> tuple[Architecture, ...]:
    """Every network of the space, in a fixed order; `cells` are some of them."""
    return tuple(itertools.product(blocks(), repeat=BLOCKS))


def cells() -> tuple[Architecture, ...]:
    """The networks of a cell-based space: one searched layer, the same in all blocks."""
    return tuple((block,) * BLOCKS for block in blocks())


def name(architecture: Sequence[Block]) -> str:
    """A network in short, such as ``s3n1-i5ew2+``: one word a block.

    ``s`` separable or ``i`` inverted, the kernel, ``e`` for squeeze-and-excitation, ``n`` narrow
    or ``w`` wide, the number of layers, ``+`` for the skip connection.
    """
    return "-".join(str(block) for block in architecture)


def parse(text: str) -> Architecture:
    """The network of a short name.

    Raises:
        SearchError: no network of the space is called so.
    """
    words = text.split("-")
    if len(words) != BLOCKS or any(word not in _BY_NAME for word in words):
        raise SearchError(
            f"{text!r} is no network of this space; a name is like {name(architectures()[0])!r}"
        )
    return tuple(_BY_NAME[word] for word in words)


def size(S: int, B: int, N: int = 1) -> int:
    """Networks of a space: ``S ** (B * N)``.

    Args:
        S: choices for one searched layer.
        B: blocks.
        N: layers of a block that are chosen apart; 1 in a factorised space, where they share
            one choice.
    """
    return S ** (B * N)


_BY_NAME = {str(block): block for block in blocks()}

Codes = NDArray[np.int64]

DECISIONS = tuple(f"block {b}, {name}" for b in range(1, BLOCKS + 1) for name in DIMENSIONS)
"""What is decided, in the order of the columns of `codes`."""

OPTIONS = tuple(len(values) for values in DIMENSIONS.values()) * BLOCKS
"""How many options each decision has."""

_NEEDS = {
    "se_ratio": ("operation", DIMENSIONS["operation"].index("inverted")),
    "skip": ("layers", DIMENSIONS["layers"].index(2)),
}
"""Decisions that are void, and then 0, unless another one has this option."""


def settle(decisions: Codes) -> tuple[Codes, NDArray[np.bool_]]:
    """What networks come out of decisions, and which of the decisions counted.

    Args:
        decisions: shape ``(..., decisions)``, taken as if all were free.

    Returns:
        The codes with 0 for void decisions, and for each whether it was free.
    """
    place = {dimension: at for at, dimension in enumerate(DIMENSIONS)}
    free = np.ones(decisions.shape, dtype=bool)
    for first in range(0, len(OPTIONS), len(DIMENSIONS)):
        for dimension, (other, option) in _NEEDS.items():
            needed = decisions[..., first + place[other]] == option
            free[..., first + place[dimension]] = needed
    return np.where(free, decisions, 0), free


@cache
def codes() -> Codes:
    """The decisions of every network, shape ``(networks, decisions)``, as `architectures`."""
    return np.array([
        [options.index(getattr(block, dimension))
         for block in architecture for dimension, options in DIMENSIONS.items()]
        for architecture in architectures()
    ])  # fmt: skip


def index(settled: Codes) -> NDArray[np.int64]:
    """Places in `architectures` of settled decisions, shape ``(...)``."""
    return _places()[np.ravel_multi_index(np.moveaxis(settled, -1, 0), OPTIONS)]


@cache
def neighbours() -> NDArray[np.int64]:
    """Networks one free decision away, shape ``(networks, decisions)``.

    Where a decision is void the row repeats another neighbour, so that every column can be
    drawn; which one repeats follows from the order of the decisions.
    """
    own = codes()
    near = np.empty_like(own)
    for decision, options in enumerate(OPTIONS):
        other = own.copy()
        other[:, decision] = (other[:, decision] + 1) % options
        near[:, decision] = index(settle(other)[0])
    free = settle(own)[1]
    order = np.argsort(~free, axis=1, kind="stable")
    turn = np.arange(len(OPTIONS)) % free.sum(axis=1, keepdims=True)
    return np.take_along_axis(near, np.take_along_axis(order, turn, axis=1), axis=1)


@cache
def _places() -> NDArray[np.int64]:
    places = np.full(int(np.prod(OPTIONS)), -1)
    places[np.ravel_multi_index(codes().T, OPTIONS)] = np.arange(len(codes()))
    return places
