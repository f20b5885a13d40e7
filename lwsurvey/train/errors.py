"""What can go wrong when a network is trained."""

from __future__ import annotations

import pandas as pd


class TrainError(RuntimeError):
    """A training that cannot begin, or that diverged; the message names the arm and the seed.

    Attributes:
        finished: rows of the runs that did finish, where `repeat` raised this.
    """

    def __init__(self, message: str, finished: pd.DataFrame | None = None) -> None:
        super().__init__(message)
        self.finished = finished


class TrainMemoryError(TrainError):
    """The memory of a GPU ran out; the message names arm, seed, device and batch."""
