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
from lwsurvey.cost.count import by_layer, count, multiplications
from lwsurvey.cost.reach import reach

__all__ = [
    "Cost",
    "asymmetric",
    "bottleneck",
    "by_layer",
    "convolution",
    "count",
    "depthwise",
    "multiplications",
    "output_size",
    "pointwise",
    "reach",
    "scaled",
    "separable",
    "stacked",
]
