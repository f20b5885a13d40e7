"""The book's clock: on devices whose times are known, and on this machine beside other load."""

from __future__ import annotations

import gc
import math
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from torch import nn

from lwsurvey import latency
from lwsurvey.latency import calibration, devices, disturbances, intervals, load, quiet
from lwsurvey.latency.compare import Plan
from lwsurvey.latency.disturbances import Disturbance
from lwsurvey.latency.roofline import estimates

LAUNCH = 1e-6


@dataclass
class Mark:
    """A point in a stream of work."""

    asked: float
    reached: float


class Asynchronous:
    """Calls return at once; the work is done later, on the device's own clock.

    A mark that is read before the work is done gives the time at which it was asked for: the
    lie of a GPU that is not synchronised.
    """

    name, on_host = "fake", False

    def __init__(self, noise: float = 0.01, own: float = math.nan, others: float = 0.0) -> None:
        self.host = self.free = self.done = 0.0
        self.noise, self._own, self._others = noise, own, others
        self._rng = np.random.default_rng(1)

    def work(self, seconds, log=None):
        """A competitor of so many seconds, or of a function of the time."""

        def run():
            self.host += LAUNCH
            takes = seconds(self.host) if callable(seconds) else seconds
            self.free = max(self.free, self.host) + takes * self._rng.lognormal(0, self.noise)
            if log is not None:
                log(seconds)

        return run

    def now(self):
        return self.host

    def mark(self):
        return Mark(self.host, max(self.free, self.host))

    def synchronize(self):
        self.host = self.done = max(self.free, self.host)

    def seconds(self, start, end):
        return self._read(end) - self._read(start)

    def _read(self, mark):
        return mark.reached if mark.reached <= self.done else mark.asked

    def own(self, start, end):
        return self._own * self.seconds(start, end)

    def others(self):
        return self._others * self.host


class NotSynchronised(Asynchronous):
    def synchronize(self):
        """What forgetting it does."""


@pytest.fixture
def alone(tmp_path, monkeypatch):
    """A lock of its own for tests in which real time does not matter."""
    monkeypatch.setattr(quiet, "lock_file", lambda: tmp_path / "lock")


def pair(device, a=2e-3, b=1e-3, **arguments):
    competitors = {"a": device.work(a), "b": device.work(b)}
    return latency.compare(competitors, device=device, **arguments)


pytestmark = pytest.mark.filterwarnings("error")


def test_asynchronous_work_is_waited_for(alone):
    true = pair(Asynchronous(), 30e-3, 10e-3, rounds=20)
    assert true.ratio("a", "b").value == pytest.approx(3, rel=0.02)
    assert true.time("a").value == pytest.approx(30e-3, rel=0.01)
    assert true.verdict("a", "b") == "slower" and true.verdict("b", "a") == "faster"
    lie = pair(NotSynchronised(), 30e-3, 10e-3, rounds=20)
    assert lie.ratio("a", "b").value == pytest.approx(1, rel=0.1)
    assert lie.time("a").value == pytest.approx(LAUNCH, rel=0.1)


@pytest.mark.parametrize("seconds", [3e-6, 4e-4, 5e-3, 0.2])
def test_calls_of_any_length_are_timed(alone, seconds):
    seen = pair(Asynchronous(), 1.25 * seconds, seconds, budget=100, width=0.005)
    ratio = seen.ratio("a", "b")
    assert ratio.low < 1.25 < ratio.high and ratio.low > 1.2 and ratio.high < 1.3
    assert seen.time("b").value == pytest.approx(seconds, rel=0.01)
    assert seen.disturbances == () and ratio.note == ""


