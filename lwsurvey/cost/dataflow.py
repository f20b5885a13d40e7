"""Which tensors of a trace go where: receptive fields, and the memory of what is alive at a time.

Receptive fields, how many input pixels an output pixel depends on, follow by the arithmetic of
kernels and strides (Araujo et al. 2019, equations 1 and 2, here forwards).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lwsurvey.cost.operators import kind
from lwsurvey.cost.trace import Op, results, tensors_of

_IN_PLACE = {"normalisation", "activation", "elementwise"}
_KEEPS = {"normalisation", "activation", "elementwise", "movement", "view"}


@dataclass(frozen=True, slots=True)
class Field:
    """Receptive field along each side of a map.

    Attributes:
        size: input pixels that an output pixel depends on; it may exceed the input.
        jump: input pixels between two neighbouring output pixels.
    """

    size: tuple[int, ...]
    jump: tuple[int, ...]

    def through(self, kernel: tuple[int, ...], stride: tuple[int, ...]) -> Field:
        """The field behind a window of the given extent (dilation included) and stride."""
        size = tuple(s + (k - 1) * j for s, k, j in zip(self.size, kernel, self.jump, strict=True))
        return Field(size, tuple(j * s for j, s in zip(self.jump, stride, strict=True)))


class Fields:
    """Follows fields through a trace.

    A sum, product or concatenation has the largest field of those operands whose map is as
    large as its output; a gate of one value a channel, as squeeze-and-excitation makes,
    therefore does not count. Behind what mixes positions otherwise (a matrix product, a
    reshape that changes the map, a transposed convolution, an interpolation) there is no
    field.

    Args:
        inputs: of the model; those with channels and a map start with a field of one pixel.
    """

    def __init__(self, inputs: list[Tensor]) -> None:
        self._known: dict[int, Field | None] = {
            id(x): Field((1,) * (x.ndim - 2), (1,) * (x.ndim - 2)) for x in inputs if x.ndim > 2
        }

    def of(self, op: Op, tensors: list[Tensor], out: Any) -> Field | None:
        """The field of an operator's output."""
        first = out[0] if isinstance(out, (list, tuple)) and out else out
        if not isinstance(first, Tensor):
            return None
        field = self._after(op, tensors, first)
        for tensor in out if isinstance(out, (list, tuple)) else (out,):
            self._known[id(tensor)] = field
        return field

    def _after(self, op: Op, tensors: list[Tensor], out: Tensor) -> Field | None:
        what, name = kind(op.func)
        if what in _KEEPS and "_pad" not in name:
            return self._widest(tensors, out)
        before = self._known.get(id(tensors[0])) if tensors else None
        if before is None:
            return None
        if name == "convolution":
            return _convolved(before, op.args)
        if what == "pooling":
            return _pooled(before, name, tensors[0], op.args, out)
        if name == "mean":
            x, sides = tensors[0], len(before.size)
            reduced = {side % x.ndim for side in (op.args[1] if len(op.args) > 1 else None) or ()}
            whole_map = x.ndim == sides + 2 and reduced == set(range(2, x.ndim))
            return before.through(tuple(x.shape[2:]), (1,) * sides) if whole_map else None
        if name.endswith(("_pad_nd", "_pad1d", "_pad2d", "_pad3d")):
            return before
        return None

    def _widest(self, tensors: list[Tensor], out: Tensor) -> Field | None:
        found = None
        for tensor in tensors:
            field = self._known.get(id(tensor))
            if field is None:
                continue
            sides = len(field.size)
            if tensor.shape[-sides:] != out.shape[-sides:]:
                continue
            if found is None:
                found = field
            elif found.jump == field.jump and len(found.size) == sides:
                found = Field(tuple(map(max, found.size, field.size)), found.jump)
            else:
                return None
        return found


def _convolved(before: Field, args: tuple) -> Field | None:
    weight, stride, dilation, transposed = args[1], args[3], args[5], args[6]
    if transposed or weight.ndim != len(before.size) + 2:
        return None
    sides = weight.ndim - 2
    extent = _extent(weight.shape[2:], _each(dilation, sides))
    return before.through(extent, _each(stride, sides))


def _extent(kernel: Sequence[int], dilation: tuple[int, ...]) -> tuple[int, ...]:
    return tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))


def _pooled(before: Field, name: str, x: Tensor, args: tuple, out: Tensor) -> Field | None:
    sides = len(before.size)
    if x.ndim != sides + 2:
        return None
    if "adaptive" in name:
        if any(a % b for a, b in zip(x.shape[2:], out.shape[2:], strict=True)):
            return None  # windows of different sizes
        window = tuple(a // b for a, b in zip(x.shape[2:], out.shape[2:], strict=True))
        return before.through(window, window)
    kernel = _each(args[1], sides)
    stride = _each(args[2], sides) if len(args) > 2 and args[2] else kernel
    if name.startswith("max_pool") and len(args) > 4:
        kernel = _extent(kernel, _each(args[4], sides))
    return before.through(kernel, stride)


def _each(value: Any, sides: int) -> tuple[int, ...]:
    values = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    return values if len(values) == sides else values * sides


def peak(ops: list[Op], inputs: list[Tensor], outputs: list[Tensor], fixed: set[int]) -> int:
    """Elements of inputs and activations alive at the worst moment, parameters not included.

    Operators run one after the other as the program has them. A tensor is released after its
    last use; views take nothing; normalisation, activations and elementwise operators
    overwrite an operand of the same size that nobody else needs. This is the smallest memory
    in which this order can run, as Sandler et al. 2018 (section 5.1) count it, but for their
    splitting of a block; an eager framework keeps somewhat more.

    Args:
        ops: in order of execution.
        inputs: of the model, alive from the beginning.
        outputs: of the model, alive to the end.
        fixed: ids of parameters and buffers.
    """
    base: dict[int, int] = {}
    last = _last_uses(ops, base)
    last.update({base.get(id(out), id(out)): len(ops) for out in outputs})
    alive = {id(x): x.numel() for x in inputs}
    held = highest = sum(alive.values())
    ending: list[list[int]] = [[] for _ in range(len(ops) + 1)]
    for key, step in last.items():
        ending[step].append(key)
    for step, op in enumerate(ops):
        new = {
            id(out): out.numel()
            for out in results(op)
            if id(out) not in base and id(out) not in alive and id(out) not in fixed
        }
        highest = max(highest, held + sum(new.values()) - _reused(op, new, alive, ending[step]))
        alive |= new
        held += sum(new.values())
        for key in (*ending[step], *(key for key in new if key not in last)):
            held -= alive.pop(key, 0)
    return highest


def _last_uses(ops: list[Op], base: dict[int, int]) -> dict[int, int]:
    """Last step at which each storage is used; fills ``base`` with the storage of each view."""
    last: dict[int, int] = {}
    for step, op in enumerate(ops):
        given = op.given
        for tensor in given:
            last[base.get(id(tensor), id(tensor))] = step
        if given and kind(op.func)[0] == "view":
            origin = base.get(id(given[0]), id(given[0]))
            for out in tensors_of(op.out):
                if id(out) != origin:
                    base[id(out)] = origin
    return last


def _reused(op: Op, new: dict[int, int], alive: dict[int, int], ending: list[int]) -> int:
    if kind(op.func)[0] not in _IN_PLACE:
        return 0
    room = sorted((alive[key] for key in ending if key in alive), reverse=True)
    need = sum(new.values())
    return need if room and room[0] >= need else 0
