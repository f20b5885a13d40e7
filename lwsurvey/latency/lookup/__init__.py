"""Tables of the latencies of a network's pieces, as NetAdapt uses them (Yang et al. 2018)."""

from lwsurvey.latency.lookup.against import Against, against
from lwsurvey.latency.lookup.building import build, load
from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.errors import TableError
from lwsurvey.latency.lookup.grid import count
from lwsurvey.latency.lookup.layers import Layer, Piece
from lwsurvey.latency.lookup.memory import keep
from lwsurvey.latency.lookup.randomly import random_widths
from lwsurvey.latency.lookup.table import Table

__all__ = [
    "Against", "Layer", "Piece", "Table", "TableError", "against", "build", "count", "cut",
    "keep", "load", "random_widths",
]  # fmt: skip
