"""Closed forms of the multiply-accumulates (MACs) and weights of convolutions and MobileNet V1.

Symbols, everywhere in this module: ``N`` input channels, ``M`` output channels, ``K`` side
of the kernel, or ``(K_h, K_w)``, ``H`` and ``W`` height and width of the *output* map, ``G``
groups. Each may be an int or a SymPy expression, so that the formula that a derivation
shows is the one that the counts check. Zeros of the padding are multiplied like any other
value, as in all the papers; biases and batch normalisation are not part of these forms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Integral

import sympy

Number = int | sympy.Expr

# Howard et al. 2017, table 1: input and output channels, rows of the output map at 224.
MOBILENET_V1 = (
    (32, 64, 112), (64, 128, 56), (128, 128, 56), (128, 256, 28), (256, 256, 28),
    (256, 512, 14), *[(512, 512, 14)] * 5, (512, 1024, 7), (1024, 1024, 7),
)  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """Multiply-accumulates of one forward pass of one image, and weights."""

    macs: Number
    parameters: Number

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.macs + other.macs, self.parameters + other.parameters)


def output_size(size: Number, K: Number, stride: Number = 1, padding: Number = 0) -> Number:
    """Rows (or columns) of the output map of a convolution over ``size`` rows.

    Raises:
        ValueError: a number is no positive integer, or the kernel is larger than the
            padded map.
    """
    _positive(size=size, K=K, stride=stride)
    if isinstance(padding, Integral) and padding < 0:
        raise ValueError(f"padding must not be negative, it is {padding}")
    room = size + 2 * padding - K
    if isinstance(room, Integral) and room < 0:
        raise ValueError(f"a kernel of {K} does not fit into {size} + 2 x {padding} rows")
    return room // stride + 1


def convolution(N: Number, M: Number, K, H: Number, W: Number, G: Number = 1) -> Cost:
    """A convolution, dense for ``G`` = 1: H W K^2 N M / G MACs.

    Raises:
        ValueError: a number is no positive integer, or ``G`` does not divide both ``N`` and
            ``M``.
    """
    K_h, K_w = _sides(K)
    _positive(N=N, M=M, K_h=K_h, K_w=K_w, H=H, W=W, G=G)
    for name, channels in (("N", N), ("M", M)):
        if isinstance(channels, Integral) and isinstance(G, Integral) and channels % G:
            raise ValueError(f"G = {G} groups do not divide {name} = {channels} channels")
    whole = isinstance(N, Integral) and isinstance(G, Integral)
    weights = K_h * K_w * (N // G if whole else N / G) * M
    return Cost(H * W * weights, weights)


def pointwise(N: Number, M: Number, H: Number, W: Number, G: Number = 1) -> Cost:
    """A 1 x 1 convolution: H W N M / G MACs."""
    return convolution(N, M, 1, H, W, G)


def depthwise(N: Number, K, H: Number, W: Number, multiplier: Number = 1) -> Cost:
    """One K x K filter (``multiplier`` of them) for each channel: H W K^2 N MACs.

    The same as `convolution` with ``G`` = ``N``; written down without the division, so that
    SymPy shows it as the papers do.
    """
    K_h, K_w = _sides(K)
    _positive(N=N, K_h=K_h, K_w=K_w, H=H, W=W, multiplier=multiplier)
    weights = K_h * K_w * N * multiplier
    return Cost(H * W * weights, weights)


def separable(N: Number, M: Number, K, H: Number, W: Number, multiplier: Number = 1) -> Cost:
    """Depthwise, then pointwise: H W N (K^2 + M) MACs at ``multiplier`` 1."""
    return depthwise(N, K, H, W, multiplier) + pointwise(N * multiplier, M, H, W)


def bottleneck(
    N: Number, B: Number, M: Number, K, H: Number, W: Number, size_in: tuple | None = None
) -> Cost:
    """1 x 1 from N to B channels, K x K from B to B, 1 x 1 from B to M.

    Args:
        N: input channels.
        B: channels in the middle.
        M: output channels.
        K: side of the middle kernel.
        H: rows of the output map.
        W: columns of the output map.
        size_in: rows and columns of the input map, where the middle layer has a stride.
    """
    H_in, W_in = size_in or (H, W)
    return pointwise(N, B, H_in, W_in) + convolution(B, B, K, H, W) + pointwise(B, M, H, W)


def asymmetric(N: Number, B: Number, M: Number, K: Number, H: Number, W: Number) -> Cost:
    """K x 1 from N to B channels, then 1 x K from B to M, both on an H x W map."""
    return convolution(N, B, (K, 1), H, W) + convolution(B, M, (1, K), H, W)


def stacked(C: Number, K: Number, layers: Number, H: Number, W: Number) -> Cost:
    """``layers`` K x K convolutions in a row, C channels all along.

    Together they see a window of ``layers`` (K - 1) + 1 rows and columns.
    """
    _positive(layers=layers)
    one = convolution(C, C, K, H, W)
    return Cost(layers * one.macs, layers * one.parameters)


def scaled(size: Number, multiplier) -> Number:
    """Channels times a width multiplier, or rows times a resolution multiplier.

    Args:
        size: channels or rows, positive.
        multiplier: int, float, fraction or SymPy expression, positive.

    Raises:
        ValueError: not positive, or the product of two numbers is not whole (a network then
            rounds, and how it does is its own affair).
    """
    _positive(size=size)
    if isinstance(size, sympy.Expr) or isinstance(multiplier, sympy.Expr):
        return size * multiplier
    if multiplier <= 0:
        raise ValueError(f"the multiplier must be positive, it is {multiplier}")
    product = size * Fraction(multiplier).limit_denominator(10_000)
    if product.denominator != 1:
        raise ValueError(f"{multiplier} x {size} = {float(product):g} is not whole; round it first")
    return int(product)


def mobilenet_v1(
    alpha: float = 1.0, rows: int = 224, block: Callable[..., Cost] = separable
) -> Cost:
    """MACs and weights (of convolutions and classifier; no biases) of MobileNet V1.

    Args:
        alpha: width multiplier; must leave whole channels.
        rows: of the square input; must be divisible by 32.
        block: cost of a block from N, M, K, H, W; `convolution` makes the
            paper's twin of standard convolutions.
    """
    rho = Fraction(rows, 224)
    total = convolution(3, scaled(32, alpha), 3, *[scaled(112, rho)] * 2)
    for N, M, side in MOBILENET_V1:
        total += block(scaled(N, alpha), scaled(M, alpha), 3, *[scaled(side, rho)] * 2)
    return total + pointwise(scaled(1024, alpha), 1000, 1, 1)


def _sides(K) -> tuple[Number, Number]:
    if not isinstance(K, tuple):
        return K, K
    if len(K) != 2:
        raise ValueError(f"a kernel has one side or two, not {len(K)}: {K}")
    return K


def _positive(**numbers: Number) -> None:
    for name, number in numbers.items():
        if isinstance(number, sympy.Expr):
            if number.is_positive is False:
                raise ValueError(f"{name} must be positive, it is {number}")
        elif isinstance(number, bool) or not isinstance(number, Integral) or number < 1:
            raise ValueError(f"{name} must be a positive integer, it is {number!r}")
