"""ReLU after an expansion: what it loses, how much of it can be undone, and what it costs.

`maps` makes the toy of MobileNetV2's figure 1, `plane` counts what is kept, `decoders` undo
ReLU, `shape` looks at curves and convexity. `glyphs` and `nets` are for the trained part.
"""
