"""Chapters on a GPU: that there is one, whose turn it is, and what happens when it is full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import checkout
import click
import pytest
from checkout import Checkout
from filelock import Timeout

from lwsurvey.press.commands import book as commands
from lwsurvey.press.results import notebooks
from lwsurvey.press.run import accelerator, schedule, tasks
from lwsurvey.press.run.accelerator import AcceleratorError, Machine
from lwsurvey.press.run.tasks import Outcome
from lwsurvey.press.sources import chapters

GPU = {"device": "cuda"}
NVIDIA, APPLE, NONE = Machine(("Pretend",)), Machine(mps=True), Machine(why="no driver")
TIMES = "import os, time\nbegan = time.time()\ntime.sleep(0.3)\nprint(began, time.time())"
SEEN = "import os\nprint(os.environ.get('CUDA_VISIBLE_DEVICES', 'all'))"
# What a study of many runs makes of an error in one of its processes.
FULL = """text = 'CUDA out of memory. Tried to allocate 2 GiB'
if batch > {most}:
    raise RuntimeError(f"the study ended after 3 of 8 runs: OutOfMemoryError({{text!r}})")"""
REAL = "import torch\nif batch > 32:\n    raise torch.OutOfMemoryError('CUDA out of memory.')"


def add(made: Checkout, slug: str, *cells: str, gpu: bool = True, batch: bool = True) -> None:
    """A chapter with a parameter for the device, for the batch, or for neither."""
    lines = [checkout.PARAMETERS] + ['device = "cpu"'] * gpu + ["batch = 64", "amp = False"] * batch
    lines += ["jobs = -1"] * gpu
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkout, "PARAMETERS", "\n".join(lines))
        made.chapter(slug, *cells, gpu=GPU if gpu else {})


@pytest.fixture
def made(tmp_path, monkeypatch) -> Checkout:
    """A checkout of three chapters on a machine with one GPU of NVIDIA."""
    book = Checkout(tmp_path)
    add(book, "first"), add(book, "second"), add(book, "none", SEEN, gpu=False)
    there(monkeypatch, book, NVIDIA)
    return book


def there(monkeypatch, book: Checkout, machine: Machine) -> None:
    monkeypatch.setenv("LWSURVEY_ROOT", str(book.root))
    monkeypatch.setattr(accelerator, "machine", lambda: machine)
    monkeypatch.setattr(accelerator, "lock_file", lambda i: book.root / f"gpu-{i}.lock")


def prepared(*slugs: str, preset: str = "gpu", **overrides: str) -> list[tasks.Task]:
    selected = chapters.select(chapters.discover(), slugs)
    return accelerator.assign_devices(tasks.prepare(selected, preset, overrides))


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What becomes of chapters for which the memory is too small, and of others beside them."""
    book = Checkout(tmp_path_factory.mktemp("gpu"))
    add(book, "fits-half", TIMES, REAL)
    add(book, "fits-never", TIMES, FULL.format(most=2))
    add(book, "no-batch", "raise RuntimeError('MPS backend out of memory (MPS allo')", batch=False)
    add(book, "quiet", SEEN, "raise RuntimeError('CUDA out of memory')", gpu=False)
    with pytest.MonkeyPatch.context() as patch:
        there(patch, book, NVIDIA)
        said: list[str] = []
        patch.setattr(schedule.Progress, "say", lambda _, text: said.append(text))
        outcomes = schedule.run(prepared(), 2)
    return book, outcomes, "\n".join(said)


def printed(book: Checkout, path: str) -> str:
    cells = json.loads((book.root / path).read_text())["cells"]
    outputs = [o for cell in cells for o in cell.get("outputs", ()) if o.get("name") == "stdout"]
    return "".join(outputs[0]["text"])


def test_a_full_memory_means_half_the_batch_once(ran, monkeypatch):
    book, outcomes, said = ran
    assert outcomes["fits-half"].seconds
    assert "fits-half: the memory of cuda ran out in cell 5 of 6 (id cell-2), batch 64; it " in said
    facts = book.result("fits-half", "gpu")["metadata"]["lwsurvey"]
    assert facts["parameters"]["batch"] == 32 and facts["replaced"]["batch"] == [64, 32]
    there(monkeypatch, book, NVIDIA)
    assert prepared("fits-half")[0].fresh
    assert (book.root / "_build/logs/gpu/fits-half.first.log").read_text().count("memory")


