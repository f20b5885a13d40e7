"""Peak activation memory: the most elements that a sequential run keeps at one time."""

from __future__ import annotations

from torch import Tensor

from lwsurvey.cost.operators import kind
from lwsurvey.cost.trace import Op, results, tensors_of

_IN_PLACE = {"normalisation", "activation", "elementwise"}


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
