"""What a run has to do, chapter by chapter, and how the execution of each one ended."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lwsurvey import paths
from lwsurvey.press.results.notebooks import CUSTOM, logs_folder, runs_folder
from lwsurvey.press.run import freshness
from lwsurvey.press.run.freshness import Freshness
from lwsurvey.press.sources.chapters import Chapter
from lwsurvey.runs import Runs

# Seconds that a chapter is expected to take before it ran once: the budgets of the presets.
BUDGETS = {"smoke": 20.0, "cpu": 60.0, "gpu": 600.0}
WORK = ".work"


@dataclass(frozen=True)
class Task:
    """A chapter to execute, unless its result is fresh.

    Attributes:
        chapter: the source.
        preset: name of the preset.
        parameters: resolved, as they are asked for.
        used: those with which it is executed; the machine may not allow all that is asked for.
        name: of the folder of the results: the preset, marked if parameters were overridden.
        freshness: whether and why it must be executed.
    """

    chapter: Chapter
    preset: str
    parameters: dict[str, object]
    used: dict[str, object]
    name: str
    freshness: Freshness

    @property
    def slug(self) -> str:
        """Slug of the chapter."""
        return self.chapter.slug

    @property
    def fresh(self) -> bool:
        """Whether the result that is there can be taken as it is."""
        return self.freshness.fresh

    @property
    def alone(self) -> bool:
        """Whether it runs while nothing else does; not in a smoke run, whose times mean nothing."""
        return self.chapter.alone and self.preset != "smoke"

    @property
    def folder(self) -> Path:
        """Where the result lies."""
        return runs_folder(self.name)

    @property
    def failed(self) -> Path:
        """The unfinished notebook that a failure leaves."""
        return self.folder / "failed" / f"{self.slug}.ipynb"

    @property
    def log(self) -> Path:
        """What the chapter's processes print."""
        return logs_folder(self.name) / f"{self.slug}.log"

    @property
    def replaced(self) -> dict[str, list[object]]:
        """Both values of each parameter that is not used as it was asked for."""
        both = {name: [asked, self.used[name]] for name, asked in self.parameters.items()}
        return {name: values for name, values in both.items() if values[0] != values[1]}

    @property
    def estimate(self) -> float:
        """Seconds that it probably takes."""
        return self.freshness.seconds or BUDGETS.get(self.preset, BUDGETS["cpu"])

    def job(self) -> dict[str, object]:
        """What the worker has to know, as plain JSON values.

        ``changed`` are the parameters that differ from the parameters cell.
        """
        defaults = self.chapter.parameters
        return {
            "slug": self.slug,
            "preset": self.preset,
            "parameters": self.used,
            "replaced": self.replaced,
            "changed": {k: v for k, v in self.used.items() if v != defaults[k].value},
            "folder": str(self.folder.resolve()),
            "work": str((self.folder / WORK).resolve()),
        }


@dataclass(frozen=True)
class Outcome:
    """How the execution of a chapter ended.

    Attributes:
        seconds: how long it took; None if it failed.
        reason: why it failed; empty if it did not.
        place: number, id and first line of the cell that was the last one to start.
        memory: whether it failed because the memory of a GPU ran out.
    """

    seconds: float | None
    reason: str = ""
    place: dict[str, object] | None = None
    memory: bool = False


def prepare(
    chapters: list[Chapter], preset: str, overrides: dict[str, str], force: bool = False
) -> list[Task]:
    """Resolve all parameters, and find out which chapters must be executed.

    Raises:
        lwsurvey.press.sources.chapters.ChapterError: unknown preset or parameter, or a wrong type.
        lwsurvey.runs.RunsError: a chapter's file of recorded runs is damaged.
    """
    for chapter in chapters:
        Runs(paths.root() / "data" / "runs" / f"{chapter.slug}.csv")
    name = preset + (CUSTOM if overrides else "")
    resolved = [chapter.resolve(preset, overrides) for chapter in chapters]
    tasks = []
    for chapter, parameters in zip(chapters, resolved, strict=True):
        found = freshness.assess(chapter, preset, parameters, runs_folder(name))
        if force:
            found = Freshness(False, "--force", found.seconds)
        tasks.append(Task(chapter, preset, parameters, parameters, name, found))
    return tasks