def test_the_run_stops_for_the_reason_that_it_gives(alone):
    narrow = pair(Asynchronous(), budget=100, width=0.02)
    ratio = narrow.ratio("a", "b")
    assert narrow.stopped == "narrow" and narrow.rounds in (15, 30, 60)
    assert (ratio.high - ratio.low) / 2 <= 0.02 * ratio.value and ratio.n == narrow.rounds
    spent = pair(Asynchronous(0.2), budget=2, width=1e-4)
    assert spent.stopped == "budget" and 2 <= spent.seconds < 2.1
    capped = pair(Asynchronous(0.2), budget=100, width=1e-4, rounds=40)
    assert capped.stopped == "rounds" and capped.rounds == 40
    least = pair(Asynchronous(0.2), 3.0, 2.0, budget=0.1, width=1e-4)
    assert least.stopped == "budget" and least.rounds == 15
    few = pair(Asynchronous(), budget=100, rounds=7, width=1e-4)
    assert few.rounds == 7 and few.stopped == "rounds"
    single = Asynchronous()
    alone_ = latency.compare({"x": single.work(1e-3)}, device=single, budget=9)
    assert alone_.stopped == "narrow" and "narrow enough" in alone_.summary()
    assert "1 thread," in alone_.summary() and "nothing disturbed" in alone_.summary()


def test_only_the_pairs_asked_for_have_to_be_narrow(alone):
    device = Asynchronous(0.01)

    def restless(now):
        return 1e-3 * (1 + 0.9 * math.sin(1e4 * now))

    work = {"a": device.work(1e-3), "b": device.work(1e-3), "c": device.work(restless)}
    seen = latency.compare(work, device=device, budget=5, pairs=[("b", "a")])
    assert seen.stopped == "narrow"
    seen = latency.compare(work, device=device, budget=5, width=0.001)
    assert seen.stopped == "budget"


def test_looks_are_fixed_before_the_first_round():
    plan = Plan([], 1.0, 0.02, 1, 15, None, 0)
    assert plan.looks(200) == (15, 30, 60, 120, None)
    assert plan.looks(3) == (15, None)
    assert replace(plan, rounds=60).looks(1000) == (15, 30, 60)
    assert replace(plan, rounds=70).looks(1000) == (15, 30, 60, None)
    assert replace(plan, rounds=7).looks(1000) == (7,)
    assert intervals.each_of(1) == pytest.approx(0.95)
    assert intervals.each_of(5) == pytest.approx(0.99)


def test_every_round_times_everything_once_in_an_order_of_its_own(alone):
    def order(seed):
        device, calls = Asynchronous(), []
        work = {str(i): device.work(0.02 + i / 1000, calls.append) for i in range(5)}
        seen = latency.compare(work, device=device, rounds=30, width=1e-6, seed=seed)
        rounds = np.reshape(calls[-150:], (30, 5))
        assert all(len(set(row)) == 5 for row in rounds)
        assert len({tuple(row) for row in rounds}) > 20
        return rounds.tolist(), seen

    (first, a), (again, b), (other, _) = order(3), order(3), order(4)
    assert first == again and first != other
    pd.testing.assert_frame_equal(a.times, b.times)
    assert a.ratio("1", "0") == b.ratio("1", "0") and list(a.times) == list("01234")


def test_a_machine_that_slows_down_is_noticed_and_cancels_in_the_ratio(alone):
    device = Asynchronous(0.005)

    def slower(seconds):
        return lambda now: seconds * (1 + now / 5)

    seen = pair(device, slower(2e-3), slower(1e-3), budget=2, width=1e-5)
    (sentence,) = seen.disturbances
    assert "drifted" in sentence and "2 of 2" in sentence and sentence in seen.summary()
    ratio, spent = seen.ratio("a", "b"), seen.time("a")
    assert ratio.low < 2 < ratio.high and ratio.high / ratio.low < 1.01 and ratio.note == ""
    half = seen.rounds // 2
    first, second = seen.times["a"][:half].median(), seen.times["a"][-half:].median()
    assert spent.low <= first < second <= spent.high and "halves" in spent.note


def test_a_ratio_that_drifts_covers_both_halves(alone):
    device = Asynchronous(0.005)
    seen = pair(device, lambda now: 1e-3 * (1 + now / 10), 1e-3, budget=2, width=1e-5)
    ratio, series = seen.ratio("a", "b"), seen.times["a"] / seen.times["b"]
    half = seen.rounds // 2
    assert ratio.low <= series[:half].median() < series[-half:].median() <= ratio.high
    assert "halves" in ratio.note


