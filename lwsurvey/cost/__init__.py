"""What convolutions cost: closed forms, and exact counts on real layers to check them."""

from lwsurvey.cost.closed_form import (
    Cost,
    asymmetric,
    bottleneck,
    convolution,
    depthwise,
    output_size,
    pointwise,
    scaled,
    separable,
    stacked,
)
from lwsurvey.cost.conventions import PAPERS, Conventions
from lwsurvey.cost.count import by_layer, count, multiplications, reach
from lwsurvey.cost.inputs import CostError
from lwsurvey.cost.profile import Profile, profile

__all__ = [
    "PAPERS",
    "Conventions",
    "Cost",
    "CostError",
    "Profile",
    "asymmetric",
    "bottleneck",
    "by_layer",
    "convolution",
    "count",
    "depthwise",
    "multiplications",
    "output_size",
    "pointwise",
    "profile",
    "reach",
    "scaled",
    "separable",
    "stacked",
]
