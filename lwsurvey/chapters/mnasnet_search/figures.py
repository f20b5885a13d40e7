"""The chapter's figure of all networks, once or several times side by side."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from lwsurvey.figures import INK, PALETTE, log_ticks
from lwsurvey.search import fronts
from lwsurvey.search.replay import Array

TICKS = (0.5, 1, 2, 4, 8, 16, 32)


def planes(
    latency: Array, accuracy: Array, panels: Mapping[str, tuple[Array, np.ndarray, str]],
    target: float | None = None,
) -> Figure:  # fmt: skip
    """Every network at its latency and accuracy, and some of them marked.

    The dots are rasterised: as vectors they would be most of the page.

    Args:
        latency: seconds, shape ``(n,)``.
        accuracy: per cent, shape ``(n,)``.
        panels: title -> areas of the coloured dots, shape ``(n,)``; the places of the networks
            whose front is drawn; and what that is called.
        target: seconds; no line if not given.
    """
    fig, axes = plt.subplots(1, len(panels), figsize=(7, 3.7), sharey=True, squeeze=False)
    ms, dots = 1e3 * latency, dict(linewidth=0, rasterized=True)
    for ax, title, colour in zip(axes[0], panels, PALETTE, strict=False):
        areas, some, label = panels[title]
        ax.scatter(ms, accuracy, s=4, color=PALETTE[6], alpha=0.5, **dots)
        ax.scatter(ms, accuracy, s=areas, color=colour, alpha=0.7, **dots)
        on = np.sort(some[fronts.front(latency[some], accuracy[some])])
        on = on[np.argsort(ms[on])]
        x, y = np.append(ms[on], ms[some].max()), np.append(accuracy[on], accuracy[on].max())
        ax.step(x, y, where="post", color=INK, linewidth=1.5, label=label)
        if target:
            ax.axvline(1e3 * target, color=INK, linewidth=1, linestyle=":", label="target")
        ax.set_title(title, fontsize=11)
        log_ticks(ax, TICKS, inside=True)
    fig.supxlabel("milliseconds for a batch of 32", fontsize=11)
    axes[0, 0].set(ylabel="test accuracy, %")
    axes[0, 0].legend(loc="lower right", fontsize=9.5)
    return fig
