"""The decisions behind a network of the space, as rows of small integers.

A network takes one decision for each dimension of each block. Two of them can be void: a
separable layer has no squeeze-and-excitation, and a block of one layer no skip connection.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from lwsurvey.search import space
from lwsurvey.search.space import BLOCKS, DIMENSIONS, Architecture, Block

Codes = NDArray[np.int64]

NAMES = tuple(f"block {b}, {name}" for b in range(1, BLOCKS + 1) for name in DIMENSIONS)
"""What is decided, in the order of the columns of `codes`."""

OPTIONS = tuple(len(values) for values in DIMENSIONS.values()) * BLOCKS
"""How many options each decision has."""

_D = len(DIMENSIONS)
_AT = {name: place for place, name in enumerate(DIMENSIONS)}
_NEEDS = {
    "se_ratio": ("operation", DIMENSIONS["operation"].index("inverted")),
    "skip": ("layers", DIMENSIONS["layers"].index(2)),
}
"""Decisions that are void, and then 0, unless another one has this option."""


def settle(codes: Codes) -> tuple[Codes, NDArray[np.bool_]]:
    """What networks come out of decisions, and which of the decisions counted.

    Args:
        codes: shape ``(..., decisions)``, taken as if all were free.

    Returns:
        The codes with 0 for void decisions, and for each whether it was free.
    """
    free = np.ones(codes.shape, dtype=bool)
    for block in range(BLOCKS):
        for name, (other, option) in _NEEDS.items():
            needed = codes[..., block * _D + _AT[other]] == option
            free[..., block * _D + _AT[name]] = needed
    return np.where(free, codes, 0), free


@cache
def codes() -> Codes:
    """The decisions of every network, shape ``(networks, decisions)``, as `space.architectures`."""
    return np.array([_code(one) for one in space.architectures()])


def index(settled: Codes) -> NDArray[np.int64]:
    """Places in `space.architectures` of settled decisions, shape ``(...)``."""
    return _places()[np.ravel_multi_index(np.moveaxis(settled, -1, 0), OPTIONS)]


@cache
def neighbours() -> NDArray[np.int64]:
    """Networks one free decision away, shape ``(networks, decisions)``.

    Where a decision is void the row repeats another neighbour, so that every column can be
    drawn; which one repeats follows from the order of the decisions.
    """
    own = codes()
    steps = [index(settle(_changed(own, d))[0]) for d in range(len(OPTIONS))]
    near = np.stack(steps, axis=1)
    free = settle(own)[1]
    order = np.argsort(~free, axis=1, kind="stable")
    turn = np.arange(len(OPTIONS)) % free.sum(axis=1, keepdims=True)
    return np.take_along_axis(near, np.take_along_axis(order, turn, axis=1), axis=1)


def _changed(own: Codes, decision: int) -> Codes:
    other = own.copy()
    other[:, decision] = (other[:, decision] + 1) % OPTIONS[decision]
    return other


def _code(architecture: Architecture) -> list[int]:
    return [place for block in architecture for place in _of_block(block)]


def _of_block(block: Block) -> list[int]:
    return [values.index(getattr(block, name)) for name, values in DIMENSIONS.items()]


@cache
def _places() -> NDArray[np.int64]:
    places = np.full(int(np.prod(OPTIONS)), -1)
    places[np.ravel_multi_index(codes().T, OPTIONS)] = np.arange(len(codes()))
    return places
