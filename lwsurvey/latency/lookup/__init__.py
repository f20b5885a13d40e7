"""Tables of the latencies of a network's pieces, as NetAdapt uses them (Yang et al. 2018)."""

from lwsurvey.latency.lookup.against import Against, against
from lwsurvey.latency.lookup.building import build
from lwsurvey.latency.lookup.cut import cut
from lwsurvey.latency.lookup.layers import Layer, Piece, TableError
from lwsurvey.latency.lookup.table import Table
from lwsurvey.latency.lookup.timing import count
from lwsurvey.latency.pages import keep

__all__ = [
    "Against", "Layer", "Piece", "Table", "TableError", "against", "build", "count", "cut", "keep",
]  # fmt: skip
