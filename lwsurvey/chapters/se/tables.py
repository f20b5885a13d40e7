"""What Squeeze-and-Excitation adds: the paper's formula, and counts on built networks."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
import torch
from torch import nn
from torchvision.models import resnet

from lwsurvey import cost, paths
from lwsurvey.chapters.se import library
from lwsurvey.models import zoo

STAGES = ((3, 256), (4, 512), (6, 1024), (3, 2048))
"""Units and their output channels in the four stages of ResNet-50."""

IMAGE = (1, 3, 224, 224)


def formula(stages: Iterable[tuple[int, int]], r: int) -> float:
    """Extra weights by Hu et al. 2018, equation 5: ``2 / r * sum(N_s * C_s**2)``; no biases.

    Args:
        stages: ``N_s`` blocks of ``C_s`` channels, a pair a stage.
        r: reduction.
    """
    return 2 / r * sum(number * C**2 for number, C in stages)


def weights(widths: Iterable[tuple[int, int]]) -> int:
    """Weights of blocks, each with its channels and the channels between its layers."""
    return sum(2 * C * squeezed for C, squeezed in widths)


def biases(widths: Iterable[tuple[int, int]]) -> int:
    """Biases of the same."""
    return sum(C + squeezed for C, squeezed in widths)


def parameters(net: nn.Module) -> int:
    """Elements of all parameters."""
    return sum(p.numel() for p in net.parameters())


def by_stage(r: int = 16) -> pd.DataFrame:
    """The formula for SE-ResNet-50, a row a stage: weights, and biases that it leaves out."""
    rows = []
    for stage, (number, C) in enumerate(STAGES, start=2):
        row = {"stage": f"conv{stage}_x", "blocks": number, "C": C, "C / r": C // r}
        row["weights"] = int(formula([(number, C)], r))
        rows.append(row | {"biases": biases([(C, C // r)] * number)})
    return pd.DataFrame(rows).set_index("stage")


def by_reduction() -> pd.DataFrame:
    """Table 10 of Hu et al. 2018 next to counts on built networks, in millions of parameters."""
    table = pd.read_csv(paths.data("papers/papers_senet_table10.csv"))
    rows = []
    for row in table.itertuples():
        net, extra = zoo.from_torchvision("resnet50"), 0.0
        if row.reduction != "none":
            net = library.insert_blocks(net, resnet.Bottleneck, int(row.reduction), "meta")
            extra = formula(STAGES, int(row.reduction))
        # Running means and variances are stored but not learned.
        running = sum(b.numel() for name, b in net.named_buffers() if "running" in name)
        counts = parameters(net) / 1e6, (parameters(net) + running) / 1e6
        rows.append((row.reduction, row.top1_err, row.paper_params_M, *counts, extra / 1e6))
    names = ["r", "top-1 error, %", "printed", "counted", "with running statistics", "formula"]
    return pd.DataFrame(rows, columns=names).set_index("r")


def published_gains() -> pd.Series:
    """Top-1 accuracy that the block adds on ImageNet, in points: Hu et al., tables 2 and 3.

    Against the authors' own re-implementation of each network.
    """
    tables = [pd.read_csv(paths.data(f"papers/papers_senet_table{n}.csv")) for n in (2, 3)]
    errors = pd.concat(tables).set_index("model")
    return errors.reimpl_top1_err - errors.se_top1_err


def by_mobilenet() -> pd.DataFrame:
    """The blocks of MobileNet V3 in torchvision, a row a size, with what they add."""
    rows = []
    for size in ("large", "small"):
        net = zoo.from_torchvision(f"mobilenet_v3_{size}")
        found, without = library.widths(net), parameters(library.without_blocks(net))
        rows.append({
            "network": f"V3-{size.capitalize()}",
            "blocks": len(found),
            "formula, r = 4": round(formula([(1, C) for C, _ in found], 4)),
            "weights": weights(found),
            "biases": biases(found),
            "added": parameters(net) - without,
            "without": without,
            "added, %": 100 * (parameters(net) / without - 1),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("network")


def added(size: str = "large") -> dict[str, float]:
    """What the blocks add to a MobileNet V3, by what is counted, in per cent of it without."""
    net = zoo.from_torchvision(f"mobilenet_v3_{size}")
    on, off = (cost.profile(each, IMAGE) for each in (net, library.without_blocks(net)))
    pairs = {
        "parameters": (on.parameters, off.parameters),
        "MACs": (on.macs, off.macs),
        "memory access": (on.memory_access, off.memory_access),
        "layer calls": (len(on.layers), len(off.layers)),
    }
    return {name: 100 * (a / b - 1) for name, (a, b) in pairs.items()}


def shapes(size: str = "large") -> list[tuple[int, int, int, int]]:
    """The shapes of the maps that enter the blocks of a MobileNet V3."""
    found: list[tuple[int, int, int, int]] = []
    net = zoo.from_torchvision(f"mobilenet_v3_{size}")
    for part in library.blocks(net):
        part.register_forward_pre_hook(lambda _, x: found.append(tuple(x[0].shape)))
    with torch.no_grad():
        net(torch.zeros(IMAGE, device="meta"))
    return found
