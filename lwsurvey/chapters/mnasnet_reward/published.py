"""Published networks with their Pixel 1 latency, and which of them a reward prefers."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey import paths
from lwsurvey.search import fronts
from lwsurvey.search.reward import gain, reward

TARGET = 75.0
"""Milliseconds: the target of the search that found MnasNet-A1 to A3."""

FOUND = ("MnasNet-A1", "MnasNet-A2", "MnasNet-A3")
"""The networks that this search returned."""

_COLUMNS = ["network", "top1", "latency", "input"]


def mnasnet() -> pd.DataFrame:
    """The networks of the MnasNet paper and code with a latency, fastest first.

    Returns:
        Index ``network``; columns ``top1`` (ImageNet, per cent), ``latency`` (ms) and ``input``
        (side of the image). Figures that no stored text confirms are left out (MnasNet-B1).
    """
    cloud = pd.concat([_table1(), _table4(), _tables5_6(), _scaled()])
    return cloud.set_index("network").sort_values("latency")


def at_224(cloud: pd.DataFrame) -> pd.DataFrame:
    """Those with the input of the paper's search, which does not choose the resolution."""
    return cloud[cloud.input == 224]


def v3(column: str = "P1_ms_final") -> pd.DataFrame:
    """The networks of MobileNet V3's table 3, fastest first; columns as `mnasnet`.

    Args:
        column: which phone (``P1``, ``P2``, ``P3``) and version (``final``, ``arxiv1``).
    """
    frame = _read("mobilenetv3_table3").rename(columns={column: "latency"}).assign(input=224)
    return frame[_COLUMNS].set_index("network").sort_values("latency")


