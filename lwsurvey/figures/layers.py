"""Figure: what each layer of a network costs, in order of execution, by kind of layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from lwsurvey.cost import Profile, shares
from lwsurvey.figures.theme import LAYERS

MEASURES = {
    "macs": "MACs",
    "parameters": "parameters",
    "activations": "activations",
    "memory_access": "elements of memory access",
}
SQUEEZES = ("SqueezeExcitation", "SqueezeExcite", "SEModule")
"""Classes of squeeze-and-excitation: the book's and torchvision's, and timm's."""


def kinds(layers: pd.DataFrame) -> pd.Series:
    """The kind of each row of `Profile.layers`: a key of `lwsurvey.figures.theme.LAYERS`.

    What lies inside a squeeze-and-excitation is of that kind whatever it is; normalisation,
    activations and what else has no one convolution or linear map is ``rest``.
    """
    kind = pd.Series("rest", index=layers.index)
    weighted = layers.N.notna()
    kind[weighted] = "dense"
    kind[weighted & (layers.G > 1).fillna(False)] = "grouped"
    some = layers[weighted]
    for name, mask in shares.KINDS.items():
        kind[some.index[mask(some).fillna(False)]] = name
    squeezes = tuple(f"{name}." for name in layers.name[layers.kind.isin(SQUEEZES)])
    kind[[f"{name}.".startswith(squeezes) for name in layers.name]] = "squeeze-excitation"
    return kind


def per_layer(
    profiles: Mapping[str, Profile],
    measure: str = "macs",
    by: Callable[[str], str] | None = None,
) -> Figure:
    """Bars of cost along the networks, one network above the other, with a common scale.

    Args:
        profiles: name of the network -> its profile.
        measure: ``macs``, ``parameters``, ``activations`` or ``memory_access``.
        by: bar's name from a layer's dotted path; neighbours of the same name are one bar. If
            not given, each convolution or linear map has its own, and what follows it (such as
            normalisation) is added to it.

    Raises:
        ValueError: nothing to draw, or another measure.
    """
    if measure not in MEASURES:
        raise ValueError(f"measure is one of {', '.join(MEASURES)}, not {measure!r}")
    if not profiles:
        raise ValueError("there is no profile to draw")
    size = dict(figsize=(7.2, 1.75 * len(profiles) + 0.6))
    fig, axes = plt.subplots(len(profiles), 1, sharex=True, sharey=True, squeeze=False, **size)
    for ax, (name, profile) in zip(axes[:, 0], profiles.items(), strict=True):
        _bars(ax, table(profile, measure, by))
        ax.set_title(f"{name}: {_big(profile.layers[measure].sum())} {MEASURES[measure]}",
                     fontsize=11, loc="left")  # fmt: skip
    longest = max(len(table(profile, measure, by)) for profile in profiles.values())
    axes[-1, 0].set_xlim(0.3, longest + 0.7)
    axes[-1, 0].set_xlabel("layer" if by is None else "part of the network", fontsize=10)
    fig.supylabel(f"million {MEASURES[measure]}", fontsize=10)
    return fig


def table(profile: Profile, measure: str, by: Callable[[str], str] | None = None) -> pd.DataFrame:
    """What is drawn: a row for each bar that is not 0, a column for each kind that occurs.

    The sum over the table is the sum over the layers of the profile.
    """
    layers, kind = profile.layers, kinds(profile.layers)
    if by is None:
        own = (layers.N.notna()).cumsum().clip(lower=1)
    else:
        names = layers.name.map(by)
        own = (names != names.shift()).cumsum()
    cells = layers[measure].groupby([own.to_numpy(), kind.to_numpy()]).sum().unstack(fill_value=0)
    cells = cells[cells.sum(axis=1) > 0].reset_index(drop=True)
    return cells[[name for name in LAYERS if name in cells and cells[name].sum()]]


def _bars(ax: Axes, cells: pd.DataFrame) -> None:
    places, below = np.arange(1, len(cells) + 1), np.zeros(len(cells))
    total, handles = cells.to_numpy().sum(), []
    for kind, column in cells.items():
        high = column.to_numpy() / 1e6
        ax.bar(places, high, bottom=below, width=0.9, color=LAYERS[kind], linewidth=0)
        below += high
        share = f"{kind} {_share(100 * column.sum() / total)}"
        handles.append(Patch(color=LAYERS[kind], label=share))
    beside = dict(loc="upper left", bbox_to_anchor=(1.0, 1.05))
    ax.legend(handles=handles, fontsize=9.5, handlelength=0.9, handletextpad=0.5, **beside)
    ax.grid(visible=False, axis="x")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.tick_params(labelsize=9)


def _share(percent: float) -> str:
    return f"{percent:.1f} %" if percent >= 0.1 else "< 0.1 %"


def _big(number: float) -> str:
    return f"{number / 1e6:.3g} million" if number < 1e9 else f"{number / 1e9:.3g} billion"
