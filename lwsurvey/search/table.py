"""The table of really trained networks: every network of the space, its accuracy and its costs.

``python -m benchmarks.search_space`` makes it; it is kept in ``data/search/``.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lwsurvey import paths
from lwsurvey.search import SearchError, space

FOLDER = "search"
NETWORKS, RUNS, MADE, SUMS = "networks.csv", "runs.csv", "made.json", "SHA256SUMS"
RESTORE = "restore it with: git checkout -- data/search"


@dataclass(frozen=True)
class Table:
    """Every network of the space, as it was trained and timed.

    Attributes:
        networks: index ``network`` (short name); columns ``macs`` and ``parameters`` (exact, of
            one image), ``latency`` (median seconds for a batch, as ``made`` says), ``low`` and
            ``high`` (its 95 % interval within the comparison in which it was timed).
        runs: columns ``network``, ``seed``, ``validation`` and ``test`` (accuracies, per cent)
            and ``loss`` (training, last epoch): one row a training.
        made: provenance and settings, and what the time of one network that stands in all
            comparisons varied by.
    """

    networks: pd.DataFrame
    runs: pd.DataFrame
    made: dict[str, Any]

    def accuracy(self, column: str = "test") -> pd.Series:
        """Mean over the seeds, per cent, by network in the order of `networks`.

        Raises:
            SearchError: no such column.
        """
        return self._by_seed(column).mean(axis=1).reindex(self.networks.index).rename(column)

    def noise(self, column: str = "test") -> float:
        """Standard deviation of one training around its network's mean, pooled, in points.

        Raises:
            SearchError: no such column, or a table of one seed.
        """
        values = self._by_seed(column)
        if values.shape[1] < 2:
            raise SearchError("a table of one seed says nothing of the noise between seeds")
        return float(np.sqrt(values.var(axis=1, ddof=1).mean()))

    def _by_seed(self, column: str) -> pd.DataFrame:
        if column not in (known := ("validation", "test", "loss")):
            raise SearchError(f"the runs have {', '.join(known)}, not {column!r}")
        return self.runs.pivot(index="network", columns="seed", values=column)


def load(folder: str | Path | None = None) -> Table:
    """The table of the repository, or of another folder.

    Raises:
        SearchError: a file is damaged or missing, or the table is of another space.
    """
    folder = Path(folder) if folder else paths.data(FOLDER)
    check(folder)
    networks = pd.read_csv(folder / NETWORKS, index_col="network")
    if list(networks.index) != [space.name(one) for one in space.architectures()]:
        raise SearchError(f"{folder / NETWORKS} is of another search space; make it anew with: "
                          "python -m benchmarks.search_space")  # fmt: skip
    made = json.loads((folder / MADE).read_text(encoding="utf-8"))
    return Table(networks, pd.read_csv(folder / RUNS), made)


def check(folder: Path) -> None:
    """Raise SearchError unless all files of the table are there and as their checksums say."""
    sums = _read(folder / SUMS).decode(errors="replace").splitlines()
    for name in (NETWORKS, RUNS, MADE):
        if _line(folder / name) not in sums:
            raise SearchError(f"{folder / name} is damaged: its checksum is another; {RESTORE}")


def digests(folder: Path) -> str:
    """What stands in the file of checksums, for the files as they are."""
    return "".join(f"{_line(folder / name)}\n" for name in (NETWORKS, RUNS, MADE))


def _line(file: Path) -> str:
    return f"{hashlib.sha256(_read(file)).hexdigest()}  {file.name}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise SearchError(f"{file} is missing; {RESTORE}") from None
    except OSError as error:
        raise SearchError(f"{file} cannot be read: {error}") from error
