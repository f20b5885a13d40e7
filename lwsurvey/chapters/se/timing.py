"""Competitors for `lwsurvey.latency.compare`: a network without blocks, and blocks in parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor, nn
from torchvision import models

from lwsurvey import latency
from lwsurvey.chapters.se import tables as counts, library
from lwsurvey.latency import Comparison
from lwsurvey.stats import Estimate

Call = Callable[[], object]

BARE, QUARTER, FULL = "without", "r = 4", "r = 1"
PARTS = ("squeeze", "two layers", "scaling")


def networks(device: str, size: str = "large", side: int = 224) -> dict[str, Call]:
    """MobileNet V3 of torchvision without blocks, as it is, and with full-width blocks.

    Args:
        device: where they run.
        size: ``large`` or ``small``.
        side: of the image.
    """
    net = models.get_model(f"mobilenet_v3_{size}", weights=None)
    made = {BARE: library.removed(net), QUARTER: net, FULL: library.resized(net, 1)}
    shape = (1, 3, side, side)
    return {name: latency.call(each, shape, device=device) for name, each in made.items()}


def parts(device: str, size: str = "large") -> dict[str, Call]:
    """All blocks of a MobileNet V3, one after the other, whole and each of their three steps.

    Args:
        device: where they run.
        size: ``large`` or ``small``.
    """
    blocks = library.blocks(models.get_model(f"mobilenet_v3_{size}", weights=None))
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(shape, generator=generator) for shape in counts.shapes(size)]
    return _calls([block.eval().to(device) for block in blocks], [x.to(device) for x in maps])


def _calls(blocks: Sequence[nn.Module], maps: Sequence[Tensor]) -> dict[str, Call]:
    with torch.inference_mode():
        means = [block.avgpool(x) for block, x in zip(blocks, maps, strict=True)]
        scores = [_layers(block, z) for block, z in zip(blocks, means, strict=True)]
    steps: Mapping[str, tuple[Callable, Sequence[Tensor], Sequence[Tensor]]] = {
        "whole blocks": (lambda block, x, _: block(x), maps, maps),
        PARTS[0]: (lambda block, x, _: block.avgpool(x), maps, maps),
        PARTS[1]: (lambda block, z, _: _layers(block, z), means, means),
        PARTS[2]: (lambda _, x, s: s * x, maps, scores),
    }
    return {name: _all(step, blocks, *inputs) for name, (step, *inputs) in steps.items()}


def _layers(block: nn.Module, z: Tensor) -> Tensor:
    return block.scale_activation(block.fc2(block.activation(block.fc1(z))))


def _all(step: Callable, blocks: Sequence, first: Sequence, second: Sequence) -> Call:
    triples = list(zip(blocks, first, second, strict=True))

    def run() -> None:
        with torch.inference_mode():
            for triple in triples:
                step(*triple)

    return run


def work(size: str = "large") -> dict[str, str]:
    """What each of the `parts` does: elements of maps that it moves, or MACs."""
    maps = sum(math.prod(shape) for shape in counts.shapes(size))
    net = models.get_model(f"mobilenet_v3_{size}", weights=None)
    macs = counts.weights(library.widths(net))
    words = (f"reads {maps:,}", f"{macs:,} MACs on vectors", f"reads and writes {maps:,}")
    return {"whole blocks": "all of it", **dict(zip(PARTS, words, strict=True))}


def table(comparison: Comparison, work: Mapping[str, str]) -> pd.DataFrame:
    """Median time of each part with its interval, and its share of the three together.

    Args:
        comparison: of `parts`.
        work: what each part does, in words or numbers, by name.
    """
    rows = []
    for name in comparison.times:
        t = comparison.time(name)
        row = {"part": name, "µs": t.value * 1e6, "from": t.low * 1e6, "to": t.high * 1e6}
        rows.append(row | {"share, %": share(comparison, name), "does": work[name]})
    return pd.DataFrame(rows).set_index("part")


def share(comparison: Comparison, name: str) -> float:
    """A part's median time, in per cent of the sum of the three parts' median times."""
    medians = comparison.times.median()
    return 100 * medians[name] / medians[list(PARTS)].sum()


def costs(comparison: Comparison, name: str = QUARTER) -> Estimate:
    """What the blocks add to the time of the network without them, in per cent."""
    return comparison.estimate(lambda times: 100 * (times[name] / times[BARE] - 1))


def said(ratio: Estimate) -> str:
    """A ratio with its interval, as text."""
    return ratio.text(".3f")
