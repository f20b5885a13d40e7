"""Closed forms of the memory access of convolutions, in elements.

ShuffleNet V2 calls it "memory access cost" and counts for a 1 x 1 convolution the input map,
the output map and the weights, each once: h w (c_1 + c_2) + c_1 c_2 (Ma et al. 2018, guideline
G1, the line before equation 1; equation 2 divides the weights by the groups). The functions
here count the same for any kernel. That supposes a cache that holds all of one layer and
keeps nothing from one layer to the next.

Symbols as in `lwsurvey.cost.closed_form`: ``H`` and ``W`` belong to the *output* map. The
input map is equally large unless ``size_in`` says otherwise, and counts whole, even where a
stride passes over some of it. Arguments may be SymPy expressions.
"""

from __future__ import annotations

from lwsurvey.cost import closed_form
from lwsurvey.cost.closed_form import Number


def convolution(
    N: Number, M: Number, K, H: Number, W: Number, G: Number = 1, size_in: tuple | None = None
) -> Number:
    """Elements that a K x K convolution reads and writes: H W (N + M) + K^2 N M / G.

    Args:
        N: input channels.
        M: output channels.
        K: side of the kernel, or ``(K_h, K_w)``.
        H: rows of the output map.
        W: columns of the output map.
        G: groups.
        size_in: rows and columns of the input map, where they are not ``H`` and ``W``.

    Raises:
        ValueError: a number is no positive integer, ``G`` does not divide both ``N`` and
            ``M``, or ``size_in`` is not a pair.
    """
    weights = closed_form.convolution(N, M, K, H, W, G).parameters
    return _input(N, size_in or (H, W)) + H * W * M + weights


def pointwise(
    N: Number, M: Number, H: Number, W: Number, G: Number = 1, size_in: tuple | None = None
) -> Number:
    """A 1 x 1 convolution, ShuffleNet V2's own case: H W (N + M) + N M / G elements."""
    return convolution(N, M, 1, H, W, G, size_in)


def depthwise(
    N: Number,
    K,
    H: Number,
    W: Number,
    multiplier: Number = 1,
    size_in: tuple | None = None,
) -> Number:
    """``multiplier`` K x K filters for each channel: 2 H W N + K^2 N elements for one filter."""
    weights = closed_form.depthwise(N, K, H, W, multiplier).parameters
    return _input(N, size_in or (H, W)) + H * W * N * multiplier + weights


def separable(
    N: Number,
    M: Number,
    K,
    H: Number,
    W: Number,
    multiplier: Number = 1,
    size_in: tuple | None = None,
) -> Number:
    """Depthwise, then pointwise: the map between them is written by one and read by the other.

    H W (3 N + M) + K^2 N + N M elements at ``multiplier`` 1.
    """
    first = depthwise(N, K, H, W, multiplier, size_in)
    return first + pointwise(N * multiplier, M, H, W)


def _input(N: Number, size_in: tuple) -> Number:
    """Elements of the input map; a 1 x 1 convolution to one channel has as many MACs."""
    if len(size_in) != 2:
        raise ValueError(f"size_in must be rows and columns, it is {size_in}")
    return closed_form.pointwise(N, 1, *size_in).macs
