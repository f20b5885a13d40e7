"""What the trained variants say, what their blocks attend to, and what blocks take in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torchvision import models

from lwsurvey import latency, train
from lwsurvey.chapters.se import library, tables
from lwsurvey.chapters.se.networks import POOLED, REDUCTION, REDUCTIONS, WIDENED
from lwsurvey.data import Images, Split
from lwsurvey.data.fashion import CLASSES
from lwsurvey.latency import Comparison
from lwsurvey.models.blocks import SqueezeExcitation
from lwsurvey.stats import Estimate, mean_interval

Call = Callable[[], object]

AT_ONCE = 2000
"""Images that pass at the same time; ten thousand may be too many for the memory of a GPU."""

BARE, QUARTER, FULL = "without", "r = 4", "r = 1"
PARTS = ("squeeze", "two layers", "scaling")


def enlarge(split: Split) -> Split:
    """The same images with twice as many rows and columns, interpolated."""

    def larger(images: Images) -> Images:
        x = interpolate(images.x, scale_factor=2, mode="bilinear", align_corners=False)
        return Images(x, images.y)

    return Split(*map(larger, (split.train, split.validation, split.test)))


def pooled_effect(frame: pd.DataFrame) -> Estimate:
    """Mean over families and seeds of on minus off, paired by family and seed.

    The differences count as independent repeats: no two of them share a network. What the
    families differ by is part of their spread, so that the interval is rather too wide.

    Args:
        frame: as `lwsurvey.train.repeat` gives it, with all families of `POOLED`.
    """
    test = frame.set_index(["variant", "seed"])["test"]
    pairs = [test[f"{family} on"] - test[f"{family} off"] for family in POOLED]
    return mean_interval(np.concatenate([pair.to_numpy() for pair in pairs]))


def family_effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """The block on minus off for each family and pooled, and on minus the wider controls."""
    found = {
        f"{family}: SE minus bare": train.difference(frame, f"{family} on", f"{family} off")
        for family in (*POOLED, "V3")
    }
    found["three pooled: SE minus bare"] = pooled_effect(frame)
    for family in WIDENED:
        pair = f"{family} on", f"{family} wider"
        found[f"{family}: SE minus wider bare"] = train.difference(frame, *pair)
    return found


def variation_effects(frame: pd.DataFrame) -> dict[str, Estimate]:
    """Reductions and places against V3's own, and the block without its squeeze."""
    pairs = {
        f"r = {r} minus r = {REDUCTION}": (f"r = {r}", "V3 on")
        for r in REDUCTIONS
        if r != REDUCTION
    }
    pairs["before expansion minus inside"] = ("before", "V3 on")
    pairs["behind projection minus inside"] = ("behind", "V3 on")
    pairs["separable: local minus pooled"] = ("separable local", "separable on")
    return {name: train.difference(frame, *pair) for name, pair in pairs.items()}


def effect_table(named: Mapping[str, Estimate]) -> pd.DataFrame:
    """Differences with their intervals, and the smallest that each could have shown."""
    rows = {
        name: {"points": one.text("+.2f"), "pairs": one.n, "could be seen": one.detectable}
        for name, one in named.items()
    }
    return pd.DataFrame(rows).T.rename_axis("first minus second")


@torch.no_grad()
def scores(net: nn.Module, images: Images) -> list[NDArray[np.float32]]:
    """The scores of each block for each image, in order of execution.

    Args:
        net: with `SqueezeExcitation` parts.
        images: on the same device.

    Returns:
        For each block an array of shape ``(images, C)``.
    """
    found: list[NDArray[np.float32]] = []

    def note(block: SqueezeExcitation, inputs: tuple) -> None:
        found.append(block.scores(inputs[0]).flatten(1).cpu().numpy())

    parts = [part for part in net.modules() if isinstance(part, SqueezeExcitation)]
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    portions = images.x.split(AT_ONCE)
    for x in portions:
        net.eval()(x)
    for hook in hooks:
        hook.remove()
    each = len(found) // len(portions)
    return [np.concatenate(found[place::each]) for place in range(each)]