def front(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that no other one equals in both and beats in one, fastest first."""
    kept = cloud[fronts.front(cloud.latency, cloud.top1)]
    return kept.drop_duplicates(["latency", "top1"]).sort_values("latency")


def preferred(cloud: pd.DataFrame) -> pd.DataFrame:
    """The networks that a reward with one exponent can prefer, and for which exponents.

    In the plane of logarithms such a reward is a straight line, so that these are the corners
    of the convex hull on the side of much accuracy and little latency.

    Returns:
        The corners, fastest first, with ``w from`` (minus infinity for the fastest) and ``w
        to`` (0 for the most accurate).
    """
    corners = _hull(front(cloud))
    x, y = np.log(corners.latency), np.log(corners.top1)
    slopes = np.diff(y) / np.diff(x)
    low, high = -np.append(np.inf, slopes), -np.append(slopes, 0.0)
    return corners.assign(**{"w from": low, "w to": high})


def ranges(corners: pd.DataFrame) -> pd.DataFrame:
    """`preferred` for print: exponents, and the gains for a doubling that they ask for."""
    low, high = corners["w from"], corners["w to"]
    texts = {
        "w from": [f"{x:.4f}" if np.isfinite(x) else "below" for x in low],
        "w to": [f"{x:.4f}" for x in high + 0.0],
        "a doubling from, %": [f"{100 * gain(x):.2f}" for x in high],
        "a doubling to, %": [f"{100 * gain(x):.2f}" if np.isfinite(x) else "more" for x in low],
    }
    return corners[["latency", "top1"]].assign(**texts)


def winner(cloud: pd.DataFrame, target: float, alpha: float, beta: float) -> str:
    """The network that the reward prefers."""
    return str(reward(cloud.top1, cloud.latency, target, alpha, beta).idxmax())


def winners(
    cloud: pd.DataFrame, targets: np.ndarray, alphas: np.ndarray, betas: np.ndarray
) -> np.ndarray:
    """Places in the cloud of the networks that the reward prefers.

    Args:
        cloud: of n networks.
        targets: shape (t,).
        alphas: shape (k,).
        betas: shape (k,).

    Returns:
        An array of places, shape (t, k).
    """
    top1, latency = (cloud[name].to_numpy()[:, None, None] for name in ("top1", "latency"))
    return reward(top1, latency, targets[:, None], alphas, betas).argmax(axis=0)


def best_within(cloud: pd.DataFrame, target: float) -> str:
    """The most accurate network within the target: the solution of the constrained problem."""
    return str(cloud[cloud.latency <= target].top1.idxmax())


def late(cloud: pd.DataFrame, target: float = TARGET) -> pd.DataFrame:
    """The networks that miss the target and are more accurate than the best that keeps it.

    Returns:
        Columns ``late, %``, ``more accurate, %`` (relative to the best within the target), and
        the weakest exponent beyond the target that would refuse the network, ``beta`` if
        latency is free within the target, ``w`` if the same exponent holds there.
    """
    best = cloud.loc[best_within(cloud, target)]
    beyond = cloud[(cloud.latency > target) & (cloud.top1 > best.top1)]
    found = beyond[["top1", "latency"]].copy()
    found["late, %"] = 100 * (beyond.latency / target - 1)
    found["more accurate, %"] = 100 * (beyond.top1 / best.top1 - 1)
    gained = np.log(beyond.top1 / best.top1)
    found["beta"] = -gained / np.log(beyond.latency / target)
    found["w"] = -gained / np.log(beyond.latency / best.latency)
    return found


def allowed(gain: float, exponent: float) -> float:
    """How late a network may be for a relative gain of accuracy, in per cent of the latency.

    The reward is unchanged if ``(1 + gain) * k ** exponent = 1`` for k times the latency.
    """
    return 100 * ((1 + gain) ** (-1 / exponent) - 1)


def _hull(points: pd.DataFrame) -> pd.DataFrame:
    """Corners of the upper hull of a front in logarithms (Andrew's monotone chain)."""
    x, y = np.log(points.latency.to_numpy()), np.log(points.top1.to_numpy())
    kept: list[int] = []
    for i in range(len(points)):
        while len(kept) > 1 and _below(x, y, kept[-2], kept[-1], i):
            kept.pop()
        kept.append(i)
    return points.iloc[kept]


def _below(x: np.ndarray, y: np.ndarray, a: int, b: int, c: int) -> bool:
    """Whether b lies on or below the line from a to c."""
    return (x[b] - x[a]) * (y[c] - y[a]) >= (y[b] - y[a]) * (x[c] - x[a])


def _table1() -> pd.DataFrame:
    frame = _read("mnasnet_table1")
    confirmed = frame[frame.pixel1_ms.notna() & (frame.source != "M")]
    return _named(confirmed, "model", "pixel1_ms")


def _table4() -> pd.DataFrame:
    return _named(_read("mnasnet_table4"), "model", "latency_ms")


def _tables5_6() -> pd.DataFrame:
    """Table 5 has one network that table 1 has not; A1 of table 6 is in table 1."""
    cells = _read("mnasnet_table5").query("latency_ms == 100").assign(name="cells, both goals")
    variants = _read("mnasnet_table6").query("variant != 'MnasNet-A1'")
    named = _named(variants, "variant", "latency_ms")
    return pd.concat([_named(cells, "name", "latency_ms"), named])


def _scaled() -> pd.DataFrame:
    """A1 at other widths and resolutions, without the two that tables 1 and 4 have."""
    frame = scaling()
    known = (frame.input == 224) & frame.multiplier.isin([1, 0.35])
    return frame.loc[~known, _COLUMNS]


def scaling() -> pd.DataFrame:
    """A1's published widths and resolutions: `mnasnet`'s columns and ``multiplier``."""
    frame = _read("mnasnet_a1_scaling").rename(columns={"pixel1_ms": "latency"})
    side = [f" at {side}" if side != 224 else "" for side in frame.input]
    names = [f"A1 {m:g}x{at}" for m, at in zip(frame.multiplier, side, strict=True)]
    return frame.assign(network=names)[[*_COLUMNS, "multiplier"]]


def _named(frame: pd.DataFrame, name: str, latency: str) -> pd.DataFrame:
    named = frame.rename(columns={name: "network", latency: "latency"})
    return named.assign(input=224)[_COLUMNS]


def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(paths.data(f"papers/papers_{name}.csv"))
