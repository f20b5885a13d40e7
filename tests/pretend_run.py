"""One chapter in this process, on the processor or on the pretend GPU; prints its records.

``python tests/pretend_run.py CHAPTER DEVICE '{"images": 40}'``: the smoke preset with changes.
The last line is JSON: the verdict records, and the text of all that was shown.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

import nbformat
import torch
import yaml
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell
from pretend_gpu import pretended

from lwsurvey import paths
from lwsurvey.schema import METADATA_KEY


def run(slug: str, changes: dict[str, object]) -> list[dict]:
    """Execute a chapter; what it displayed, in order.

    Raises:
        RuntimeError: a cell failed; its traceback has been printed.
    """
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher(parent=shell)
    shell.colors = "NoColor"
    notebook = nbformat.read(paths.root() / "notebooks" / f"{slug}.ipynb", as_version=4)
    for cell in notebook.cells:
        # Exercises compute on the processor.
        if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
            if not shell.run_cell(cell.source, store_history=False).success:
                raise RuntimeError(f"{slug}: the cell {cell.id} failed")
            if "parameters" in cell.metadata.get("tags", ()):
                shell.user_ns.update(changes)
    return shell.display_pub.outputs


def smoke(slug: str) -> dict[str, object]:
    """What the smoke preset changes."""
    text = (paths.root() / "notebooks/presets.yml").read_text(encoding="utf-8")
    return {"preset": "smoke", **yaml.safe_load(text)[slug]["smoke"]}


def main(slug: str, device: str, changes: str) -> None:
    """See the module."""
    torch.set_num_threads(1)
    where = pretended() if device == "cuda" else contextlib.nullcontext()
    # Tables of times that never were must not be found by a real GPU.
    with tempfile.TemporaryDirectory() as empty, where:
        paths.made = Path(empty).joinpath
        shown = run(slug, smoke(slug) | json.loads(changes) | {"device": device, "jobs": 1})
    notes = [output["metadata"].get(METADATA_KEY, {}) for output in shown]
    verdicts = [note for note in notes if note.get("type") == "verdict"]
    text = [str(output["data"].get("text/plain", "")) for output in shown]
    # IPython may have written a prompt, and no end of its line.
    print("\n" + json.dumps({"verdicts": verdicts, "text": text}))


if __name__ == "__main__":
    main(*sys.argv[1:])
