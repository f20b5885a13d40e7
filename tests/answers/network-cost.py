"""Answers to the exercises of network-cost: how students get them wrong, and another right way."""


# %% network-cost-by-hand wrong: the blocks on the map before the stem
def macs_by_hand(widths, side, classes):
    total = (side // 2) ** 2 * 27 * widths[0]
    for N, M in pairwise(widths):
        total += side**2 * N * (9 + M)
    return total + widths[-1] * classes


# %% network-cost-by-hand wrong: depthwise layers with the output's channels
def macs_by_hand(widths, side, classes):
    pixels = (side // 2) ** 2
    total = pixels * 27 * widths[0] + widths[-1] * classes
    for N, M in pairwise(widths):
        total += pixels * (9 * M + N * M)
    return total


# %% network-cost-by-hand wrong: a classifier on each pixel
def macs_by_hand(widths, side, classes):
    each = 27 * widths[0] + widths[-1] * classes
    each += sum(N * (9 + M) for N, M in pairwise(widths))
    return (side // 2) ** 2 * each


# %% network-cost-by-hand wrong: the stem at stride 1
def macs_by_hand(widths, side, classes):
    total = side**2 * 27 * widths[0]
    for N, M in pairwise(widths):
        total += (side // 2) ** 2 * N * (9 + M)
    return total + widths[-1] * classes


# %% network-cost-by-hand wrong: ordinary convolutions instead of separable ones
def macs_by_hand(widths, side, classes):
    pixels, total = (side // 2) ** 2, 0
    for N, M in pairwise([3, *widths]):
        total += pixels * 9 * N * M
    return total + widths[-1] * classes


# %% network-cost-by-hand wrong: a float
def macs_by_hand(widths, side, classes):
    each = 27 * widths[0] + sum(N * (9 + M) for N, M in pairwise(widths))
    return (side / 2) ** 2 * each + widths[-1] * classes


# %% network-cost-by-hand right: all layers first, then one formula
def macs_by_hand(widths, side, classes):
    half = side // 2
    layers = [(half, 3, 3, widths[0], 1)]
    for k in range(1, len(widths)):
        layers.append((half, 3, widths[k - 1], widths[k - 1], widths[k - 1]))
        layers.append((half, 1, widths[k - 1], widths[k], 1))
    layers.append((1, 1, widths[-1], classes, 1))
    return sum(s * s * K * K * N * M // G for s, K, N, M, G in layers)


# %% network-cost-wrong-cell wrong: the 3 x 3 and 5 x 5 layers without their kernels
def wrong_rows(rows):
    wrong = []
    for name, N, (one, reduce3, three, reduce5, five, pool), printed in rows:
        weights = N * (one + reduce3 + reduce5 + pool)
        weights += 3 * reduce3 * three + 5 * reduce5 * five
        if abs(weights / 1024 - printed) > 0.5:
            wrong.append(name)
    return wrong


# %% network-cost-wrong-cell wrong: only figures that are too small
def wrong_rows(rows):
    wrong = []
    for name, N, (one, reduce3, three, reduce5, five, pool), printed in rows:
        weights = N * (one + reduce3 + reduce5 + pool)
        weights += 9 * reduce3 * three + 25 * reduce5 * five
        if weights / 1024 - printed > 0.5:
            wrong.append(name)
    return wrong


# %% network-cost-wrong-cell wrong: thousands instead of units of 1024
def wrong_rows(rows):
    wrong = []
    for name, N, (one, reduce3, three, reduce5, five, pool), printed in rows:
        weights = N * (one + reduce3 + reduce5 + pool)
        weights += 9 * reduce3 * three + 25 * reduce5 * five
        if abs(weights / 1000 - printed) > 0.5:
            wrong.append(name)
    return wrong


# %% network-cost-wrong-cell wrong: a whole unit off is still right
def wrong_rows(rows):
    wrong = []
    for name, N, (one, reduce3, three, reduce5, five, pool), printed in rows:
        weights = N * (one + reduce3 + reduce5 + pool)
        weights += 9 * reduce3 * three + 25 * reduce5 * five
        if abs(weights / 1024 - printed) >= 1:
            wrong.append(name)
    return wrong


# %% network-cost-wrong-cell wrong: stops at the first wrong row
def wrong_rows(rows):
    for name, N, (one, reduce3, three, reduce5, five, pool), printed in rows:
        weights = N * (one + reduce3 + reduce5 + pool)
        weights += 9 * reduce3 * three + 25 * reduce5 * five
        if abs(weights / 1024 - printed) > 0.5:
            return [name]
    return []


# %% network-cost-wrong-cell right: layer by layer, compared in weights
def wrong_rows(rows):
    def is_wrong(row):
        _, N, (one, reduce3, three, reduce5, five, pool), printed = row
        layers = [(1, N, one), (1, N, reduce3), (3, reduce3, three)]
        layers += [(1, N, reduce5), (5, reduce5, five), (1, N, pool)]
        weights = sum(K**2 * before * after for K, before, after in layers)
        return not -512 <= weights - 1024 * printed <= 512

    return [row[0] for row in filter(is_wrong, rows)]


# %% network-cost-pair wrong: tries powers of two only
def lightest(product, side):
    N = 1
    while product % (2 * N) == 0 and product // (2 * N) >= 2 * N:
        N *= 2
    return N, product // N


# %% network-cost-pair wrong: equal widths or else one channel
def lightest(product, side):
    root = round(product**0.5)
    return (root, root) if root * root == product else (1, product)


# %% network-cost-pair wrong: the wider side first
def lightest(product, side):
    for N in range(int(product**0.5), 0, -1):
        if product % N == 0:
            return product // N, N


# %% network-cost-pair wrong: rounds the root, whether it divides or not
def lightest(product, side):
    N = int(product**0.5) if product > 13 else 1
    return N, product // N


# %% network-cost-pair wrong: a list
def lightest(product, side):
    N = max(n for n in range(1, product + 1) if n * n <= product and product % n == 0)
    return [N, product // N]


# %% network-cost-pair right: from the root downwards
import math


def lightest(product, side):
    N = math.isqrt(product)
    while product % N:
        N -= 1
    return (N, product // N)


# %% network-cost-field wrong: strides ignored
def field(layers):
    return 1 + sum(K - 1 for K, _ in layers)


# %% network-cost-field wrong: a layer's own stride counts for itself
def field(layers):
    size, jump = 1, 1
    for K, stride in layers:
        jump *= stride
        size += (K - 1) * jump
    return size


# %% network-cost-field wrong: the right recursion from the wrong end
def field(layers):
    size = 1
    for K, stride in layers:
        size = (size - 1) * stride + K
    return size


# %% network-cost-field wrong: only the stride just before
def field(layers):
    size, before = 1, 1
    for K, stride in layers:
        size += (K - 1) * before
        before = stride
    return size


# %% network-cost-field right: backwards from one pixel
def field(layers):
    size = 1
    for K, stride in reversed(layers):
        size = (size - 1) * stride + K
    return size


# %% network-cost-field right: the sum of the formula
import math


def field(layers):
    strides = [stride for _, stride in layers]
    return 1 + sum((K - 1) * math.prod(strides[:k]) for k, (K, _) in enumerate(layers))
