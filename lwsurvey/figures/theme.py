"""The book's one figure style.

Figures are vector graphics whose ink takes the colour of the page: `INK` and `FAINT` are
stand-ins that the site replaces by the theme's text and grid colours, so that one figure
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
    "holds on this hardware": "#3d8f86",
    "holds on a stand-in device": "#6d9f6a",
    "inconclusive": "#a67c00",
    "contradicted": "#d1622b",
    "contradicted at reduced scale": "#c9744a",
    "contradicted on this hardware": "#b85a4c",
    "contradicted on a stand-in device": "#c0645f",
    "erratum": "#b565a7",
    "out of reach": "#7d8590",
    "not judged": "#8e8a80",
    "not examined yet": "#a9adb2",
}

LAYERS = {
    "dense": PALETTE[2],
    "depthwise": PALETTE[1],
    "grouped": PALETTE[5],
    "pointwise": PALETTE[0],
    "squeeze-excitation": PALETTE[4],
    "fully connected": PALETTE[3],
    "rest": FAINT,
}
"""Kind of layer -> colour, the same in diagrams and in bars, in the order of the bars' parts."""

BOXES = {
    **{kind: colour for kind, colour in LAYERS.items() if kind != "rest"},
    "convolution": PALETTE[0],
    "order": PALETTE[5],
    "other": PALETTE[6],
}
"""Kind of box -> colour of its outline."""


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
