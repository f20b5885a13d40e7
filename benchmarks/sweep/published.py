"""Our counts beside the figures that the libraries publish, and why they differ where they do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import product
from typing import Any

import pandas as pd
from torchvision import models
from torchvision.models import WeightsEnum

from benchmarks.sweep import counting, networks
from benchmarks.sweep.counting import PRODUCTS, RULES, Counted
from benchmarks.sweep.networks import Network
from lwsurvey import cost, paths
from lwsurvey.models.sweep import TIMM

Make = Callable[[], Network]
Figure = Callable[[], dict[str, Any]]
GIGA, MEGA = 1e9, 1e6
EQUAL, DIFFERS, OTHER = "equal", "differs", "another network"
PROPOSALS, OBJECTS = (0, 1000), (0, 1, 100)
"""What a detector may find in an image of noise: all proposals that are kept at most, or none;
and of objects none, one, or the most that it returns."""


def compare(library: str, name: str, counted: Counted) -> list[dict[str, Any]]:
    """One row for each published figure of a network, see `PUBLISHED` of the chapter.

    Args:
        library: ``timm`` or ``torchvision``.
        name: as the library has it.
        counted: the network as it comes, on its default input.
    """
    figures = _timm(name, counted) if library == "timm" else _torchvision(name, counted)
    return [
        {"library": library, "name": name, "source": source, **_row(figure)}
        for source, figure in figures
    ]


def _row(figure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return figure()
    except Exception as error:  # kept in the table, as the reason
        return {"error": counting.one_line(error)}


def _torchvision(name: str, counted: Counted) -> Iterator[tuple[str, Figure]]:
    """``_ops``, printed to three digits of 10^9, and ``num_params``, exact, of all weights."""
    for weights in models.get_model_weights(name):
        yield weights.name, partial(_with_weights, name, weights, counted)


def _with_weights(name: str, weights: WeightsEnum, default: Counted) -> dict[str, Any]:
    """The network for the weights, or as it comes, if that has the printed parameters."""
    network, variant, counted = networks.for_weights(name, weights), "for the weights", default
    parameters = sum(p.numel() for p in network.module.parameters())
    printed, ops = weights.meta["num_params"], weights.meta["_ops"]
    if printed != parameters and printed == default.profile.parameters:
        parameters, variant = printed, "as it comes"
    elif default.network.device == "meta":  # else a detector, whose weights change no product
        counted = counting.ours(network)
    return {
        **_counts(counted, variant),
        "parameters": parameters,
        "printed_gmacs": ops,
        "printed_parameters": printed,
        "gmacs_agree": _why(ops, 3, counted),
        "parameters_agree": EQUAL if printed == parameters else DIFFERS,
    }


def _timm(name: str, counted: Counted) -> Iterator[tuple[str, Figure]]:
    """timm's benchmark table; all its figures are printed to two digits."""
    for printed in _printed().get(name, []):
        yield "timm", partial(_at_size, name, printed, counted)


@lru_cache(maxsize=1)
def _printed() -> dict[str, list[dict[str, Any]]]:
    table = pd.read_csv(paths.data(TIMM))
    return {name: rows.to_dict("records") for name, rows in table.groupby("model")}


def _at_size(name: str, printed: dict[str, Any], counted: Counted) -> dict[str, Any]:
    """The first form of the network that has the printed figures, or the network as it comes."""
    rows = []
    for variant, make in _forms(name, printed["img_size"], counted.network):
        known = counted if make is None else counting.ours(make())
        rows.append(_beside(printed, known, variant))
        if rows[-1]["parameters_agree"] == EQUAL and rows[-1]["gmacs_agree"] != DIFFERS:
            return rows[-1]
    return rows[0]


