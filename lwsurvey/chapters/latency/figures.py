"""The roofline, with the names of the layers under it."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from lwsurvey.figures import INK, PALETTE, log_ticks
from lwsurvey.latency.roofline.machine import Roofs

KINDS = {
    "dense": ("dense 3×3", PALETTE[2], "s", (-3, 7)),
    "pointwise": ("pointwise", PALETTE[0], "o", (5, -10)),
    "depthwise": ("depthwise 3×3", PALETTE[1], "D", (6, -3)),
    "other": ("other", PALETTE[3], "^", (6, -3)),
}


def roofline(layers: pd.DataFrame, names: Mapping[str, str], roofs: Roofs) -> Figure:
    """Speed of layers against their arithmetic intensity, under the two roofs.

    Args:
        layers: as `jobs.rates` returns them; names begin with the kind.
        names: what stands next to the dot of each.
        roofs: limits of the machine.
    """
    fig, ax = plt.subplots(figsize=(7, 5.4))
    x = np.geomspace(layers.intensity.min() / 1.6, layers.intensity.max() * 1.8, 200)
    for where, line, bandwidth in (("a cache", "-", roofs.cache), ("memory", "--", roofs.memory)):
        y = [roofs.attainable(intensity, bandwidth.value) for intensity in x]
        ax.plot(x, y, color=INK, ls=line, lw=1.4, label=f"limit, tensors in {where}", zorder=1)
    kinds = layers.index.str.split().str[0]
    for kind, (label, colour, marker, away) in KINDS.items():
        part = layers[kinds == kind if kind in kinds else ~kinds.isin(list(KINDS))]
        error = [part.rate - part.rate_low, part.rate_high - part.rate]
        look = dict(fmt=marker, color=colour, ms=6.5, mec=INK, mew=0.4, label=label)
        ax.errorbar(part.intensity, part.rate, yerr=error, **look)
        for name, row in part.iterrows():
            at = {"xytext": away, "textcoords": "offset points", "fontsize": 8}
            ax.annotate(names[name], (row.intensity, row.rate), **at)
    ax.set(xscale="log", yscale="log", xlabel="MACs per byte", ylabel="GMAC/s")
    ax.set_ylim(layers.rate.min() / 1.6, roofs.peak.value * 2.2)
    steps = [s * 10.0**p for p in range(-1, 4) for s in (1, 3)]
    log_ticks(ax, steps, steps, inside=True)
    ax.legend(loc="lower right", fontsize=9.5)
    return fig
