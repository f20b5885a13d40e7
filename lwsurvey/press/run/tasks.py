"""What a run has to do: chapters with their parameters, and whether their results are fresh."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lwsurvey.press.results.notebooks import CUSTOM, runs_folder
from lwsurvey.press.run import freshness
from lwsurvey.press.sources.chapters import Chapter

# Seconds that a chapter is expected to take before it ran once: the budgets of the presets.
BUDGETS = {"smoke": 20.0, "cpu": 60.0, "gpu": 600.0}
WORK = ".work"


@dataclass(frozen=True)
class Task:
    """A chapter to run, unless its result is fresh.

    Attributes:
        chapter: the source.
        preset: name of the preset.
        parameters: resolved, as they are asked for.
        name: of the folder of the results: the preset, marked if parameters were overridden.
        state: whether and why it must run.
        replaced: parameters that this machine allows only with another value, and that value.
    """

    chapter: Chapter
    preset: str
    parameters: dict[str, object]
    name: str
    state: freshness.Freshness
    replaced: Mapping[str, object] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """Slug of the chapter."""
        return self.chapter.slug

    @property
    def alone(self) -> bool:
        """Whether it runs while nothing else does; not in a smoke run, whose times mean nothing."""
        return self.chapter.alone and self.preset != "smoke"

    @property
    def folder(self) -> Path:
        """Where the result lies."""
        return runs_folder(self.name)

    @property
    def used(self) -> dict[str, object]:
        """The parameters with which it runs."""
        return self.parameters | dict(self.replaced)

    @property
    def estimate(self) -> float:
        """Seconds that it probably takes."""
        return self.state.seconds or BUDGETS.get(self.preset, BUDGETS["cpu"])

    def job(self) -> dict[str, object]:
        """What the worker has to know."""
        defaults, asked = self.chapter.parameters, self.parameters
        changed = {k: v for k, v in self.used.items() if v != defaults[k].value}
        return {
            "slug": self.slug,
            "preset": self.preset,
            "parameters": self.used,
            "replaced": {name: [asked[name], value] for name, value in self.replaced.items()},
            "changed": changed,
            "folder": str(self.folder.resolve()),
            "work": str((self.folder / WORK).resolve()),
        }


def prepare(
    chapters: list[Chapter], preset: str, overrides: dict[str, str], force: bool = False
) -> list[Task]:
    """Resolve all parameters, and find out which chapters must run.

    Raises:
        lwsurvey.press.sources.chapters.ChapterError: unknown preset or parameter, or a wrong type.
    """
    name = preset + (CUSTOM if overrides else "")
    resolved = [chapter.resolve(preset, overrides) for chapter in chapters]
    tasks = []
    for chapter, parameters in zip(chapters, resolved, strict=True):
        state = freshness.assess(chapter, preset, parameters, runs_folder(name))
        if force:
            state = freshness.Freshness(False, "--force", state.seconds)
        tasks.append(Task(chapter, preset, parameters, name, state))
    return tasks
