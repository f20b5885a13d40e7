"""``python -m benchmarks.netadapt_table``: the recorded table that guides NetAdapt's study."""

from __future__ import annotations

import io
import itertools
import json

import click
import numpy as np
import pandas as pd
import torch

from lwsurvey import paths
from lwsurvey.latency import lookup
from lwsurvey.latency.lookup.layers import Piece
from lwsurvey.models import small
from lwsurvey.provenance import provenance
from lwsurvey.store import write

WIDTH, SHAPE, MULTIPLE = 64, (32, 1, 28, 28), 8


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rounds", type=click.IntRange(2), default=15, show_default=True, help="An entry.")
@click.option("--deals", type=click.IntRange(1), default=3, show_default=True)
def main(rounds: int, deals: int) -> None:
    """Time the pieces of the chapter's network on one thread of a quiet machine.

    Writes data/lookup/netadapt.csv, with the seconds of each piece for all multiples of eight
    channels, and netadapt.json, with where and how it was made.
    """
    torch.set_num_threads(1)
    network = small.mobilenet_v1(WIDTH)
    table = lookup.build(network, SHAPE, rounds=rounds, deals=deals, rebuild=True)
    rows = [row for piece in table.pieces(network) for row in seconds(table, piece)]
    text = pd.DataFrame(rows, columns=["piece", "N", "M", "seconds"]).to_csv(
        index=False, float_format="%.4e", lineterminator="\n"
    )
    folder = paths.root() / "data" / "lookup"
    folder.mkdir(exist_ok=True)
    write(folder / "netadapt.csv", text)
    made = {
        **provenance(), "threads": 1, "network": f"small.mobilenet_v1({WIDTH})",
        "input": list(SHAPE), "measured entries": len(table.entries), "rounds": rounds,
        "deals": deals, "seconds": round(table.seconds, 1), "disturbed": list(table.disturbed),
        "command": f"python -m benchmarks.netadapt_table --rounds {rounds} --deals {deals}",
    }  # fmt: skip
    write(folder / "netadapt.json", json.dumps(made, indent=2) + "\n")
    click.echo(pd.read_csv(io.StringIO(text)).groupby("piece").seconds.describe().to_string())
    click.echo("; ".join(table.disturbed) or "nothing disturbed it")


def seconds(table: lookup.Table, piece: Piece) -> list[tuple[str, int, int, float]]:
    """Piece, channels in and out, and its seconds, interpolated where it was not measured."""
    last = piece.layer.kind == "classifier"
    axes = [
        [n] if n < MULTIPLE or (last and i) else np.arange(MULTIPLE, n + 1, MULTIPLE).tolist()
        for i, n in enumerate(piece.widths)
    ]
    return [
        (piece.name, at[0], at[-1], table.piece(piece._replace(widths=at)))
        for at in itertools.product(*axes)
    ]


if __name__ == "__main__":
    main()
