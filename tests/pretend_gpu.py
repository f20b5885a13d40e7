"""A pretend CUDA device: the processor computes, but what CUDA refuses is refused.

A tensor "on the GPU" is a `Pretend`: it says ``cuda:0`` and holds a tensor on the processor,
which computes every operation, so that all bits are those of ``device="cpu"``. Operations that
mix it with a tensor on the processor raise as CUDA's do, and so does NumPy on it.

What it cannot show: memory, time, rounding of a GPU's kernels, ``torch.compile`` (which hands
the module back as it is), and that a GPU's random numbers differ. ``float64``, which MPS lacks,
is refused on request. C++ takes a `Pretend` for a tensor on the processor.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map_only

GPU, CPU = torch.device("cuda", 0), torch.device("cpu")
NAME, MEMORY = "Pretend GPU", 8 * 2**30
aten = torch.ops.aten
# CUDA lets these take a tensor on the processor beside one on the GPU: copies from one to the
# other, and indices of a tensor on the GPU.
COPIES = {aten.copy_.default}
INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default,
            aten._index_put_impl_.default, aten._unsafe_index.Tensor}  # fmt: skip
MOVES = {Tensor.to, Tensor.cpu, Tensor.cuda}
LIKE = {Tensor.new_tensor, Tensor.new_zeros, Tensor.new_ones, Tensor.new_empty, Tensor.new_full}


class Pretend(Tensor):
    """A tensor that says it is on the GPU; ``held`` is the one that computes."""

    held: Tensor
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: Tensor) -> Pretend:
        # A view of an ordinary tensor is one too, even where gradients are out of the question.
        with torch.inference_mode(held.is_inference()):
            made = Tensor._make_wrapper_subclass(
                cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(),
                dtype=held.dtype, layout=held.layout, device=CPU,
            )  # fmt: skip
        made.held = held
        return made

    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)
    is_cpu = property(lambda self: False)

    def get_device(self) -> int:
        return 0

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError(
            "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )

    __array__ = numpy

    def tolist(self) -> Any:
        return self.detach().held.tolist()

    def __repr__(self, **_: Any) -> str:
        return f"{self.held!r} on {GPU}"

    # With these `nn.Module.to` swaps a parameter's contents, as it must for such a class.
    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(parts: dict[str, Tensor], *_: Any) -> Pretend:
        return Pretend(parts["held"])

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        check(func, args, kwargs)
        own, named = (tree_map_only(Pretend, lambda x: x.held, part) for part in (args, kwargs))
        found = func(*own, **{k: CPU if k == "device" and v else v for k, v in named.items()})
        known = {id(x.held): x for x in tree_leaves((args, kwargs)) if isinstance(x, Pretend)}
        Clock.seconds += _seconds(own, found)
        if func in COPIES and not isinstance(args[0], Pretend):
            return found

        def wrapped(x: Tensor) -> Tensor:
            return known[id(x)] if id(x) in known else Pretend(x)  # what was written into, itself

        return tree_map_only(Tensor, wrapped, found)


class Clock:
    """Seconds that the pretend GPU has computed; the same work takes the same time anywhere."""

    seconds = 0.0


def _seconds(args: tuple, found: Any) -> float:
    """For the call, for each number that is read or written, and for each product of a layer."""
    read = [x for x in args if isinstance(x, Tensor)]
    written = [x for x in tree_leaves(found) if isinstance(x, Tensor)]
    work = sum(x.numel() for x in read + written)
    if written and len(read) > 1 and read[1].dim() == 4 == written[0].dim():
        work += read[1].numel() * written[0].numel() / max(written[0].shape[1], 1)
    return 5e-6 + 1e-9 * work


def check(func: Any, args: tuple, kwargs: dict) -> None:
    """Raise RuntimeError if CUDA would, because one operand is elsewhere."""
    if func in COPIES:
        return
    if func in INDEXING and isinstance(args[0], Pretend):
        args = (args[0], *args[2:])  # the indices may be anywhere
    operands = [x for x in tree_leaves((args, kwargs)) if isinstance(x, Tensor)]
    elsewhere = [x for x in operands if not isinstance(x, Pretend) and x.dim()]
    if elsewhere:
        raise RuntimeError(
            "Expected all tensors to be on the same device, but found at least two devices, "
            f"cuda:0 and cpu! (operation {func}, shape {tuple(elsewhere[0].shape)} on the cpu)"
        )


class Move(torch.autograd.Function):
    """To the pretend device and back, with the gradient going the other way."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, to_gpu: bool) -> Tensor:
        ctx.to_gpu = to_gpu
        return Pretend(x.clone()) if to_gpu else x.held.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return (grad.held if ctx.to_gpu else Pretend(grad)), None


def moved(x: Tensor, where: torch.device | None) -> Tensor:
    """``x`` where it is wanted; itself if it is there."""
    if where is None or where.type == x.device.type:
        return x
    return Move.apply(x, where.type == "cuda")


