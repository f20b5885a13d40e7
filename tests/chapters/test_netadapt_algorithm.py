"""NetAdapt: what is pruned together, how much, what is picked, and that a killed run goes on."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.optim import SGD

from benchmarks.netadapt_cost import table_entries
from lwsurvey import data, paths
from lwsurvey.chapters.netadapt import algorithm, proposals, pruning
from lwsurvey.chapters.netadapt.algorithm import Schedule
from lwsurvey.chapters.netadapt.proposals import Short
from lwsurvey.chapters.netadapt.pruning import KINDS
from lwsurvey.chapters.netadapt.state import Adapted, replay
from lwsurvey.models import small
from lwsurvey.models.blocks import Bottleneck, Head, norm_relu, same_convolution
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.search import SearchError, network, space

SHAPE = (1, 1, 28, 28)
NETWORKS = {
    "v1": lambda: small.mobilenet_v1(16),
    "v2": lambda: small.mobilenet_v2(8, 3),
    "v3": lambda: small.mobilenet_v3(8, t=3),
    "v3-original": lambda: small.mobilenet_v3(8, t=2, tail="original"),
    "searched": lambda: network.build(space.parse("i5ew2+-s3n2+")),
    "sequential": lambda: nn.Sequential(
        same_convolution(1, 8, 3, 2, bias=True), norm_relu(8), same_convolution(8, 12, 3, 2),
        nn.ReLU(), Head(12, 10),
    ),
    "residual": lambda: nn.Sequential(
        same_convolution(1, 8, 3, 4), norm_relu(8), Bottleneck(8, 6), Bottleneck(8, 4), Head(8, 10)
    ),
    "flat": lambda: nn.Sequential(
        same_convolution(1, 6, 3, 4), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 49, 20), nn.ReLU(),
        nn.Linear(20, 10),
    ),
}  # fmt: skip


def macs(net: nn.Module) -> float:
    """One multiplication a weight and place, by hooks: quicker than the book's counter."""
    found, hooks = [], []

    def add(layer: nn.Module, _inputs: tuple, out: torch.Tensor) -> None:
        found.append(layer.weight[0].numel() * out[0].numel())

    for layer in net.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            hooks.append(layer.register_forward_hook(add))
    with torch.no_grad():
        net(torch.zeros(SHAPE))
    for hook in hooks:
        hook.remove()
    return float(sum(found))


def lively(make) -> nn.Module:
    """A network whose normalisation shifts, with statistics of images, so that signals live."""
    torch.manual_seed(0)
    net = make().train()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1, 0.3)
            nn.init.normal_(module.bias, 0, 0.5)
            module.momentum = 1.0
    with torch.no_grad():
        net(torch.randn(32, 1, 28, 28))
    return net.eval()


@pytest.fixture(scope="module")
def split() -> data.Split:
    return data.fashion_mnist().take(300, 100, 100)


@pytest.fixture(scope="module")
def toy() -> nn.Module:
    """Five layers that may be cut."""
    torch.manual_seed(1)
    layers, N = nn.Sequential(), 1
    for i, M in enumerate((8, 12, 12, 16, 16)):
        layers.append(same_convolution(N, M, 3, 2 if i in (0, 1, 3) else 1))
        layers.append(norm_relu(M))
        N = M
    return layers.append(Head(N, 10))


def run(net: nn.Module, split: data.Split, share: float = 0.7, **options) -> Adapted:
    start = macs(net.eval())
    settings = (
        dict(budget=share * start, schedule=Schedule(0.12 * start), short=Short(2, 32), multiple=2)
        | options
    )
    return algorithm.adapt(net, split, options.pop("resource", macs), **settings)


def same(one: Adapted, other: Adapted) -> bool:
    a, b = one.network.state_dict(), other.network.state_dict()
    logs = [found.log.drop(columns="seconds") for found in (one, other)]
    return (
        a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
        and logs[0].equals(logs[1]) and one.history == other.history
        and one.summary == other.summary
        and (one.start, one.filters, one.estimates) == (other.start, other.filters, other.estimates)
    )  # fmt: skip


