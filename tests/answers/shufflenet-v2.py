"""Answers to the exercises of shufflenet-v2: how students get them wrong, and another right way."""


# %% shufflenet-v2-over-bound wrong: takes the map for a square
def over_bound(c1, c2, h, w):
    pixels, work = h * h, h * h * c1 * c2
    return (pixels * (c1 + c2) + c1 * c2) / (2 * (pixels * work) ** 0.5 + work / pixels)


# %% shufflenet-v2-over-bound wrong: without the weights
def over_bound(c1, c2, h, w):
    return (c1 + c2) / (2 * (c1 * c2) ** 0.5)


# %% shufflenet-v2-over-bound wrong: the input's map twice
def over_bound(c1, c2, h, w):
    return (2 * h * w * c1 + c1 * c2) / (2 * h * w * (c1 * c2) ** 0.5 + c1 * c2)


# %% shufflenet-v2-over-bound wrong: upside down
def over_bound(c1, c2, h, w):
    work = h * w * c1 * c2
    least = 2 * (h * w * work) ** 0.5 + work / (h * w)
    return least / (h * w * (c1 + c2) + c1 * c2)


# %% shufflenet-v2-over-bound wrong: the excess instead of the ratio
def over_bound(c1, c2, h, w):
    work = h * w * c1 * c2
    least = 2 * (h * w * work) ** 0.5 + work / (h * w)
    return h * w * (c1 + c2) + c1 * c2 - least + (c1 == c2)


# %% shufflenet-v2-over-bound right: against the layer of equal widths and equal work
def over_bound(c1, c2, h, w):
    def access(before, after):
        return h * w * (before + after) + before * after

    equal = (c1 * c2) ** 0.5
    return access(c1, c2) / access(equal, equal)


# %% shufflenet-v2-over-bound right: for each pixel
import math


def over_bound(c1, c2, h, w):
    weights = c1 * c2 / (h * w)
    return (c1 + c2 + weights) / (math.sqrt(4 * c1 * c2) + weights)


# %% shufflenet-v2-whole-groups wrong: leaves out the last number of groups
def whole_groups(base, most):
    found = []
    for g in range(1, most):
        c = round(base * g**0.5)
        if c * c == g * base * base and c % g == 0:
            found.append((g, c))
    return found


# %% shufflenet-v2-whole-groups wrong: powers of two only
def whole_groups(base, most):
    found, g = [], 1
    while g <= most:
        c = round(base * g**0.5)
        if c * c == g * base * base and c % g == 0:
            found.append((g, c))
        g *= 2
    return found


# %% shufflenet-v2-whole-groups wrong: groups that divide the old width instead of the new one
def whole_groups(base, most):
    found = []
    for g in range(1, most + 1):
        c = round(base * g**0.5)
        if c * c == g * base * base and base % g == 0:
            found.append((g, c))
    return found


# %% shufflenet-v2-whole-groups wrong: nearly the work is enough
def whole_groups(base, most):
    found = []
    for g in range(1, most + 1):
        c = round(base * g**0.5 / g) * g
        if abs(c * c / g / base**2 - 1) < 0.01:
            found.append((g, c))
    return found


# %% shufflenet-v2-whole-groups wrong: without the question whether the groups divide
def whole_groups(base, most):
    return [(k * k, base * k) for k in range(1, most + 1) if k * k <= most]


# %% shufflenet-v2-whole-groups wrong: the widths before the groups
def whole_groups(base, most):
    pairs = []
    for g in range(1, most + 1):
        c = round(base * g**0.5)
        if c * c == g * base * base and c % g == 0:
            pairs.append((c, g))
    return pairs


# %% shufflenet-v2-whole-groups right: only squares whose root divides the width
import math


def whole_groups(base, most):
    return [(k * k, base * k) for k in range(1, math.isqrt(most) + 1) if base % k == 0]


# %% shufflenet-v2-whole-groups right: tries all widths that the groups divide
def whole_groups(base, most):
    pairs = []
    for g in range(1, most + 1):
        c = g
        while c * c // g < base * base:
            c += g
        if c * (c // g) == base * base:
            pairs.append((g, c))
    return pairs


# %% shufflenet-v2-undo wrong: each half for itself, which fails for an odd number
def undo(first, second):
    kept = torch.cat([first[:, 0::2], second[:, 0::2]], dim=1)
    made = torch.cat([first[:, 1::2], second[:, 1::2]], dim=1)
    return kept, made


# %% shufflenet-v2-undo wrong: shuffles once more
def undo(first, second):
    return networks.three_steps(first, second)


# %% shufflenet-v2-undo wrong: the other half as it came
def undo(first, second):
    whole = torch.cat([first, second], dim=1)
    return whole[:, 0::2], second


# %% shufflenet-v2-undo wrong: the halves swapped
def undo(first, second):
    whole = torch.cat([first, second], dim=1)
    return whole[:, 1::2], whole[:, 0::2]


# %% shufflenet-v2-undo wrong: for a single image
def undo(first, second):
    whole = torch.cat([first[0], second[0]])
    return whole[None, 0::2], whole[None, 1::2]


# %% shufflenet-v2-undo right: a shuffle with as many groups as a half has channels
def undo(first, second):
    whole = torch.cat([first, second], dim=1)
    kept, made = nn.ChannelShuffle(whole.shape[1] // 2)(whole).chunk(2, dim=1)
    return kept, made


# %% shufflenet-v2-undo right: channel by channel
def undo(first, second):
    channels = [*first.unbind(1), *second.unbind(1)]
    kept = [channel for place, channel in enumerate(channels) if place % 2 == 0]
    made = [channel for place, channel in enumerate(channels) if place % 2 == 1]
    return torch.stack(kept, dim=1), torch.stack(made, dim=1)
