"""How far a study is."""

from __future__ import annotations

import sys

from tqdm import tqdm

LOG = 15.0  # seconds between two renewals where nobody watches


class Progress:
    """Finished runs and the time left, as a plain bar on standard error.

    No widgets: the book drops from a page what redraws its line.

    Args:
        total: runs of the study.
        kept: how many of them were finished before.
    """

    def __init__(self, total: int, kept: int = 0) -> None:
        watched = sys.stderr.isatty() or "ipykernel" in sys.modules
        self._bar = tqdm(
            total=total, initial=kept, unit="run", leave=False, mininterval=0.5 if watched else LOG
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.close()

    def done(self) -> None:
        """One more run is finished."""
        self._bar.update()
