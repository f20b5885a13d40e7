"""Where MobileNet V1 spends its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwsurvey.chapters.latency.layers import Block
from lwsurvey.latency import Comparison
from lwsurvey.latency.roofline.jobs import Job
from lwsurvey.stats import Estimate


def parts_of_time(
    run: Comparison, jobs: Mapping[str, Job], blocks: Sequence[Block]
) -> dict[tuple[str, str], tuple[Estimate, float]]:
    """Milliseconds of the parts of MobileNet V1 and of its dense twin, and their shares of MACs.

    Layers are timed one by one; the rest is what the network takes beyond them, as a difference
    within each round.

    Args:
        run: comparison of the jobs of `layers.block_jobs` and of `networks.twins`.
        jobs: these jobs.
        blocks: blocks of the network.
    """
    kinds = {"separable": ("depthwise", "pointwise"), "dense": ("dense",)}
    found = {}
    for net, layers in kinds.items():
        bare, left = f"{net}, convolutions only", jobs[net].macs
        names = [f"{kind} {block}" for kind in layers for block in blocks]
        for kind in layers:
            own = [name for name in names if name.startswith(kind)]
            macs = sum(jobs[name].macs for name in own)
            left -= macs
            time = run.estimate(lambda t, own=own: 1e3 * t[own].sum(axis=1))
            found[net, f"{kind} layers"] = time, macs / jobs[net].macs
        rest = run.estimate(lambda t: 1e3 * (t[bare] - t[names].sum(axis=1)))  # noqa: B023
        found[net, "stem, classifier, calls"] = rest, left / jobs[net].macs
        other = run.estimate(lambda t: 1e3 * (t[net] - t[bare]))  # noqa: B023
        found[net, "batch normalisation, ReLU"] = other, 0.0
    return found