def _forms(name: str, side: int, default: Network) -> Iterator[tuple[str, Make | None]]:
    """In the order of likelihood; None is the network that is counted already."""
    resized = tuple(default.inputs[-2:]) != (side, side)
    fixed = resized and not _takes(default, side)
    plain = partial(networks.of_size, name, side, built_for=fixed)
    yield "as it comes", plain if resized else None
    parts = list(default.module.modules())
    if any(hasattr(part, "fused_attn") for part in parts):
        yield "attention written out", partial(plain, fused=False)
    if any(hasattr(part, "fuse") or hasattr(part, "reparameterize") for part in parts):
        yield "reparameterised", partial(networks.merged, name, side)


def _takes(network: Network, side: int) -> bool:
    """Whether a network runs on images of another size than those it was made for."""
    try:
        cost.count(network.module, (1, 3, side, side))
    except cost.CostError:
        return False
    return True


def _beside(printed: dict[str, Any], counted: Counted, variant: str) -> dict[str, Any]:
    same = _agrees(printed["param_count"], counted.profile.parameters / MEGA, 2)
    return {
        **_counts(counted, variant),
        "parameters": counted.profile.parameters,
        "printed_gmacs": printed["gmacs"],
        "printed_parameters": printed["param_count"],
        "printed_activations": printed["macts"],
        "gmacs_agree": _why(printed["gmacs"], 2, counted) if same else OTHER,
        "parameters_agree": EQUAL if same else DIFFERS,
        "activations_agree": _activations(printed["macts"], counted) if same else OTHER,
    }


def _counts(counted: Counted, variant: str) -> dict[str, Any]:
    return {
        "input": networks.format_shapes(counted.network.inputs),
        "variant": variant,
        "macs": counted.profile.macs,
        "activations": counted.profile.activations,
    }


def _why(printed: float, digits: int, counted: Counted) -> str:
    """By which rules the count is the printed one."""
    for rules in RULES:
        macs = counted.watched.by_rules[rules]
        known = EQUAL if rules == PRODUCTS else rules
        if _agrees(printed, macs / GIGA, digits):
            return known
        for why, (unseen, _) in counted.unseen.items():
            if _agrees(printed, (macs - unseen) / GIGA, digits):
                return f"{known} without {why}"
    for number, macs in with_boxes(counted.profile):
        if _agrees(printed, macs / GIGA, digits):
            return f"{EQUAL} with {number}"
    return DIFFERS


def with_boxes(profile: cost.Profile) -> Iterator[tuple[str, float]]:
    """What a detector of two stages would cost with other numbers of boxes, and with how many.

    The heads behind the proposals cost the same for each box, and the branches for masks and
    key points the same for each object.

    Args:
        profile: one forward pass with boxes; without such heads there is nothing to yield.
    """
    names = profile.layers.name
    box = profile.layers[names.str.startswith("roi_heads.box_")]
    other = profile.layers[names.str.startswith(("roi_heads.mask_", "roi_heads.keypoint_"))]
    if not len(box):
        return
    rest = profile.macs - int(box.macs.sum()) - int(other.macs.sum())
    for proposals, objects in product(PROPOSALS, OBJECTS if len(other) else OBJECTS[:1]):
        named = f"{proposals} boxes" + (f" and {objects} objects" if len(other) else "")
        yield named, rest + proposals * _each(box) + objects * _each(other)


def _each(heads: pd.DataFrame) -> float:
    """MACs of a head for one box; 0 if there is none."""
    return heads.macs.sum() / heads.output.iloc[0][0] if len(heads) else 0.0


def _activations(printed: float, counted: Counted) -> str:
    activations = counted.profile.activations
    if _agrees(printed, activations / MEGA, 2):
        return EQUAL
    for why, (_, unseen) in counted.unseen.items():
        if _agrees(printed, (activations - unseen) / MEGA, 2):
            return f"{EQUAL} without {why}"
    return DIFFERS


def _agrees(printed: float, value: float, digits: int) -> bool:
    """Whether a value rounds to what is printed; either way where it lies on the edge."""
    return abs(printed - value) <= 0.5 * 10**-digits + 1e-9
