"""Answers to the exercises of mnasnet-search: how students get them wrong, and a right way."""


# %% mnasnet-search-survivors wrong: dominates only who is better in both
def survivors(points):
    return [p for p in points if not any(q[0] < p[0] and q[1] > p[1] for q in points)]


# %% mnasnet-search-survivors wrong: equal points throw each other out
def survivors(points):
    kept = []
    for i, p in enumerate(points):
        others = points[:i] + points[i + 1 :]
        if not any(q[0] <= p[0] and q[1] >= p[1] for q in others):
            kept.append(p)
    return kept


# %% mnasnet-search-survivors wrong: sorted by latency, and each point once
def survivors(points):
    kept, best = [], float("-inf")
    for latency, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            kept.append((latency, accuracy))
            best = accuracy
    return kept


# %% mnasnet-search-survivors wrong: looks only at the points before
def survivors(points):
    kept = []
    for p in points:
        if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in kept):
            kept.append(p)
    return kept


# %% mnasnet-search-survivors right: a sweep over the sorted points
def survivors(points):
    front, best = set(), float("-inf")
    for latency, accuracy in sorted(points, key=lambda p: (p[0], -p[1])):
        if accuracy > best:
            front.add((latency, accuracy))
            best = accuracy
    return [point for point in points if point in front]


# %% mnasnet-search-chance wrong: adds the probabilities up
def chance(n, best, networks):
    return min(1.0, n * best / networks)


# %% mnasnet-search-chance wrong: all of them are among the best
def chance(n, best, networks):
    return (best / networks) ** n


# %% mnasnet-search-chance wrong: without replacement
def chance(n, best, networks):
    from math import comb

    return 1 - comb(networks - best, n) / comb(networks, n)


# %% mnasnet-search-chance wrong: the probability that it misses
def chance(n, best, networks):
    return (1 - best / networks) ** n


# %% mnasnet-search-chance right: step by step
def chance(n, best, networks):
    share, met = best / networks, 0.0
    for _ in range(n):
        met += (1.0 - met) * share
    return met


# %% mnasnet-search-chance right: SciPy's binomial distribution
def chance(n, best, networks):
    from scipy import stats

    return float(stats.binom.sf(0, n, best / networks))


# %% mnasnet-search-area wrong: relies on points that are sorted
def area(points, reference):
    total, height = 0.0, reference[1]
    for latency, accuracy in points:
        if latency < reference[0] and accuracy > height:
            total += (reference[0] - latency) * (accuracy - height)
            height = accuracy
    return float(total)


# %% mnasnet-search-area wrong: every step stands on the worst accuracy 0
def area(points, reference):
    total, height = 0.0, 0
    for latency, accuracy in sorted(points):
        if latency < reference[0] and accuracy > height:
            total += (reference[0] - latency) * (accuracy - height)
            height = accuracy
    return float(total)


# %% mnasnet-search-area wrong: adds the rectangles of all points
def area(points, reference):
    sides = [(reference[0] - t, a - reference[1]) for t, a in points]
    return float(sum(w * h for w, h in sides if w > 0 and h > 0))


# %% mnasnet-search-area wrong: dominated points lower the stairs
def area(points, reference):
    total, height = 0.0, reference[1]
    for latency, accuracy in sorted(points):
        if latency < reference[0]:
            total += (reference[0] - latency) * (accuracy - height)
            height = accuracy
    return float(total)


# %% mnasnet-search-area wrong: a whole number where the points are whole
def area(points, reference):
    total, height = 0, reference[1]
    for latency, accuracy in sorted(points):
        if latency < reference[0] and accuracy > height:
            total += (reference[0] - latency) * (accuracy - height)
            height = accuracy
    return total


# %% mnasnet-search-area right: columns between neighbouring latencies
def area(points, reference):
    worst, least = reference
    inside = [(t, a) for t, a in points if t < worst and a > least]
    edges = [*sorted({t for t, _ in inside}), worst]
    total = 0.0
    for left, right in zip(edges, edges[1:]):
        total += (right - left) * (max(a for t, a in inside if t <= left) - least)
    return total