@pytest.mark.parametrize(
    ("threads", "device", "others", "judged"),
    [
        (2, "cpu", 1.0, False),
        (1, "cpu", 1.0, True),
        (2, "cpu", 0.0, True),
        (2, "cuda:0", 1.0, True),
    ],
)
def test_a_race_with_all_threads_on_a_busy_machine_is_not_judged(threads, device, others, judged):
    found = (
        (Disturbance("load", f"other processes kept {others} of 2 cores busy"),) if others else ()
    )
    times = pd.DataFrame({"a": [4.7, 4.8, 4.9] * 10, "b": [1.0, 1.01, 0.99] * 10})
    seen = latency.Comparison(times, threads=threads, device=device, found=found)
    ratio = seen.ratio("a", "b")
    assert (
        seen.unjudged == ratio.unjudged == seen.of_medians(lambda m: m["a"]).unjudged == ""
    ) == judged
    assert seen.verdict("a", "b") == ("slower" if judged else "not judged")
    fast = estimates.positive(seen, lambda t: t["a"] / t["b"])
    for one in (fast, estimates.quotient(fast, fast), estimates.held_out(seen, len)[1].time("a")):
        assert bool(one.unjudged) != judged
    if not judged:
        assert "used 2 threads" in ratio.unjudged and "1.0 of 2 cores" in ratio.unjudged
        assert replace(seen, widen=False).verdict("a", "b") == "slower"


@pytest.mark.parametrize(
    ("threads", "elapsed", "on_host", "found"),
    [(2, 0.05, True, ["load"]), (1, 0.05, True, []), (2, 0.05, False, []), (2, 5.0, True, [])],
)
def test_a_race_of_threads_that_is_too_short_to_see_load_is_taken_for_loaded(
    threads, elapsed, on_host, found
):
    watch = disturbances.Watch(elapsed, math.nan, elapsed, 0.01, 2, on_host, threads)
    assert [d.kind for d in disturbances.of_machine(watch)] == found


def test_widening_covers_the_halves_and_doubles_the_rest():
    narrow = intervals.Interval(10, 9, 12)
    assert intervals.widen(narrow, False) == narrow
    assert intervals.widen(narrow, True) == intervals.Interval(10, 8, 14)
    moved = replace(narrow, halves=(8.5, 11))
    assert intervals.widen(moved, False) == replace(moved, low=8.5)
    assert intervals.widen(moved, True) == replace(moved, low=8, high=14)
    assert intervals.widen(narrow, True, 15.0) == intervals.Interval(10, 8, 15)
    falling = replace(narrow, halves=(20, 5))
    assert intervals.widen(falling, False) == replace(falling, low=5, high=20)


@pytest.mark.parametrize(
    ("conditions", "words"),
    [({"own": 0.9}, "for 10% of the time"), ({"others": 1.5}, "other processes kept 1.5 of")],
)
def test_others_on_the_machine_double_the_interval(alone, monkeypatch, conditions, words):
    device = Asynchronous(**conditions)
    device.on_host = True
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    seen = pair(device, rounds=40, width=1e-5)
    wide, plain = (replace(seen, widen=w).ratio("a", "b") for w in (True, False))
    assert words in seen.disturbances[0] and words in wide.note and "doubled" in wide.note
    assert wide.value == plain.value
    assert wide.high - wide.value == pytest.approx(2 * (plain.high - plain.value))
    assert wide.value - wide.low == pytest.approx(2 * (plain.value - plain.low))
    assert wide.detectable == pytest.approx(2 * plain.detectable)


def test_pauses_that_pull_a_ratio_towards_one_are_covered():
    rng = np.random.default_rng(0)
    own = pd.DataFrame({"a": [2.0] * 50, "b": [1.0] * 50})
    times = own + rng.normal(3, 0.01, (50, 2))
    found = (Disturbance("lost", "it waited"),)
    seen = latency.Comparison(times, found=found, own=own)
    assert seen.ratio("a", "b").value < 1.3 and seen.ratio("a", "b").high == 2
    assert seen.time("b").low == 1 and "computed the value is 1" in seen.time("b").note
    assert seen.of_medians(lambda medians: medians["a"] - medians["b"]).low <= 1
    for other in (replace(seen, found=()), replace(seen, widen=False), replace(seen, own=None)):
        assert other.ratio("a", "b").high < 1.4


