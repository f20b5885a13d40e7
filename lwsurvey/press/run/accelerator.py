"""Which chapters compute on a GPU, whether there is one, whose turn it is, and when it is full.

Light on purpose: PyTorch is asked in a process of its own, and only if a chapter of the run
computes on a GPU. So the command line stays quick and never takes a share of a GPU itself.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lwsurvey.press.run.tasks import Outcome, Task
from lwsurvey.press.sources.chapters import Chapter
from lwsurvey.schema import OUT_OF_MEMORY

CPU, CUDA, MPS = "cpu", "cuda", "mps"
DEVICE, JOBS = "device", "jobs"
ALL = -1
"""As many trainings at a time as the processor has cores: each would take memory of the GPU."""
HIDDEN = {"CUDA_VISIBLE_DEVICES": ""}
"""Environment of a chapter that takes no GPU; `lwsurvey.provenance` heeds it for Apple's too."""

LOCK = "lwsurvey-gpu-{}.lock"
OFTEN = 0.2
"""Seconds between two looks whether a place on the GPU is free."""

BATCH = "batch"
TRAINS = "amp"  # the parameter that tells a chapter that trains; in others a batch is timed
LEAST = 2  # batch normalisation needs two images
# In the name of an error or in its text, which may quote the error of another process.
FULL = re.compile("|".join(("OutOfMemoryError", "TrainMemoryError", *OUT_OF_MEMORY)))

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


def assign_devices(tasks: list[Task]) -> list[Task]:
    """The tasks, each with the device of this machine that it will compute on.

    Raises:
        AcceleratorError: a chapter that has to run needs a device that is not here.
    """
    wanting = [task for task in tasks if not task.fresh and takes(task.parameters)]
    if not wanting:
        return tasks
    here = machine()
    lacking = [task for task in wanting if here.device(str(task.parameters[DEVICE])) is None]
    if lacking:
        raise AcceleratorError(_lacking(lacking, tasks, here))
    return [_assigned(task, here) if task in wanting else task for task in tasks]


def announcement(tasks: list[Task]) -> list[str]:
    """Lines about a run: who computes on which GPU, and who on none."""
    stale = [task for task in tasks if not task.fresh]
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


def _assigned(task: Task, here: Machine) -> Task:
    """A task with the device that it will have, and with one training at a time on it."""
    used = task.used | {DEVICE: here.device(str(task.parameters[DEVICE]))}
    if task.parameters.get(JOBS) == ALL:
        used[JOBS] = 1
    return dataclasses.replace(task, used=used)


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


@contextmanager
def place(jobs: int) -> Iterator[Callable]:
    """One of ``jobs`` places on the GPU of this machine, given back at the end.

    Yields:
        What takes it, called as the ``acquire`` of a `FileLock`: with a time-out of 0 it raises
        filelock.Timeout if there is no free place, without one it waits.
    """
    locks = [FileLock(lock_file(i), mode=0o666, thread_local=False) for i in range(jobs)]
    try:
        yield lambda timeout=None: _take_first(locks, timeout)
    finally:
        for lock in locks:
            lock.release()


def lock_file(number: int) -> Path:
    """The lock of a place, the same for all users; the system gives it back if its holder dies."""
    shared = Path("/tmp")  # not $TMPDIR, which differs between users
    usable = shared.is_dir() and os.access(shared, os.W_OK)
    return (shared if usable else Path(tempfile.gettempdir())) / LOCK.format(number)


def _take_first(locks: list[FileLock], timeout: float | None) -> None:
    """Take the first place that is free; wait for one unless the time-out is 0."""
    while True:
        for lock in locks:
            try:
                lock.acquire(timeout=0)
                return
            except Timeout:
                continue
        if timeout == 0:
            raise Timeout(locks[0].lock_file)
        time.sleep(OFTEN)


def is_memory_error(name: str, text: str) -> bool:
    """Whether an error says that the memory of a GPU ran out."""
    return bool(FULL.search(name) or FULL.search(text))


def halve_batch(task: Task) -> Task | None:
    """The task with half the batch; None if it trains none, or has been made smaller before."""
    batch = task.used.get(BATCH)
    fits = type(batch) is int and batch // 2 >= LEAST
    if TRAINS not in task.used or not fits or BATCH in task.replaced:
        return None
    return dataclasses.replace(task, used=task.used | {BATCH: batch // 2})


def retry_message(task: Task, less: Task, outcome: Outcome) -> str:
    """What is said before the further try with a smaller batch."""
    place = outcome.place
    where = f" in cell {place['cell']} of {place['of']} (id {place['id']})" if place else ""
    return (
        f"{task.slug}: the memory of {task.used[DEVICE]} ran out{where}, "
        f"{BATCH} {task.used[BATCH]}; it runs once more with {BATCH} {less.used[BATCH]}"
    )


def advise(task: Task, outcome: Outcome) -> Outcome:
    """The outcome of a chapter for which there is no further try, saying what to do."""
    device, batch = task.used[DEVICE], task.used.get(BATCH)
    command = f"lwsurvey run {task.slug} --preset {task.preset}"
    text = f"the memory of {device} ran out"
    if BATCH in task.replaced:
        text += f", with {BATCH} {task.parameters[BATCH]} and again with {BATCH} {batch}"
    advice = "end what else uses it"
    if type(batch) is int and batch // 2 >= LEAST:
        advice += f", or run: {command} -p {BATCH} {batch // 2}"
    else:
        advice += f", or take the processor: {command} -p {DEVICE} cpu"
    return dataclasses.replace(outcome, reason=f"{text}; {advice}\n{outcome.reason}")
