"""One network counted twice: by the book's counter and by PyTorch's own, and left as it was.

The book's counter adds up by other rules on the way: those by which the figures that libraries
publish were counted.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.sweep.networks import Network
from lwsurvey import cost
from lwsurvey.cost.conventions import Conventions
from lwsurvey.cost.inputs import arguments
from lwsurvey.cost.trace import Op

_PLAIN = (bool, int, float, str, tuple, type(None))
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


@dataclass(frozen=True)
class Watched(Conventions):
    """The book's conventions; beside them it adds up by operator, and by all of `RULES`.

    Attributes:
        by_operator: MACs of each operator that has any.
        by_rules: MACs by each of `RULES`.
    """

    by_operator: Counter[str] = field(default_factory=Counter)
    by_rules: Counter[str] = field(default_factory=Counter)

    def cost(self, what: str, name: str, op: Op, given: list[Tensor], written: int) -> int:
        """MACs of one operator by the book's conventions."""
        found = {n: rules.cost(what, name, op, given, written) for n, rules in RULES.items()}
        self.by_rules.update(found)
        if macs := found[PRODUCTS]:
            self.by_operator[name] += macs
        return macs


@dataclass(frozen=True)
class Counted:
    """A network's counts.

    Attributes:
        network: what was counted.
        profile: by the book's conventions.
        watched: the same by operator, and by other conventions.
        unseen: layers that fvcore does not see, by why: their MACs and activations.
        changed: parts of the network that counting left otherwise than it found them.
    """

    network: Network
    profile: cost.Profile
    watched: Watched
    unseen: dict[str, tuple[int, int]]
    changed: str


def ours(network: Network) -> Counted:
    """What `lwsurvey.cost.profile` counts; operators that it does not know are in its result."""
    watched, before = Watched("watched"), state(network.module)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="not counted")
        profile = cost.profile(
            network.module, network.inputs, conventions=watched, device=network.device
        )
    changed = changes(before, state(network.module))
    return Counted(network, profile, watched, _unseen(network, profile), changed)


def _unseen(network: Network, profile: cost.Profile) -> dict[str, tuple[int, int]]:
    """Convolutions whose padding is a word, and LSTMs, reach fvcore as operators unknown to it."""
    modules = network.module.named_modules()
    padded = {name for name, part in modules if isinstance(getattr(part, "padding", None), str)}
    layers = profile.layers
    found = {
        'convolutions with padding="same"': layers[layers.name.isin(padded)],
        "LSTM": layers[layers.kind == "LSTM"],
    }
    return {
        why: (int(rows.macs.sum()), int(rows.activations.sum()))
        for why, rows in found.items()
        if len(rows)
    }


def pytorchs(network: Network) -> tuple[Counter[str], str]:
    """What PyTorch's own counter counts on a forward pass.

    Returns:
        MACs (half of its floating-point operations) by operator; and why it does not count the
        network as it comes, or empty. It then counted it with parameters without gradient.

    Raises:
        Exception: whatever its second attempt raises.
    """
    try:
        return _pytorchs(network), ""
    except Exception as error:
        trouble = one_line(error)
    network.module.requires_grad_(False)
    return _pytorchs(network), trouble


def _pytorchs(network: Network) -> Counter[str]:
    args, kwargs = arguments(network.module, network.inputs, torch.device(network.device))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.module(*args, **kwargs)
    counted: Counter[str] = Counter()
    for operator, flops in counter.get_flop_counts().get("Global", {}).items():
        if flops % 2:
            raise ValueError(f"{operator} has an odd number of floating-point operations: {flops}")
        counted[str(operator).split(".")[-1]] += flops // 2
    return counted


def differences(here: Counter[str], there: Counter[str]) -> str:
    """Where two counts differ: ``operator here/there`` for each operator, or empty."""
    found = sorted(name for name in {*here, *there} if here[name] != there[name])
    return "; ".join(f"{name} {here[name]}/{there[name]}" for name in found)


def one_line(error: BaseException) -> str:
    """Type and message of an error, in one line of at most 300 characters."""
    text = " ".join(str(error).split()) or "without a message"
    return f"{type(error).__name__}: {text}"[:300]


def state(module: nn.Module) -> dict[str, Any]:
    """What can be seen of a network from outside, and of PyTorch's random numbers, by name.

    Of each module: class, mode, names of its attributes, plain values among them, and all that
    is in its dictionaries (parameters, buffers, hooks) by identity and, for tensors, version.
    """
    seen = {name or "the network": _of(part) for name, part in module.named_modules()}
    return {**seen, "random numbers": torch.get_rng_state().tolist()}


def changes(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Names whose state differs, separated by semicolons; empty if all is as it was."""
    names = dict.fromkeys((*before, *after))
    return "; ".join(name for name in names if before.get(name) != after.get(name))


def _of(module: nn.Module) -> dict[str, Any]:
    return {
        name: {key: _identity(item) for key, item in value.items()}
        if isinstance(value, dict)
        else value
        if isinstance(value, _PLAIN)
        else _identity(value)
        for name, value in vars(module).items()
    }


def _identity(value: Any) -> tuple:
    if isinstance(value, torch.Tensor):
        return id(value), value._version, value.device, value.requires_grad
    return (id(value),)
