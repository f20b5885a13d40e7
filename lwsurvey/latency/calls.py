"""From a module and an input to something that `compare` can call."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from numbers import Integral

import torch
from torch import Tensor, nn

from lwsurvey.latency import devices

Inputs = Tensor | Sequence[int] | Sequence[Tensor]


def call(
    module: nn.Module, inputs: Inputs, *, device: str = "cpu", channels_last: bool = False
) -> Callable[[], object]:
    """A forward pass as a function without arguments, for `compare`.

    Args:
        module: copied, put into evaluation mode and moved to the device; one that
            ``torch.compile`` wraps is not copied.
        inputs: a shape such as ``(1, 3, 224, 224)``, filled with normal random numbers of a
            fixed seed in the module's floating-point type; or a tensor; or several tensors.
        device: where it runs.
        channels_last: store four-dimensional weights and inputs with the channels innermost.

    Raises:
        ValueError: a device that is not there.
        TypeError: the module is no ``nn.Module``, or an input is neither shape nor tensor.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(f"expected a torch.nn.Module, got {type(module).__name__}")
    devices.find(device)
    # The same network is often timed in two layouts or on two devices.
    own = module if hasattr(module, "_orig_mod") else copy.deepcopy(module)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    own = own.eval().to(device, memory_format=layout)
    tensors = [_place(x, device, channels_last) for x in _tensors(own, inputs)]

    def run() -> object:
        with torch.inference_mode():
            return own(*tensors)

    return run


def _tensors(module: nn.Module, inputs: Inputs) -> list[Tensor]:
    if isinstance(inputs, Tensor):
        return [inputs]
    values = list(inputs)
    if values and all(isinstance(x, Tensor) for x in values):
        return values
    if values and all(isinstance(x, Integral) for x in values):
        generator = torch.Generator().manual_seed(0)
        return [torch.randn(*values, generator=generator).to(_dtype(module))]
    raise TypeError(f"inputs must be a shape, a tensor or several tensors, not {inputs!r}")


def _dtype(module: nn.Module) -> torch.dtype:
    kinds = (p.dtype for p in module.parameters() if p.dtype.is_floating_point)
    return next(kinds, torch.float32)


def _place(tensor: Tensor, device: str, channels_last: bool) -> Tensor:
    wanted = channels_last and tensor.dim() == 4
    layout = torch.channels_last if wanted else torch.contiguous_format
    return tensor.detach().to(device).contiguous(memory_format=layout)
