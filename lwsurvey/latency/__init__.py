"""Times of competitors against each other, with intervals and what disturbed them."""

from lwsurvey.latency.calls import call
from lwsurvey.latency.compare import compare
from lwsurvey.latency.comparison import Comparison
from lwsurvey.latency.quiet import LatencyError
from lwsurvey.latency.rounds import steps

__all__ = ["Comparison", "LatencyError", "call", "compare", "steps"]
