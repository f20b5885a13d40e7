"""Answers to the exercises of relu-collapse: how students get them wrong, and another right way."""


# %% counting wrong: holds for two dimensions only
def kept_by_counting(n, d):
    return 1 - (1 + n) / 2**n


# %% counting wrong: patterns with the same number of active rows counted once
from itertools import combinations_with_replacement


def kept_by_counting(n, d):
    patterns = list(combinations_with_replacement((0, 1), n))
    return sum(sum(pattern) >= d for pattern in patterns) / len(patterns)


# %% counting wrong: more than d active rows instead of d or more
from itertools import product


def kept_by_counting(n, d):
    patterns = list(product((0, 1), repeat=n))
    return sum(sum(pattern) > d for pattern in patterns) / len(patterns)


# %% counting wrong: a wrong limit where there are fewer rows than dimensions
from itertools import product


def kept_by_counting(n, d):
    d = min(d, n)
    patterns = list(product((0, 1), repeat=n))
    return sum(sum(pattern) >= d for pattern in patterns) / len(patterns)


# %% counting wrong: the number of patterns instead of their share
from itertools import product


def kept_by_counting(n, d):
    return sum(sum(pattern) >= d for pattern in product((0, 1), repeat=n))


# %% counting right: the bits of the numbers below 2 ** n
def kept_by_counting(n, d):
    return np.mean([bin(number).count("1") >= d for number in range(2**n)])


# %% counting right: one row after the other
def kept_by_counting(n, d):
    if d <= 0:
        return 1.0
    if n == 0:
        return 0.0
    return (kept_by_counting(n - 1, d - 1) + kept_by_counting(n - 1, d)) / 2


# %% twins wrong: two multiples of one direction, of which a row may be active
def twins(t):
    angle = np.linspace(0, 2 * np.pi, 3600)
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    active = (rays @ t.T > 0).sum(axis=1)
    ray = rays[active.argmin()]
    return ray, 2 * ray


# %% twins wrong: a null direction of one active row, whatever the other rows do
def twins(t):
    row = t[0] / np.linalg.norm(t[0])
    along = np.array([-row[1], row[0]])
    return row, row + 0.02 * along


# %% twins wrong: a point and its opposite
def twins(t):
    point = -t.sum(axis=0)
    return point, -point


# %% twins wrong: two ways into the negative corner, which need not be lost
def twins(t):
    point = -t.mean(axis=0)
    return point, point + np.array([0.02, 0.0])


# %% twins wrong: lists
def twins(t):
    angle = embedding.arcs(t[None]).middle[0][0]
    return [np.cos(angle), np.sin(angle)], [2 * np.cos(angle), 2 * np.sin(angle)]


# %% twins right: where the second largest product is most negative
def twins(t):
    angle = np.linspace(0, 2 * np.pi, 20_001)
    rays = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    second = np.sort(rays @ t.T, axis=1)[:, -2]
    ray = rays[second.argmin()]
    largest = t[(t @ ray).argmax()]
    along = np.array([largest[1], -largest[0]]) / np.linalg.norm(largest)
    farthest = np.linalg.norm(t, axis=1).max()
    point = ray * max(1, farthest / -second.min())
    return point, point + 0.05 * along


# %% repaired wrong: the pseudo-inverse as it is
def repaired(t, y):
    return y @ np.linalg.pinv(t).T


# %% repaired wrong: halves instead of doubling
def repaired(t, y):
    return y @ np.linalg.pinv(t).T / 2


# %% repaired wrong: solves for the active rows of each point, which is not linear
def repaired(t, y):
    points = [np.linalg.lstsq(t[row > 0], row[row > 0], rcond=None)[0] for row in y]
    return np.array(points)


# %% repaired wrong: fitted to the points of the chapter instead of to the matrix
def repaired(t, y):
    return y @ np.linalg.lstsq(y, x[: len(y)], rcond=None)[0]


# %% repaired wrong: scaled to the largest of the points
def repaired(t, y):
    out = y @ np.linalg.pinv(t).T
    return out * np.abs(x).max() / np.abs(out).max()


# %% repaired right: the normal equations
def repaired(t, y):
    return np.linalg.solve(t.T @ t, 2 * t.T @ y.T).T


# %% repaired right: the orthogonal factor of the matrix
def repaired(t, y):
    q, r = np.linalg.qr(t)
    return np.linalg.solve(r, q.T @ (2 * y).T).T


# %% repaired right: fitted to points of its own
def repaired(t, y):
    angle = np.linspace(0, 2 * np.pi, 100)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    seen = np.maximum(circle @ t.T, 0)
    return y @ np.linalg.lstsq(seen, circle, rcond=None)[0]
