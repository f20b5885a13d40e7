"""Recorded runs: what their keys see and what they do not, damaged files, training again."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lwsurvey import paths, runs, train
from lwsurvey.data import Images, Split
from lwsurvey.runs import RunsError
from lwsurvey.train import TrainError
from lwsurvey.train.agreement import compare
from lwsurvey.train.key import Keys
from lwsurvey.train.recipe import Recipe
from lwsurvey.train.records import DRAW
from lwsurvey.train.source import SourceError, describe

EXPERIMENT = '''
"""A small experiment."""

import numpy as np
import torch
from torch import nn

SHARE = 0.5  # of the images


class Gradient(torch.autograd.Function):
    """The identity; its gradient is halved."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return gradient / 2


class Net(nn.Module):
    """Two convolutions and a classifier."""

    def __init__(self, width: int = 4, kernel: int = 3) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, kernel, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(width, 4)
        nn.init.normal_(self.head.weight, 0.0, 0.01)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(x)))
        x = x + self.second(x)
        x = Gradient.apply(x)
        return self.head(self.drop(x.mean((2, 3))))


def make() -> nn.Module:
    """The network."""
    net = Net()
    net.squares = []
    net.first.weight.register_post_accumulate_grad_hook(
        lambda p: net.squares.append(float(p.grad.square().sum()))
    )
    return net


def examine(fit, split):
    """What is measured."""
    half = int(len(split.test) * SHARE)
    return {"steps": len(fit.net.squares), "mean": center(fit.net(split.test.x[:half]))}


def center(outputs):
    """The mean output."""
    values = outputs.detach().numpy()
    return float(np.mean(values))


def elsewhere():
    return 1