class Pretending(TorchFunctionMode):
    """Makes and moves tensors: every call of PyTorch passes here first."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func in MOVES:
            return self._move(func, args, kwargs)
        if func in LIKE or not isinstance(kwargs.get("device"), torch.device | str | int):
            if func in LIKE and isinstance(args[0], Pretend):
                return func(*args, **kwargs, device=GPU)
            return func(*args, **kwargs)
        return self._make(func, args, kwargs)

    def _make(self, func: Callable, args: tuple, kwargs: dict) -> Any:
        where = torch.device(kwargs["device"])
        if where.type != "cuda":
            return func(*args, **kwargs)
        generator = kwargs.get("generator")
        if generator is not None:
            raise RuntimeError(
                f"Expected a 'cuda' device type for generator but found '{generator.device.type}'"
            )
        # Not by the mode again: the sources of a `tensor` may be on the GPU.
        wanted = bool(kwargs.pop("requires_grad", False))
        found = func(*args, **{**kwargs, "device": None if _has_pretend(args) else CPU})
        found = found if isinstance(found, Pretend) else Pretend(found.detach())
        return found.requires_grad_() if wanted else found

    def _move(self, func: Callable, args: tuple, kwargs: dict) -> Tensor:
        x, *rest = args
        where, kind = destination(func, rest, kwargs)
        kinds = {x.device.type, where.type if where else ""}
        if "cuda" not in kinds or "meta" in kinds:
            return func(x.held if isinstance(x, Pretend) else x, *rest, **kwargs)
        there = moved(x, where)
        rest = {"dtype": kind, "memory_format": kwargs.get("memory_format")}
        rest = {name: value for name, value in rest.items() if value is not None}
        copied = bool(kwargs.get("copy")) and there is x
        return Tensor.to(there, copy=copied, **rest) if rest or copied else there


def _has_pretend(args: tuple) -> bool:
    return any(isinstance(x, Pretend) for x in tree_leaves(args))


def destination(
    func: Callable, rest: list, kwargs: dict
) -> tuple[torch.device | None, torch.dtype | None]:
    """The device and the type that a move asks for."""
    if func in (Tensor.cpu, Tensor.cuda):
        return (CPU if func is Tensor.cpu else GPU), None
    if rest and isinstance(rest[0], Tensor):
        return rest[0].device, rest[0].dtype
    asked = [*rest[:2], kwargs.get("device"), kwargs.get("dtype")]
    where = next((x for x in asked if isinstance(x, str | torch.device)), None)
    kind = next((x for x in asked if isinstance(x, torch.dtype)), None)
    return (torch.device(where) if where else None), kind


class Event:
    """A mark on the clock of the pretend GPU."""

    def __init__(self, enable_timing: bool = False, **_: Any) -> None:
        self._timed, self._at = enable_timing, None

    def record(self, stream: Any = None) -> None:
        self._at = Clock.seconds

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def elapsed_time(self, end: Event) -> float:
        if not self._timed or None in (self._at, end._at):
            raise ValueError("Both events must be created with enable_timing=True and recorded")
        return 1e3 * (end._at - self._at)


class Compiled(nn.Module):
    """What stands for ``torch.compile``, which cannot compile for a GPU that is not there."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._orig_mod = module

    def forward(self, *args: Any) -> Any:
        return self._orig_mod(*args)


def _stand_ins() -> dict[str, Callable]:
    state = torch.zeros(16, dtype=torch.uint8)
    return {
        "is_available": lambda: True,
        "is_initialized": lambda: True,
        "is_bf16_supported": lambda *_, **__: True,
        "device_count": lambda: 1,
        "current_device": lambda: 0,
        "get_device_name": lambda device=None: NAME,
        "get_device_properties": lambda device=None: SimpleNamespace(
            name=NAME, total_memory=MEMORY, major=9, minor=0
        ),
        "get_device_capability": lambda device=None: (9, 0),
        "mem_get_info": lambda device=None: (MEMORY, MEMORY),
        "memory_allocated": lambda device=None: 0,
        "max_memory_allocated": lambda device=None: 0,
        "reset_peak_memory_stats": lambda device=None: None,
        "empty_cache": lambda: None,
        "synchronize": lambda device=None: None,
        "current_stream": lambda device=None: None,
        "get_rng_state": lambda device="cuda": state.clone(),
        "set_rng_state": lambda new, device="cuda": None,
        "manual_seed": lambda seed: None,
        "manual_seed_all": lambda seed: None,
        "_lazy_init": lambda: None,
        "Event": Event,
    }


_swap = torch.utils.swap_tensors


def _swapped(one: Tensor, other: Tensor) -> None:
    """PyTorch's, but as with CUDA, where a weight's data are replaced, its hooks remain."""
    hooks = one._post_accumulate_grad_hooks
    if one is not other:
        _swap(one, other)
        if hooks:
            one._post_accumulate_grad_hooks = hooks


@contextlib.contextmanager
def pretended() -> Iterator[None]:
    """PyTorch sees one CUDA device; in this thread only, so in a process of its own."""
    begin = torch.autocast.__init__

    def autocast(self: torch.autocast, device_type: str, *args: Any, **kwargs: Any) -> None:
        begin(self, "cpu" if device_type == "cuda" else device_type, *args, **kwargs)

    with contextlib.ExitStack() as patches:
        # Setting a weight's data would not change what it holds.
        torch.__future__.set_overwrite_module_params_on_conversion(True)
        patches.callback(torch.__future__.set_overwrite_module_params_on_conversion, False)
        patches.enter_context(mock.patch.object(torch.utils, "swap_tensors", _swapped))
        for name, stand_in in _stand_ins().items():
            patches.enter_context(mock.patch.object(torch.cuda, name, stand_in))
        patches.enter_context(mock.patch.object(torch.autocast, "__init__", autocast))
        patches.enter_context(mock.patch.object(torch, "compile", lambda m, **_: Compiled(m)))
        patches.enter_context(Pretending())
        yield
