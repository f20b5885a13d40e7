"""Small networks of equal MACs that the chapter trains on Fashion-MNIST."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import pandas as pd
from torch import nn

from lwsurvey import cost
from lwsurvey.models import small

V2 = "ShuffleNet V2"
RIVALS = ("ShuffleNet V1", "MobileNet V1", "MobileNet V2")
UNSHUFFLED = "ShuffleNet V2, no shuffle"


def arms(macs: int) -> Mapping[str, Callable[[], nn.Module]]:
    """What makes each network: V2, its rivals, and V2 without its shuffle.

    Args:
        macs: that every network has, within the 5 % of `lwsurvey.models.small.match_macs`.
    """
    builders = {
        V2: small.shufflenet_v2,
        RIVALS[0]: small.shufflenet_v1,
        RIVALS[1]: small.mobilenet_v1,
        RIVALS[2]: small.mobilenet_v2,
    }
    made = {name: partial(small.match_macs, build, macs) for name, build in builders.items()}
    made[UNSHUFFLED] = partial(small.match_macs, small.shufflenet_v2, macs, shuffle=False)
    return made


def costs(makers: Mapping[str, Callable[[], nn.Module]]) -> pd.DataFrame:
    """MACs and parameters of each network for one image."""
    counted = {name: cost.count(make(), small.INPUT) for name, make in makers.items()}
    rows = {name: {"MACs": c.macs, "parameters": c.parameters} for name, c in counted.items()}
    return pd.DataFrame(rows).T.rename_axis("network")


def best_rival(results: pd.DataFrame) -> str:
    """The rival with the highest mean accuracy on the validation images."""
    means = results.groupby("arm")["validation"].mean()
    return str(means[list(RIVALS)].idxmax())
