"""When the memory of a GPU runs out: how that is known, and the one further try."""

from __future__ import annotations

import dataclasses
import re

from lwsurvey.press.run.accelerator import DEVICE
from lwsurvey.press.run.process import Outcome
from lwsurvey.press.run.tasks import Task
from lwsurvey.schema import OUT_OF_MEMORY

BATCH = "batch"
TRAINS = "amp"  # the parameter that tells a chapter that trains; in others a batch is timed
LEAST = 2  # batch normalisation needs two images
# In the name of an error or in its text, which may quote the error of another process.
FULL = re.compile("|".join(("OutOfMemoryError", "TrainMemoryError", *OUT_OF_MEMORY)))


def ran_out(name: str, text: str) -> bool:
    """Whether an error says that the memory of a GPU ran out."""
    return bool(FULL.search(name) or FULL.search(text))


def smaller(task: Task) -> Task | None:
    """The task with half the batch; None if it trains none, or has been made smaller before."""
    batch = task.used.get(BATCH)
    if (
        TRAINS not in task.used
        or type(batch) is not int
        or batch // 2 < LEAST
        or BATCH in task.replaced
    ):
        return None
    return dataclasses.replace(task, replaced=task.replaced | {BATCH: batch // 2})


def again(task: Task, less: Task, outcome: Outcome) -> str:
    """What is said before the further try."""
    return (
        f"{task.slug}: the memory of {task.used[DEVICE]} ran out{_where(outcome)}, "
        f"{BATCH} {task.used[BATCH]}; it runs once more with {BATCH} {less.used[BATCH]}"
    )


def failed(task: Task, outcome: Outcome) -> Outcome:
    """The outcome of a chapter for which there is no further try, saying what to do."""
    device, batch = task.used[DEVICE], task.used.get(BATCH)
    text = f"the memory of {device} ran out"
    if BATCH in task.replaced:
        text += f", with {BATCH} {task.parameters[BATCH]} and again with {BATCH} {batch}"
    advice = "end what else uses it"
    if type(batch) is int and batch // 2 >= LEAST:
        advice += f", or run: {_command(task)} -p {BATCH} {batch // 2}"
    else:
        advice += f", or take the processor: {_command(task)} -p {DEVICE} cpu"
    return dataclasses.replace(outcome, reason=f"{text}; {advice}\n{outcome.reason}")


def _command(task: Task) -> str:
    return f"lwsurvey run {task.slug} --preset {task.preset}"


def _where(outcome: Outcome) -> str:
    place = outcome.place
    return f" in cell {place['cell']} of {place['of']} (id {place['id']})" if place else ""
