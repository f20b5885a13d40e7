"""Which chapters compute on a GPU, whether there is one, and whose turn it is.

Light on purpose: PyTorch is asked in a process of its own, and only if a chapter of the run
computes on a GPU. So the command line stays quick and never takes a share of a GPU itself.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from lwsurvey.press.run.tasks import Task
from lwsurvey.press.sources.chapters import Chapter

CPU, CUDA, MPS = "cpu", "cuda", "mps"
DEVICE, JOBS = "device", "jobs"
ALL = -1
"""As many trainings at a time as the processor has cores: each would take memory of the GPU."""
HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}
"""Environment of a chapter that takes no GPU; `lwsurvey.provenance` heeds it for Apple's too."""

PROBE = """import json, warnings
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    import torch
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
names = [torch.cuda.get_device_name(i) for i in range(count)]
built = bool(torch.version.cuda or torch.version.hip)
why = [str(w.message).splitlines()[0] for w in said if "CUDA" in str(w.message)]
print(json.dumps({"cuda": names, "mps": torch.backends.mps.is_available(), "built": built,
                  "why": why[0] if why else ""}))"""


class AcceleratorError(RuntimeError):
    """A chapter needs a GPU that is not there; the message says which, and what to do."""


@dataclass(frozen=True)
class Machine:
    """What PyTorch can compute on here, besides the processor.

    Attributes:
        cuda: names of the GPUs of NVIDIA or AMD.
        mps: whether there is one of Apple.
        why: why there is none of NVIDIA or AMD.
    """

    cuda: tuple[str, ...] = ()
    mps: bool = False
    why: str = ""

    def device(self, wanted: str) -> str | None:
        """The device that stands for a wanted one; None if there is none.

        The presets say ``cuda``; where there is only a GPU of Apple, it is meant.
        """
        kind, _, index = wanted.partition(":")
        if kind == CPU:
            return wanted
        if kind == CUDA and (index or "0").isdigit() and int(index or 0) < len(self.cuda):
            return wanted
        return MPS if self.mps and wanted in (CUDA, MPS) else None

    def usable(self) -> str:
        """What ``device`` may be, as text."""
        cuda = [CUDA, *(f"{CUDA}:{i}" for i in range(1, len(self.cuda)))] if self.cuda else []
        return ", ".join([CPU, *cuda, *([MPS] if self.mps else [])])


@functools.cache
def machine() -> Machine:
    """Ask PyTorch.

    Raises:
        AcceleratorError: it cannot be asked.
    """
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it did not say why"])[-1]
        raise AcceleratorError(f"PyTorch could not be asked for GPUs: {reason}")
    found = json.loads(done.stdout.splitlines()[-1])
    built = "" if found["built"] else "it was built without CUDA"
    return Machine(tuple(found["cuda"]), found["mps"], found["why"] or built)


def takes(parameters: Mapping[str, object]) -> bool:
    """Whether a chapter with these parameters computes on a GPU."""
    return str(parameters.get(DEVICE, CPU)).partition(":")[0] != CPU


def can_take(chapter: Chapter) -> bool:
    """Whether a chapter can compute on a GPU at all."""
    return DEVICE in chapter.parameters


def environment(parameters: Mapping[str, object]) -> dict[str, str]:
    """What the process of a chapter has to be told."""
    return {} if takes(parameters) else HIDDEN


def ready(tasks: list[Task]) -> list[Task]:
    """The tasks, each with the device of this machine that it will compute on.

    Raises:
        AcceleratorError: a chapter that has to run needs a device that is not here.
    """
    wanting = [task for task in tasks if not task.state.fresh and takes(task.parameters)]
    if not wanting:
        return tasks
    here = machine()
    lacking = [task for task in wanting if here.device(str(task.parameters[DEVICE])) is None]
    if lacking:
        raise AcceleratorError(_lacking(lacking, tasks, here))
    return [_placed(task, here) if task in wanting else task for task in tasks]


def announcement(tasks: list[Task]) -> list[str]:
    """Lines about a run: who computes on which GPU, and who on none."""
    stale = [task for task in tasks if not task.state.fresh]
    taking = [task for task in stale if takes(task.used)]
    if not taking:
        return []
    lines, here = [], machine()
    for device in dict.fromkeys(str(task.used[DEVICE]) for task in taking):
        slugs = [task.slug for task in taking if task.used[DEVICE] == device]
        lines.append(f"on {_named(device, here)}: {', '.join(slugs)}")
    if any(DEVICE in task.replaced for task in taking):
        lines.append(f"no GPU for {CUDA} here: {MPS}, Apple's, is taken instead, and recorded")
    if any(JOBS in task.replaced for task in taking):
        lines.append(
            f"{JOBS} {ALL} would fill the GPU with copies: {JOBS} 1 is taken, and recorded"
        )
    if rest := [task.slug for task in stale if not takes(task.used)]:
        lines.append(f"these need no GPU and take none: {', '.join(rest)}")
    return lines


def _named(device: str, here: Machine) -> str:
    kind, _, index = device.partition(":")
    return f"{device} ({here.cuda[int(index or 0)]})" if kind == CUDA else device


def _placed(task: Task, here: Machine) -> Task:
    """A task with the device that it will have, and with one training at a time on it."""
    used = {DEVICE: here.device(str(task.parameters[DEVICE]))}
    if task.parameters.get(JOBS) == ALL:
        used[JOBS] = 1
    replaced = {name: value for name, value in used.items() if value != task.parameters[name]}
    return dataclasses.replace(task, replaced=replaced)


def _lacking(lacking: list[Task], tasks: list[Task], here: Machine) -> str:
    devices = ", ".join(dict.fromkeys(str(task.parameters[DEVICE]) for task in lacking))
    names = ", ".join(task.slug for task in lacking)
    why = f" ({here.why})" if here.why else ""
    text = f"PyTorch has no device {devices} here, it has: {here.usable()}{why}; nothing was run. "
    text += f"These chapters need it: {names}."
    if rest := [task.slug for task in tasks if not takes(task.parameters)]:
        preset = f" --preset {tasks[0].preset}"
        text += f" These need no GPU: {', '.join(rest)}; run them with: lwsurvey run"
        text += f" {' '.join(rest)}{preset}."
    return text + " The preset cpu needs none at all."
