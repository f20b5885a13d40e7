"""The rules by which the libraries' published figures were counted."""

from __future__ import annotations

from torch import Tensor

from lwsurvey import cost
from lwsurvey.cost.conventions import Conventions
from lwsurvey.cost.trace import Op

PRODUCTS, FVCORE = "products", "fvcore"


class Fvcore(Conventions):
    """What fvcore 0.1.5 counted for timm's table.

    Products, with attention, which timm's benchmark writes out; and for each element of batch
    normalisation 2, or 5 where it takes its statistics from the input, as weight
    standardisation does; of layer and group normalisation 5; each 1 less without affine
    weights; of adaptive pooling 1 for what it reads; of nearest-neighbour interpolation 1 and
    of a bilinear one 4 for what it writes (fvcore.nn.jit_handles, fvcore.nn.flop_count).
    """

    def cost(self, what: str, name: str, op: Op, given: list[Tensor], written: int) -> int:
        """What one operator counts."""
        if what == "product":
            return cost.PAPERS.cost(what, name, op, given, written)
        if what == "normalisation":
            return written * _normalisation(name, op.args)
        if "adaptive_avg_pool" in name or _pools_the_map(name, op.args):
            return given[0].numel()
        return written * {"upsample_nearest2d": 1, "upsample_bilinear2d": 4}.get(name, 0)


def _normalisation(name: str, args: tuple) -> int:
    if "batch_norm" in name:
        return (5 if args[5] else 2) - (args[1] is None)
    return 5 - (args[2 if name == "native_layer_norm" else 1] is None)


def _pools_the_map(name: str, args: tuple) -> bool:
    """Whether a mean is what PyTorch makes of adaptive pooling to one pixel."""
    return name == "mean" and len(args) > 2 and list(args[1]) == [-1, -2] and args[2]


RULES: dict[str, Conventions] = {PRODUCTS: cost.PAPERS, FVCORE: Fvcore(FVCORE)}
