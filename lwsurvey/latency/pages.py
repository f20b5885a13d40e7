"""Two costs of a call that are not arithmetic: packing the weights, and pages of fresh memory."""

from __future__ import annotations

import contextlib
import copy
import ctypes
from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

# Parameters of glibc's mallopt (malloc.h): free memory at the end of the heap that is kept, and
# the least size that gets a mapping of its own. USUAL is what they amount to in a process that has
# freed large blocks.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
USUAL = {M_MMAP_THRESHOLD: 32 << 20, M_TRIM_THRESHOLD: 64 << 20}
HEAP_KEPT = {M_MMAP_THRESHOLD: 32 << 20, M_TRIM_THRESHOLD: 1 << 30}
ALL_KEPT = {M_MMAP_THRESHOLD: 1 << 30, M_TRIM_THRESHOLD: (1 << 31) - 1}


def faults(call: Callable[[], object], calls: int = 8) -> float:
    """Pages that one call meets for the first time, the mean after two calls to warm up."""
    import resource  # not on Windows, where the rest of this module does without

    for _ in range(2):
        call()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(calls):
        call()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) / calls


@contextlib.contextmanager
def kept() -> Iterator[bool]:
    """Within it the process keeps the memory that it frees, and its pages.

    Afterwards new blocks are mapped afresh again, unless one that was freed meanwhile lies where it
    can be used again; so what needs fresh pages is measured first.

    Yields:
        Whether that can be had: the allocator must be glibc's.
    """
    possible = _mallopt(ALL_KEPT)
    try:
        yield possible
    finally:
        if possible:
            _mallopt(USUAL)
            ctypes.CDLL(None).malloc_trim(0)


def keep() -> bool:
    """Have the C library keep freed memory, from now on and in the whole process.

    By default glibc gives the end of its heap back to the system whenever enough of it is
    free. A network whose maps just reach that limit then pays for hundreds of page faults in
    each pass, and takes twice the time of one that is a little narrower. What runs networks on
    phones plans its memory once. Up to a gigabyte that the process has freed stays with it until
    `kept` ends; results do not depend on it.

    Returns:
        Whether it could be arranged; False with a C library that has no such setting, as on
        macOS, on Windows and with musl.
    """
    return _mallopt(HEAP_KEPT)


def _mallopt(settings: Mapping[int, int]) -> bool:
    """Whether the C library took all these settings."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return all([mallopt(name, value) for name, value in settings.items()])


class PackedConv2d(nn.Module):
    """A convolution whose weights are in the library's own order from the beginning.

    PyTorch's eager mode has oneDNN put them into that order in each call.

    Args:
        layer: of zero padding.
        shape: of its input, on which the order depends.
    """

    def __init__(self, layer: nn.Conv2d, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.how = layer.padding, layer.stride, layer.dilation, layer.groups
        self.bias = layer.bias
        weight = layer.weight.detach().clone()
        self.weight = torch.ops.mkldnn._reorder_convolution_weight(weight, *self.how, list(shape))

    def __deepcopy__(self, memo: dict) -> PackedConv2d:
        return self  # nobody changes it, and the packed weights cannot be copied

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *self.how, "none", [], ""
        )


def packed(module: nn.Module, shape: tuple[int, ...]) -> nn.Module:
    """A copy of a module with each convolution as a `PackedConv2d`.

    Raises:
        RuntimeError: this PyTorch comes without oneDNN.
    """
    if not torch.backends.mkldnn.is_available():
        raise RuntimeError("PyTorch comes without oneDNN here, which packs the weights")
    own, shapes = copy.deepcopy(module).eval(), {}
    layers = {name: m for name, m in own.named_modules() if isinstance(m, nn.Conv2d)}
    hooks = [
        layer.register_forward_pre_hook(
            lambda _, inputs, name=name: shapes.update({name: inputs[0].shape})
        )
        for name, layer in layers.items()
    ]
    with torch.inference_mode():
        own(torch.zeros(shape))
    for hook in hooks:
        hook.remove()
    if isinstance(own, nn.Conv2d):
        return PackedConv2d(own, shape)
    for name, layer in layers.items():
        own.set_submodule(name, PackedConv2d(layer, shapes[name]))
    return own
