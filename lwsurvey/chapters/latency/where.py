"""Where the time of MobileNet V1 goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from lwsurvey.chapters.latency.layers import Block
from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.jobs import Job


def parts(
    layers: Comparison, whole: Comparison, jobs: Mapping[str, Job], blocks: Sequence[Block]
) -> pd.DataFrame:
    """Time and MACs of the parts of MobileNet V1 and of its dense twin.

    The layers are timed one by one, the rest is what the whole network takes beyond them. So
    small parts carry the errors of large ones, and may come out negative.

    Args:
        layers: of `layers.block_jobs`.
        whole: of `networks.twins`, on the same device with the same threads.
        jobs: both sets of jobs.
        blocks: of the network.

    Returns:
        Columns ``network``, ``part``, ``ms``, ``share of time`` and ``share of MACs`` (in
        percent).
    """
    kinds = {"separable": ("depthwise", "pointwise"), "dense": ("dense",)}
    return pd.concat(
        [_parts(net, use, layers, whole, jobs, blocks) for net, use in kinds.items()],
        ignore_index=True,
    )


def _parts(net, kinds, layers, whole, jobs, blocks) -> pd.DataFrame:
    each, nets = layers.times.median(), whole.times.median()
    rows = {}
    for kind in kinds:
        names = [f"{kind} {block}" for block in blocks]
        rows[f"{kind} layers"] = each[names].sum(), sum(jobs[name].macs for name in names)
    bare = f"{net}, convolutions only"
    seconds, macs = (sum(column) for column in zip(*rows.values(), strict=True))
    rows["stem, classifier, calls"] = nets[bare] - seconds, jobs[net].macs - macs
    rows["batch normalisation and ReLU"] = nets[net] - nets[bare], 0
    table = pd.DataFrame(rows.values(), columns=["seconds", "macs"])
    return pd.DataFrame(
        {
            "network": net, "part": list(rows), "ms": 1e3 * table.seconds,
            "share of time": 100 * table.seconds / nets[net],
            "share of MACs": 100 * table.macs / jobs[net].macs,
        }
    )  # fmt: skip