def class_means(score: NDArray[np.float32], images: Images) -> pd.DataFrame:
    """Mean score of each channel over the images of each class, a row a class.

    The channels are in the order of the class for which they score highest.
    """
    frame = pd.DataFrame(score).groupby(images.y.cpu().numpy()).mean()
    frame.index = [CLASSES[i] for i in frame.index]
    first = frame.to_numpy().argmax(axis=0)
    return frame[np.argsort(first, kind="stable")]


def share_between_classes(score: NDArray[np.float32], images: Images) -> float:
    """Share of the scores' variance over images that lies between classes, in per cent.

    Variances are summed over the channels first, so that channels whose scores hardly move
    count for little. 0: the block does the same for all classes, on average.
    """
    frame = pd.DataFrame(score)
    groups = frame.groupby(images.y.cpu().numpy())
    between = (groups.transform("mean") - frame.mean()).pow(2).sum().sum()
    total = (frame - frame.mean()).pow(2).sum().sum()
    return float(100 * between / total) if total > 0 else 0.0


def score_table(found: list[NDArray[np.float32]], images: Images) -> pd.DataFrame:
    """A row a block: its channels, mean score, spread over images, and share between classes."""
    rows = [
        {
            "block": place,
            "channels": score.shape[1],
            "mean score": float(score.mean()),
            "spread over images": float(score.std(axis=0).mean()),
            "between classes, %": share_between_classes(score, images),
        }
        for place, score in enumerate(found, start=1)
    ]
    return pd.DataFrame(rows).set_index("block")


def competitors(device: str, size: str = "large", side: int = 224) -> dict[str, Call]:
    """MobileNet V3 of torchvision without blocks, unmodified, and with full-width blocks.

    Args:
        device: where they run.
        size: ``large`` or ``small``.
        side: of the image.
    """
    net = models.get_model(f"mobilenet_v3_{size}", weights=None)
    made = {BARE: library.without_blocks(net), QUARTER: net, FULL: library.with_reduction(net, 1)}
    shape = (1, 3, side, side)
    return {name: latency.call(each, shape, device=device) for name, each in made.items()}


def parts(device: str, size: str = "large") -> dict[str, Call]:
    """All blocks of a MobileNet V3, one after the other, whole and each of their three steps.

    Args:
        device: where they run.
        size: ``large`` or ``small``.
    """
    blocks = library.blocks(models.get_model(f"mobilenet_v3_{size}", weights=None))
    blocks = [block.eval().to(device) for block in blocks]
    generator = torch.Generator().manual_seed(0)
    maps = [torch.randn(shape, generator=generator).to(device) for shape in tables.shapes(size)]
    with torch.inference_mode():
        means = [block.avgpool(x) for block, x in zip(blocks, maps, strict=True)]
        weights = [_layers(block, z) for block, z in zip(blocks, means, strict=True)]
    steps: dict[str, tuple[Callable, Sequence[Tensor], Sequence[Tensor]]] = {
        "whole blocks": (lambda block, x, _: block(x), maps, maps),
        PARTS[0]: (lambda block, x, _: block.avgpool(x), maps, maps),
        PARTS[1]: (lambda block, z, _: _layers(block, z), means, means),
        PARTS[2]: (lambda _, x, s: s * x, maps, weights),
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
    maps = sum(math.prod(shape) for shape in tables.shapes(size))
    net = models.get_model(f"mobilenet_v3_{size}", weights=None)
    macs = tables.weights(library.widths(net))
    words = (f"reads {maps:,}", f"{macs:,} MACs on vectors", f"reads and writes {maps:,}")
    return {"whole blocks": "all of it", **dict(zip(PARTS, words, strict=True))}


def time_table(comparison: Comparison, work: Mapping[str, str]) -> pd.DataFrame:
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


def added_time(comparison: Comparison, name: str = QUARTER) -> Estimate:
    """What the blocks add to the time of the network without them, in per cent."""
    return comparison.estimate(lambda times: 100 * (times[name] / times[BARE] - 1))
