"""Training: the same bits each time, honest failures, and what a study reports."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import nn
from torch.nn.functional import cross_entropy

from lwsurvey import data, paths, runs, train
from lwsurvey.data import Images, Split
from lwsurvey.models import small
from lwsurvey.stats import Estimate, mean_interval
from lwsurvey.train import TrainError

sys.path.insert(0, str(paths.root()))  # the benchmarks are no part of the package

from benchmarks import recipe


def noise(n: int, seed: int) -> Images:
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 10
    # The class is written into the image, so that a network can learn it.
    x = torch.randn(n, 1, 28, 28, generator=generator) * 0.5
    x[torch.arange(n), 0, y * 2] += 2
    return Images(x, y)


SPLIT = Split(noise(160, 0), noise(40, 1), noise(40, 2))


def plain() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.Dropout(0.2), nn.ReLU(),
                         nn.Linear(16, 10))  # fmt: skip


def shuffled() -> nn.Module:
    return small.shufflenet_v2(8)


def straight() -> nn.Module:
    return small.shufflenet_v2(8, shuffle=False)


def diverging() -> nn.Module:
    class Exploding(nn.Sequential):
        def forward(self, x):
            return super().forward(x) * (torch.nan if self.training else 1)

    return Exploding(*plain())


ARMS = {"plain": plain, "shuffled": shuffled}
QUICK = dict(epochs=2, batch=32, seeds=2)


@pytest.fixture(scope="module")
def study() -> pd.DataFrame:
    return train.repeat(ARMS, SPLIT, **QUICK)


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    return a.drop(columns="seconds").equals(b.drop(columns="seconds"))


@pytest.mark.parametrize("make", [plain, shuffled])
def test_the_same_seed_gives_the_same_bits_and_another_others(make):
    fits = [train.fit(make, SPLIT, seed=seed, epochs=2, batch=32) for seed in (7, 7, 8)]
    weights = [list(f.net.state_dict().values()) for f in fits]
    assert all(map(torch.equal, weights[0], weights[1]))
    assert fits[0].losses == fits[1].losses != fits[2].losses
    assert not any(part.training for part in fits[0].net.modules())


def test_global_generators_and_threads_are_left_as_they_were():
    torch.manual_seed(5), np.random.seed(5), random.seed(5)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    threads = torch.get_num_threads()
    train.fit(plain, SPLIT, seed=0, epochs=1)
    with pytest.raises(TrainError):
        train.fit(diverging, SPLIT, seed=0, epochs=1)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (np.random.get_state()[1].tolist(), random.getstate())
    assert torch.get_num_threads() == threads


def test_arms_begin_alike_and_see_the_images_in_the_same_order():
    seen: dict[str, list[torch.Tensor]] = {}
    begun = {}

    def spied(name, make):
        def made():
            network = make()
            begun[name] = {k: v.clone() for k, v in network.state_dict().items()}
            seen[name] = []
            network.register_forward_hook(
                lambda net, inputs, _output: seen[name].append(inputs[0]) if net.training else None
            )
            return network

        return made

    for name, make in {"a": shuffled, "b": straight, "c": plain}.items():
        train.fit(spied(name, make), SPLIT, seed=1, epochs=2, batch=48)
    assert all(torch.equal(begun["a"][key], begun["b"][key]) for key in begun["a"])
    assert len(seen["a"]) == 2 * (160 // 48)
    assert all(map(torch.equal, seen["a"], seen["b"]))
    assert all(map(torch.equal, seen["a"], seen["c"]))
    assert not torch.equal(seen["a"][0], seen["a"][3])


def test_a_fit_is_what_the_recipe_says():
    """Against a loop written out with PyTorch alone."""
    torch.manual_seed(4)
    net = small.mobilenet_v1(8)
    steps = 2 * (160 // 32)
    optimiser = torch.optim.SGD(net.parameters(), 0.1, 0.9, nesterov=True, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 0.1, total_steps=steps + 1, pct_start=0.25, cycle_momentum=False
    )
    generator, losses = torch.Generator().manual_seed(4), []
    for _epoch in range(2):
        for places in torch.randperm(160, generator=generator).split(32):
            loss = cross_entropy(net(SPLIT.train.x[places]), SPLIT.train.y[places])
            optimiser.zero_grad(), loss.backward(), optimiser.step(), schedule.step()
            losses.append(loss.item())
    fitted = train.fit(lambda: small.mobilenet_v1(8), SPLIT, seed=4, epochs=2, batch=32,
                       channels_last=False)  # fmt: skip
    assert fitted.losses == pytest.approx([np.mean(losses[:5]), np.mean(losses[5:])], rel=1e-4)


def test_accuracies_are_counted_in_per_cent_on_the_right_parts():
    fitted = train.fit(plain, SPLIT, seed=0, epochs=8, batch=32)
    for part, found in ((SPLIT.validation, fitted.validation), (SPLIT.test, fitted.test)):
        with torch.no_grad():
            assert found == 100 * (fitted.net(part.x).argmax(1) == part.y).double().mean().item()
    assert fitted.test > 60 and fitted.losses[-1] < fitted.losses[0] and fitted.seconds > 0
    assert len(fitted.losses) == 8


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (dict(epochs=0), ValueError, "one epoch or more"),
        (dict(batch=1), ValueError, "two images or more"),
        (dict(lr=0), ValueError, "learning rate must be positive"),
        (dict(lr=float("nan")), ValueError, "learning rate must be positive"),
        (dict(batch=161), TrainError, "variant: 160 training images do not fill a batch of 161"),
        (dict(device="vulkan"), TrainError, "no device 'vulkan' here; usable: cpu"),
        (dict(device="abacus"), TrainError, "no device 'abacus' here; usable: cpu"),
        (dict(device="cuda:99"), TrainError, "no device 'cuda:99' here; usable: cpu"),
        (dict(make=lambda: nn.BatchNorm1d(28)), TrainError, "variant: the network does not take"),
        (dict(make=lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 5))), TrainError,
         r"variant: .* 10 classes the network must give the shape \(2, 10\), it gives \(2, 5\)"),
        (dict(make=lambda: nn.Conv2d(3, 10, 28)), TrainError, r"not take images of shape \(1, 28"),
        (dict(make=lambda: "net"), TrainError, "must return a network, not str"),
        (dict(make=lambda: nn.Flatten()), TrainError, "no weights"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_named_before_work(change, error, message):
    options = dict(make=plain, seed=0, name="variant") | change
    with pytest.raises(error, match=message):
        train.fit(options.pop("make"), SPLIT, **options)


def test_a_split_without_test_images_is_named():
    empty = Images(SPLIT.test.x[:0], SPLIT.test.y[:0])
    with pytest.raises(TrainError, match="no validation or no test images"):
        train.fit(plain, Split(SPLIT.train, SPLIT.validation, empty), seed=0)


def test_a_study_is_in_order_and_equal_however_it_runs(study):
    assert study.columns.tolist() == ["variant", "seed", "validation", "test", "loss", "seconds"]
    assert study[["variant", "seed"]].values.tolist() == [
        ["plain", 0], ["plain", 1], ["shuffled", 0], ["shuffled", 1]
    ]  # fmt: skip
    assert study.test.nunique() > 1
    one = train.fit(shuffled, SPLIT, seed=1, epochs=2, batch=32)
    assert study.test[3] == one.test and study.loss[3] == one.losses[-1]
    assert same(study, train.repeat(ARMS, SPLIT, jobs=2, **QUICK))
    with joblib.parallel_config("threading", n_jobs=2):
        assert same(study, train.repeat(ARMS, SPLIT, **QUICK))


def count(fitted: train.Fit, split: Split) -> dict[str, float]:
    found = {"right": train.accuracy(fitted.net, split.test), "drawn": float(fitted.seed)}
    return found if fitted.name == "plain" else {"else": 1.0}


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_is_found_in_each_trained_network_stands_in_its_row(study, jobs):
    found = train.repeat(ARMS, SPLIT, examine=count, jobs=jobs, **QUICK)
    assert same(found[study.columns], study)
    assert found.columns[6:].tolist() == ["right", "drawn", "else"]
    assert found.right[:2].tolist() == study.test[:2].tolist()
    assert found.drawn.fillna(9).tolist() == [0, 1, 9, 9] and found["else"].count() == 2


def test_a_diverging_run_is_named_and_the_others_are_kept(study, tmp_path):
    arms = {"plain": plain, "bad": diverging}
    with pytest.raises(TrainError, match=r"bad, seed 0: the training diverged in epoch 1.*nan.*"
                       r"bad, seed 1") as caught:  # fmt: skip
        train.repeat(arms, SPLIT, recorded=train.kept(tmp_path / "runs.csv"), **QUICK)
    assert same(caught.value.finished, study[:2])
    assert len(runs.read(tmp_path / "runs.csv")) == 2


def test_an_unforeseen_error_keeps_the_finished_runs(study):
    def broken():
        raise RuntimeError("out of memory")

    with pytest.raises(TrainError, match=r"after 2 of 4 runs: RuntimeError\('out of mem") as caught:
        train.repeat({"plain": plain, "broken": broken}, SPLIT, **QUICK)
    assert same(caught.value.finished, study[:2])
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_an_interrupted_study_goes_on_where_it_was(study, tmp_path, monkeypatch):
    file = tmp_path / "runs.csv"
    train.repeat({"plain": plain}, SPLIT, recorded=train.kept(file), **QUICK)
    trained = []
    real = train.study.fit
    monkeypatch.setattr(train.study, "fit", lambda *a, **o: trained.append(o) or real(*a, **o))
    assert same(train.repeat(ARMS, SPLIT, recorded=train.kept(file), **QUICK), study)
    assert [(o["name"], o["seed"]) for o in trained] == [("shuffled", 0), ("shuffled", 1)]
    assert len(runs.read(file)) == 4


def test_a_failure_of_all_runs_is_said_once():
    with pytest.raises(TrainError) as caught:
        train.repeat({"plain": plain}, SPLIT, seeds=np.int64(3), device="cuda:99")
    assert str(caught.value).count("no device") == 1


def test_a_network_that_cannot_be_trained_is_named_before_any_run(tmp_path):
    variants, recorded = (
        {"plain": plain, "bad": lambda: nn.Conv2d(3, 10, 28)},
        tmp_path / "runs.csv",
    )
    with pytest.raises(TrainError, match="bad: the network does not take images"):
        train.repeat(variants, SPLIT, recorded=train.kept(recorded), **QUICK)
    assert not recorded.exists()


def test_the_benchmark_reports_every_run(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "fashion_mnist", lambda **_options: SPLIT)
    monkeypatch.setattr(recipe, "NETWORKS", ARMS)
    out = tmp_path / "recipe.json"
    arguments = ["--seeds", "2", "--epochs", "1", "--out", str(out)]
    done = CliRunner().invoke(recipe.main, arguments)
    assert done.exit_code == 0, done.output
    found = json.loads(out.read_text())
    assert len(found["runs"]) == 4 and {"commit", "processor", "recipe", "minutes"} <= set(found)
    assert found["networks"]["plain"] == {"macs": 784 * 16 + 160, "parameters": 785 * 16 + 170}


def test_constants_are_chosen_on_validation_images(monkeypatch):
    monkeypatch.setattr(data, "fashion_mnist", lambda **_options: SPLIT)
    monkeypatch.setattr(recipe, "NETWORKS", {"plain": plain})
    monkeypatch.setattr(recipe, "PAIRS", ((0.1, 1e-4), (0.01, 0.0)))
    found = recipe.chosen(dict(seeds=2, epochs=1))
    expected = train.repeat({"plain": plain}, SPLIT, seeds=2, epochs=1, lr=0.01, weight_decay=0)
    assert found.loc[(0.01, 0.0), "mean"] == expected.validation.mean()


def test_seeds_and_arms_are_checked():
    for options, message in (
        (dict(seeds=0), "no seed"), (dict(seeds=[1, 1]), "stands twice"), 
        (dict(variants={}), "no variant"),
        (dict(epochs=0), "one epoch"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            train.repeat(**dict(variants={"plain": plain}, split=SPLIT) | options)


def table(**arms: list[float]) -> pd.DataFrame:
    rows = [(arm, seed, v, v) for arm, vs in arms.items() for seed, v in enumerate(vs)]
    return pd.DataFrame(rows, columns=["variant", "seed", "validation", "test"])


def test_differences_are_paired_by_seed():
    frame = table(a=[80.0, 85.0, 90.0], b=[79.0, 83.5, 88.9]).sample(frac=1, random_state=0)
    found = train.difference(frame, "a", "b")
    expected = mean_interval([1.0, 1.5, 90.0 - 88.9])
    assert found == replace(expected, runs="3 seeds, trained in this run")
    assert train.difference(frame, "b", "a").value == pytest.approx(-found.value)
    assert found.high - found.low < 2  # the spread between seeds, 10 points, is not in it


def test_differences_that_cannot_be_paired_are_named():
    frame = table(a=[80.0, 85.0, 90.0], b=[79.0, 83.5])
    for arguments, message in (
        (("a", "b"), r"only one of them has the seeds \[2\]"),
        (("a", "c"), "no variant 'c'; there are 'a', 'b'"),
        (("a", "b", "speed"), "no column 'speed'"),
    ):
        with pytest.raises(ValueError, match=message):
            train.difference(frame, *arguments)
    with pytest.raises(ValueError, match="stands twice"):
        train.difference(pd.concat([frame, frame]), "a", "b")


def test_the_summary_has_an_interval_for_each_arm():
    found = train.summary(table(b=[79.0, 83.0], a=[80.0, 85.0]))
    assert found.variant.tolist() == ["b", "a"] and found.n.tolist() == [2, 2]
    expected = mean_interval([79.0, 83.0])
    assert found.iloc[0, 1:4].tolist() == [expected.value, expected.low, expected.high]


def test_the_recipe_learns_fashion_mnist():
    """A few steps on a part of the subset: far above chance, far from the end."""
    split = data.fashion_mnist().take(2000, 1000)
    fitted = train.fit(
        lambda: small.match_macs(small.mobilenet_v1, 200_000), split, seed=0, epochs=2
    )
    assert 50 < fitted.validation < 95 and 50 < fitted.test < 95


def test_means_are_those_of_each_arm_and_the_summary_says_the_same():
    rows = [("b", 0, 1.0), ("a", 0, 5.0), ("b", 1, 3.0), ("a", 1, 5.0)]
    frame = pd.DataFrame(rows, columns=["variant", "seed", "loss"])
    found = train.means(frame, "loss")
    assert list(found) == ["b", "a"] and found["b"] == mean_interval([1.0, 3.0])
    assert list(train.summary(frame, "loss")["low"]) == [one.low for one in found.values()]
    with pytest.raises(ValueError, match="no column 'test'"):
        train.means(frame)


def test_a_difference_is_said_with_its_interval():
    assert train.format_interval(Estimate(1, 0.5, 1.5, 4)) == "+1.00 points [+0.50, +1.50]"
    assert train.format_interval(Estimate(0, -1, 1, 4)).endswith("+1.00] (which includes zero)")
    assert Estimate(0.5, 0.25, 1, 4).text(".3f", " ms") == "0.500 ms [0.250, 1.000]"
