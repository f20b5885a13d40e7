"""What part of a network's cost lies in which kind of layer."""

from __future__ import annotations

import pandas as pd
from torch import nn

from lwsurvey.cost.profile import Profile


def weighted(profile: Profile) -> pd.DataFrame:
    """The layers with one convolution or linear map, in order of execution."""
    return profile.layers[profile.layers.N.notna()]


def convolutions(profile: Profile) -> pd.DataFrame:
    """The convolutions."""
    layers = weighted(profile)
    return layers[[bool(kernel) for kernel in layers.kernel]]


def pointwise(layers: pd.DataFrame) -> pd.Series:
    """Which layers are 1 x 1 convolutions, in groups or not."""
    return _mask(layers, [bool(k) and set(k) == {1} for k in layers.kernel])


def depthwise(layers: pd.DataFrame) -> pd.Series:
    """Which layers have as many groups as input channels, and more than one."""
    return (layers.G == layers.N) & (layers.G > 1)


def linear(layers: pd.DataFrame) -> pd.Series:
    """Which layers are fully connected."""
    return _mask(layers, [kernel == () for kernel in layers.kernel])


KINDS = {"pointwise": pointwise, "depthwise": depthwise, "fully connected": linear}


def share(profile: Profile, kind: str, of: str = "macs") -> float:
    """Percent of the ``macs`` or ``parameters`` of a network that lie in one kind of layer.

    Args:
        profile: of the network.
        kind: ``pointwise``, ``depthwise`` or ``fully connected``.
        of: ``macs`` or ``parameters`` (of those that the forward pass reads).

    Raises:
        ValueError: another kind, or a network that has nothing to share out.
    """
    if kind not in KINDS:
        raise ValueError(f"kind is one of {', '.join(KINDS)}, not {kind!r}")
    total = profile.layers[of].sum()
    if not total:
        raise ValueError(f"a network without {of} has no shares of them")
    layers = weighted(profile)
    return float(100 * layers.loc[KINDS[kind](layers), of].sum() / total)


def within(profile: Profile, network: nn.Module, kind: str, of: str = "macs") -> float:
    """Percent of the cost inside modules of one class.

    Args:
        profile: of the network.
        network: the same network, for the classes of its modules.
        kind: name of the class, such as ``SqueezeExcitation``.
        of: a column of `Profile.layers`.

    Raises:
        ValueError: the network has no such module.
    """
    found = [name for name, part in network.named_modules() if type(part).__name__ == kind]
    if not found:
        raise ValueError(f"{type(network).__name__} has no module of class {kind}")
    names = profile.layers.name
    rows = [any(f"{name}.".startswith(f"{part}.") for part in found) for name in names]
    return float(100 * profile.layers.loc[rows, of].sum() / profile.layers[of].sum())


def depth(profile: Profile, without: str = "downsample") -> int:
    """Weight layers of a network: convolutions and fully connected layers.

    Args:
        profile: of the network.
        without: layers with this part in their dotted path do not count; the papers leave
            the projections of shortcuts out.
    """
    names = weighted(profile).name
    return sum(without not in name.split(".") for name in names)


def _mask(layers: pd.DataFrame, values: list[bool]) -> pd.Series:
    return pd.Series(values, index=layers.index, dtype=bool)
