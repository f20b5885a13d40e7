"""The book's one figure style.

Figures are vector graphics whose ink takes the colour of the page: `INK` and `FAINT` are
stand-ins that the site replaces by the theme's text and grid colours, so that one picture
serves light and dark. The series colours keep a contrast of 3:1 or more on both.
"""

from __future__ import annotations

import matplotlib as mpl
import seaborn as sns

INK = "#1a1b1c"
FAINT = "#c9cacb"
PALETTE = ("#1f7fc4", "#d1622b", "#2f9466", "#b565a7", "#a67c00", "#6f7bd9", "#7d8590")
VERDICT_COLOURS = {
    "holds": "#2f9466",
    "holds at reduced scale": "#4aa3a2",
    "inconclusive": "#a67c00",
    "contradicted": "#d1622b",
    "erratum": "#b565a7",
    "out of reach": "#7d8590",
    "not examined yet": "#a9adb2",
}


def style() -> None:
    """Use the book's style for every figure from here on."""
    sns.set_theme(context="notebook", style="ticks", palette=list(PALETTE))
    ink = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    mpl.rcParams.update({key: INK for key in ink})
    mpl.rcParams.update(
        {
            "axes.grid": True,
            "axes.spines.right": False,
            "axes.spines.top": False,
            "axes.facecolor": "none",
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "figure.figsize": (7.0, 3.6),
            "font.size": 11,
            "grid.color": FAINT,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "savefig.facecolor": "none",
            "svg.fonttype": "path",
            "svg.hashsalt": "lwsurvey",
        }
    )