@pytest.mark.parametrize("name", NETWORKS)
def test_the_pruned_network_equals_the_masked_one(name):
    net, x = lively(NETWORKS[name]), torch.randn(3, 1, 28, 28)
    whole = net(x)
    found = pruning.groups(net, SHAPE, (*KINDS, "squeeze"))
    for group in found:
        kept = proposals.choose_which_filters(net, group, group.filters // 2)
        pruned, masked = (make(net, group, kept) for make in (pruning.prune, pruning.masked))
        assert torch.allclose(pruned(x), masked(x), atol=1e-5), group
        # What the squeeze of a gate loses hardly shows in the outputs of an untrained network.
        assert group.kind == "squeeze" or not torch.allclose(masked(x), whole, atol=1e-3), group
        assert proposals.changed(net, pruned, found) == (group.name,)
        assert macs(pruned) < macs(net)
    assert torch.equal(net(x), whole)


def test_all_groups_can_be_cut_one_after_the_other():
    net, x = lively(NETWORKS["v3"]), torch.randn(2, 1, 28, 28)
    first, masked, history = net, net, []
    for name in [group.name for group in pruning.groups(net, SHAPE)]:
        group = next(g for g in pruning.groups(net, SHAPE) if g.name == name)
        kept = proposals.choose_which_filters(net, group, group.filters // 2)
        wide = next(g for g in pruning.groups(masked, SHAPE) if g.name == name)
        masked = pruning.masked(masked, wide, kept)
        net = pruning.prune(net, group, kept)
        history.append((name, kept))
    assert torch.allclose(net(x), masked(x), atol=1e-5)
    again = replay(first, history, SHAPE)
    assert [p.shape for p in again.parameters()] == [p.shape for p in net.parameters()]
    assert torch.equal(again(x), net(x))


def test_groups_follow_residual_sums_depthwise_layers_and_gates():
    net = small.mobilenet_v3(8, t=3)
    found = {group.name: group for group in pruning.groups(net, torch.zeros(SHAPE))}
    assert found["stem.0"].producers == ("stem.0", "first.project.0")
    assert found["stem.0"].kind == "bottleneck"
    shared = found["early.0.project.0"]
    assert shared.producers == tuple(f"early.{i}.project.0" for i in range(3))
    assert (shared.kind, shared.filters) == ("bottleneck", 8)
    middle = found["late.1.expand.0"]
    assert (middle.kind, middle.producers) == ("expansion", ("late.1.expand.0",))
    kinds = [group.kind for group in found.values()]
    assert (kinds.count("expansion"), kinds.count("bottleneck"), len(kinds)) == (6, 3, 11)
    first = pruning.groups(net, SHAPE, ("squeeze",))[0]
    assert (first.kind, first.producers) == ("squeeze", ("early.0.squeeze.fc1",))


def test_the_classifier_and_the_image_are_never_pruned(toy):
    found = pruning.groups(toy, SHAPE)
    assert [group.filters for group in found] == [8, 12, 12, 16, 16]
    assert {group.kind for group in found} == {"plain"}


def test_frozen_weights_and_modes_stay_as_they_are(toy):
    net = lively(lambda: small.mobilenet_v2(8, 2)).requires_grad_(False).train()
    group = pruning.groups(net, SHAPE)[1]
    for make in (pruning.prune, pruning.masked):
        found = make(net, group, (0, 2))
        assert found.training and not any(p.requires_grad for p in found.parameters())
        assert net.training and len(net.get_submodule(group.name).weight) == group.filters
    with pytest.raises(SearchError, match="no layer"):
        pruning.prune(toy, group, (0,))
    with pytest.raises(SearchError, match="filters here"):
        pruning.prune(pruning.prune(net, group, (0, 2)), group, (0,))
    for kept in ((), (2, 1), (0, 0), (0, 99), (-1, 0)):
        with pytest.raises(SearchError, match="ascending"):
            pruning.prune(net, group, kept)


def test_what_cannot_be_followed_is_refused():
    grouped = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2), Head(4, 10))
    with pytest.raises(SearchError, match="2 groups"):
        pruning.groups(grouped, SHAPE)
    with pytest.raises(SearchError, match="cannot be followed"):
        pruning.groups(small.mobilenet_v1(8), (1, 3, 28, 28))
    with pytest.raises(SearchError, match="no weights"):
        pruning.groups(nn.Flatten(), SHAPE)


