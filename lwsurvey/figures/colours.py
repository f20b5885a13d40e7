"""One colour for each kind of layer, the same in diagrams and in bars."""

from __future__ import annotations

from lwsurvey.figures.theme import FAINT, PALETTE

LAYERS = {
    "dense": PALETTE[2],
    "depthwise": PALETTE[1],
    "grouped": PALETTE[5],
    "pointwise": PALETTE[0],
    "squeeze-excitation": PALETTE[4],
    "fully connected": PALETTE[3],
    "rest": FAINT,
}
"""Kind of layer -> colour, in the order of the bars' parts."""

BOXES = {
    **{kind: colour for kind, colour in LAYERS.items() if kind != "rest"},
    "convolution": PALETTE[0],
    "order": PALETTE[5],
    "other": PALETTE[6],
}
"""Kind of box -> colour of its outline."""