def test_no_interval_of_a_time_is_negative():
    wild = pd.DataFrame({"a": [1.0, 0.1] * 7 + [1.0], "b": [1.0] * 15})
    seen = latency.Comparison(wild, found=(Disturbance("load", "load"),))
    assert seen.time("a").low == 0 == seen.ratio("a", "b").low
    assert seen.estimate(lambda times: times["a"] - 0 * times["b"]).low < 0


def test_a_gpu_is_disturbed_only_if_no_core_is_left_to_feed_it(alone, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    few, many = (pair(Asynchronous(others=n), rounds=99, width=1e-5) for n in (2.9, 3.5))
    assert few.disturbances == () and "other processes kept 3.5 of 4" in many.disturbances[0]


def test_small_shares_of_the_machine_are_no_disturbance(alone, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    device = Asynchronous(own=0.99, others=3.0)
    device.on_host = True
    assert pair(device, rounds=99, width=1e-5).disturbances == ()


def test_many_spikes_are_reported(alone):
    device, rng = Asynchronous(0), np.random.default_rng(0)

    def spiky(now):
        return 5e-3 if rng.random() < 0.2 else 2e-3

    seen = pair(device, spiky, spiky, rounds=200, width=1e-6)
    (sentence,) = seen.disturbances
    assert "of the samples took more than 1.5 times the median" in sentence
    assert seen.time("a").value == pytest.approx(2e-3, rel=0.01)


@pytest.mark.parametrize(
    ("correlation", "n", "worst"), [(0.0, 20, 8), (0.0, 90, 8), (0.5, 240, 14)]
)
def test_the_interval_contains_the_median_as_often_as_it_says(correlation, n, worst):
    rng, missed = np.random.default_rng(5), 0
    for seed in range(300):
        noise = rng.standard_t(3, n + 50)
        for i in range(1, len(noise)):
            noise[i] += correlation * noise[i - 1]
        found = intervals.of_median(10 + noise[50:], 0.95, seed)
        missed += not found.low <= 10 <= found.high
    assert 100 * missed / 300 <= worst


# Resampling two rounds cannot reach their t interval, only half of it: 10 %.
@pytest.mark.parametrize(("rounds", "worst"), [(2, 20), (3, 12), (5, 12), (7, 12)])
def test_few_rounds_seldom_tell_equals_apart(rounds, worst):
    rng, apart = np.random.default_rng(6), 0
    for seed in range(100):
        times = pd.DataFrame(rng.lognormal(0, 0.02, (rounds, 2)), columns=["a", "b"])
        seen = latency.Comparison(times, seed=seed)
        apart += seen.verdict("a", "b") != "not told apart"
        assert seen.ratio("a", "b").low < seen.ratio("a", "b").high
    assert apart <= worst


def test_one_round_has_no_interval():
    seen = latency.Comparison(pd.DataFrame({"a": [1.0], "b": [2.0]}))
    for ask in (lambda: seen.ratio("a", "b"), lambda: seen.of_medians(lambda m: m["a"])):
        with pytest.raises(ValueError, match="two rounds or more, not 1"):
            ask()


def test_detectable_is_what_eighty_per_cent_of_runs_would_see(alone):
    rng, seen = np.random.default_rng(2), 0
    limit = latency.Comparison(pd.DataFrame({"a": rng.normal(10, 1, 200)})).time("a").detectable
    for seed in range(300):
        runs = pd.DataFrame({"a": rng.normal(10 + limit, 1, 200)})
        seen += latency.Comparison(runs, seed=seed).time("a").low > 10
    assert 0.65 <= seen / 300 <= 0.95


def test_numbers_from_all_times(alone):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {n: t * rng.lognormal(0, 0.02, 60) for n, t in zip("abc", (3, 2, 1), strict=True)}
    )
    seen = latency.Comparison(frame)
    share = seen.of_medians(lambda medians: medians["a"] / medians.sum())
    assert share.low < 0.5 < share.high and share.n == 60 and share.high - share.low < 0.02
    total = seen.estimate(lambda times: times.sum(axis=1))
    assert total.low < 6 < total.high and total.value == frame.sum(axis=1).median()
    assert seen.ratio("b", "c").value == (frame["b"] / frame["c"]).median()
    table = seen.medians()
    assert table["µs"].tolist() == (1e6 * frame.median()).tolist()
    assert (table["from"] < table["µs"]).all() and (table["µs"] < table["to"]).all()
    ranks = seen.of_medians(lambda medians: float(medians.rank()["a"]))
    assert (ranks.value, ranks.low, ranks.high) == (3, 3, 3)
    with pytest.raises(ValueError, match="60 finite numbers"):
        seen.estimate(lambda times: times["a"][:5])
    with pytest.raises(ValueError, match="not finite"):
        seen.of_medians(lambda medians: math.nan)
    with pytest.raises(ValueError, match="no competitor 'z'; there are a, b, c"):
        seen.ratio("a", "z")


def test_drift_of_a_number_from_the_medians_widens_it():
    ramp = np.linspace(1, 2, 100)
    seen = latency.Comparison(pd.DataFrame({"a": ramp, "b": np.ones(100)}))
    found = seen.of_medians(lambda medians: medians["a"] / medians["b"])
    assert found.low <= np.median(ramp[:50]) and found.high >= np.median(ramp[50:])
    assert "halves" in found.note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"competitors": {}}, "no competitors"),
        ({"competitors": {"a": 3}}, "'a' is no function but int"),
        ({"pairs": [("a", "c")]}, "pairs name c; there are a, b"),
        ({"budget": 0}, "budget must be positive"),
        ({"budget": math.inf}, "budget must be positive and finite"),
        ({"width": -1}, "width must be positive"),
        ({"width": math.nan}, "width must be positive"),
        ({"threads": 0}, "threads must be positive"),
        ({"threads": 1.5}, "threads must be a whole number"),
        ({"threads": 10**6}, "the machine has"),
        ({"rounds": 0}, "rounds must be positive"),
        ({"least_rounds": 0}, "least_rounds must be positive"),
        ({"rounds": 1}, "one round has no interval"),
        ({"least_rounds": 1}, "one round has no interval"),
        ({"device": "abacus"}, "unknown device 'abacus'"),
        ({"device": "meta"}, "cannot be timed"),
        ({"device": "cuda:99"}, "sees . CUDA devices"),
        ({"device": 7}, "expected the name of a device, got int"),
    ],
)
def test_wrong_arguments_are_refused_before_any_work(alone, arguments, message):
    def never():
        raise AssertionError("it was called")

    with pytest.raises(ValueError, match=message):
        latency.compare(**{"competitors": {"a": never, "b": never}} | arguments)


