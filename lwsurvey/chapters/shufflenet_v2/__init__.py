"""The four guidelines of ShuffleNet V2 (Ma et al. 2018), its unit, and what breaks them.

`paper` holds the paper's own tables and what its text says of them, `blocks` and `arms` build
the competitors of these tables, `race` times them. `graph` and `breaks` count in whole
networks, `merged` is the unit's data movement, `draw` and `units` make the pictures.
"""
