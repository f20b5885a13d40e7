"""``python -m benchmarks.grading``: a class of thirty in two chapters, graded in one command."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import click
import pandas as pd
import psutil

from benchmarks.pupils import Pupil, pupils
from benchmarks.recipe import FILE, write
from lwsurvey import paths
from lwsurvey.press.course.grade import marks
from lwsurvey.provenance import provenance

SECONDS, MEMORY = 20, 2048
"""Limits of a cell and of a submission: a loop runs for the first, a bomb grows to the second."""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("slugs", nargs=-1)
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
@click.option("--out", type=FILE, help="data/benchmarks/grading.json by default.")
def main(slugs: tuple[str, ...], jobs: int, out: Path | None) -> None:
    """Assign chapters, hand in ten right, ten partly right and ten hostile notebooks, and grade.

    The chapters are conv-cost and mnasnet-reward if none is named.
    """
    chosen, load = list(slugs) or ["conv-cost", "mnasnet-reward"], os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        course = Path(folder) / "course"
        _lwsurvey("assign", *chosen, "--out", str(course))
        class_ = {slug: pupils(course, slug) for slug in chosen}
        for slug, found in class_.items():
            for pupil in found:
                _hand_in(course, slug, pupil)
        seconds, peak = _graded(course, jobs)
        rows = [row for slug, found in class_.items() for row in _compared(course, slug, found)]
    _report(rows, seconds, peak)
    made = {"seconds": round(seconds, 1), "peak_mib": round(peak), "jobs": jobs, "load": load}
    made |= {"cell_seconds": SECONDS, "memory_mib": MEMORY, "submissions": rows}
    target = out or paths.root() / "data" / "benchmarks" / "grading.json"
    write(target, {"made": provenance()} | made)
    if wrong := sum(row["marks"] != row["deserves"] for row in rows):
        raise click.ClickException(f"{wrong} marks are not as deserved")


def _lwsurvey(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "lwsurvey", *arguments], check=True)


def _hand_in(course: Path, slug: str, pupil: Pupil) -> None:
    folder = course / "submitted" / pupil.name / slug
    folder.mkdir(parents=True)
    if pupil.file is not None:
        (folder / f"{slug}.ipynb").write_text(pupil.file, encoding="utf-8")


def _graded(course: Path, jobs: int) -> tuple[float, float]:
    """Seconds of the one command, and MiB of it and all its processes at the most."""
    began = time.monotonic()
    command = [sys.executable, "-m", "lwsurvey", "grade", str(course), "--jobs", str(jobs)]
    command += ["--seconds", str(SECONDS), "--memory", str(MEMORY)]
    running = psutil.Popen(command)
    peaks = [0.0]
    watch = threading.Thread(target=_watch, args=(running, peaks), daemon=True)
    watch.start()
    if running.wait():
        raise click.ClickException("grading failed")
    return time.monotonic() - began, max(peaks)


def _watch(running: psutil.Popen, peaks: list[float]) -> None:
    while running.is_running():
        used = 0
        try:
            for process in [running, *running.children(recursive=True)]:
                used += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue  # a process ended while it was counted: this count is void
        peaks[0] = max(peaks[0], used / 2**20)
        time.sleep(0.2)


def _compared(course: Path, slug: str, found: list[Pupil]) -> list[dict]:
    """Marks beside those that the pupil is known to deserve."""
    chapter = marks.chapter(course, slug)
    rows = []
    for pupil in found:
        outcome = chapter.outcomes.get(pupil.name)
        rows.append(
            {
                "chapter": slug,
                "kind": pupil.kind,
                "what": pupil.what,
                "deserves": pupil.deserves,
                "marks": chapter.total(pupil.name) if outcome else None,
                "status": outcome.status if outcome else "no outcome",
                "seconds": outcome.seconds if outcome else None,
                "peak_mib": outcome.peak if outcome else None,
                "told": " ".join(outcome.told) if outcome else "",
            }
        )
    return rows


def _report(rows: list[dict], seconds: float, peak: float) -> None:
    found = pd.DataFrame(rows)
    found["equal"] = found.marks == found.deserves
    print(found.groupby(["chapter", "kind"])[["equal"]].agg(["sum", "count"]).to_string())
    print(found[~found.equal].to_string() if not found.equal.all() else "all marks as deserved")
    print(f"{len(found)} submissions in {seconds:.0f} s; {peak:.0f} MiB at the most, all processes")
    print(f"largest kernel {found.peak_mib.max():.0f} MiB")


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.grading")
