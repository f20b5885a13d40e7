"""The key of a trained network: what was trained, measured and how, and nothing else.

The network is not described by its source but by what it does: the calls of PyTorch's public
functions are noted while it is made, while its first steps are taken, and while it is evaluated,
with shapes, numbers and which tensor goes where. Whatever is drawn is described by the call and
by where the generators stand afterwards, so that no result of a kernel goes into the key; it is
the same on all processors. What the recipe does to learning rate and weight decay is noted for
all steps, and what `examine` computes is read (see `lwsurvey.train.source`).
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import random
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode, resolve_name

from lwsurvey.data import Images, Split
from lwsurvey.train.device import TrainError, one_thread, seeded
from lwsurvey.train.fitting import Make, accuracy, check_network, train_epochs
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.source import bytes_digest, describe, number_text

VERSION = 1
"""Raised when a training gives other results than before in a way that no key can see."""
TRACED = Recipe(epochs=2, batch=4)
"""How far a training is followed: two epochs of two steps."""
CPU = torch.device("cpu")
# What says where and how numbers lie in memory, not what they are.
PLACE = {"device", "pin_memory", "memory_format", "layout", "non_blocking"}
# What a question to a tensor is answered with.
ANSWERS = (bool, int, str, torch.Size, torch.dtype, torch.device)
SWITCHES = ("set_grad_enabled", "_set_grad_enabled")
SETTINGS = ("lr", "momentum", "dampening", "weight_decay", "nesterov", "betas", "eps", "alpha")


class Keys:
    """The keys of one study's trainings.

    Args:
        split: the images; their bytes go into the key.
        recipe: of each training.
        amp: whether they train in bfloat16.
        examine: called on each trained network, or None.

    Raises:
        SourceError: what ``examine`` computes cannot be described.
    """

    def __init__(
        self, split: Split, recipe: Recipe, amp: bool, examine: Callable | None = None
    ) -> None:
        self._split, self._recipe = split, recipe
        read = describe(examine) if examine else ""
        size = recipe.epochs, recipe.batch, len(split.train), amp
        self._study = _digest(VERSION, size, images_digest(split), read)
        self._tiny = _tiny(split)
        self._steps: dict[tuple, str] = {}

    def key(self, name: str, make: Make, seed: int) -> str:
        """The key of one training: 32 hexadecimal digits.

        Raises:
            TrainError: the network does not fit the images.
            SourceError: it uses something that cannot be described.
        """
        with seeded(seed, CPU), one_thread(CPU):
            make()  # what a network is made by may be remembered, such as widths that fit
        with seeded(seed, CPU), one_thread(CPU):
            trace = Trace()
            with trace:
                net = make()
            drawn = _generators()
            weights = [(tuple(w.shape), w.requires_grad) for w in net.parameters()]
            # Networks that are made by the same calls take the same steps.
            made = name, id(make), trace.digest(), str(weights)
            if made not in self._steps:
                self._steps[made] = self._follow(net, trace, name)
        return _digest(self._study, seed, drawn, weights, self._steps[made])

    def _follow(self, net: nn.Module, trace: Trace, name: str) -> str:
        """Digest of how a network is made, its first steps, its evaluation and its schedule."""
        check_network(net, self._split, name)
        schedule = self._schedule(net)
        whole = torch.autocast("cpu", enabled=False)
        with trace:
            # Here no weight moves; whether the training diverges is seen when it runs.
            with contextlib.suppress(TrainError):
                train_epochs(net, self._tiny.train, _Noted(), 0, whole, name)
            accuracy(net, self._tiny.test)
        return _digest(schedule, trace.digest())

    def _schedule(self, net: nn.Module) -> str:
        """Settings of the optimiser in each step, and which weights they are for."""
        optimiser, schedule = self._recipe.optimiser(net, len(self._split.train))
        places = {id(w): place for place, w in enumerate(net.parameters())}
        groups = [[places.get(id(w)) for w in g["params"]] for g in optimiser.param_groups]
        settings = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that no step of the optimiser went before
            for _ in range(self._recipe.epochs * (len(self._split.train) // self._recipe.batch)):
                now = ([g.get(name) for name in SETTINGS] for g in optimiser.param_groups)
                settings.append(describe(list(now)))
                schedule.step()
        return _digest(type(optimiser).__name__, groups, settings)


class Trace(TorchFunctionMode):
    """Notes calls of PyTorch's public functions; tensors by the order in which they appear.

    A tensor that none of the noted calls made comes from outside: its bytes are noted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._places: dict[tuple, int] = {}
        self._kept: list[Tensor] = []  # so that no two tensors get one address

    def digest(self) -> str:
        """Of all that was noted."""
        return _digest(*self.lines)

    def __torch_function__(
        self, function: Callable, types: Any, args: tuple = (), kwargs: Mapping | None = None
    ) -> Any:
        kwargs = kwargs or {}
        name = resolve_name(function) or getattr(function, "__name__", repr(function))
        if name.rpartition(".")[2] in SWITCHES:
            return function(*args, **kwargs)
        given = [*args, *(v for k, v in kwargs.items() if k not in PLACE)]
        said = [self._text(each) for each in args]
        said += [f"{k}={self._text(v)}" for k, v in sorted(kwargs.items()) if k not in PLACE]
        if name.endswith("backward") and isinstance(args[0], Tensor):
            said.append(_custom_gradients(args[0]))
        result = function(*args, **kwargs)
        found = [*_tensors(given), *(made := list(_tensors(result)))]
        elsewhere = bool(found) and all(tensor.is_meta for tensor in found)
        asked = isinstance(result, ANSWERS) or (name.endswith("__get__") and not made)
        if not elsewhere and not asked:
            # Weights are drawn outside of the gradient, in whatever order the library says so.
            learns = torch.is_grad_enabled() and not name.startswith("torch.nn.init.")
            self.lines.append(f"{name} {learns} {said} -> {[self._tensor(t) for t in made]}")
        return result

    def _text(self, value: Any) -> str:
        if value is None or isinstance(value, bool | int | str):
            return repr(value)
        if isinstance(value, Tensor):
            return self._tensor(value, outside=True)
        if isinstance(value, torch.Generator):
            return f"generator {value.initial_seed()}"
        if isinstance(value, torch.device | torch.memory_format | torch.layout):
            return ""
        if isinstance(value, tuple | list) and _tensors(value):
            return str([self._text(each) for each in value])
        if isinstance(value, slice):
            return f"{value.start}:{value.stop}:{value.step}"
        if isinstance(value, float):
            return number_text(value)
        return describe(value)

    def _tensor(self, tensor: Tensor, outside: bool = False) -> str:
        if tensor.is_meta:
            return "meta"
        shape = f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
        where = _address(tensor)
        if where in self._places:
            return f"%{self._places[where]} {shape}"
        self._places[where] = len(self._places)
        self._kept.append(tensor)
        with torch._C.DisableTorchFunction():
            body = bytes_digest(_bytes(tensor)) if outside else ""
        return f"%{self._places[where]} {shape} {body}"