def test_a_competitor_that_fails_is_named_and_everything_is_put_back(alone):
    states = []

    def broken():
        states.append((torch.get_num_threads(), gc.isenabled()))
        if len(states) > 30:
            raise RuntimeError("out of luck")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(latency.LatencyError, match="'b' failed: RuntimeError: out of luck"):
            latency.compare({"a": lambda: None, "b": broken}, budget=0.2)
        assert set(states) == {(1, False)}
        assert torch.get_num_threads() == 2 and gc.isenabled()
        gc.disable()
        pair(Asynchronous(), rounds=3)
        assert not gc.isenabled() and torch.get_num_threads() == 2
    finally:
        gc.enable()
        torch.set_num_threads(before)


def test_what_takes_no_time_is_refused(alone):
    device = Asynchronous()
    device.seconds = lambda start, end: 0.0
    with pytest.raises(latency.LatencyError, match="'a' takes no time"):
        pair(device)


THREADS = """
import psutil, torch
from lwsurvey import latency
x = torch.ones(512, 512)
seen = latency.compare({"a": lambda: torch.mm(x, x)}, threads=1, rounds=2)
one = psutil.Process().num_threads()
seen = latency.compare({"a": lambda: torch.mm(x, x)}, threads=2, rounds=2)
print(psutil.Process().num_threads() - one, torch.get_num_threads(), seen.threads)
"""


@pytest.mark.skipif(os.cpu_count() < 2, reason="one core only")
def test_two_threads_work_although_the_environment_says_one(tmp_path):
    done = python(THREADS)
    assert done.stdout.split() == ["1", "1", "2"], done.stderr


def python(code, **arguments):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120,
        **arguments,
    )  # fmt: skip


HOLD = """
import sys, time
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(60)
"""