def test_which_filters_by_the_sum_of_norms():
    net = small.mobilenet_v3(8, t=3)
    group = next(g for g in pruning.groups(net, SHAPE) if g.name == "early.0.project.0")
    weights = [net.get_submodule(name).weight.detach() for name in group.producers]
    norms = sum((w.double() ** 2).sum((1, 2, 3)).sqrt() for w in weights)
    wanted = sorted(np.argsort(-norms.numpy())[:3].tolist())
    assert proposals.choose_which_filters(net, group, 3) == tuple(wanted)
    for keep in (0, 9):
        with pytest.raises(SearchError, match="1 to 8"):
            proposals.choose_which_filters(net, group, keep)


@pytest.mark.parametrize("multiple", [1, 3, 4])
def test_the_largest_number_of_filters_that_meets_the_limit(toy, multiple):
    group = pruning.groups(toy, SHAPE)[3]
    widths = {n: macs(pruning.prune(toy, group, range(n))) for n in range(2, 16)}
    for limit in (0.99 * macs(toy), 0.8 * macs(toy), 0.6 * macs(toy)):
        fits = [n for n, c in widths.items() if c <= limit and n % multiple == 0]
        choice = proposals.choose_num_filters(toy, group, limit, macs, multiple)
        assert choice.filters == (max(fits) if fits else None)
        assert choice.filters is None or choice.resource == widths[choice.filters]


def test_the_largest_number_where_latency_is_not_monotonic(toy):
    group = pruning.groups(toy, SHAPE)[1]
    costs = {10: 5.0, 8: 3.0, 6: 9.0, 4: 2.0, 2: 1.0}

    def stairs(net: nn.Module) -> float:
        return costs[len(net.get_submodule(group.name).weight)]

    found = [proposals.choose_num_filters(toy, group, limit, stairs, 2) for limit in (4, 2.5, 0.5)]
    assert [choice.filters for choice in found] == [8, 4, None]
    assert [choice.tried for choice in found] == [2, 4, 5]
    assert proposals.choose_num_filters(toy, group, 2.5, stairs, 2, least=6).filters is None


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_a_resource_is_a_positive_number(toy, value):
    with pytest.raises(SearchError, match="positive"):
        proposals.choose_num_filters(toy, pruning.groups(toy, SHAPE)[0], 1, lambda _: value, 2)


def test_the_slope_is_the_printed_ratio():
    draw = np.random.default_rng(0)
    for _ in range(1000):
        n, accuracy, resource = draw.integers(1, 12), draw.uniform(50, 90), draw.uniform(5, 9)
        after, costs = draw.uniform(40, 92, n), resource - draw.uniform(0.1, 3, n)
        ratios = [(a - accuracy) / abs(c - resource) for a, c in zip(after, costs, strict=True)]
        assert proposals.pick_slope(after, costs, accuracy, resource) == np.argmax(ratios)
        assert proposals.pick_highest_accuracy(after, costs, accuracy, resource) == np.argmax(after)


def test_of_equal_proposals_the_cheapest_is_picked():
    assert proposals.pick_highest_accuracy([80, 90, 90, 90], [1, 3, 2, 2], 85, 4) == 2
    assert proposals.pick_slope([85, 85, 80], [3, 2, 1], 85, 4) == 1
    with pytest.raises(SearchError, match="cost less"):
        proposals.pick_slope([85, 85], [3, 4], 85, 4)


def test_the_published_table_of_mobilenet_v1():
    """The count that the published code's builder prints, without a measurement."""
    facts = pd.read_csv(paths.data("papers/papers_netadapt_facts.csv"), index_col="item")
    row = facts.loc["repo look-up table size for MobileNetV1 at 224", "value"]
    net = MobileNetV1(classes=10)
    assert table_entries(net, (1, 3, 224, 224)) == 33056
    assert "33056 entries" in row


def test_the_schedule():
    schedule = Schedule(0.5, 0.96)
    assert [schedule.reduction(i) for i in (1, 2)] == [0.5, 0.48]
    assert schedule.total(28) == pytest.approx(0.5 * (1 - 0.96**28) / 0.04)
    for first, decay in ((0, 1), (-1, 1), (float("nan"), 1), (1, 0), (1, 1.1)):
        with pytest.raises(SearchError):
            Schedule(first, decay)


