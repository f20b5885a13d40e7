"""Answers to the exercises of mobilenet-v1: how students get them wrong, and a right way."""


# %% mobilenet-v1-merged wrong: the filter of the first channel for all
def merged(depthwise, pointwise):
    return pointwise * depthwise[0]


# %% mobilenet-v1-merged wrong: turns the kernel, as a convolution of signals would
def merged(depthwise, pointwise):
    return pointwise * depthwise.transpose(0, 1).flip(2, 3)


# %% mobilenet-v1-merged wrong: rows and columns exchanged
def merged(depthwise, pointwise):
    return pointwise * depthwise.permute(1, 0, 3, 2)


# %% mobilenet-v1-merged wrong: an array of NumPy
def merged(depthwise, pointwise):
    return pointwise.detach().numpy() * depthwise.detach().numpy().transpose(1, 0, 2, 3)


# %% mobilenet-v1-merged wrong: output and input channels exchanged
def merged(depthwise, pointwise):
    return (pointwise * depthwise.transpose(0, 1)).transpose(0, 1)


# %% mobilenet-v1-merged right: Einstein's sum
def merged(depthwise, pointwise):
    return torch.einsum("nij,mn->mnij", depthwise[:, 0], pointwise[:, :, 0, 0])


# %% mobilenet-v1-merged right: number by number
def merged(depthwise, pointwise):
    M, N = pointwise.shape[:2]
    weight = torch.zeros(M, N, 3, 3)
    for m in range(M):
        for n in range(N):
            weight[m, n] = pointwise[m, n, 0, 0] * depthwise[n, 0]
    return weight


# %% mobilenet-v1-neck wrong: as if both ends were equal
def widest_neck(N, M, share):
    return int(share * N // 2)


# %% mobilenet-v1-neck wrong: rounds to the nearest
def widest_neck(N, M, share):
    return round(share * N * M / (N + M))


# %% mobilenet-v1-neck wrong: floating point before rounding down
def widest_neck(N, M, share):
    return int(float(share) * N * M / (N + M))


# %% mobilenet-v1-neck wrong: one less than the share where it is met exactly
def widest_neck(N, M, share):
    R = 0
    while (R + 1) * (N + M) < share * N * M:
        R += 1
    return R


# %% mobilenet-v1-neck right: searches downwards
def widest_neck(N, M, share):
    for R in range(N * M, 0, -1):
        if R * N + R * M <= share * N * M:
            return R
    return 0


# %% mobilenet-v1-budget wrong: the widest network first
def affordable(macs):
    for alpha in sorted(tables.ALPHAS, reverse=True):
        for side in sorted(tables.SIDES, reverse=True):
            if tables.counted(alpha, side).macs <= macs:
                return alpha, side
    return None


# %% mobilenet-v1-budget wrong: leaves out the network that costs the whole budget
def affordable(macs):
    best, most = None, 0
    for alpha in tables.ALPHAS:
        for side in tables.SIDES:
            cost_here = tables.counted(alpha, side).macs
            if most < cost_here < macs:
                best, most = (alpha, side), cost_here
    return best


# %% mobilenet-v1-budget wrong: the nearest network, even if it costs more
def affordable(macs):
    pairs = [(alpha, side) for alpha in tables.ALPHAS for side in tables.SIDES]
    if macs < min(tables.counted(*pair).macs for pair in pairs):
        return None
    return min(pairs, key=lambda pair: abs(tables.counted(*pair).macs - macs))


# %% mobilenet-v1-budget wrong: the first that fits, from the largest image down
def affordable(macs):
    for side in sorted(tables.SIDES, reverse=True):
        for alpha in sorted(tables.ALPHAS, reverse=True):
            if tables.counted(alpha, side).macs <= macs:
                return alpha, side
    return None


# %% mobilenet-v1-budget wrong: a list
def affordable(macs):
    pairs = [[alpha, side] for alpha in tables.ALPHAS for side in tables.SIDES]
    within = [pair for pair in pairs if tables.counted(*pair).macs <= macs]
    return max(within, key=lambda pair: tables.counted(*pair).macs, default=None)


# %% mobilenet-v1-budget right: sorts and walks up
def affordable(macs):
    from itertools import product

    answer = None
    pairs = product(tables.ALPHAS, tables.SIDES)
    for price, pair in sorted((tables.counted(*pair).macs, pair) for pair in pairs):
        if price > macs:
            break
        answer = pair
    return answer
