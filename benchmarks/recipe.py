"""``python -m benchmarks.recipe``: what the book's recipe reaches on the full Fashion-MNIST."""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import Any

import click
import pandas as pd
from torch import nn

from lwsurvey import cost, data, paths, store, train
from lwsurvey.models import small
from lwsurvey.provenance import provenance
from lwsurvey.train import Recipe

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)

MACS = 800_000
"""Of the networks, for one image."""

NETWORKS = {
    "mobilenet_v1": partial(small.match_macs, small.mobilenet_v1, MACS),
    "shufflenet_v2": partial(small.match_macs, small.shufflenet_v2, MACS),
}

PAIRS = ((0.1, 5e-4), (0.05, 5e-4), (0.2, 5e-4), (0.1, 1e-4), (0.1, 1e-3))
"""Learning rates and weight decays that ``--choose`` tries."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--seeds", type=click.IntRange(2), default=3, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=Recipe.epochs, show_default=True)
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, help="Processes.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--folder", type=FOLDER, help="Folder of the full set; looked for if not given.")
@click.option("--out", type=FILE, help="Where to write; data/benchmarks/recipe.json by default.")
@click.option("--choose", is_flag=True, help="Only print what other constants reach on the subset.")
def main(
    seeds: int, epochs: int, jobs: int, device: str, folder: Path | None, out: Path | None,
    choose: bool,
) -> None:  # fmt: skip
    """Train two small networks by the one recipe, on all of Fashion-MNIST.

    Prints and writes the test accuracy and the minutes of each run, one thread each. For the
    minutes nothing else should run on the machine. With --choose it tries learning rates and
    weight decays on the validation images of the subset instead, and writes nothing.
    """
    options = {"seeds": seeds, "epochs": epochs, "jobs": jobs, "device": device}
    try:
        if choose:
            click.echo(chosen(options).to_string(float_format="%.2f"))
            return
        split = data.fashion_mnist(full=True, folder=folder)
    except data.DataError as error:
        raise click.ClickException(str(error)) from error
    load = os.getloadavg()
    frame = train.repeat(NETWORKS, split, **options)
    found = report(frame, options) | {"load_before": load, "load_after": os.getloadavg()}
    write(out or paths.root() / "data" / "benchmarks" / "recipe.json", found)
    click.echo(frame.to_string(index=False, float_format="%.2f"))


def chosen(options: dict[str, Any]) -> pd.DataFrame:
    """Mean validation accuracy on the subset, per cent, by learning rate and weight decay."""
    split, means = data.fashion_mnist(), {}
    for lr, decay in PAIRS:
        frame = train.repeat(NETWORKS, split, lr=lr, weight_decay=decay, **options)
        means[lr, decay] = frame.groupby("variant")["validation"].mean()
        click.echo(f"learning rate {lr}, weight decay {decay} done", err=True)
    table = pd.DataFrame(means).T.rename_axis(["lr", "weight_decay"])
    return table.assign(mean=table.mean(axis=1))


def report(frame: pd.DataFrame, options: dict[str, Any]) -> dict[str, Any]:
    """All runs, the means, and with what they were made, as plain JSON values."""
    return {
        **provenance(),
        **options,
        "threads": 1,
        "recipe": {key: getattr(Recipe, key) for key in Recipe.__dataclass_fields__},
        "networks": {name: _size(make()) for name, make in NETWORKS.items()},
        "test_percent": train.summary(frame).round(3).to_dict("records"),
        "minutes": train.summary(frame.assign(minutes=frame["seconds"] / 60), "minutes")
        .round(3).to_dict("records"),
        "runs": frame.round(4).to_dict("records"),
        "command": "python -m benchmarks.recipe",
    }  # fmt: skip


def _size(network: nn.Module) -> dict[str, int]:
    found = cost.count(network, small.INPUT)
    return {"macs": found.macs, "parameters": found.parameters}


def write(path: Path, found: dict[str, Any]) -> None:
    """Write the report in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    store.write(path, json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.recipe")