def test_a_second_failure_says_what_to_do(ran):
    _, outcomes, said = ran
    wanted = "with batch 64 and again with batch 32; end what else uses it, or run: "
    wanted += "lwsurvey run fits-never --preset gpu -p batch 16\nRuntimeError: the study ended"
    assert wanted in outcomes["fits-never"].reason and said.count("fits-never: started") == 1
    assert "lwsurvey run no-batch --preset gpu -p device cpu" in outcomes["no-batch"].reason


def test_what_takes_no_gpu_is_not_try_again_and_sees_none(ran):
    book, outcomes, said = ran
    assert outcomes["quiet"].reason == "RuntimeError: CUDA out of memory"
    assert said.count("once more") == 2
    assert printed(book, "_build/runs/gpu/failed/quiet.ipynb") == "\n"


def test_chapters_on_the_gpu_take_turns(ran):
    book = ran[0]
    places = "_build/runs/gpu/fits-half.ipynb", "_build/runs/gpu/failed/fits-never.ipynb"
    a, b = (tuple(map(float, printed(book, place).split())) for place in places)
    assert a[1] < b[0] or b[1] < a[0]


def test_one_network_is_trained_on_a_gpu_at_a_time_unless_asked(made):
    (task,) = prepared("first")
    assert task.used["jobs"] == 1 and task.job()["replaced"] == {"jobs": [-1, 1]}
    assert any("jobs 1 is taken" in line for line in accelerator.announcement([task]))
    assert prepared("first", jobs="2")[0].used["jobs"] == 2
    assert prepared("first", preset="cpu")[0].used["jobs"] == -1


def test_an_error_of_ours_stops_no_chapter_that_stands_in_line(made, monkeypatch):
    kept = schedule._Run._try

    def tried(self, task):
        if task.slug == "first":
            raise PermissionError("no log")
        return kept(self, task)

    monkeypatch.setattr(schedule._Run, "_try", tried)
    outcomes = schedule.run(prepared("first", "second"), 2)
    assert outcomes["first"].reason == "PermissionError: no log"
    assert outcomes["second"].seconds


def test_what_is_timed_in_batches_is_not_try_with_half(made):
    (task,) = prepared("first")
    del task.used["amp"]
    assert accelerator.halve_batch(task) is None


def test_only_chapters_on_a_gpu_stand_in_line(made):
    first, none, second = prepared()
    assert schedule.following([first, second, none], [], 1, 1) is first
    assert schedule.following([second, none], [first], 2, 1) is none
    assert schedule.following([second], [first, none], 3, 1) is None
    assert schedule.following([second, none], [first], 2, 2) is second
    assert schedule.following([second, none], [first], 1, 2) is None
    first, none, second = prepared(preset="cpu")
    assert schedule.following([second, none], [first], 2, 1) is second


def test_places_are_counted_among_all_runs(made):
    with (
        accelerator.place(1) as take,
        accelerator.place(1) as other,
        accelerator.place(2) as second,
    ):
        take(timeout=0)
        with pytest.raises(Timeout):
            other(timeout=0)
        second(timeout=0)
    with accelerator.place(1) as free:
        free(timeout=0)


