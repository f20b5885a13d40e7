"""Answers to the exercises of mobilenet-v2: how students get them wrong, and a right way."""


# %% mobilenet-v2-macs wrong: rounds the output map down
def macs(N, M, t, side, stride):
    out, hidden = side // stride, t * N
    expand = side**2 * N * hidden if t > 1 else 0
    return expand + out**2 * (9 * hidden + hidden * M)


# %% mobilenet-v2-macs wrong: an expansion even where t is 1
def macs(N, M, t, side, stride):
    out, hidden = -(-side // stride), t * N
    return side**2 * N * hidden + out**2 * hidden * (9 + M)


# %% mobilenet-v2-macs wrong: the stride forgotten
def macs(N, M, t, side, stride):
    hidden = t * N
    return side**2 * hidden * ((N if t > 1 else 0) + 9 + M)


# %% mobilenet-v2-macs wrong: the expansion at the output's size too
def macs(N, M, t, side, stride):
    out, hidden = (side + stride - 1) // stride, t * N
    return out**2 * hidden * ((N if t > 1 else 0) + 9 + M)


# %% mobilenet-v2-macs wrong: the depthwise convolution at the input's size
def macs(N, M, t, side, stride):
    out, hidden = -(-side // stride), t * N
    return side**2 * hidden * ((N if t > 1 else 0) + 9) + out**2 * hidden * M


# %% mobilenet-v2-macs right: counts a module
def macs(N, M, t, side, stride):
    from lwsurvey import cost
    from lwsurvey.models.blocks import InvertedResidual

    block = InvertedResidual(N, M, hidden=t * N, stride=stride)
    return cost.count(block, (1, N, side, side)).macs


# %% mobilenet-v2-macs right: layer after layer
def macs(N, M, t, side, stride):
    total, channels = 0, N
    if t != 1:
        channels = t * N
        total = side * side * N * channels
    if stride == 2:
        side = (side + 1) // 2
    total += side * side * channels * 9
    total += side * side * channels * M
    return total


# %% mobilenet-v2-slices wrong: numbers that do not divide
def slices(N, M, t, H, room):
    for S in range(1, t * N + 1):
        if H**2 * (N + 2 * M + 2 * t * N / S) <= room:
            return S
    return 0


# %% mobilenet-v2-slices wrong: the map is a row
def slices(N, M, t, H, room):
    for S in range(1, t * N + 1):
        if t * N % S == 0 and H * (N + 2 * M + 2 * t * N // S) <= room:
            return S
    return 0


# %% mobilenet-v2-slices wrong: never as many slices as channels
def slices(N, M, t, H, room):
    for S in range(1, t * N):
        if t * N % S == 0 and H**2 * (N + 2 * M + 2 * t * N // S) <= room:
            return S
    return 0


# %% mobilenet-v2-slices wrong: powers of two only
def slices(N, M, t, H, room):
    S = 1
    while S <= t * N:
        if t * N % S == 0 and H**2 * (N + 2 * M + 2 * t * N // S) <= room:
            return S
        S *= 2
    return 0


# %% mobilenet-v2-slices wrong: None where nothing fits
def slices(N, M, t, H, room):
    for S in range(1, t * N + 1):
        if t * N % S == 0 and H**2 * (N + 2 * M + 2 * t * N // S) <= room:
            return S


# %% mobilenet-v2-slices right: solves for the size of a slice, then goes down the divisors
def slices(N, M, t, H, room):
    hidden = t * N
    largest = (room // H**2 - N - 2 * M) // 2
    sizes = [size for size in range(1, hidden + 1) if hidden % size == 0 and size <= largest]
    return hidden // max(sizes) if sizes else 0


# %% mobilenet-v2-additions wrong: the stride of the first block everywhere
from itertools import pairwise


def additions(blocks):
    counts = {"e": 0, "d": 0, "p": 0}
    for (N, t, M, stride), (_, u, out, _) in pairwise(blocks):
        counts["e"] += t * N == u * M and stride == 1
        counts["d"] += t * N == u * M and stride == 1
        counts["p"] += out == M and stride == 1
    return counts


# %% mobilenet-v2-additions wrong: the stride of the second block everywhere
from itertools import pairwise


def additions(blocks):
    counts = {"e": 0, "d": 0, "p": 0}
    for (N, t, M, _), (_, u, out, after) in pairwise(blocks):
        counts["e"] += t * N == u * M and after == 1
        counts["d"] += t * N == u * M and after == 1
        counts["p"] += out == M and after == 1
    return counts


# %% mobilenet-v2-additions wrong: the strides forgotten
def additions(blocks):
    counts = {"e": 0, "d": 0, "p": 0}
    for (N, t, M, _), (_, u, out, _) in zip(blocks, blocks[1:]):
        counts["e"] += t * N == u * M
        counts["d"] += t * N == u * M
        counts["p"] += out == M
    return counts


# %% mobilenet-v2-additions wrong: equal factors of expansion taken for equal widths
def additions(blocks):
    counts = {"e": 0, "d": 0, "p": 0}
    for (_, t, M, stride), (_, u, out, after) in zip(blocks, blocks[1:]):
        counts["e"] += t == u and stride == 1
        counts["d"] += t == u and after == 1
        counts["p"] += out == M and after == 1
    return counts


# %% mobilenet-v2-additions wrong: numbers without their places
def additions(blocks):
    e = d = p = 0
    for (N, t, M, stride), (_, u, out, after) in zip(blocks, blocks[1:]):
        e += t * N == u * M and stride == 1
        d += t * N == u * M and after == 1
        p += out == M and after == 1
    return e, d, p


# %% mobilenet-v2-additions right: follows the shapes of all tensors
def additions(blocks):
    shapes, scale = {"e": [], "d": [], "p": []}, 1
    for N, t, M, stride in blocks:
        shapes["e"].append((t * N, scale))
        scale *= stride
        shapes["d"].append((t * N, scale))
        shapes["p"].append((M, scale))
    return {place: sum(a == b for a, b in zip(s, s[1:])) for place, s in shapes.items()}