def test_another_measurement_is_waited_for_even_if_it_dies(tmp_path, monkeypatch, capsys):
    where = tmp_path / "other"
    monkeypatch.setattr(quiet, "lock_file", lambda: where)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, where], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        threading.Timer(0.5, holder.kill).start()
        begun = time.monotonic()
        pair(Asynchronous(), rounds=3)
        assert time.monotonic() - begun > 0.3 and holder.wait() == -signal.SIGKILL
    said = capsys.readouterr()
    assert said.err.count("Waiting for another measurement") == 1 and str(where) in said.err


def test_the_lock_shuts_out_other_processes_and_is_given_back(tmp_path, monkeypatch):
    monkeypatch.setattr(quiet, "lock_file", lambda: tmp_path / "ours")
    tries = "import sys; from filelock import FileLock; FileLock(sys.argv[1]).acquire(timeout=0)"

    def other():
        command = [sys.executable, "-c", tries, quiet.lock_file()]
        return subprocess.run(command, capture_output=True).returncode

    with quiet.machine(), quiet.machine():  # a process cannot wait for itself
        assert other() == 1
    assert other() == 0
    assert quiet.lock_file().stat().st_mode & 0o666 == 0o666


def test_a_lock_that_cannot_be_opened_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(quiet, "lock_file", lambda: tmp_path)  # a folder
    with pytest.raises(latency.LatencyError, match=f"{tmp_path} cannot be opened"):
        pair(Asynchronous(), rounds=3)


