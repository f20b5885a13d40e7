"""Tables of the latencies of a network's pieces, as NetAdapt uses them (Yang et al. 2018)."""

from lwsurvey.lookup.against import Against, against
from lwsurvey.lookup.building import build, load
from lwsurvey.lookup.cut import cut
from lwsurvey.lookup.errors import TableError
from lwsurvey.lookup.grid import count
from lwsurvey.lookup.layers import Layer, Piece
from lwsurvey.lookup.memory import keep
from lwsurvey.lookup.randomly import random_widths
from lwsurvey.lookup.table import Table

__all__ = [
    "Against", "Layer", "Piece", "Table", "TableError", "against", "build", "count", "cut",
    "keep", "load", "random_widths",
]  # fmt: skip
