"""``python -m benchmarks.fashion_mnist_subset``: the part of Fashion-MNIST in the repository."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from lwsurvey.data import DataError, files

PER_CLASS = {"train": 1000, "t10k": 1000}
"""Images of each class that are taken from the training and from the test images."""

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--source", type=FOLDER, help="Folder of the four files of the full set.")
@click.option("--out", type=FOLDER, help="Where to write; data/fashion-mnist if not given.")
def main(source: Path | None, out: Path | None) -> None:
    """Write the first images of each class of Fashion-MNIST, with their checksums.

    The same source gives the same bytes each time, as far as zlib compresses them alike.
    """
    out = out or files.subset()
    try:
        _write_all(files.full(source), out)
    except DataError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"wrote {', '.join(files.NAMES)} and {files.SUMS} to {out}")


def first_of_each(labels: NDArray[np.uint8], n: int) -> NDArray[np.int64]:
    """Places of the first ``n`` labels of each class, in ascending order.

    Raises:
        ValueError: a class has fewer.
    """
    places = [np.flatnonzero(labels == label)[:n] for label in np.unique(labels)]
    if short := [str(i) for i, p in enumerate(places) if len(p) < n]:
        raise ValueError(f"fewer than {n} images in class {', '.join(short)}")
    return np.sort(np.concatenate(places))


def _write_all(source: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    sums = [line for part, n in PER_CLASS.items() for line in _write(source, out, part, n)]
    (out / files.SUMS).write_text("".join(sums), encoding="ascii")


def _write(source: Path, out: Path, part: str, n: int) -> list[str]:
    names = files.names(part)
    images, labels = (files.parse_idx(files.read_full(source, name)) for name in names)
    chosen = first_of_each(labels, n)
    for name, array in zip(names, (images[chosen], labels[chosen]), strict=True):
        write_idx(out / name, array)
    return [f"{hashlib.sha256((out / n).read_bytes()).hexdigest()}  {n}\n" for n in names]


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file; equal arrays give equal files (no name and no time inside)."""
    header = files.UNSIGNED_BYTES + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(header + array.tobytes())


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.fashion_mnist_subset")
