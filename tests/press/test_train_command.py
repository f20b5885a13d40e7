"""``lwsurvey train``: networks that are missing, trained, checked and pruned."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from checkout import Checkout
from click.testing import CliRunner

from lwsurvey import paths, runs
from lwsurvey.cli import main
from lwsurvey.press.run import training
from lwsurvey.press.sources import chapters

SETUP = """import torch
from torch import nn
from lwsurvey import train
from lwsurvey.data import Images, Split

def images(n, first):
    x = (torch.arange(n * 64.0) * 37 + first) % 11 / 5 - 1
    return Images(x.reshape(n, 1, 8, 8), torch.arange(n) % 4)

split = Split(images(64, 0), images(16, 3), images(32, 5))
recorded = train.recorded("tiny")"""
VARIANTS = """def net(width):
    return lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 4))

variants = {"narrow": net(4), "wide": net(9)}"""
TRAIN = """def examine(fit, split):
    return {"weights": sum(w.numel() for w in fit.net.parameters())}

found = train.repeat(variants, split, seeds=3, epochs=1, batch=16, examine=examine,
                     recorded=recorded, study="one")
print(found.no_such_column)"""
SECOND = """train.repeat({"narrow": net(5)}, split, seeds=2, epochs=1, batch=16, recorded=recorded,
             study="two")"""


class Tiny:
    """A checkout with a chapter that trains 8 networks in a second."""

    def __init__(self, root: Path) -> None:
        self.checkout = Checkout(root)
        self.checkout.chapter("still")
        self.checkout.chapter("tiny")
        self.file = root / "data" / "runs" / "tiny.csv"
        self.write()

    def write(self, *, variants: str = VARIANTS, extra: str = "") -> None:
        path = self.checkout.write("tiny", ["1 / 0", SETUP, variants, TRAIN, SECOND + extra])
        notebook = json.loads(path.read_text())
        for cell, tag in zip(notebook["cells"][3:], ["setup", *["study"] * 3], strict=True):
            cell["metadata"]["tags"] = [tag]
        path.write_text(json.dumps(notebook))

    def rows(self) -> list[tuple]:
        found = runs.read(self.file).values()
        return sorted((r.study, r.variant, r.seed, *sorted(r.numbers.items())) for r in found)


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> Tiny:
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path / "book"))
    return Tiny(tmp_path / "book")


def call(*arguments: str, status: int = 0) -> str:
    done = CliRunner().invoke(main, ["train", "--jobs", "1", *arguments])
    assert done.exit_code == status, done.output
    assert "Traceback" not in done.output
    return done.output if status else done.stdout


def test_what_is_missing_is_counted_trained_and_then_there(tiny):
    assert call("--dry-run") == "tiny: 8 networks to train, 0 recorded\n"
    assert not tiny.file.exists()
    assert call() == "tiny: 8 networks trained, 8 recorded\n"
    before = tiny.file.read_text()
    assert call("tiny", "--dry-run") == "tiny: 0 networks to train, 8 recorded\n"
    assert call() == "tiny: 0 networks trained, 8 recorded\n"
    assert tiny.file.read_text() == before and tiny.rows()[0][3:][3] == ("weights", 280.0)


def test_a_changed_variant_asks_for_its_rows_and_old_ones_are_pruned(tiny):
    call()
    tiny.write(variants=VARIANTS.replace("net(9)", "net(10)"))
    assert call("--dry-run") == "tiny: 3 networks to train, 5 recorded\n"
    tiny.write(variants=VARIANTS.replace(', "wide": net(9)', ""))
    assert call("--prune") == "tiny: 0 networks trained, 5 recorded; 3 rows dropped\n"
    assert len(tiny.rows()) == 5


def test_what_a_run_has_trained_already_is_recorded_and_not_trained_again(tiny):
    """A run of the chapter keeps what it trains beside the recorded networks."""
    call()
    local = tiny.checkout.root / "_build" / "trained" / "tiny.csv"
    kept, moved = runs.Runs(tiny.file), list(runs.read(tiny.file).values())[:3]
    runs.Runs(local).put(moved, kept.machines)
    kept.keep(set(kept.rows) - {row.key for row in moved})
    expected = tiny.rows()
    assert call("--dry-run") == "tiny: 0 networks to train, 8 recorded\n"
    assert tiny.rows() == expected
    call()
    assert len(tiny.rows()) == len(expected) + 3


def test_the_book_asks_for_no_network_that_is_not_recorded():
    """Else a build would train it, which takes far longer than a build may."""
    for chapter in filter(training.trains, chapters.discover()):
        report = training.train(chapter, "count")
        rows = runs.read(paths.root() / "data" / "runs" / f"{chapter.slug}.csv")
        assert not any(report.missing.values()), f"train them: lwsurvey train {chapter.slug}"
        assert set(rows) == report.keys, "drop what nobody asks for: lwsurvey train --prune"


def test_a_share_is_trained_again_and_a_changed_number_is_named(tiny):
    call()
    assert call("--check", "10%") == "tiny: 2 of 8 networks trained again; they agree\n"
    kept = runs.Runs(tiny.file)
    row = next(row for row in kept.rows.values() if row.study == "two")
    row.numbers["test"] += 1
    kept.put([row], {})
    said = call("--check", "1.0", status=1)
    assert f"two, narrow, seed {row.seed}: test {row.numbers['test']!r}" in said


def test_damage_is_named_before_anything_runs(tiny):
    call()
    tiny.file.write_text(tiny.file.read_text().replace(",280.0,", ",281.0,", 1))
    said = call(status=1)
    assert "tiny.csv, line 2: the row does not fit its checksum" in said


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["still"], "still: trains nothing that is recorded"),
        (["tinny"], "tinny"), (["--check", "0"], "is not a share"),
        (["--check", "much"], "write it as 10% or 0.1"),
        (["--dry-run", "--prune"], "leave out --check and --prune"),
    ],
)  # fmt: skip
def test_mistakes_are_said_in_a_sentence(tiny, arguments, message):
    assert message in call(*arguments, status=2)


def test_a_study_that_needs_another_cell_is_named(tiny):
    tiny.write(extra="\nfound.test")
    call()  # a study ends its cell
    tiny.write(variants=VARIANTS + "\nunknown")
    assert "cell cell-2 fails: NameError: name 'unknown' is not defined" in call(status=2)


@pytest.mark.full
def test_killed_at_ten_moments_it_ends_with_the_same_rows(tiny, tmp_path, monkeypatch):
    call()
    expected = tiny.rows()
    root = tmp_path / "killed"
    killed = Tiny(root)
    environment = os.environ | {"LWSURVEY_ROOT": str(root), "PYTHONPATH": str(paths.PACKAGE.parent)}
    command = [sys.executable, "-m", "lwsurvey", "train"]
    for moment in range(10):
        process = subprocess.Popen(command, env=environment, start_new_session=True)
        until = time.monotonic() + 60
        while len(killed.rows()) <= moment // 2 and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.01)
        time.sleep(0.02 * (moment % 2))
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert killed.rows() == expected
