"""What counts as a MAC: this book's convention, and those of other counters."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lwsurvey.cost.operators import product_macs
from lwsurvey.cost.trace import Op


@dataclass(frozen=True)
class Conventions:
    """What an operator counts."""

    name: str

    def cost(self, what: str, name: str, op: Op, given: list[Tensor], written: int) -> int:
        """MACs of one operator."""
        if what == "product":
            return product_macs(op.func, name, op.args, op.kwargs, op.out)
        return 0


PAPERS = Conventions("papers")
CONVENTIONS = {rules.name: rules for rules in (PAPERS,)}
