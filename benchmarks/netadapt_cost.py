"""``python -m benchmarks.netadapt_cost``: what NetAdapt itself costs, beside the published code."""

from __future__ import annotations

import itertools
import os
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd
import torch
from torch import nn

from benchmarks.recipe import FILE, write
from lwsurvey import cost, data, paths, train
from lwsurvey.latency import lookup
from lwsurvey.models import small
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.provenance import provenance
from lwsurvey.search import channels, netadapt

FACTS = "papers/papers_netadapt_facts.csv"
SIZE = "repo look-up table size for MobileNetV1 at 224"
REPEATS = 500
"""Timed forward passes an entry, of which the published code takes the median; see `published`."""

LARGE, SMALL = (1, 3, 224, 224), (32, 1, 28, 28)
CHANNELS, FEATURES = 8, 64
"""Steps of the published code's table: channels of convolutions, features of linear layers."""

LAYER = ("kind", "N", "M", "K_h", "K_w", "G", "stride", "H", "W")
"""What the published code's table tells layers apart by."""

STEP = 0.025
"""Of the published code's first step, over the cost of the network."""

BATCH = 8
"""Images of the large network's fine-tuning step, so that it fits a small machine's memory."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--width", type=click.IntRange(8), default=64, show_default=True, help="At 7 x 7.")
@click.option("--steps", type=click.IntRange(1), default=3, show_default=True)
@click.option("--rounds", type=click.IntRange(2), default=15, show_default=True, help="An entry.")
@click.option("--out", type=FILE, help="data/benchmarks/netadapt.json by default.")
def main(width: int, steps: int, rounds: int, out: Path | None) -> None:
    """Measure the tables and the steps of NetAdapt, for the chapter's network and MobileNet V1.

    Tables are built anew in a folder beside the book's. Nothing else should run on the machine.
    """
    torch.set_num_threads(1)
    load, folder = os.getloadavg(), paths.root() / "_build" / "benchmark-lookup"
    found = {
        **provenance(), "threads": 1, "published": published(),
        "small": small_network(width, steps, rounds, folder),
        "large": large_network(rounds, folder),
        "load_before": load, "load_after": os.getloadavg(),
        "command": f"python -m benchmarks.netadapt_cost --width {width} --steps {steps} "
                   f"--rounds {rounds}",
    }  # fmt: skip
    write(out or paths.root() / "data" / "benchmarks" / "netadapt.json", found)
    click.echo(pd.DataFrame({name: found[name] for name in ("small", "large")}).to_string())


def published() -> dict[str, Any]:
    """What is known of the published code's table, and that our count of it agrees.

    Raises:
        click.ClickException: the count differs from the one on record.
    """
    row = pd.read_csv(paths.data(FACTS), index_col="item").loc[SIZE]
    entries = table_entries(MobileNetV1(classes=10), LARGE)
    recorded = int(re.search(r"(\d+) entries", row["value"])[1])
    millions = float(re.search(r"([\d.]+)M timed forwards", row["value"])[1])
    if entries != recorded or round(entries * REPEATS / 1e6, 1) != millions:
        raise click.ClickException(f"{entries} entries of {REPEATS} passes are not {row['value']}")
    return {"entries": entries, "passes": entries * REPEATS, "source": row["source"]}


def table_entries(network: nn.Module, shape: Sequence[int]) -> int:
    """Entries of the published code's look-up table: the full grid of widths of each layer.

    Every distinct convolution and linear layer is timed alone, without normalisation and
    activation, for each pair of input and output widths in steps of 8 channels or 64 features;
    a depthwise layer has one width, and what is narrower than a step, such as the channels of
    the image, is not varied.

    Args:
        network: convolutions are depthwise or have one group.
        shape: of the images, ``(batch, channels, H, W)``.
    """
    total = 0
    layers = cost.by_layer(network, tuple(shape)).drop_duplicates(list(LAYER))
    for layer in layers.itertuples():
        step = FEATURES if layer.kind == "Linear" else CHANNELS
        inputs, outputs = max(1, layer.N // step), max(1, layer.M // step)
        total += outputs if layer.G == layer.N > 1 else inputs * outputs
    return total


def small_network(width: int, steps: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Table and steps of the chapter's network; the short fine-tuning is `Short`'s.

    The network is not pretrained: its costs are the same.
    """
    network, split = small.mobilenet_v1(width), data.portion(4000, 500, 500)
    table, costs = tabled(network, SMALL, rounds, folder)
    start, asked = table.estimate(network), []

    def resource(net: nn.Module) -> float:
        asked.append(net)
        return table.estimate(net)

    run = netadapt.adapt(network, split, resource, 1e-3 * start, netadapt.Schedule(0.1 * start))
    done, whole = timed(lambda: list(itertools.islice(run, steps)))
    return costs | {
        "network": f"small.mobilenet_v1({width})", "layers": len(done[0].proposals),
        "steps": len(done), "seconds_a_step": whole / len(done),
        "estimates_a_step": len(asked) / len(done),
        "fine_tuning": f"{netadapt.Short()}, {len(split.validation)} held-out images",
    }  # fmt: skip


def large_network(rounds: int, folder: Path) -> dict[str, Any]:
    """Table of MobileNet V1 at 224 for one image, and what a step needs besides ImageNet."""
    network = MobileNetV1(classes=10)
    table, costs = tabled(network, LARGE, rounds, folder)
    groups = channels.groups(network, LARGE[1:])
    limit = (1 - STEP) * table.estimate(network)
    asked = []

    def resource(net: nn.Module) -> float:
        asked.append(net)
        return table.estimate(net)

    _, chosen = timed(lambda: [
        netadapt.choose_num_filters(network, group, limit, resource) for group in groups
    ])  # fmt: skip
    _, cut = timed(lambda: channels.prune(network, groups[-1], range(8)))
    x = torch.randn(BATCH, *LARGE[1:])
    images = data.Images(x, torch.arange(BATCH))
    one = netadapt.Short(steps=1, batch=BATCH, lr=1e-3)
    _, learnt = timed(lambda: netadapt.short_term_fine_tune(network, images, one, 0))
    _, seen = timed(lambda: train.accuracy(network, images))
    return costs | {
        "network": "MobileNet V1, 10 classes, at 224", "layers": len(groups),
        "seconds_a_step_choosing": chosen, "seconds_a_cut": cut,
        "estimates_a_step": len(asked),
        "seconds_an_image_learnt": learnt / BATCH, "seconds_an_image_held_out": seen / BATCH,
    }  # fmt: skip


def tabled(
    network: nn.Module, shape: tuple[int, ...], rounds: int, folder: Path
) -> tuple[lookup.Table, dict[str, Any]]:
    """The table, and what it needs, beside the published code for the same network."""
    table, seconds = timed(lambda: lookup.build(
        network, shape, rounds=rounds, folder=folder, rebuild=True
    ))  # fmt: skip
    places = sum(len(part.entries) for part in table.parts)  # an entry stands in several
    return table, {
        "input": list(shape), "entries": len(table.entries), "passes": places * rounds,
        "seconds_table": seconds, "disturbed": list(table.disturbed),
        "published_entries": table_entries(network, shape),
    }  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What a piece of work gives, and its seconds."""
    start = time.perf_counter()
    return work(), time.perf_counter() - start


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.netadapt_cost")
