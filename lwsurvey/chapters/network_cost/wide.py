"""The surveyed networks side by side, in all that the counter counts."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from lwsurvey import cost
from lwsurvey.chapters.network_cost.catalogue import WIDE, counted, used_parameters
from lwsurvey.cost import shares

MEGA = 1e6


def table(names: Iterable[str] = tuple(WIDE)) -> pd.DataFrame:
    """One row for each network on one image of its own size.

    Args:
        names: of `catalogue.WIDE`.

    Returns:
        Indexed by network: millions of ``MACs``, ``params``, ``activ.`` (activations),
        elements of memory ``access`` and of ``peak`` memory; largest receptive ``field`` in
        pixels; shares of the MACs in depthwise (``dw %``) and pointwise convolutions.
    """
    rows = {name: _row(counted(WIDE[name])) for name in names}
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def versions(names: dict[str, str]) -> pd.DataFrame:
    """A few networks, in the numbers that descend or do not from one to the next.

    Args:
        names: our name of each, and what `catalogue.counted` counts.

    Returns:
        Indexed by network: ``layers`` (with weights), and the millions of `table`.
    """
    rows = {}
    for name, counted_name in names.items():
        profile = counted(counted_name)
        rows[name] = {"layers": shares.depth(profile)} | _millions(profile)
    return pd.DataFrame(rows.values(), index=pd.Index(rows, name="network"))


def _row(profile: cost.Profile) -> dict[str, object]:
    return {
        **_millions(profile),
        "MACs": round(profile.macs / MEGA),
        "field": largest_field(profile),
        "dw %": shares.share(profile, "depthwise"),
        "pw %": shares.share(profile, "pointwise"),
    }


def _millions(profile: cost.Profile) -> dict[str, float]:
    return {
        "MACs": profile.macs / MEGA,
        "params": used_parameters(profile) / MEGA,
        "activ.": profile.activations / MEGA,
        "access": profile.memory_access / MEGA,
        "peak": profile.peak_activations / MEGA,
    }


def largest_field(profile: cost.Profile) -> int:
    """Side of the largest receptive field of a convolution on a map.

    Convolutions on 1 x 1 maps, as in squeeze-and-excitation, see the whole image through the
    mean before them and do not count.

    Raises:
        ValueError: no convolution has a receptive field.
    """
    layers = shares.convolutions(profile)
    on_maps = [max(output[2:]) > 1 for output in layers.output]
    fields = [field for field in layers.receptive_field[on_maps] if field is not None]
    if not fields:
        raise ValueError("no convolution of this network has a receptive field")
    return max(max(field) for field in fields)