class _Noted:
    """Stands for recipe, optimiser and schedule where steps are only followed."""

    epochs, batch = TRACED.epochs, TRACED.batch

    def optimiser(self, network: nn.Module, images: int) -> tuple[_Noted, _Noted]:
        return self, self

    def zero_grad(self) -> None:
        pass

    def step(self) -> None:
        pass


def images_digest(split: Split) -> str:
    """Digest of all images and classes of a split."""
    parts = split.train, split.validation, split.test
    return _digest(*(bytes_digest(_bytes(x)) for part in parts for x in (part.x, part.y)))


def _tiny(split: Split) -> Split:
    """As many images as are followed, of the right shape and classes, on a fixed lattice."""
    n, shape = TRACED.batch * 2, tuple(split.train.x.shape[1:])
    values = torch.arange(n * math.prod(shape), dtype=torch.float32) % 17 / 8 - 1
    images = Images(values.reshape(n, *shape), torch.arange(n) % split.train.classes)
    return Split(images, images, images)


def _generators() -> list[object]:
    """What the three generators would draw next, whole numbers and exact fractions."""
    return [int(torch.randint(2**62, ())), random.random(), int(np.random.randint(2**31))]


def _custom_gradients(loss: Tensor) -> str:
    """What functions with a gradient of their own compute, of those that led to a loss."""
    todo, met, found = [loss.grad_fn], set(), set()
    while todo:
        node = todo.pop()
        if node is None or node in met:
            continue
        met.add(node)
        if own := getattr(type(node), "_forward_cls", None):
            found.add(describe(own))
        todo += [before for before, _ in node.next_functions]
    return str(sorted(found))


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [t for each in value for t in _tensors(each)] if isinstance(value, list | tuple) else []


def _address(tensor: Tensor) -> tuple:
    with torch._C.DisableTorchFunction():
        place = tensor.untyped_storage().data_ptr() or id(tensor)
        return place, tensor.storage_offset(), tuple(tensor.shape), tensor.stride(), tensor.dtype


def _bytes(tensor: Tensor) -> bytes:
    return np.ascontiguousarray(tensor.detach().cpu().numpy()).tobytes()


def _digest(*parts: object) -> str:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]
