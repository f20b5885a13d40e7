"""What counts as a MAC: this book's convention, and those of other counters.

A MAC is one multiplication whose product is added to a sum. By the book's convention, which is
that of most papers, the products of convolutions, linear layers and matrix products count,
wherever they are called; adding a bias, normalisation, activations, pooling, softmax and
interpolation do not. Other counters add some of these, at a weight of their own, or miss
products that are not in a layer of a kind they know. The presets say which and how much, so
that the same network can be counted their way; they were read from the sources named.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from lwsurvey.cost.trace import Op

_NORMS = frozenset(
    {"BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm", "LayerNorm"}
    | {f"InstanceNorm{sides}d" for sides in (1, 2, 3)}
)
_POOLS = frozenset(
    f"{kind}Pool{sides}d"
    for kind in ("Max", "Avg", "AdaptiveAvg", "AdaptiveMax")
    for sides in (1, 2, 3)
)
_TWICE = _POOLS | {"ReLU", "PReLU", "ELU", "GELU"}
_LAYERS = frozenset(
    f"{kind}{sides}d" for kind in ("Conv", "ConvTranspose") for sides in (1, 2, 3)
) | {"Linear"}
_FEW = frozenset({"relu", "hardtanh", "leaky_relu", "elu", "_prelu_kernel", "gelu", "silu"})
_ANY = frozenset({"any"})


@dataclass(frozen=True)
class Conventions:
    """How much each kind of operator counts.

    Attributes:
        name: of the counter, with the version whose source was read.
        unit: what a product counts: 1 as a MAC, 2 as two floating-point operations.
        bias: for each output of a product with a bias.
        batch_norm: for each element that batch normalisation writes.
        other_norm: for each element that layer or group normalisation writes.
        activation: for each element of an activation, and of which ones.
        activations: names of operators; ``any`` for all.
        softmax: for each element.
        pooling: for each input element of max or average pooling over windows.
        global_pooling: for each input element of pooling to a given size.
        pooled: for each output element of average pooling, to a given size or over windows.
        resampling: for each output element of a nearest-neighbour interpolation.
        layers_only: products and normalisation count only inside torch's own layers.
        fused_attention: False if the products of torch's fused attention are not seen.
        twice: activations and pooling count twice inside torch's own layers, because such a
            counter meets both the layer and the function that it calls.
    """

    name: str
    unit: int = 1
    bias: int = 0
    batch_norm: int = 0
    other_norm: int = 0
    activation: int = 0
    activations: frozenset[str] = _ANY
    softmax: int = 0
    pooling: int = 0
    global_pooling: int = 0
    pooled: int = 0
    resampling: int = 0
    layers_only: bool = False
    fused_attention: bool = True
    twice: bool = False

    def cost(self, what: str, name: str, op: Op, given: list[Tensor], written: int) -> int:
        """What one operator counts.

        Args:
            what: its kind, and `name`, as `lwsurvey.cost.operators.kind` gives them.
            name: without namespace.
            op: with its arguments and the layer that called it.
            given: the tensors among the arguments.
            written: elements of its results.
        """
        if what == "product":
            return self._product(name, op, written)
        if self is PAPERS:
            return 0
        times = 2 if self.twice and op.call.kind in _TWICE else 1
        return times * self._other(what, name, op, given, written)

    def _product(self, name: str, op: Op, written: int) -> int:
        if self.layers_only and op.call.kind not in _LAYERS:
            return 0
        if not self.fused_attention and op.call.fused and name == "bmm":
            return 0
        macs = self.unit * op.macs
        biased = name == "addmm" or (name == "convolution" and op.args[2] is not None)
        return macs + (self.bias * written if biased else 0)

    def _other(self, what: str, name: str, op: Op, given: list[Tensor], written: int) -> int:
        if self.layers_only and op.call.kind not in _NORMS | _POOLS:
            return 0
        if what == "normalisation":
            return written * (self.batch_norm if "batch_norm" in name else self.other_norm)
        if what == "activation":
            counts = self.activations is _ANY or name in self.activations
            return self.activation * written if counts else 0
        if what == "pooling" or _pools_the_map(name, op):
            return self._pooling(name, given[0].numel(), written)
        return written * {"softmax": self.softmax, "resampling": self.resampling}.get(what, 0)

    def _pooling(self, name: str, read: int, written: int) -> int:
        to_size = "adaptive" in name or name == "mean"
        average = 0 if "max" in name else self.pooled * written
        return average + read * (self.global_pooling if to_size else self.pooling)


def _pools_the_map(name: str, op: Op) -> bool:
    """Whether a mean is what PyTorch makes of adaptive pooling to one pixel."""
    return name == "mean" and len(op.args) > 2 and list(op.args[1]) == [-1, -2] and op.args[2]


PAPERS = Conventions("papers")
CONVENTIONS = {
    "papers": PAPERS,
    "torch": Conventions("torch.utils.flop_counter", unit=2),
    "fvcore": Conventions(
        "fvcore 0.1.5", batch_norm=2, other_norm=5, global_pooling=1, resampling=1,
        fused_attention=False,
    ),
    "ptflops": Conventions(
        "ptflops 0.7.5, hooks on layers", bias=1, batch_norm=2, other_norm=2, activation=1,
        activations=_FEW, softmax=1, pooling=1, global_pooling=1, resampling=1, twice=True,
    ),
    "ptflops-aten": Conventions("ptflops 0.7.5, operators", bias=1, fused_attention=False),
    "thop": Conventions(
        "thop 0.1.1", batch_norm=4, other_norm=4, pooled=1, global_pooling=1, layers_only=True
    ),
    "calflops": Conventions("calflops 0.3.2", fused_attention=False),
}  # fmt: skip


def get(name: str) -> Conventions:
    """The conventions of that name.

    Raises:
        ValueError: there are none; the message lists those that there are.
    """
    if name not in CONVENTIONS:
        raise ValueError(f"no conventions {name!r}; there are {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]
