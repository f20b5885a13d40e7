"""What each of PyTorch's operators is, and how many multiply-accumulates a product needs.

An operator that is neither here nor tagged as pointwise by PyTorch is not known; the counter
then names it instead of taking it for free.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

KINDS = {
    "normalisation": "native_batch_norm _native_batch_norm_legit"
    " _native_batch_norm_legit_no_training cudnn_batch_norm miopen_batch_norm"
    " native_layer_norm native_group_norm _fused_rms_norm"
    " batch_norm_inference",
    "activation": "relu relu6 hardtanh hardswish hardsigmoid sigmoid tanh silu gelu elu selu celu"
    " leaky_relu prelu _prelu_kernel softplus mish rrelu rrelu_with_noise glu logit log_sigmoid"
    " log_sigmoid_forward threshold softshrink hardshrink",
    "softmax": "_softmax _log_softmax _safe_softmax",
    "pooling": "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d"
    " _adaptive_avg_pool2d _adaptive_avg_pool3d adaptive_max_pool2d adaptive_max_pool3d max_pool2d"
    " mkldnn_max_pool2d avg_pool1d adaptive_avg_pool1d",
    "resampling": "upsample_nearest1d upsample_nearest2d upsample_nearest3d upsample_linear1d"
    " upsample_bilinear2d upsample_trilinear3d upsample_bicubic2d _upsample_nearest_exact1d"
    " _upsample_nearest_exact2d _upsample_nearest_exact3d _upsample_bilinear2d_aa"
    " _upsample_bicubic2d_aa grid_sampler_2d grid_sampler_3d roi_align",
    "reduction": "mean sum amax amin max min argmax argmin var std var_mean std_mean any all prod"
    " linalg_vector_norm norm _weight_norm_interface logsumexp cumsum cumprod count_nonzero",
    "elementwise": "bernoulli native_dropout _foreach_add where masked_fill lerp addcmul addcdiv"
    " addr add sub mul div floor_divide neg pow exp sqrt rsqrt clamp clamp_min clamp_max"
    " bitwise_not logical_not",
    "movement": "cat stack clone copy _to_copy index gather index_select take_along_dim roll flip"
    " constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d replication_pad1d"
    " replication_pad2d replication_pad3d repeat repeat_interleave im2col col2im embedding scatter"
    " index_put index_fill nonzero _unique2 nms slice_scatter select_scatter masked_select"
    " contiguous tril triu new_empty_strided"
    " pixel_shuffle pixel_unshuffle channel_shuffle sort topk one_hot fill zero _pad_circular"
    " slice_copy _nested_tensor_from_mask rot90 masked_scatter scatter_add index_add",
    "creation": "zeros ones full empty empty_like zeros_like ones_like full_like new_zeros new_ones"
    " new_full new_empty arange linspace eye scalar_tensor empty_strided tril_indices"
    " triu_indices rand randn randint randperm rand_like randn_like normal uniform",
    "view": "_unsafe_view alias detach lift_fresh as_strided unsafe_split unsafe_split_with_sizes"
    " resize set_ unsafe_chunk _local_scalar_dense _assert_async"
    " squeeze unsqueeze t transpose swapaxes swapdims",
}
_KIND = {name: kind for kind, names in KINDS.items() for name in names.split()}


def convolution(args: tuple, out: Tensor) -> int:
    """MACs of a convolution; each input element of a transposed one meets its whole kernel."""
    x, weight, transposed = args[0], args[1], args[6]
    return (x if transposed else out).numel() * math.prod(weight.shape[1:])


def _matrix(a: int, b: int) -> Callable[[tuple, Tensor], int]:
    """The product of arguments a and b: each output element sums over a's last side."""
    return lambda args, out: out.numel() * args[a].shape[-1]


def _trilinear(args: tuple, out: Tensor) -> int:
    """One MAC for each term of the sum of triple products, as `torch.nn.Bilinear` has it."""
    tensors = []
    for tensor, added in zip(args[:3], args[3:6], strict=True):
        for side in added:
            tensor = tensor.unsqueeze(side)
        tensors.append(tensor.shape)
    return math.prod(torch.broadcast_shapes(*tensors))


PRODUCTS: dict[str, Callable[[tuple, Tensor], int]] = {
    "convolution": convolution,
    "mm": _matrix(0, 1),
    "_int_mm": _matrix(0, 1),
    "bmm": _matrix(0, 1),
    "addmm": _matrix(1, 2),
    "baddbmm": _matrix(1, 2),
    "addbmm": lambda args, out: args[1].numel() * args[2].shape[-1],
    "_trilinear": _trilinear,
    "mv": lambda args, out: args[0].numel(),
    "addmv": lambda args, out: args[1].numel(),
    "dot": lambda args, out: args[0].numel(),
    "vdot": lambda args, out: args[0].numel(),
    "deform_conv2d": lambda args, out: out.numel() * math.prod(args[1].shape[1:]),
}
_kinds: dict[Any, tuple[str, str]] = {}


def kind(func: Any) -> tuple[str, str]:
    """Kind and name of an operator.

    Returns:
        One of ``product``, ``view``, the keys of `KINDS`, or ``unknown``; and the name
        without namespace, overload and the underscore of the in-place form.
    """
    if (known := _kinds.get(func)) is None:
        known = _kinds[func] = _kind_of(func)
    return known


def _kind_of(func: Any) -> tuple[str, str]:
    full = func._schema.name
    name = full.split("::")[1]
    plain = name if name.startswith("__") or not name.endswith("_") else name[:-1]
    if plain in PRODUCTS or func._overloadpacket in flop_registry:
        return "product", plain
    if plain in _KIND:
        return _KIND[plain], plain
    aliases = [r for r in func._schema.returns if r.alias_info and not r.alias_info.is_write]
    if aliases:
        return "view", plain
    return ("elementwise" if torch.Tag.pointwise in func.tags else "unknown"), plain


def product_macs(func: Any, name: str, args: tuple, kwargs: dict, out: Any) -> int:
    """MACs of an operator whose kind is ``product``."""
    if (own := PRODUCTS.get(name)) is not None:
        return own(args, out)
    return flop_registry[func._overloadpacket](*args, **kwargs, out_val=out) // 2
