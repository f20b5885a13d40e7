"""Answers to the exercises of conv-cost: how students get them wrong, and another right way."""


# %% conv-cost-channels wrong: rounds down instead of up
def channels_needed(K, factor):
    if factor >= K**2:
        return None
    return int(1 / (1 / factor - 1 / K**2))


# %% conv-cost-channels wrong: rounds up by adding one, too many when it divides
def channels_needed(K, factor):
    if factor >= K**2:
        return None
    return factor * K**2 // (K**2 - factor) + 1


# %% conv-cost-channels wrong: a whole number, but as a float
def channels_needed(K, factor):
    if factor >= K**2:
        return None
    return -(-factor * K**2 // (K**2 - factor)) / 1


# %% conv-cost-channels wrong: refuses only the factor where the division fails
def channels_needed(K, factor):
    if factor == K**2:
        return None
    return -(-factor * K**2 // (K**2 - factor))


# %% conv-cost-channels wrong: the kernel of the example, whatever K is
def channels_needed(K, factor):
    if factor >= 9:
        return None
    return -(-factor * 9 // (9 - factor))


# %% conv-cost-channels right: searches upwards with both costs
def channels_needed(K, factor):
    if factor >= K * K:
        return None
    M = 1
    while factor * (K * K + M) > M * K * K:
        M += 1
    return M


# %% conv-cost-channels right: solves for M in fractions
def channels_needed(K, factor):
    import math
    from fractions import Fraction

    left = Fraction(1, factor) - Fraction(1, K**2)
    return math.ceil(1 / left) if left > 0 else None


# %% conv-cost-shuffled wrong: one shuffle always reaches everything
def inputs_seen(C, G):
    return C


# %% conv-cost-shuffled wrong: forgets that there are no more than C channels
def inputs_seen(C, G):
    return (C // G) ** 2


# %% conv-cost-shuffled wrong: every group reaches at least one channel of every group
def inputs_seen(C, G):
    return max(G, C // G) * (C // G)


# %% conv-cost-shuffled wrong: the shuffle forgotten
def inputs_seen(C, G):
    return C // G


# %% conv-cost-shuffled right: follows the channels backwards
def inputs_seen(C, G):
    each = C // G
    shuffled = [group * each + place for place in range(each) for group in range(G)]
    sources = {channel // each for channel in shuffled[:each]}
    return len(sources) * each


# %% conv-cost-shuffled right: measures it
def inputs_seen(C, G):
    layers = [nn.Conv2d(C, C, 1, groups=G) for _ in range(2)]
    network = nn.Sequential(layers[0], ChannelShuffle(G), layers[1])
    return int(cost.reach(network, C, 1).flatten(2).any(2)[0].sum())


# %% conv-cost-padding wrong: the share of the padded map that is padding
def padded_share(K, side):
    return 1 - side**2 / (side + K - 1) ** 2


# %% conv-cost-padding wrong: one of the two directions only
def padded_share(K, side):
    reach = K // 2
    return reach * (reach + 1) / (side * K)


# %% conv-cost-padding wrong: adds the two directions, so that the corners count twice
def padded_share(K, side):
    reach = K // 2
    return 2 * reach * (reach + 1) / (side * K)


# %% conv-cost-padding wrong: right for a reach of one only
def padded_share(K, side):
    reach = K // 2
    return 1 - (1 - 2 * reach / (side * K)) ** 2


# %% conv-cost-padding wrong: takes every kernel but 1 x 1 to be 3 x 3
def padded_share(K, side):
    return 0.0 if K == 1 else 1 - (1 - 2 / (3 * side)) ** 2


# %% conv-cost-padding right: counts the products one by one
def padded_share(K, side):
    reach = range(-(K // 2), K // 2 + 1)
    inside = sum(0 <= row + shift < side for row in range(side) for shift in reach)
    return 1 - inside**2 / (K * side) ** 2