@pytest.mark.parametrize("bad", [dict(steps=-1), dict(batch=1), dict(lr=0)])
def test_the_short_fine_tuning(bad):
    with pytest.raises(SearchError):
        Short(**bad)


def test_a_run_step_by_step(toy, split):
    calls = []

    def counting(*told) -> int:
        calls.append(len(told[0]))
        return proposals.pick_highest_accuracy(*told)

    before = {name: values.clone() for name, values in toy.state_dict().items()}
    found = run(toy, split, guide=counting)
    assert all(torch.equal(values, before[name]) for name, values in toy.state_dict().items())
    log, picked = found.log, found.log[found.log["picked"]]
    assert found.reached and found.resource <= 0.7 * macs(toy)
    assert found.resource == macs(found.network) == picked["resource"].iloc[-1]
    assert len(calls) == found.steps == len(picked) and calls[0] == 5
    assert (log.groupby("step").size() == 5).all()
    assert (log["changed"].dropna() == 1).all()
    made = log[log["met"]]
    assert (made["resource"] <= made["constraint"]).all()
    wanted = [macs(toy), *picked["resource"][:-1]]
    assert picked["resource_before"].tolist() == wanted
    for _, step in made.groupby("step"):
        assert step["after"].max() == step.loc[step["picked"], "after"].item()
    assert found.estimates == 1 + log["tried"].sum()
    assert found.widths.iloc[-1].tolist() == [
        group.filters for group in pruning.groups(found.network, SHAPE)
    ]
    assert found.path["resource"].iloc[0] == macs(toy)


def test_the_same_bits_in_any_number_of_processes(toy, split):
    one, two = (run(toy, split, share=0.8, jobs=jobs) for jobs in (1, 2))
    assert same(one, two)
    assert one.steps > 1 and not same(one, run(toy, split, share=0.8, seed=1))


def test_residual_networks_and_the_slope(split):
    torch.manual_seed(0)
    found = run(small.mobilenet_v2(8, 2), split, share=0.8, guide="slope")
    assert found.reached and {"expansion", "bottleneck"} <= set(found.log["kind"])
    accuracy = found.start[1]
    for _, step in found.log[found.log["met"]].groupby("step"):
        slopes = (step["after"] - accuracy) / (step["resource_before"] - step["resource"])
        assert slopes.max() == slopes[step["picked"]].item()
        accuracy = step.loc[step["picked"], "after"].item()


def test_a_budget_that_cannot_be_met(toy, split):
    found = run(toy, split, share=1e-4, short=Short(0), schedule=Schedule(0.2 * macs(toy), 0.9))
    assert not found.reached and found.resource < macs(toy)
    assert "above the budget" in found.summary and "no layer alone" in found.summary
    none = run(toy, split, schedule=Schedule(0.99 * macs(toy)))
    assert (none.steps, none.reached, len(none.log), none.log["met"].any()) == (0, False, 5, False)
    some = run(toy, split, share=0.3, most=1, short=Short(0))
    assert some.steps == 1 and "asked for no more" in some.summary


@pytest.mark.parametrize(
    "options, words",
    [
        (dict(share=1.0), "nothing to adapt"), (dict(share=0), "positive"),
        (dict(share=float("nan")), "positive"), (dict(multiple=0), "multiples"),
        (dict(multiple=64), "nothing can be pruned"), (dict(kinds=("expansion",)), "nothing can"),
        (dict(kinds=("odd",)), "kinds"), (dict(guide="odd"), "guide"),
        (dict(short=Short(1, 512)), "do not fill"),
    ],
)  # fmt: skip
def test_bad_inputs_end_before_any_work(toy, split, options, words):
    with pytest.raises(SearchError, match=words):
        run(toy, split, **options)


def test_held_out_images_are_needed_and_test_images_are_not(toy, split):
    none = data.Images(split.test.x[:0], split.test.y[:0])
    with pytest.raises(SearchError, match="held-out"):
        run(toy, data.Split(split.train, none, split.test))
    blind = data.Split(split.train, split.validation, none)
    assert same(run(toy, split, share=0.9), run(toy, blind, share=0.9))


