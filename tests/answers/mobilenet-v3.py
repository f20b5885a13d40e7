"""Answers to the exercises of mobilenet-v3: how students get them wrong, and another right way."""


# %% mobilenet-v3-levels wrong: rounds down instead of to the nearest
def hard_levels(q):
    return min(max(q + 48, 0) * 8 // 3, 255)


# %% mobilenet-v3-levels wrong: 255 steps from 0 to 1 instead of steps of 1/256
def hard_levels(q):
    ramp = min(max(q + 48, 0), 96)
    return (255 * ramp + 48) // 96


# %% mobilenet-v3-levels wrong: rounds the input to whole numbers first
def hard_levels(q):
    x = min(max((q + 8) // 16 + 3, 0), 6)
    return min(x * 256 // 6, 255)


# %% mobilenet-v3-levels wrong: the levels as floats
def hard_levels(q):
    return min(float((16 * min(max(q + 48, 0), 96) + 3) // 6), 255.0)


# %% mobilenet-v3-levels right: tries all levels and takes the nearest
def hard_levels(q):
    return min(range(256), key=lambda level: abs(3 * level - 8 * (q + 48)))


# %% mobilenet-v3-levels right: exact fractions
from fractions import Fraction


def hard_levels(q):
    share = (Fraction(q, 16) + 3) / 6
    level = round(max(Fraction(0), share) * 256)
    return 255 if level > 255 else level


# %% mobilenet-v3-saved wrong: side instead of the number of pixels
def saved(C, side, features):
    original = side * (6 * C * C + 54 * C + 12 * C * C + 2 * C * features)
    efficient = side * 6 * C * C + 6 * C * features
    return original - efficient


# %% mobilenet-v3-saved wrong: the layer behind the mean on the whole map
def saved(C, side, features):
    original = 18 * C**2 + 54 * C + 2 * C * features
    efficient = 6 * C**2 + 6 * C * features
    return side**2 * (original - efficient)


# %% mobilenet-v3-saved wrong: never below zero
def saved(C, side, features):
    on_map = 54 * C + 12 * C**2 + 2 * C * features
    return abs(side**2 * on_map - 6 * C * features)


# %% mobilenet-v3-saved wrong: a float
def saved(C, side, features):
    return C * (side**2 * (54.0 + 12 * C + 2 * features) - 6 * features)


# %% mobilenet-v3-saved right: layer by layer
def saved(C, side, features):
    def convolution(N, M, K=1, G=1, side=side):
        return side * side * K * K * N * M // G

    wide = 6 * C
    original = [
        convolution(C, wide),
        convolution(wide, wide, K=3, G=wide),
        convolution(wide, 2 * C),
        convolution(2 * C, features),
    ]
    efficient = [convolution(C, wide), convolution(wide, features, side=1)]
    return sum(original) - sum(efficient)


# %% mobilenet-v3-gap wrong: only where the slopes agree
import math


def largest_gap(a):
    x = math.acosh(max(a - 1, 1))
    return abs(1 / (1 + math.exp(-x)) - (x + a) / (2 * a))


# %% mobilenet-v3-gap wrong: the place for a = 3 kept for every a
import math


def largest_gap(a):
    def gap(x):
        ramp = min(max((x + a) / (2 * a), 0), 1)
        return abs(1 / (1 + math.exp(-x)) - ramp)

    return max(gap(a), gap(math.acosh(2)))


# %% mobilenet-v3-gap wrong: signed difference on one side
import numpy as np


def largest_gap(a):
    x = np.linspace(0, a, 200_001)
    return float((1 / (1 + np.exp(-x)) - (x + a) / (2 * a)).max())


# %% mobilenet-v3-gap wrong: looks between -3 and 3 only
import numpy as np


def largest_gap(a):
    x = np.linspace(-3, 3, 200_001)
    ramp = np.clip((x + a) / (2 * a), 0, 1)
    return float(np.abs(1 / (1 + np.exp(-x)) - ramp).max())


# %% mobilenet-v3-gap right: a fine grid
import numpy as np


def largest_gap(a):
    x = np.append(np.linspace(-10, 10, 200_001), [-a, a])
    ramp = np.clip((x + a) / (2 * a), 0, 1)
    return np.abs(1 / (1 + np.exp(-x)) - ramp).max()


# %% mobilenet-v3-gap right: golden-section search between the middle and the kink
import math


def largest_gap(a):
    def gap(x):
        return abs(math.tanh(x / 2) / 2 - min(x / (2 * a), 0.5))

    low, high, share = 0.0, float(a), (math.sqrt(5) - 1) / 2
    if a > 2:  # or else the gap grows all the way
        start = [k * high / 1000 for k in range(1001)]
        best = max(range(1, 1000), key=lambda k: gap(start[k]))
        low, high = start[best - 1], start[best + 1]
    for _ in range(80):
        left, right = high - share * (high - low), low + share * (high - low)
        low, high = (left, high) if gap(left) < gap(right) else (low, right)
    return max(gap((low + high) / 2), gap(a))