def test_where_the_lock_cannot_be_written_it_is_elsewhere(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr(quiet.tempfile, "gettempdir", lambda: "/elsewhere")
    assert quiet.lock_file().parent == Path("/elsewhere")


def test_the_lock_is_one_for_all(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert not str(quiet.lock_file()).startswith(str(tmp_path)) or os.name == "nt"


def test_cuda_is_timed_by_events_in_milliseconds(alone, monkeypatch):
    fake = Asynchronous()

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self, stream):
            assert stream == "stream 0"
            self.mark = fake.mark()

        def elapsed_time(self, end):
            assert end.mark.reached <= fake.done, "CUDA raises if it is not synchronised"
            return 1e3 * fake.seconds(self.mark, end.mark)

    for name, stub in {
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "Event": Event,
        "synchronize": lambda index: fake.synchronize(),
        "current_stream": lambda index: f"stream {index}",
    }.items():
        monkeypatch.setattr(torch.cuda, name, stub)
    monkeypatch.setattr(devices.Host, "others", lambda self: 0.0)
    seen = latency.compare({"a": fake.work(3e-3), "b": fake.work(2e-3)}, device="cuda", rounds=20)
    assert seen.device == "cuda:0" and seen.disturbances == ()
    assert seen.time("a").value == pytest.approx(3e-3, rel=0.01)
    with pytest.raises(ValueError, match="'cuda:1': PyTorch sees 1 CUDA device"):
        devices.find("cuda:1")


class Layout(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.seen = nn.Conv2d(3, 4, 3), []

    def forward(self, *x):
        last = [t.is_contiguous(memory_format=torch.channels_last) for t in (self.conv.weight, *x)]
        self.seen.append((self.training, torch.is_inference_mode_enabled(), *last))
        return self.seen[-1]


def test_call_prepares_a_copy():
    net = Layout()
    plain = latency.call(net, (1, 3, 8, 8))
    last = latency.call(net, torch.ones(1, 3, 8, 8), channels_last=True)
    both = latency.call(net, (torch.ones(1, 3, 8, 8), torch.ones(2, 3, 8, 8)))
    assert last() == (False, True, True, True)
    assert plain() == (False, True, False, False) and both() == (False, True, False, False, False)
    assert net.training and net.seen == [] and net.conv.weight.is_contiguous()
    half = latency.call(nn.Linear(4, 2).bfloat16(), (5, 4))()
    assert half.shape == (5, 2) and half.dtype == torch.bfloat16
    with pytest.raises(ValueError, match=r"sees . CUDA devices"):
        latency.call(net, (1, 3, 8, 8), device="cuda:99")
    with pytest.raises(TypeError, match=r"expected a torch.nn.Module, got type"):
        latency.call(Layout, (1, 3))
    with pytest.raises(TypeError, match="must be a shape"):
        latency.call(net, (1, "x"))


def matmuls(count):
    x, out = torch.ones(96, 96), torch.empty(96, 96)

    def run():
        for _ in range(count):
            torch.mm(x, x, out=out)

    return run


@pytest.mark.timing
@pytest.mark.parametrize("processes", [0, 1])
def test_known_ratios_on_this_machine(processes):
    work = {str(k): matmuls(k) for k in (1, 2, 5)}
    with load.running(processes):
        seen = latency.compare(work, budget=2.0)
    for k in (2, 5):
        ratio = seen.ratio(str(k), "1")
        # The loop around the products costs up to some per cent of one.
        assert 0.95 * ratio.low <= k <= 1.05 * ratio.high, (ratio, seen.summary())
        assert seen.verdict("1", str(k)) == "faster"


@pytest.mark.timing
def test_load_on_this_machine_is_seen():
    with load.running(os.cpu_count()):
        seen = latency.compare({"a": matmuls(1), "b": matmuls(1)}, budget=1.0, width=1e-4)
    assert any("other processes kept" in sentence for sentence in seen.disturbances)
    assert "doubled" in seen.ratio("a", "b").note


PARENT = """
import time
from lwsurvey.latency import load
with load.running(1):
    import psutil
    print(psutil.Process().children()[0].pid, flush=True)
    time.sleep(60)
"""


def test_load_ends_with_its_parent():
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        worker = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    end = time.monotonic() + 10
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, "the worker outlives its parent"
        time.sleep(0.05)


def test_shares_with_their_intervals():
    none = calibration.per_cent(0, 200)
    assert (none.value, none.low) == (0, 0) and none.high == pytest.approx(1.827, abs=1e-3)
    some = calibration.per_cent(10, 200)
    assert some.value == 5 and some.low == pytest.approx(2.42, abs=0.01)
    assert calibration.per_cent(7, 7).high == 100
    with pytest.raises(ValueError, match="above 1"):
        calibration.power(0.9)
    with pytest.raises(ValueError, match="comparisons must be positive"):
        calibration.false_verdicts(0)


def test_calibration_counts_what_comes_out(monkeypatch):
    rng = np.random.default_rng(0)

    def fixed(ratios, threads=1):
        given = iter(ratios)

        def compare(competitors, **_):
            b = rng.lognormal(0, 0.01, 30)
            found = (Disturbance("load", "load"),)
            a = next(given) * rng.lognormal(0, 0.01, 30)
            return latency.Comparison(pd.DataFrame({"a": a, "b": b}), found=found, threads=threads)

        monkeypatch.setattr(calibration, "compare", compare)

    fixed([1.0, 1.2, 1.0, 0.8])
    seen = calibration.false_verdicts(4, load=0)
    assert (seen.different, seen.without_widening, seen.disturbed) == (2, 2, 4)
    assert seen.rate.value == 50
    fixed([1.0, 1.2, 1.0, 0.8], threads=2)
    seen = calibration.false_verdicts(4, load=0, threads=2)
    assert (seen.different, seen.without_widening, seen.not_judged) == (0, 2, 4)
    fixed([1.1, 1.0, 0.9])
    found = calibration.power(1.1, 3, load=0)
    assert (found.told_apart, found.wrong_way, found.contain) == (1, 1, 1)
    assert found.ratio == pytest.approx(1.1) and found.power.value == pytest.approx(100 / 3)


@pytest.mark.timing
@pytest.mark.slow
def test_false_verdicts_are_rare_under_load():
    """A clock with 9 % false verdicts fails in four of five runs, one with 1 % in one of 1,000."""
    seen = calibration.false_verdicts(75, load=1)
    assert seen.different <= 4, seen
    both = calibration.false_verdicts(9, load=os.cpu_count() - 1 or 1, threads=os.cpu_count())
    assert both.different == 0 and (both.not_judged >= 8 or os.cpu_count() == 1), both
    # A clock that never tells anything apart would pass that.
    found = calibration.power(2.0, 9, budget=1.0, load=1)
    assert found.told_apart >= 5 and found.wrong_way == 0, found
