"""An answer is compared only if it cannot lie about itself."""

from __future__ import annotations

import enum
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from lwsurvey.exercises import plain

HONEST = [
    3, 0.5, 2j, True, None, "memory", b"", Fraction(1, 3), np.float64(1), np.int64(2), np.True_,
    np.ones(2), np.array(["a"]), torch.ones(2), nn.Parameter(torch.ones(1)), torch.Size([1]),
    [], (), {}, set(), [1, (2.0, {"three": {4}})], {("a", 1): [None]},
]  # fmt: skip


def liar(kind: type) -> type:
    return type(
        f"Liar{kind.__name__}", (kind,), {"__eq__": lambda *_: True, "__hash__": lambda _: 0}
    )


class Colour(enum.IntEnum):
    RED = 3


LIARS = [
    *(liar(kind)() for kind in (int, float, str, tuple, list, dict, set, object, Fraction)),
    liar(np.float64)(1),
    np.ones(2).view(liar(np.ndarray)),
    torch.ones(2).as_subclass(liar(torch.Tensor)),
    np.array([liar(object)()]),
    np.ma.masked,
    Colour.RED,
    range(3),
    iter([3]),
]


@pytest.mark.parametrize("value", HONEST, ids=repr)
def test_known_types_come_back_as_they_are(value):
    assert plain(value) is value


@pytest.mark.parametrize("value", LIARS, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("wrap", [lambda v: v, lambda v: [1, (v,)], lambda v: {"a": v}])
def test_any_other_type_is_refused_and_named_however_deep(value, wrap):
    with pytest.raises(TypeError, match=f"of type {type(value).__name__};"):
        plain(wrap(value))


def test_a_key_may_not_lie_either():
    with pytest.raises(TypeError, match="Liarstr"):
        plain({liar(str)("e"): 1})
