"""Answers to the exercises of netadapt: how students get them wrong, and another right way."""


# %% netadapt-needed wrong: the first step is decayed, too
def needed(first, decay, reduction):
    if decay < 1 and first * decay / (1 - decay) <= reduction:
        return None
    step, total, count = first, 0, 0
    while total < reduction - 1e-12:
        step *= decay
        total += step
        count += 1
    return count


# %% netadapt-needed wrong: one step too many where the sum is met exactly
def needed(first, decay, reduction):
    if decay < 1 and first / (1 - decay) <= reduction:
        return None
    total, count = 0, 0
    while total <= reduction:
        total += first * decay**count
        count += 1
    return count


# %% netadapt-needed wrong: gives up after a hundred steps
def needed(first, decay, reduction):
    total = 0
    for count in range(100):
        total += first * decay**count
        if total >= reduction - 1e-12:
            return count + 1
    return None


# %% netadapt-needed wrong: a sum of which only the limit is reached counts as reached
def needed(first, decay, reduction):
    if decay < 1 and first / (1 - decay) < reduction:
        return None
    total, count = 0.0, 0
    while total < reduction - 1e-12:
        total += first * decay**count
        count += 1
    return count


# %% netadapt-needed right: the sum of the geometric series, solved for the number
import math


def needed(first, decay, reduction):
    if decay == 1:
        return math.ceil(round(reduction / first, 9))
    left = 1 - reduction * (1 - decay) / first
    if left <= 0:
        return None
    return math.ceil(round(math.log(left) / math.log(decay), 9))


# %% netadapt-needed right: exact fractions, from the goal downwards
from fractions import Fraction


def needed(first, decay, reduction):
    count, shares = 0, (first, decay, reduction)
    first, decay, left = (Fraction(str(share)) for share in shares)
    if decay < 1 and left * (1 - decay) >= first:
        return None
    while left > 0:
        left -= first
        first *= decay
        count += 1
    return count


# %% netadapt-choose wrong: stops at the first that is too slow
def choose(latencies, limit):
    found = None
    for n in sorted(latencies):
        if latencies[n] > limit:
            break
        found = n
    return found


# %% netadapt-choose wrong: the slowest that meets the limit instead of the largest
def choose(latencies, limit):
    met = {n: t for n, t in latencies.items() if t <= limit}
    return max(met, key=met.get) if met else None


# %% netadapt-choose wrong: no answer where none meets the limit
def choose(latencies, limit):
    return max(n for n in latencies if latencies[n] <= limit)


# %% netadapt-choose wrong: the last of the mapping that meets the limit
def choose(latencies, limit):
    found = None
    for n, t in latencies.items():
        if t <= limit:
            found = n
    return found


# %% netadapt-choose wrong: throws the slow ones out of the caller's table
def choose(latencies, limit):
    for n in list(latencies):
        if latencies[n] > limit:
            del latencies[n]
    return max(latencies, default=None)


# %% netadapt-choose right: from the largest downwards
def choose(latencies, limit):
    for n in sorted(latencies, reverse=True):
        if not latencies[n] > limit:
            return n
    return None


# %% netadapt-largest wrong: in the order of the norms
def largest(weight, keep):
    return weight.detach().flatten(1).norm(dim=1).topk(keep).indices.tolist()


# %% netadapt-largest wrong: sums of magnitudes instead of L2 norms
def largest(weight, keep):
    sums = weight.detach().abs().sum(dim=(1, 2, 3))
    return sorted(sums.argsort(descending=True)[:keep].tolist())


# %% netadapt-largest wrong: the largest single weight of each filter
def largest(weight, keep):
    peaks = weight.detach().flatten(1).abs().max(dim=1).values
    return sorted(peaks.topk(keep).indices.tolist())


# %% netadapt-largest wrong: norms of the input channels
def largest(weight, keep):
    norms = weight.detach().transpose(0, 1).flatten(1).norm(dim=1)
    if len(norms) < keep:
        norms = weight.detach().flatten(1).norm(dim=1)
    return sorted(norms.topk(keep).indices.tolist())


# %% netadapt-largest wrong: places as tensors
def largest(weight, keep):
    return list(weight.detach().flatten(1).norm(dim=1).topk(keep).indices.sort().values)


# %% netadapt-largest right: plain Python, by squares
def largest(weight, keep):
    squares = [sum(value * value for value in row) for row in weight.flatten(1).tolist()]
    ranked = sorted(range(len(squares)), key=squares.__getitem__, reverse=True)
    kept = set(ranked[:keep])
    return [place for place in range(len(squares)) if place in kept]


# %% netadapt-largest right: NumPy
import numpy as np


def largest(weight, keep):
    norms = np.linalg.norm(weight.detach().numpy().reshape(len(weight), -1), axis=1)
    return np.sort(np.argsort(-norms)[:keep]).tolist()


# %% netadapt-steepest wrong: size of the change of accuracy, so that a gain counts as a loss
def steepest(accuracies, latencies, accuracy, latency):
    costs = [abs(a - accuracy) / abs(t - latency) for a, t in zip(accuracies, latencies)]
    return costs.index(min(costs))


# %% netadapt-steepest wrong: the highest accuracy among the quickest half
def steepest(accuracies, latencies, accuracy, latency):
    middle = sorted(latencies)[(len(latencies) - 1) // 2]
    places = [k for k, t in enumerate(latencies) if t <= middle]
    return max(places, key=lambda k: accuracies[k])


# %% netadapt-steepest wrong: divides by the latency instead of its change
def steepest(accuracies, latencies, accuracy, latency):
    slopes = [(a - accuracy) * t for a, t in zip(accuracies, latencies)]
    return slopes.index(max(slopes))


# %% netadapt-steepest wrong: the sign of the change of latency kept
def steepest(accuracies, latencies, accuracy, latency):
    slopes = [(a - accuracy) / (t - latency) for a, t in zip(accuracies, latencies)]
    return slopes.index(max(slopes))


# %% netadapt-steepest wrong: the accuracy instead of the place
def steepest(accuracies, latencies, accuracy, latency):
    pairs = list(zip(accuracies, latencies))
    return max(pairs, key=lambda pair: (pair[0] - accuracy) / (latency - pair[1]))[0]


# %% netadapt-steepest right: compares by cross-multiplication
def steepest(accuracies, latencies, accuracy, latency):
    best = 0
    for k in range(1, len(accuracies)):
        one = (accuracies[k] - accuracy) * (latency - latencies[best])
        other = (accuracies[best] - accuracy) * (latency - latencies[k])
        if one > other:
            best = k
    return best


# %% netadapt-steepest right: NumPy, the least cost a second
import numpy as np


def steepest(accuracies, latencies, accuracy, latency):
    cost = (accuracy - np.array(accuracies)) / (latency - np.array(latencies))
    return int(cost.argmin())
