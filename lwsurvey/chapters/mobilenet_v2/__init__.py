"""Chapter mobilenet-v2: the inverted residual, its brackets, its memory, and what training says.

`anatomy` reads the blocks off built networks; `memory` counts what they hold; `chain` is a small
MobileNet V2 as one row of layers in which only the additions move; `gradients` and `readout`
look inside networks; `arms` and `deep` have the networks of the experiments, `study` runs
them; `draw` the figures.
"""