'''


def images(n: int, offset: int = 0) -> Images:
    values = (torch.arange(n * 64, dtype=torch.float32) * 37 + offset) % 11 / 5 - 1
    return Images(values.reshape(n, 1, 8, 8), torch.arange(n) % 4)


SPLIT = Split(images(64), images(16, 3), images(32, 5))
RECIPE = Recipe(epochs=2, batch=16)
NAMES = iter(range(10_000))


def load(folder: Path, text: str):
    """The experiment as a module of its own."""
    name = f"experiment_{next(NAMES)}"
    path = folder / f"{name}.py"
    path.write_text(text)
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def key_of(module, split=SPLIT, recipe=RECIPE, amp=False, seed=0) -> str:
    return Keys(split, recipe, amp, module.examine).key("net", module.make, seed)


def changed(old: str, new: str) -> str:
    assert EXPERIMENT.count(old) == 1, old
    return EXPERIMENT.replace(old, new)


MISSES = {
    "kernel": ("kernel: int = 3", "kernel: int = 5"),
    "width": ("width: int = 4", "width: int = 6"),
    "stride": ("stride=2", "stride=1"),
    "activation": ("torch.relu(", "torch.tanh("),
    "negative slope": ("torch.relu(", "torch.nn.functional.leaky_relu("),
    "initial weights": ("0.0, 0.01)", "0.0, 0.02)"),
    "initial law": ("nn.init.normal_(self.head.weight, 0.0, 0.01)",
                    "nn.init.uniform_(self.head.weight, 0.0, 0.01)"),
    "scaled weights": ("net = Net()\n", "net = Net()\n    net.head.weight.data *= 0.5\n"),
    "loaded weights": ("net = Net()\n",
                       "net = Net()\n    net.head.bias.data.copy_(torch.tensor([0, 0, 0, 1.0]))\n"),
    "frozen layer": ("net = Net()\n", "net = Net()\n    net.second.requires_grad_(False)\n"),
    "bias": ("bias=False", "bias=True"),
    "dropout": ("Dropout(0.1)", "Dropout(0.2)"),
    "no residual": ("x = x + self.second(x)", "x = self.second(x)"),
    "cut gradient": ("x + self.second(x)", "x.detach() + self.second(x)"),
    "own gradient": ("gradient / 2", "gradient / 3"),
    "order of layers drawn": (
        "self.drop = nn.Dropout(0.1)\n        self.head = nn.Linear(width, 4)",
        "self.head = nn.Linear(width, 4)\n        self.drop = nn.Dropout(0.1)\n"
        "        self.second = nn.Conv2d(width, width, 3, padding=1)"),
    "one more draw": ("net = Net()\n", "torch.rand(3)\n    net = Net()\n"),
    "evaluation only": ("self.drop(x.mean((2, 3)))",
                        "self.drop(x.mean((2, 3)) if self.training else x.amax((2, 3)))"),
    "hook": ("p.grad.square().sum()", "p.grad.abs().sum()"),
    "examined share": ("SHARE = 0.5", "SHARE = 0.25"),
    "examined number": ('"mean": center', '"mean": 2 * center'),
    "what a helper computes": ("np.mean(values)", "np.median(values)"),
    "momentum of the norm": ("nn.BatchNorm2d(width)", "nn.BatchNorm2d(width, momentum=0.2)"),
}  # fmt: skip

TAKES = {
    "docstring": ('"""Two convolutions and a classifier."""', '"""Something else."""'),
    "docstring of examine": ('"""What is measured."""', '"""Measured."""'),
    "no docstring of a helper": ('    """The mean output."""\n', ""),
    "comment": ("SHARE = 0.5  # of the images", "SHARE = 0.5  # a half"),
    "formatting": ("nn.Conv2d(width, width, 3, padding=1)",
                   "nn.Conv2d(\n            width,\n            width, 3,\n            padding=1)"),
    "formatting of examine": ("int(len(split.test) * SHARE)",
                              "int(\n        len(split.test)*SHARE\n    )"),
    "renamed local": ("values = outputs.detach().numpy()\n    return float(np.mean(values))",
                      "y = outputs.detach().numpy()\n    return float(np.mean(y))"),
    "renamed local of forward": ("x = x + self.second(x)\n        x = Gradient.apply(x)",
                                 "y = x + self.second(x)\n        x = Gradient.apply(y)"),
    "annotation": ("def center(outputs):", "def center(outputs: torch.Tensor) -> float:"),
    "code of somebody else": ("return 1", "return 2"),
    "moved function": ("def elsewhere():\n    return 1\n", "\n\n\n"),
    "the same by other code": ("x = torch.relu(self.norm(self.first(x)))",
                               "normal = self.norm(self.first(x))\n        x = torch.relu(normal)"),
    "other import": ("import numpy as np", "import numpy as np\nimport json"),
}  # fmt: skip


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> str:
    return key_of(load(tmp_path_factory.mktemp("experiment"), EXPERIMENT))


@pytest.mark.parametrize("change", MISSES)
def test_what_is_trained_otherwise_misses_the_old_rows(tmp_path, key, change):
    assert key_of(load(tmp_path, changed(*MISSES[change]))) != key


@pytest.mark.parametrize("change", TAKES)
def test_what_does_not_change_the_training_does_not_change_the_key(tmp_path, key, change):
    assert key_of(load(tmp_path, changed(*TAKES[change]))) == key


def test_a_renamed_function_and_a_moved_file_do_not_change_the_key(tmp_path, key):
    (tmp_path / "other").mkdir()
    text = EXPERIMENT.replace("center(", "middle(").replace("Net", "Convolutions")
    assert key_of(load(tmp_path / "other", text)) == key


SHUFFLED = torch.randperm(64, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    "how",
    [
        dict(recipe=Recipe(epochs=3, batch=16)), dict(recipe=Recipe(epochs=2, batch=8)),
        dict(recipe=Recipe(epochs=2, batch=16, lr=0.05)),
        dict(recipe=Recipe(epochs=2, batch=16, weight_decay=0)),
        dict(recipe=Recipe(epochs=2, batch=16, momentum=0.8)),
        dict(recipe=Recipe(epochs=2, batch=16, warm_up=0.3)), dict(amp=True), dict(seed=1),
        dict(split=Split(images(48), SPLIT.validation, SPLIT.test)),
        dict(split=Split(images(64, 1), SPLIT.validation, SPLIT.test)),
        dict(split=Split(Images(SPLIT.train.x[SHUFFLED], SPLIT.train.y[SHUFFLED]),
                         SPLIT.validation, SPLIT.test)),
        dict(split=Split(SPLIT.train, SPLIT.validation, images(32, 6))),
        dict(split=Split(SPLIT.train, images(16, 4), SPLIT.test)),
    ],
)  # fmt: skip
def test_another_recipe_or_other_images_miss_the_old_rows(tmp_path, key, how):
    assert key_of(load(tmp_path, EXPERIMENT), **how) != key


def test_the_order_of_the_images_is_in_the_key(tmp_path, key, monkeypatch):
    monkeypatch.setattr("lwsurvey.train.fitting.order", lambda n, generator: torch.arange(n))
    assert key_of(load(tmp_path, EXPERIMENT)) != key


def test_another_loss_is_in_the_key(tmp_path, key, monkeypatch):
    smooth = lambda x, y: torch.nn.functional.cross_entropy(x, y, label_smoothing=0.1)  # noqa: E731
    monkeypatch.setattr("lwsurvey.train.fitting.cross_entropy", smooth)
    assert key_of(load(tmp_path, EXPERIMENT)) != key


def test_the_key_needs_no_processor_and_leaves_the_generators_alone(tmp_path, key):
    """Draws are described by their calls: vector instructions change their last bits."""
    before = torch.get_rng_state()
    load(tmp_path, EXPERIMENT)
    script = (tmp_path / "key.py").write_text(
        textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(paths.PACKAGE.parent)!r}]
        from pathlib import Path
        import test_recorded_runs as t
        print(t.key_of(t.load(Path({str(tmp_path)!r}), t.EXPERIMENT)))
    """)
    )
    assert script
    for capability in ("default", "avx2"):
        environment = os.environ | {"ATEN_CPU_CAPABILITY": capability}
        done = subprocess.run([sys.executable, tmp_path / "key.py"], env=environment,
                              capture_output=True, text=True, check=True)  # fmt: skip
        assert done.stdout.strip() == key
    assert torch.equal(before, torch.get_rng_state())


def pythons() -> list[str]:
    """Other versions of Python that there are here."""
    names = filter(None, (shutil.which(f"python3.{n}") for n in (11, 12, 13, 14)))
    run = {name: subprocess.run([name, "-c", ""], capture_output=True) for name in names}
    return [name for name, done in run.items() if done.returncode == 0]


def test_what_a_function_computes_reads_alike_in_other_versions_of_python(tmp_path):
    """The syntax trees differ between versions; what is taken from them does not."""
    text = EXPERIMENT.split("def examine", 1)[1].replace("int(len", "int(1 + len")
    text = text.replace("len(fit.net.squares)", "Part(len(fit.net.squares)).half()")
    own = "from dataclasses import dataclass\nSHARE = 0.5\nclass np: mean = sum\n@dataclass\n"
    own += "class Part:\n    n: int\n    def half(self): return self.n / 2\n"
    (tmp_path / "own.py").write_text(f"{own}def examine{text}")
    stub = "class Tensor: pass\nclass dtype: pass\nclass device: pass\nclass memory_format: pass\n"
    (tmp_path / "torch.py").write_text(stub + "class nn: Module = type('M', (), {})\n")
    (tmp_path / "numpy.py").write_text(
        stub.replace("Tensor", "ndarray") + "class generic: pass\nclass ufunc: pass\n"
    )
    source = Path(train.source.__file__).read_text()
    source = source.replace("from torch import nn", "nn = torch.nn")
    (tmp_path / "reading.py").write_text(source.replace('__package__.partition(".")[0]', '"own"'))
    program = "import own, reading; print(reading.describe(own.examine))"
    found = {
        subprocess.run([python, "-c", program], cwd=tmp_path, text=True, check=True,
                       capture_output=True, env=os.environ | {"PYTHONPATH": str(tmp_path)}).stdout
        for python in {sys.executable, *pythons()}
    }  # fmt: skip
    assert len(found) == 1 and "SHARE" not in found.pop()


def test_what_cannot_be_described_is_named():
    unknown = object()
    with pytest.raises(SourceError, match="a object, cannot be described"):
        describe(lambda: unknown)


# Files.

QUICK = dict(epochs=1, batch=16, seeds=4)


def narrow():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 4))


def wide():
    return torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(64, 9), torch.nn.ReLU(), torch.nn.Linear(9, 4)
    )


VARIANTS = {"narrow": narrow, "wide": wide}


def look(fit: train.Fit, split: Split) -> dict[str, float]:
    return {"largest": float(fit.net(split.test.x).max())} if fit.name == "wide" else {}


def study(file: Path, again: int = 0, variants=VARIANTS, local: Path | None = None, **how):
    kept = train.Recorded(file, again, local)
    return train.repeat(variants, SPLIT, examine=look, recorded=kept, **QUICK | how)


@pytest.fixture
def file(tmp_path, published) -> Path:
    """A file of recorded runs to be damaged."""
    shutil.copytree(published.parent, tmp_path / "runs")
    return tmp_path / "runs" / published.name


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("published") / "chapter.csv"
    train.repeat(VARIANTS, SPLIT, examine=look, recorded=train.kept(path), **QUICK)
    return path


@pytest.fixture
def trained(monkeypatch) -> list[tuple[str, int]]:
    """What is trained from here on."""
    found, real = [], train.study.fit

    def fit(*args, **options):
        found.append((options["name"], options["seed"]))
        return real(*args, **options)

    monkeypatch.setattr(train.study, "fit", fit)
    return found


def test_recorded_rows_equal_a_training_and_are_not_trained(file, trained):
    plain = train.repeat(VARIANTS, SPLIT, examine=look, **QUICK)
    trained.clear()
    found = study(file)
    assert not trained and found.columns.tolist() == plain.columns.tolist()
    assert found.drop(columns="seconds").equals(plain.drop(columns="seconds"))
    assert found.attrs["runs"].endswith("none of 8 trained again in this build")
    effect = train.difference(found, "wide", "narrow")
    assert effect.runs.startswith("4 seeds, trained on ")


def test_some_are_trained_again_and_the_recorded_numbers_stay(file, trained):
    found = study(file, again=3)
    assert len(trained) == 3
    assert found.attrs["runs"].endswith("3 of 8 trained again in this build: identical")
    assert found.drop(columns="seconds").equals(study(file).drop(columns="seconds"))


def test_other_draws_try_other_rows_and_give_the_same_numbers(file, trained, monkeypatch):
    found, drawn = [], set()
    for draw in "abcdef":
        monkeypatch.setenv(DRAW, draw)
        trained.clear()
        found.append(study(file, again=2))
        drawn.add(tuple(sorted(trained)))
    assert len(drawn) > 1
    assert all(one.equals(found[0]) for one in found)


def test_all_can_be_trained_again_and_then_the_new_numbers_count(file, tmp_path, trained):
    found = study(file, again=-1, local=tmp_path / "local" / "chapter.csv")
    assert len(trained) == 8
    assert found.attrs["runs"] == (
        "trained in this run; 8 of them compared with recorded ones: identical"
    )
    # They were kept for an interruption only.
    assert not runs.read(tmp_path / "local" / "chapter.csv")


def test_a_changed_variant_is_trained_and_the_old_number_is_not_shown(file, trained):
    def wider():
        return torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 4)
        )

    found = study(file, variants=VARIANTS | {"wide": wider})
    assert trained == [("wide", seed) for seed in range(4)]
    assert found.attrs["runs"].startswith("trained on ")
    assert "(4 of 8 in this run)" in found.attrs["runs"]
    assert (found.loss != study(file).loss).sum() == 4


def test_a_renamed_variant_takes_its_rows(file, trained):
    found = study(file, variants={"one": narrow, "narrow": narrow})
    assert not trained
    assert found.test[:4].tolist() == found.test[4:].tolist()


def elsewhere(file: Path, rows, **facts) -> None:
    """Rows as another machine would have recorded them."""
    kept = runs.Runs(file)
    there = next(iter(kept.machines.values())) | {"processor": "Another One"} | facts
    kept.put([replace(row, machine="another-one") for row in rows], {"another-one": there})


def test_rows_of_one_seed_stay_together(file, trained):
    rows = list(runs.read(file).values())
    elsewhere(file, [row for row in rows if row.seed == 1 and row.variant == "wide"])
    study(file)
    assert trained == [("wide", 1)]  # those of this machine stay
    elsewhere(file, [row for row in rows if row.seed == 1])
    trained.clear()
    study(file)
    assert not trained  # all of another one: nothing is compared across machines


def shifted(file: Path, shift: float, machine: bool = False, **which: object) -> None:
    """Add to the test accuracy of some rows, checksums included."""
    rows = [row for row in runs.read(file).values()
            if all(getattr(row, name) == value for name, value in which.items())]  # fmt: skip
    rows = [replace(r, numbers=r.numbers | {"test": r.numbers["test"] + shift}) for r in rows]
    kept = runs.Runs(file)
    kept.put(rows, {})


def test_a_number_changed_by_one_point_is_named_when_it_is_trained_again(file):
    shifted(file, 1.0, variant="wide", seed=2)
    old = next(r for r in runs.read(file).values() if (r.variant, r.seed) == ("wide", 2))
    with pytest.raises(TrainError, match="main, wide, seed 2: test") as caught:
        study(file, again=8)
    assert repr(old.numbers["test"]) in str(caught.value)
    assert "must be identical" in str(caught.value)


def test_on_another_machine_the_scatter_of_the_seeds_decides():
    base = runs.Row("main", "a", 0, {"test": 85.0}, 1.0, "here", "2026-01-01", "0" * 32)
    known = [
        replace(base, seed=seed, key=f"{seed:032x}", numbers={"test": 85 + 0.3 * (-1) ** seed})
        for seed in range(12)
    ]
    other = {"here": {"processor": "One"}, "there": {"processor": "Other"}}

    def again(test: float, row=known[3]):
        new = replace(row, machine="there", numbers={"test": test})
        return compare([(row, new)], known, other)

    assert again(84.7) == "identical"
    assert again(85.4) == "within the scatter of their seeds"
    with pytest.raises(TrainError, match=r"seed 3: test 84.7 \(One.*now 92.0 \(Other\); it is bey"):
        again(92.0)
    moved = [(row, replace(row, machine="there", numbers={"test": row.numbers["test"] + 0.8}))
             for row in known]  # fmt: skip
    with pytest.raises(TrainError, match="all that were trained again differ in test, one way"):
        compare(moved, known, other)


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


def cell(line: str, place: int, text: str) -> str:
    cells = line.split(",")
    cells[place] = text
    return ",".join(cells)


DAMAGE = {
    "edited number": (lambda t: [*t[:2], cell(t[2], 4, "99.0"), *t[3:]], "line 3: .*checksum"),
    "no number": (lambda t: [*t[:2], cell(t[2], 4, "much"), *t[3:]], "line 3: test must be a fini"),
    "nan": (lambda t: [*t[:2], cell(t[2], 5, "nan"), *t[3:]], "line 3: loss must be a finite"),
    "infinite": (lambda t: [*t[:4], cell(t[4], 3, "inf"), *t[5:]], "line 5: validation must be"),
    "seed": (lambda t: [*t[:1], cell(t[1], 2, "one"), *t[2:]], "line 2: seed cannot be 'one'"),
    "twice": (lambda t: [*t, t[1]], "line 10: narrow, seed 0, stands there twice"),
    "key of another": (lambda t: [*t[:2], cell(t[2], -2, "0" * 32), *t[3:]], "line 3: .*checksum"),
    "key": (lambda t: [*t[:2], cell(t[2], -2, "key"), *t[3:]], "line 3: key cannot be 'key'"),
    "date": (lambda t: [*t[:2], cell(t[2], -3, "today"), *t[3:]], "line 3: date cannot be 'today'"),
    "cut off": (lambda t: [*t[:-1], t[-1][:-20]], "line 9: "),
    "column": (lambda t: [t[0].replace("loss", "lost"), *t[1:]], "line 1: the columns must be"),
    "cells": (lambda t: [*t[:3], t[3] + ",1", *t[4:]], "line 4: 13 cells in place of 12"),
    "empty": (lambda t: [""], "line 1: the columns must be"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_named_with_file_and_line_before_anything_runs(file, damage, trained):
    change, message = DAMAGE[damage]
    file.write_text("\n".join(change(lines(file))) + "\n")
    with pytest.raises(RunsError, match=rf"chapter.csv, {message}") as caught:
        study(file)
    assert "git checkout -- data/runs" in str(caught.value) and not trained


def test_files_that_are_cut_off_or_of_unknown_machines_are_named(file):
    whole = file.read_text()
    file.write_text(whole[:-1])
    with pytest.raises(RunsError, match=r"chapter.csv is cut off at its end"):
        runs.Runs(file)
    file.write_text(whole)
    (file.parent / runs.MACHINES).write_text("{}")
    with pytest.raises(RunsError, match=r"is not in machines.json"):
        runs.Runs(file)
    (file.parent / runs.MACHINES).write_text("{")
    with pytest.raises(RunsError, match=r"machines.json cannot be read"):
        runs.Runs(file)


def test_a_file_is_sorted_and_written_alike_in_any_order(file, tmp_path):
    kept = runs.Runs(file)
    other = runs.Runs(tmp_path / "other" / "chapter.csv")
    for row in reversed(kept.rows.values()):
        other.put([row], kept.machines)
    assert other.path.read_text() == file.read_text()
    assert json.loads((other.path.parent / runs.MACHINES).read_text()) == kept.machines


def test_rows_that_nobody_asks_for_are_dropped(file):
    kept = runs.Runs(file)
    keys = list(kept.rows)[:5]
    assert kept.keep(keys) == 3 and list(runs.read(file)) == keys


def test_killed_at_ten_moments_it_ends_with_the_same_rows(file, tmp_path):
    """A process that records is killed again and again, and goes on where it was."""
    program = textwrap.dedent(f"""
        import sys
        sys.path[:0] = [{str(Path(__file__).parent)!r}, {str(paths.PACKAGE.parent)!r}]
        from pathlib import Path
        import test_recorded_runs as t
        from lwsurvey import train
        file = train.kept(Path({str(tmp_path / "killed" / "chapter.csv")!r}))
        print("begun", flush=True)
        train.repeat(t.VARIANTS, t.SPLIT, examine=t.look, recorded=file, **t.QUICK)
        print("done", flush=True)
    """)
    target = tmp_path / "killed" / "chapter.csv"
    for moment in range(10):
        process = subprocess.Popen(
            [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout.readline() == "begun\n"
        time.sleep(0.03 * moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        if target.exists():
            runs.Runs(target)
    subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.DEVNULL)

    def told(path: Path) -> list:
        return [replace(row, seconds=0, date="") for row in runs.read(path).values()]

    assert told(target) == told(file)
