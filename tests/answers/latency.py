"""Answers to the exercises of latency: how students get them wrong, and another right way."""


# %% latency-intensity wrong: the groups forgotten
def intensity(N, M, K, side, G):
    weights = K * K * N * M
    return side**2 * weights / (4 * (side**2 * (N + M) + weights))


# %% latency-intensity wrong: the groups in the MACs only
def intensity(N, M, K, side, G):
    moved = 4 * (side**2 * N + side**2 * M + K**2 * N * M)
    return side**2 * K**2 * N * M / G / moved


# %% latency-intensity wrong: the kernel forgotten
def intensity(N, M, K, side, G):
    return side**2 * N * M / G / (4 * (side**2 * (N + M) + N * M / G))


# %% latency-intensity wrong: the weights do not move
def intensity(N, M, K, side, G):
    return K**2 * N * M / G / (4 * (N + M))


# %% latency-intensity wrong: operations, two a MAC
def intensity(N, M, K, side, G):
    weights = K**2 * N * M / G
    return 2 * side**2 * weights / (4 * (side**2 * (N + M) + weights))


# %% latency-intensity right: counts on the layer itself
def intensity(N, M, K, side, G):
    import torch

    layer = torch.nn.Conv2d(N, M, K, padding=K // 2, groups=G, bias=False)
    x = torch.zeros(1, N, side, side)
    numbers = sum(tensor.numel() for tensor in (x, layer(x), layer.weight))
    return layer.weight.numel() * side**2 / (x.element_size() * numbers)


# %% latency-bound wrong: a tie counts as memory
def least_time(macs, moved, peak, bandwidth):
    work, traffic = macs / peak, moved / bandwidth
    return (work, "arithmetic") if work > traffic else (traffic, "memory")


# %% latency-bound wrong: the cause by amounts and not by times
def least_time(macs, moved, peak, bandwidth):
    cause = "memory" if moved > macs else "arithmetic"
    return max(macs / peak, moved / bandwidth), cause


# %% latency-bound wrong: multiplies by the bandwidth
def least_time(macs, moved, peak, bandwidth):
    work, traffic = macs / peak, moved * bandwidth
    return max(work, traffic), "memory" if traffic > work else "arithmetic"


# %% latency-bound wrong: one after the other
def least_time(macs, moved, peak, bandwidth):
    work, traffic = macs / peak, moved / bandwidth
    return work + traffic, "memory" if traffic > work else "arithmetic"


# %% latency-bound wrong: a list
def least_time(macs, moved, peak, bandwidth):
    work, traffic = macs / peak, moved / bandwidth
    return [max(work, traffic), "memory" if traffic > work else "arithmetic"]


# %% latency-bound right: by the ridge of the roof
def least_time(macs, moved, peak, bandwidth):
    ridge = peak / bandwidth
    if moved and macs / moved < ridge:
        return moved / bandwidth, "memory"
    return macs / peak, "arithmetic"


# %% latency-paired wrong: the ratio of the medians
def paired(a, b):
    return float(np.median(a) / np.median(b))


# %% latency-paired wrong: the mean of the ratios
def paired(a, b):
    return float(np.mean(np.array(a) / np.array(b)))


# %% latency-paired wrong: sorts both before it divides
def paired(a, b):
    return float(np.median(np.sort(a) / np.sort(b)))


# %% latency-paired wrong: whole division
def paired(a, b):
    return float(np.median(np.array(a) // np.array(b)))


# %% latency-paired wrong: the upper of two middles
def paired(a, b):
    ratios = sorted(x / y for x, y in zip(a, b))
    return float(ratios[len(ratios) // 2])


# %% latency-paired right: without NumPy
def paired(a, b):
    import statistics

    return float(statistics.median(x / y for x, y in zip(a, b)))


# %% latency-pairs wrong: ties count below the line
def wrong_pairs(macs, seconds):
    n, wrong = len(macs), 0
    for i in range(n):
        for j in range(i + 1, n):
            wrong += (macs[i] - macs[j]) * (seconds[i] - seconds[j]) < 0
    return wrong / (n * (n - 1) / 2)


# %% latency-pairs wrong: only equal MACs are left out, equal times are not
def wrong_pairs(macs, seconds):
    pairs = [(i, j) for i in range(len(macs)) for j in range(i) if macs[i] != macs[j]]
    wrong = [(macs[i] < macs[j]) == (seconds[i] > seconds[j]) for i, j in pairs]
    return sum(wrong) / len(wrong)


# %% latency-pairs wrong: neighbours only
def wrong_pairs(macs, seconds):
    ranked = sorted(zip(macs, seconds))
    pairs = [(a, b) for a, b in zip(ranked, ranked[1:]) if a[0] != b[0] and a[1] != b[1]]
    return sum(a[1] > b[1] for a, b in pairs) / len(pairs)


# %% latency-pairs wrong: percent
def wrong_pairs(macs, seconds):
    signs = np.sign(np.subtract.outer(macs, macs) * np.subtract.outer(seconds, seconds))
    return float(100 * (signs < 0).sum() / (signs != 0).sum())


# %% latency-pairs right: signs of all differences at once
def wrong_pairs(macs, seconds):
    signs = np.sign(np.subtract.outer(macs, macs)) * np.sign(np.subtract.outer(seconds, seconds))
    return float((signs < 0).sum() / (signs != 0).sum())


# %% latency-pairs right: combinations of the points
def wrong_pairs(macs, seconds):
    from itertools import combinations

    points = sorted(zip(macs, seconds))
    kept = [(s, t) for (m, s), (n, t) in combinations(points, 2) if m != n and s != t]
    return sum(s > t for s, t in kept) / len(kept)