def test_the_long_fine_tuning_leaves_the_adapted_network(toy, split):
    found = run(toy, split, share=0.9)
    before = {name: values.clone() for name, values in found.network.state_dict().items()}
    fitted = found.long_term_fine_tune(split, seed=0, epochs=1, batch=32, lr=0.05)
    assert 0 <= fitted.test <= 100 and macs(fitted.net) == found.resource
    assert all(torch.equal(v, before[name]) for name, v in found.network.state_dict().items())


def test_a_folder_of_another_run_is_refused(toy, split, tmp_path):
    one = run(toy, split, share=0.7, keep=tmp_path)
    first = run(toy, split, share=0.7, keep=tmp_path, most=1)
    assert (first.steps, first.history) == (1, one.history[:1]) and one.steps > 1
    assert same(one, run(toy, split, share=0.7, keep=tmp_path))
    with pytest.raises(SearchError, match="budget, seed"):
        run(toy, split, share=0.6, seed=1, keep=tmp_path)
    (tmp_path / "step-001.record").write_bytes(b"half")
    with pytest.raises(SearchError, match=r"step-001\.record is damaged"):
        run(toy, split, share=0.7, keep=tmp_path)
    for damaged in (b"{", b"[1]", b"\xff"):
        (tmp_path / "inputs.record").write_bytes(damaged)
        with pytest.raises(SearchError, match=r"inputs\.record is damaged"):
            run(toy, split, share=0.7, keep=tmp_path)
    with pytest.raises(SearchError, match="nothing can be kept in"):
        run(toy, split, share=0.7, keep=tmp_path / "inputs.record")


@pytest.mark.parametrize("moment", ["put", "replace", "unlink"])
def test_stopped_at_any_write_it_ends_in_the_same_network(
    toy, split, tmp_path, monkeypatch, moment
):
    """Every write, renaming and removal fails once; each time the run is begun again."""
    whole, count = run(toy, split, share=0.7), 0
    assert whole.steps > 1
    target = {"put": (torch, "save"), "replace": (os, "replace"), "unlink": (Path, "unlink")}
    owner, name = target[moment]
    real = getattr(owner, name)

    class Stop(BaseException):
        pass

    while True:
        count += 1
        left = [2]

        def failing(*args, left=left, **options):
            left[0] -= 1
            if not left[0]:
                raise Stop
            return real(*args, **options)

        monkeypatch.setattr(owner, name, failing)
        try:
            found = run(toy, split, share=0.7, keep=tmp_path)
            break
        except Stop:
            continue
        finally:
            monkeypatch.setattr(owner, name, real)
    assert count > 1 and same(found, whole)


KILLED = dict(share=0.75, short=Short(4, 32), multiple=2)
MOMENTS = [(SGD, "step", 10), (torch, "save", 4), (Path, "unlink", 2), (SGD, "step", 6)]


def small_v2() -> nn.Module:
    torch.manual_seed(0)
    return small.mobilenet_v2(8, 2)


def killed_at(owner: object, name: str, count: int, folder: str) -> None:
    """The run, ended by ``kill -9`` in place of one of the calls of a function."""
    real, left = getattr(owner, name), itertools.count(count - 1, -1)

    def call(*args, **options):
        if not next(left):
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)

    setattr(owner, name, call)
    images = data.fashion_mnist().take(300, 100, 100)
    run(small_v2(), images, keep=folder, **KILLED)


SCRIPT = """
import os, sys
from tests.chapters.test_netadapt_algorithm import MOMENTS, killed_at
for moment in MOMENTS:
    if not (child := os.fork()):
        killed_at(*moment, sys.argv[1])
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_time_it_ends_in_the_same_network(split, tmp_path):
    """Within proposals of two steps, at a write, and while the proposals are removed."""
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    root = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout.split() == [str(int(signal.SIGKILL))] * len(MOMENTS), done.stderr
    kept = {file.name for file in tmp_path.glob("*.record")}
    assert {"step-001.record", "step-002-choices.record", "step-002-layer-000.record"} <= kept
    assert "step-002.record" not in kept
    again = run(small_v2(), split, keep=tmp_path, **KILLED)
    assert same(again, run(small_v2(), split, **KILLED))
