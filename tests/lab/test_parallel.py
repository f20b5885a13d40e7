"""Seeds and chapters on a Dask cluster: one scheduler and two workers on this machine."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import joblib
import pandas as pd
import psutil
import pytest
import torch
import yaml
from checkout import Checkout
from distributed import Client
from torch import nn

from lwsurvey import parallel, paths, runs, train
from lwsurvey.data import Images, Split
from lwsurvey.parallel import ClusterError
from lwsurvey.paths import PACKAGE
from lwsurvey.press.results.notebooks import entries
from lwsurvey.press.run import schedule, tasks
from lwsurvey.press.sources import chapters
from lwsurvey.schema import SCHEDULER
from lwsurvey.train import TrainError

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
# Waits when it runs for the first time only.
WAIT = """import os, time
mark = {mark!r}
first = not os.path.exists(mark)
open(mark + ".part", "w").write(str(os.getpid()))
os.replace(mark + ".part", mark)
time.sleep(100 * first)"""
REAL = "mnasnet-reward"
QUICK = dict(seeds=3, epochs=1, batch=32)


class Cluster:
    """A scheduler and workers in processes of their own."""

    def __init__(self, root: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        self.root, self.workers, self._all = root, [], []
        self._start("scheduler", "--port", self.address.rpartition(":")[2])
        self.grow(2)

    def grow(self, count: int) -> None:
        """Start workers; without a nanny, so that what is killed stays away."""
        options = [
            self.address,
            "--nthreads",
            "1",
            "--no-nanny",
            "--local-directory",
            str(self.root),
        ]
        self.workers = [w for w in self.workers if w.poll() is None]
        while len(self.workers) < count:
            self.workers.append(self._start("worker", *options))

    def stop(self) -> None:
        for process in self._all:
            process.kill()
            process.wait()

    def _start(self, *arguments: str) -> subprocess.Popen:
        search = os.pathsep.join(
            [str(PACKAGE.parent), str(Path(__file__).parent), str(Path(__file__).parents[1])]
        )
        command = [
            sys.executable,
            "-m",
            "dask",
            *arguments,
            "--no-dashboard",
            "--host",
            "127.0.0.1",
        ]
        with open(self.root / f"{arguments[0]}-{len(self._all)}.log", "w") as log:
            made = subprocess.Popen(
                command, stdout=log, stderr=log,
                env=os.environ | {"PYTHONPATH": search, "LWSURVEY_ROOT": str(self.root)},
            )  # fmt: skip
        self._all.append(made)
        return made


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """The cluster. Its checkout is not ours, and it shares no folder with us."""
    root = tmp_path_factory.mktemp("there")
    made = Checkout(root)
    (root / "data" / "read.csv").write_text("1\n")
    with open(paths.data("claims.csv"), newline="", encoding="utf-8") as file:
        made.claims += [row for row in csv.DictReader(file) if row["chapter"] == REAL]
    made.presets[REAL] = yaml.safe_load((paths.root() / "notebooks/presets.yml").read_text())[REAL]
    shutil.copy(paths.root() / f"notebooks/{REAL}.ipynb", root / "notebooks")
    for name in ("data/papers", "data/search", "book"):
        shutil.copytree(paths.root() / name, root / name, dirs_exist_ok=True)
    made.chapter("good", 'print(open("../data/read.csv").read())')
    made.chapter("bad", "raise ValueError('on purpose')")
    made.chapter("times", "import os\nprint(os.environ['LWSURVEY_SCHEDULER'])", alone=True)
    for name in ("killed", "sigint", "sigkill"):
        made.chapter(name, WAIT.format(mark=str(root / f"{name}.mark")))
    running = Cluster(root)
    yield running
    for client in list(Client._instances):  # else it draws Python's random numbers in later tests
        client.close()
    parallel._client.cache_clear()
    running.stop()


@pytest.fixture
def scheduler(there, monkeypatch) -> str:
    """Its address, for the studies of this process."""
    there.grow(2)
    parallel.connect(there.address).wait_for_workers(2, timeout=60)
    monkeypatch.setenv(SCHEDULER, there.address)
    return there.address


@pytest.fixture
def here(there, tmp_path, monkeypatch) -> Path:
    """Our checkout."""
    left_out = shutil.ignore_patterns("*.log", "*.mark", "_build", "dask-scratch-space")
    shutil.copytree(there.root, tmp_path / "here", ignore=left_out)
    monkeypatch.setenv("LWSURVEY_ROOT", str(tmp_path / "here"))
    return tmp_path / "here"


def images() -> Split:
    x = torch.randn(192, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    y = torch.arange(192) % 4
    return Split(*(Images(x[i : i + 64], y[i : i + 64]) for i in (0, 64, 128)))


def plain() -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))


def waiting(home: int, mark: Path) -> nn.Module:
    """As `plain`; the first time that it is not made at home, it waits to be killed."""
    if os.getpid() != home and not mark.exists():
        part = mark.with_suffix(f".{os.getpid()}")
        part.write_text(str(os.getpid()))
        try:
            os.link(part, mark)
        except FileExistsError:
            return plain()  # another worker waits
        time.sleep(100)
    return plain()


def study(make=plain, **options) -> pd.DataFrame:
    return train.repeat({"one": make, "two": plain}, images(), **QUICK, **options)


def same(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.drop(columns="seconds").equals(other.drop(columns="seconds"))


@pytest.fixture(scope="module")
def alone() -> pd.DataFrame:
    """The study in this process."""
    return study()


def marked(mark: Path) -> int:
    """The number that a process has left."""
    until = time.monotonic() + 60
    while not mark.exists():
        assert time.monotonic() < until, f"no {mark.name}"
        time.sleep(0.05)
    return int(mark.read_text())


def execute(*slugs: str, preset: str = "cpu", jobs: int = 2, scheduler: str | None = None):
    selected = chapters.select(chapters.discover(), slugs)
    return schedule.run(tasks.prepare(selected, preset, {}), jobs, scheduler=scheduler)


def told(root: Path, slug: str, preset: str) -> list[dict]:
    """The verdicts of a result."""
    notebook = json.loads((root / f"_build/runs/{preset}/{slug}.ipynb").read_text())
    return [entry for entry in entries(notebook, "verdict") if entry.pop("run")]


def test_seeds_equal_those_of_one_process_bit_for_bit(alone, scheduler):
    assert same(study(), alone)
    assert parallel.machines().startswith("2 workers: ")


def test_without_a_scheduler_there_are_no_other_machines(monkeypatch):
    monkeypatch.delenv(SCHEDULER, raising=False)
    assert parallel.machines() is None


def test_a_killed_worker_loses_nothing(alone, there, scheduler, tmp_path):
    mark, found = tmp_path / "mark", {}
    recorded = train.kept(tmp_path / "runs.csv")
    options = dict(make=partial(waiting, os.getpid(), mark), recorded=recorded)
    worker = threading.Thread(target=lambda: found.update(frame=study(**options)))
    worker.start()
    os.kill(marked(mark), signal.SIGKILL)
    worker.join()
    assert same(found["frame"], alone)
    # The two variants are the same network, which is trained once for each seed.
    assert len(runs.read(tmp_path / "runs.csv")) == len(alone) // 2


def test_the_error_of_a_run_comes_home(scheduler):
    def broken() -> nn.Module:
        raise RuntimeError("on purpose")

    with pytest.raises(TrainError, match=r"RuntimeError\('on purpose'\)"):
        study(broken)


def test_what_is_spread_inside_a_run_stays_there(scheduler):
    def outer(base: int) -> list[tuple[int, int]]:
        return list(parallel.spread(lambda x: (os.getpid(), base + x), [(1,), (2,)], 2))

    found = list(parallel.spread(outer, [(10,), (20,)]))
    assert [[value for _, value in pairs] for pairs in found] == [[11, 12], [21, 22]]
    assert all(len({pid for pid, _ in pairs}) == 1 for pairs in found)
    assert os.getpid() not in {pid for pairs in found for pid, _ in pairs}


def test_the_users_own_backend_wins(alone, monkeypatch):
    monkeypatch.setenv(SCHEDULER, "tcp://127.0.0.1:1")
    with joblib.parallel_config("threading", n_jobs=2):
        assert same(study(), alone)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense://x", "127.0.0.1:port"])
def test_a_wrong_address_is_one_line(here, address, monkeypatch):
    monkeypatch.setattr(parallel, "PATIENCE", 0.5)
    with pytest.raises(ClusterError, match=f"no scheduler at {address} .*; it is written as in"):
        execute("good", scheduler=address)
    assert not (here / "_build/logs").exists()


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("_version", "1.0", r"differs in numpy \S+ \(here 1.0\), .*; make them equal"),
        ("_source", "0" * 64, "differs in the source of lwsurvey; "),
    ],
)
def test_a_worker_that_differs_is_named_before_work(scheduler, monkeypatch, name, value, message):
    monkeypatch.setattr(parallel, name, lambda *package: value)
    with pytest.raises(TrainError, match=rf"after 0 of 6 runs.*worker tcp://\S+ {message}"):
        study()


def test_a_worker_that_differs_and_comes_later_computes_nothing(scheduler, monkeypatch):
    other = parallel.state() | {"torch": "1.0"}
    monkeypatch.setattr(parallel, "state", lambda: other)
    with pytest.raises(TrainError, match=r"not like us; what asks differs in torch 1.0 \(here"):
        study()


def test_a_worker_without_our_package_is_named():
    gone = ModuleNotFoundError("No module named 'lwsurvey'")
    assert parallel.differences(gone).startswith("has no lwsurvey that fits (ModuleNotFoundError")


@pytest.mark.full
def test_a_real_chapter_has_the_verdicts_of_a_local_run(here, there, scheduler, monkeypatch):
    done = execute(REAL, preset="smoke", scheduler=scheduler)
    assert done[REAL].seconds, done
    far = told(here, REAL, "smoke")
    shutil.rmtree(here / "_build")
    monkeypatch.delenv(SCHEDULER)
    assert execute(REAL, preset="smoke")[REAL].seconds
    assert len(far) > 3 and far == told(here, REAL, "smoke")


def test_chapters_end_as_they_do_here_even_if_a_worker_dies(here, there, scheduler, capfd):
    def kill() -> None:
        kernel = psutil.Process(marked(there.root / "killed.mark"))
        kernel.parent().parent().kill()

    threading.Thread(target=kill).start()
    done = execute("good", "bad", "killed", "times", jobs=3, scheduler=scheduler)
    said = capfd.readouterr().err
    assert {slug for slug, outcome in done.items() if outcome.seconds} == {
        "good",
        "killed",
        "times",
    }
    assert "killed: begins again, its worker was lost; now on tcp://" in said
    assert "bad: failed in cell 4 of 5 (id cell-1): raise ValueError('on purpose')" in said
    assert "on purpose" in (here / "_build/logs/cpu/bad.log").read_text()
    assert (here / "_build/runs/cpu/failed/bad.ipynb").exists()
    assert "times: is on" not in said
    assert scheduler in (here / "_build/runs/cpu/times.ipynb").read_text()
    selected = chapters.select(chapters.discover(), ("good", "killed", "times"))
    assert all(task.fresh for task in tasks.prepare(selected, "cpu", {}))


def test_another_checkout_there_is_named(here, there, scheduler):
    path = here / "notebooks" / "good.ipynb"
    path.write_text(path.read_text().replace("read.csv", "read2.csv"))
    assert "the checkout of tcp://" in execute("good", scheduler=scheduler)["good"].reason
    path.write_text(path.read_text().replace("read2.csv", "read.csv"))
    (here / "data" / "read.csv").write_text("2\n")
    reason = execute("good", scheduler=scheduler)["good"].reason
    assert reason == "the worker's checkout differs from this one: data/read.csv changed"
    assert not (here / "_build/runs/cpu/good.ipynb").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_leaves_no_kernel_there(here, there, scheduler, number):
    slug = number.name.lower()
    command = [sys.executable, "-m", "lwsurvey", "run", slug, "--scheduler", scheduler]
    search = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
    running = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        env=search,
        # A shell starts its background jobs so that they do not hear it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    kernel = psutil.Process(marked(there.root / f"{slug}.mark"))
    processes = [kernel, kernel.parent()]
    running.send_signal(number)
    _, said = running.communicate(timeout=30)
    assert "Traceback" not in said
    if number == signal.SIGINT:
        assert running.returncode == 130 and "Interrupted. Finished chapters stay" in said
    assert not psutil.wait_procs(processes, timeout=20)[1]


def test_without_workers_it_says_so(here, there, scheduler, monkeypatch):
    for worker in there.workers:
        worker.kill()
        worker.wait()
    monkeypatch.setattr(parallel, "PATIENCE", 1.0)
    with pytest.raises(ClusterError, match=f"the scheduler at {scheduler} has no worker; start"):
        execute("good", scheduler=scheduler)
