"""Running chapters: what happens to good and bad ones, and what survives an interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import pytest
from checkout import Checkout
from filelock import FileLock, ReadWriteLock

from lwsurvey import claims
from lwsurvey.claims import Ledger
from lwsurvey.paths import PACKAGE
from lwsurvey.press.results.notebooks import ResultError
from lwsurvey.press.run import kernel, schedule, tasks, worker
from lwsurvey.press.run.freshness import Freshness
from lwsurvey.press.run.progress import Progress
from lwsurvey.press.run.tasks import Outcome
from lwsurvey.press.sources import chapters

ALL = pytest.mark.timeout(180)
TIMES = "import time\nbegan = time.time()\ntime.sleep(1)"
# Longer than one of two kernels needs more than the other to start on a busy machine.
BESIDE = TIMES.replace("sleep(1)", "sleep(2)")
SAY_TIMES = "print(began, time.time())"
READ = 'text = open("../data/read.csv").read()\nimport near'
# Sleeps when it runs for the first time only.
SLOW = """import os, time
first = not os.path.exists("../kernel.pid")
open("../kernel.pid", "w").write(str(os.getpid()))
time.sleep(120 * first)"""


def execute(*, slugs=(), preset="cpu", jobs=2, overrides=None, force=False) -> dict[str, Outcome]:
    selected = chapters.select(chapters.discover(), slugs)
    return schedule.run(tasks.prepare(selected, preset, overrides or {}, force), jobs)


def state(slug: str, preset: str = "cpu", **overrides: str) -> Freshness:
    selected = chapters.select(chapters.discover(), (slug,))
    return tasks.prepare(selected, preset, overrides)[0].freshness


@pytest.fixture(scope="module")
def ran(tmp_path_factory) -> tuple[Checkout, dict[str, Outcome], str]:
    """A checkout with good and bad chapters after one run, and what the run said."""
    made = Checkout(tmp_path_factory.mktemp("ran"))
    (made.root / "data" / "read.csv").write_text("1\n")
    (made.root / "data" / "unread.csv").write_text("1\n")
    (made.root / "book").mkdir()
    toc = "root: intro\nchapters:\n- file: good\n- file: second\n"
    (made.root / "book" / "_toc.yml").write_text(toc)
    for name, text in {"near": "import far", "far": "", "apart": ""}.items():
        (made.root / "notebooks" / f"{name}.py").write_text(text + "\n")
    made.chapter("good", READ, BESIDE, SAY_TIMES)
    made.chapter("second", "from lwsurvey import schema", BESIDE, SAY_TIMES)
    made.chapter("fails", "# why\nraise ValueError('broken on purpose')")
    made.chapter("dies", "import os\nos._exit(3)")
    made.chapter("hangs", "import time\ntime.sleep(100)", timeout=5)
    made.chapter("exits", "import sys\nsys.exit(0)")
    made.write("forgets", ["1 + 1"])
    made.presets["forgets"] = {"smoke": {}}
    made.chapter("alone-a", TIMES, SAY_TIMES, alone=True)
    made.chapter("alone-b", TIMES, SAY_TIMES, alone=True)
    command = [sys.executable, "-m", "lwsurvey", "run", "--preset", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(made.root))
    assert done.returncode == 1, done.stderr
    return made, done.stderr


def environment(root: Path) -> dict[str, str]:
    path = os.pathsep.join([str(PACKAGE.parent), os.environ.get("PYTHONPATH", "")])
    return dict(os.environ) | {"LWSURVEY_ROOT": str(root), "PYTHONPATH": path}


@pytest.fixture
def checkout(ran, tmp_path, monkeypatch) -> Checkout:
    """A copy of the checkout that ran."""
    made, _ = ran
    shutil.copytree(made.root, tmp_path / "copy")
    copy = Checkout.__new__(Checkout)
    copy.__dict__ |= made.__dict__ | {"root": tmp_path / "copy"}
    copy.claims, copy.presets = list(made.claims), dict(made.presets)
    monkeypatch.setenv("LWSURVEY_ROOT", str(copy.root))
    return copy


def times(made: Checkout, slug: str) -> tuple[float, float]:
    outputs = [o for cell in made.result(slug, "cpu")["cells"] for o in cell.get("outputs", ())]
    text = next("".join(o["text"]) for o in outputs if o.get("name") == "stdout")
    return tuple(map(float, text.split()))


@ALL
def test_good_chapters_have_results_and_bad_ones_have_none(ran):
    folder = ran[0].root / "_build" / "runs" / "cpu"
    assert {p.stem for p in folder.glob("*.ipynb")} == {"good", "second", "alone-a", "alone-b"}
    failed = {p.stem for p in (folder / "failed").glob("*.ipynb")}
    assert failed == {"fails", "dies", "hangs", "exits", "forgets"}
    assert {p.suffix for p in (folder / ".work").iterdir()} == {".lock"}


@ALL
@pytest.mark.parametrize(
    "lines",
    [
        "fails: failed in cell 4 of 5 (id cell-1): # why\n    ValueError: broken on purpose\n",
        "dies: failed in cell 4 of 5 (id cell-1): import os\n    the kernel died: exit status 3\n",
        "hangs: failed in cell 4 of 5 (id cell-1): import time\n    time-out: 5 s for the chapter",
        "exits: failed in cell 4 of 5 (id cell-1): import sys\n",
        "    no result: claims.begin must be called once, for forgets with preset cpu; it was: n",
        "    log: _build/logs/cpu/fails.log\n    unfinished notebook: _build/runs/cpu/failed/",
        "5 of 9 chapters failed: ",
        "good: to run (never run)\n",
    ],
)
def test_a_failure_names_chapter_cell_and_reason(ran, lines):
    assert lines in ran[1]
    assert "Traceback" not in ran[1]


def test_a_chapter_with_verdicts_in_the_ledger_must_check_a_claim(tmp_path, monkeypatch):
    made = Checkout(tmp_path / "root")
    made.chapter("stated")
    monkeypatch.setattr(claims, "ledger", lambda: Ledger.read(made.root / "data" / "claims.csv"))
    begun = {"lwsurvey": {"type": "run", "chapter": "stated", "preset": "cpu"}}
    shown = nbformat.v4.new_output("display_data", {"text/plain": ""}, metadata=begun)
    cell = nbformat.v4.new_code_cell("begin()", outputs=[shown])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(ResultError, match="no claim was checked"):
        worker.check(notebook, "stated", "cpu")
    made.claims[0] |= {"verdict": ""}
    made.save()
    worker.check(notebook, "stated", "cpu")


def test_the_log_has_the_traceback(ran):
    log = (ran[0].root / "_build/logs/cpu/fails.log").read_text()
    assert "Traceback (most recent call last)" in log and "broken on purpose" in log


def test_two_run_at_a_time_and_some_alone(ran):
    good, second, a, b = (times(ran[0], s) for s in ("good", "second", "alone-a", "alone-b"))
    assert max(good[0], second[0]) < min(good[1], second[1])
    assert max(good[1], second[1]) < min(a[0], b[0])
    assert a[1] < b[0] or b[1] < a[0]


@pytest.mark.parametrize(("preset", "alone"), [("cpu", True), ("smoke", False)])
def test_a_smoke_run_times_nothing_that_counts(checkout, preset, alone):
    selected = chapters.select(chapters.discover(), ("alone-a", "good"))
    prepared = {task.slug: task.alone for task in tasks.prepare(selected, preset, {})}
    assert prepared == {"alone-a": alone, "good": False}


@ALL
def test_the_injected_cell_and_the_machine_do_not_show(checkout):
    execute(slugs=("good",), preset="smoke")
    text = (checkout.root / "_build/runs/smoke/good.ipynb").read_text()
    assert str(checkout.root) not in text and '"papermill"' not in text
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    injected = [c for c in notebook.cells if c.id == "injected-parameters"]
    assert [c.metadata["tags"] for c in injected] == [["remove-cell"]]
    assert "repeats = 3" in injected[0].source
    assert notebook.metadata["lwsurvey"]["parameters"]["repeats"] == 3


def test_nothing_changed_runs_nothing(checkout, capsys):
    for path in (checkout.root / "notebooks").iterdir():
        path.touch()
    (checkout.root / "data" / "read.csv").touch()
    before = (checkout.root / "_build/runs/cpu/good.ipynb").stat().st_mtime_ns
    assert execute(slugs=("good", "second")) == {}
    assert (checkout.root / "_build/runs/cpu/good.ipynb").stat().st_mtime_ns == before


def edit(checkout: Checkout, name: str, text: str = "2\n") -> None:
    (checkout.root / name).write_text(text)


def edit_cell(checkout: Checkout, index: int, **change: object) -> None:
    path = checkout.root / "notebooks" / "good.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[index].update(change)
    nbformat.write(notebook, path)


def edit_claim(checkout: Checkout, slug: str, **change: str) -> None:
    checkout.claims = [c | (change if c["chapter"] == slug else {}) for c in checkout.claims]
    checkout.save()


CHANGES = {
    "a cell": (lambda c: edit_cell(c, 3, source="1"), "the notebook changed"),
    "a tag": (lambda c: edit_cell(c, 3, metadata={"tags": ["x"]}), "the notebook changed"),
    "outputs": (lambda c: edit_cell(c, 3, execution_count=7), None),
    "a near module": (lambda c: edit(c, "notebooks/near.py", "import far as f\n"), "near.py ch"),
    "a module behind it": (lambda c: edit(c, "notebooks/far.py"), "notebooks/far.py changed"),
    "a module apart": (lambda c: edit(c, "notebooks/apart.py"), None),
    "data it read": (lambda c: edit(c, "data/read.csv"), "data/read.csv changed"),
    "data it lost": (lambda c: (c.root / "data/read.csv").unlink(), "data/read.csv is gone"),
    "data it did not read": (lambda c: edit(c, "data/unread.csv"), None),
    "the lock": (lambda c: edit(c, "requirements.lock"), "requirements.lock changed"),
    "its claim": (lambda c: edit_claim(c, "good", value="5"), "its claims in data/claims.csv"),
    "its verdict": (lambda c: edit_claim(c, "good", verdict="contradicted"), None),
    "another's claim": (lambda c: edit_claim(c, "second", value="5"), None),
    "a half-written result": (
        lambda c: edit(c, "_build/runs/cpu/good.ipynb", '{"cells": ['),
        "its result cannot be read",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_makes_a_chapter_run_again(checkout, what):
    change, reason = CHANGES[what]
    assert state("good").fresh
    change(checkout)
    now = state("good")
    assert now.fresh == (reason is None)
    assert reason is None or reason in now.why


@ALL
def test_a_changed_parameter_is_named(checkout):
    execute(slugs=("good",), preset="smoke")
    checkout.presets["good"] = {"smoke": {"repeats": 5}}
    checkout.save()
    assert state("good", "smoke").why == "parameter repeats: 3 -> 5"


def test_the_package_is_followed(checkout):
    modules = checkout.result("second", "cpu")["metadata"]["lwsurvey"]["inputs"]["modules"]
    assert set(modules) == {"lwsurvey/__init__.py", "lwsurvey/schema.py"}


def test_it_waits_for_another_run_and_takes_its_result(checkout, capsys):
    lock = FileLock(checkout.root / "_build/runs/cpu/.work/good.lock", thread_local=False)
    lock.acquire()
    threading.Timer(0.5, lock.release).start()
    assert execute(slugs=("good",), force=True) == {}
    said = capsys.readouterr().err
    assert "good: waits, another run is at it" in said and "has just finished it" in said


@ALL
@pytest.mark.parametrize(
    ("slug", "held", "said"),
    [
        ("alone-a", "acquire_read", "alone-a: waits, another run is at work"),
        ("good", "acquire_write", "good: waits, a chapter of another run must be alone"),
    ],
)
def test_a_chapter_that_runs_alone_does_so_beside_other_runs(checkout, capsys, slug, held, said):
    lock = ReadWriteLock(checkout.root / "_build/runs" / schedule.ALONE, is_singleton=False)
    getattr(lock, held)()
    waiting = threading.Thread(target=execute, kwargs={"slugs": (slug,), "force": True})
    waiting.start()
    heard = []
    assert wait(lambda: heard.append(capsys.readouterr().err) or said in "".join(heard), 10)
    assert "started" not in "".join(heard)
    lock.release()
    waiting.join()
    assert f"{slug}: finished" in capsys.readouterr().err


def test_a_long_reason_is_cut(checkout, capsys):
    path = checkout.root / "none"
    Progress({}, set(), 1).fail("good", Outcome(None, "m" * 10**6), path, path)
    assert len(capsys.readouterr().err) < 500


@pytest.mark.parametrize(
    ("name", "noted"),
    [("data/a.csv", "data/a.csv"), ("x.egg-info/entry_points.txt", None), ("_build/a", None)],
)
def test_only_what_belongs_to_the_checkout_is_noted(name, noted):
    assert kernel._read_name((f"/book/{name}", "r", os.O_RDONLY), "/book/", "/venv/") == noted


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def wait(condition, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


@pytest.fixture
def slow(tmp_path, monkeypatch):
    """A run in a process of its own: one chapter is finished, one sleeps in its kernel."""
    made = Checkout(tmp_path)
    made.chapter("quick")
    made.chapter("slow", SLOW)
    monkeypatch.setenv("LWSURVEY_ROOT", str(made.root))
    command = [sys.executable, "-m", "lwsurvey", "run", "--preset", "cpu"]
    # Where the tests run in the background, the shell has told all children to ignore Ctrl-C.
    process = subprocess.Popen(
        command, env=environment(made.root), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    pid, result = made.root / "kernel.pid", made.root / "_build/runs/cpu/quick.ipynb"
    assert wait(lambda: result.exists() and pid.exists() and pid.read_text(), 40)
    yield process, int(pid.read_text())
    process.kill()
    process.wait()
    process.stderr.close()


def check_that_it_goes_on() -> None:
    assert state("quick").fresh and state("slow").why == "never run"
    done = execute()
    assert set(done) == {"slow"} and done["slow"].seconds > 0


@ALL
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_killed_run_leaves_no_kernel_and_keeps_what_is_finished(slow):
    process, kernel = slow
    process.kill()
    assert wait(lambda: not alive(kernel), 5)
    check_that_it_goes_on()


@ALL
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_ctrl_c_ends_the_children_and_keeps_what_is_finished(slow):
    process, kernel = slow
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 130
    assert not alive(kernel)
    said = process.stderr.read()
    assert "Interrupted. Finished chapters stay" in said and "Traceback" not in said
    assert state("quick").fresh and state("slow").why == "never run"


@ALL
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_killed_worker_is_a_failure_of_its_chapter(slow):
    process, kernel = slow
    worker = int(Path(f"/proc/{kernel}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(worker, signal.SIGKILL)
    assert process.wait(10) == 1
    assert "slow: failed in cell 4 of 5 (id cell-1): import os" in (said := process.stderr.read())
    assert "its process ended: killed by the system or a user" in said
    assert wait(lambda: not alive(kernel), 5)


@ALL
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named_and_leaves_nothing(checkout, tmp_path_factory):
    scratch = tmp_path_factory.mktemp("s")
    folder = checkout.root / "_build" / "runs" / "full"
    (folder / "work").mkdir(parents=True)
    (folder / "work" / "good.ipynb").symlink_to("/dev/full")
    job = {"slug": "good", "preset": "cpu", "parameters": {}, "changed": {}}
    job |= {"folder": str(folder), "work": str(folder / "work"), "scratch": str(scratch)}
    process = subprocess.Popen(
        [sys.executable, "-m", "lwsurvey.press.run.worker"],
        env=environment(checkout.root),
        cwd=checkout.root / "notebooks",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    process.stdin.write(json.dumps(job).encode() + b"\n")
    process.stdin.flush()
    last = json.loads(process.stdout.readlines()[-1])
    process.stdin.close()
    process.stdout.close()
    assert process.wait(10) == 0
    assert last == {"failed": "the disk is full; free some space and run again"}
    assert [path.name for path in folder.rglob("*")] == ["work"]
