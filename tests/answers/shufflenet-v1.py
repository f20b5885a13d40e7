"""Answers to the exercises of shufflenet-v1: how students get them wrong, and another right way."""


# %% shufflenet-v1-source wrong: two groups, whatever is asked
def source(p, channels, groups):
    return (p % 2) * (channels // 2) + p // 2


# %% shufflenet-v1-source wrong: the size of the example's groups
def source(p, channels, groups):
    return (p % groups) * 3 + p // groups


# %% shufflenet-v1-source wrong: where the channel goes instead of where it comes from
def source(p, channels, groups):
    size = channels // groups
    return (p % size) * groups + p // size


# %% shufflenet-v1-source wrong: groups and their size mixed up in the quotient
def source(p, channels, groups):
    size = channels // groups
    return (p % groups) * size + p // size


# %% shufflenet-v1-source wrong: a float
def source(p, channels, groups):
    return (p % groups) * channels / groups + p // groups


# %% shufflenet-v1-source right: multiplication modulo one less than the channels
def source(p, channels, groups):
    last = channels - 1
    return p if p == last else p * (channels // groups) % last


# %% shufflenet-v1-source right: deals until place p is filled
def source(p, channels, groups):
    size, place = channels // groups, 0
    for row in range(size):
        for group in range(groups):
            if place == p:
                return group * size + row
            place += 1


# %% shufflenet-v1-home wrong: follows one card, which may come home early
def rounds_home(channels, groups):
    order = wiring.shuffle_order(channels, groups)
    card = 3
    place, rounds = order[card], 1
    while place != card:
        place, rounds = order[place], rounds + 1
    return rounds


# %% shufflenet-v1-home wrong: two groups, whatever is asked
def rounds_home(channels, groups):
    if groups in (1, channels):
        return 1
    rounds, power = 1, 2 % (channels - 1)
    while power != 1:
        rounds, power = rounds + 1, power * 2 % (channels - 1)
    return rounds


# %% shufflenet-v1-home wrong: gives up too early
def rounds_home(channels, groups):
    order = wiring.shuffle_order(channels, groups)
    now, rounds = order, 1
    while now != sorted(now) and rounds < 20:
        now, rounds = [now[place] for place in order], rounds + 1
    return rounds


# %% shufflenet-v1-home wrong: the cycles' lengths multiplied
import math


def rounds_home(channels, groups):
    order = wiring.shuffle_order(channels, groups)
    lengths = set()
    for card in range(channels):
        place, length = order[card], 1
        while place != card:
            place, length = order[place], length + 1
        lengths.add(length)
    return math.prod(lengths)


# %% shufflenet-v1-home right: the least common multiple of the cycles
import math


def rounds_home(channels, groups):
    size, unseen, lengths = channels // groups, set(range(channels)), []
    while unseen:
        place, length = unseen.pop(), 1
        while (place := place % groups * size + place // groups) in unseen:
            unseen.remove(place)
            length += 1
        lengths.append(length)
    return math.lcm(*lengths)


# %% shufflenet-v1-home right: the order of a number modulo one less than the channels
def rounds_home(channels, groups):
    rounds = 1
    while (groups**rounds - 1) % (channels - 1):
        rounds += 1
    return rounds


# %% shufflenet-v1-widest wrong: multiples of four instead of four times the groups
def widest(groups, side, macs):
    M = 0
    while side**2 * (2 * (M + 4) * (M + 4) / 4 / groups + 9 * (M + 4) / 4) <= macs:
        M += 4
    return M


# %% shufflenet-v1-widest wrong: the groups forgotten
def widest(groups, side, macs):
    M = 0
    while side**2 * (2 * (M + 4 * groups) + 9) * ((M + 4 * groups) // 4) <= macs:
        M += 4 * groups
    return M


# %% shufflenet-v1-widest wrong: side instead of the number of pixels
def widest(groups, side, macs):
    def needs(M):
        return side * (2 * M * (M // 4) // groups + 9 * (M // 4))

    M = 0
    while needs(M + 4 * groups) <= macs:
        M += 4 * groups
    return M


# %% shufflenet-v1-widest wrong: the depthwise layer grouped, too
def widest(groups, side, macs):
    def needs(M):
        return side**2 * (2 * M + 9) * (M // 4) // groups

    M = 0
    while needs(M + 4 * groups) <= macs:
        M += 4 * groups
    return M


# %% shufflenet-v1-widest wrong: whether there is any is asked for one group only
def widest(groups, side, macs):
    def needs(M):
        return side**2 * (2 * M * (M // 4) // groups + 9 * (M // 4))

    if needs(4) > macs:
        return 0
    M = 4 * groups
    while needs(M + 4 * groups) <= macs:
        M += 4 * groups
    return M


# %% shufflenet-v1-widest right: the quadratic equation in whole numbers
import math


def widest(groups, side, macs):
    budget = macs // (side**2 * groups)
    return 4 * groups * ((math.isqrt(81 + 32 * budget) - 9) // 16)


# %% shufflenet-v1-widest right: halving an interval
def widest(groups, side, macs):
    def fits(k):
        return side**2 * groups * (8 * k * k + 9 * k) <= macs

    low, high = 0, macs + 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return 4 * groups * low