def test_a_chapter_waits_for_the_gpu_of_another_run(made, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(schedule.Progress, "say", lambda _, text: said.append(text))
    with accelerator.place(1) as take:
        take()
        waiting = threading.Thread(target=schedule.run, args=(prepared("first"), 1))
        waiting.start()
        waiting.join(1)
        assert said == ["first: waits, another run is on the GPU"]
    waiting.join()
    assert said[1] == "first: started" and "first: finished" in said[2]


def test_without_a_gpu_nothing_is_run_and_the_message_says_what_can_be(made, monkeypatch):
    monkeypatch.setattr(accelerator, "machine", lambda: NONE)
    with pytest.raises(click.ClickException) as caught:
        commands.run_chapters((), "gpu", {}, jobs=1)
    text = caught.value.message
    assert "no device cuda here, it has: cpu (no driver); nothing was run" in text
    assert "need it: first, second." in text and "\n" not in text
    assert "no GPU: none; run them with: lwsurvey run none --preset gpu." in text
    assert not (made.root / "_build").exists()


def test_apples_gpu_stands_for_cuda_and_the_result_stays_fresh(made, monkeypatch):
    monkeypatch.setattr(accelerator, "machine", lambda: APPLE)
    planned = prepared("first", "none")
    assert planned[0].used["device"] == "mps" and planned[1].replaced == {}
    assert accelerator.announcement(planned) == [
        "on mps: first",
        "no GPU for cuda here: mps, Apple's, is taken instead, and recorded",
        "jobs -1 would fill the GPU with copies: jobs 1 is taken, and recorded",
        "these need no GPU and take none: none",
    ]
    job = planned[0].job()
    last = {"preset": "gpu", "parameters": job["parameters"], "replaced": job["replaced"]}
    assert notebooks.requested_parameters(last) == planned[0].parameters


@pytest.mark.parametrize(
    ("machine", "wanted", "found"),
    [
        (NVIDIA, "cuda", "cuda"), (NVIDIA, "cuda:0", "cuda:0"), (NVIDIA, "cuda:1", None),
        (NVIDIA, "mps", None), (APPLE, "mps", "mps"), (APPLE, "cuda:1", None),
        (NONE, "cpu", "cpu"), (NONE, "cuda", None), (NVIDIA, "tpu", None), (NVIDIA, "cuda:x", None),
    ],
)  # fmt: skip
def test_the_device_that_stands_for_another(machine, wanted, found):
    assert machine.device(wanted) == found


def test_torch_is_asked_only_if_a_chapter_needs_it(made, monkeypatch):
    def asked():
        raise AssertionError

    monkeypatch.setattr(accelerator, "machine", asked)
    assert len(prepared(preset="cpu")) == 3
    assert accelerator.announcement(prepared("none")) == []
    code = "import sys, lwsurvey.cli, lwsurvey.press.run.schedule; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_torch_is_asked_in_a_process_of_its_own(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert accelerator.machine.__wrapped__().cuda == ()
    monkeypatch.setattr(accelerator, "PROBE", "raise ImportError('torch is broken')")
    with pytest.raises(AcceleratorError, match="asked for GPUs: ImportError: torch is broken"):
        accelerator.machine.__wrapped__()


@pytest.mark.parametrize(
    ("name", "text", "out"),
    [
        ("OutOfMemoryError", "CUDA out of memory. Tried", True),
        ("RuntimeError", "MPS backend out of memory (MPS allocated: 1 GB)", True),
        ("TrainMemoryError", "V2, seed 1: out of memory on cuda with batch 512: CUDA out", True),
        ("AcceleratorError", "CUDA error: out of memory", True),
        ("RuntimeError", "CUDA error: an illegal memory access was encountered", False),
        ("TrainError", "a, seed 0: the training diverged", False),
    ],
)
def test_full_memory_is_known_by_its_words(name, text, out):
    assert accelerator.is_memory_error(name, text) is out


@pytest.mark.parametrize(("batch", "half"), [("64", 32), ("5", 2), ("3", None)])
def test_a_batch_is_halved_down_to_two(made, batch, half):
    (task,) = prepared("first", batch=batch)
    less = accelerator.halve_batch(task)
    assert (less.used["batch"] if less else None) == half
    assert less is None or accelerator.halve_batch(less) is None
    assert "device cpu" in accelerator.advise(task, Outcome(None)).reason or half


def test_the_environment_hides_every_gpu_from_the_others():
    assert accelerator.environment({"device": "cpu"}) == {"CUDA_VISIBLE_DEVICES": ""}
    assert accelerator.environment({}) == {"CUDA_VISIBLE_DEVICES": ""}
    assert accelerator.environment({"device": "mps"}) == {}
    assert os.access(accelerator.lock_file(0).parent, os.W_OK)
