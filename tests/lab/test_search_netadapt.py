"""NetAdapt: what is pruned together, how much, what is picked, and that a step is as printed."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks.netadapt_cost import table_entries
from lwsurvey import data, paths
from lwsurvey.models import small
from lwsurvey.models.blocks import Bottleneck, Head, norm_relu, same_convolution
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.search import SearchError, channels, netadapt, network, space
from lwsurvey.search.netadapt import Proposal, Schedule, Short

IMAGE = (1, 28, 28)
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
        net(torch.zeros(1, *IMAGE))
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
        net(torch.randn(32, *IMAGE))
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
    return layers.append(Head(N, 10)).eval()


def run(net: nn.Module, split: data.Split, share: float = 0.7, **options) -> list[netadapt.Step]:
    start = macs(net.eval())
    how = dict(short=Short(2, 32), multiple=2) | options
    schedule = how.pop("schedule", Schedule(0.12 * start))
    return list(netadapt.adapt(net, split, macs, share * start, schedule, **how))


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_the_pruned_network_equals_the_masked_one(name):
    net, x = lively(NETWORKS[name]), torch.randn(3, *IMAGE)
    whole = net(x)
    for group in channels.groups(net, IMAGE, (*channels.KINDS, "squeeze")):
        kept = netadapt.choose_which_filters(net, group, group.filters // 2)
        pruned, masked = (make(net, group, kept) for make in (channels.prune, channels.masked))
        assert torch.allclose(pruned(x), masked(x), atol=1e-5), group
        # What the squeeze of a gate loses hardly shows in the outputs of an untrained network.
        assert group.kind == "squeeze" or not torch.allclose(masked(x), whole, atol=1e-3), group
        assert macs(pruned) < macs(net)
    assert torch.equal(net(x), whole)


@torch.no_grad()
def test_all_groups_can_be_cut_one_after_the_other():
    net, x = lively(NETWORKS["v3"]), torch.randn(2, *IMAGE)
    masked = net
    for name in [group.name for group in channels.groups(net, IMAGE)]:
        group, wide = (
            next(g for g in channels.groups(one, IMAGE) if g.name == name) for one in (net, masked)
        )
        kept = netadapt.choose_which_filters(net, group, group.filters // 2)
        masked, net = channels.masked(masked, wide, kept), channels.prune(net, group, kept)
    assert torch.allclose(net(x), masked(x), atol=1e-5)


def test_groups_follow_residual_sums_depthwise_layers_and_gates():
    net = small.mobilenet_v3(8, t=3)
    found = {group.name: group for group in channels.groups(net, IMAGE)}
    assert found["stem.0"].producers == ("stem.0", "first.project.0")
    assert found["stem.0"].kind == "bottleneck"
    shared = found["early.0.project.0"]
    assert shared.producers == tuple(f"early.{i}.project.0" for i in range(3))
    assert (shared.kind, shared.filters) == ("bottleneck", 8)
    middle = found["late.1.expand.0"]
    assert (middle.kind, middle.producers) == ("expansion", ("late.1.expand.0",))
    kinds = [group.kind for group in found.values()]
    assert (kinds.count("expansion"), kinds.count("bottleneck"), len(kinds)) == (6, 3, 11)
    first = channels.groups(net, IMAGE, ("squeeze",))[0]
    assert (first.kind, first.producers) == ("squeeze", ("early.0.squeeze.fc1",))


def test_the_classifier_and_the_image_are_never_pruned(toy):
    found = channels.groups(toy, IMAGE)
    assert [group.filters for group in found] == [8, 12, 12, 16, 16]
    assert {group.kind for group in found} == {"plain"}


def test_what_cannot_be_pruned_is_refused(toy):
    grouped = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2), Head(4, 10))
    with pytest.raises(SearchError, match="2 groups"):
        channels.groups(grouped, IMAGE)
    with pytest.raises(SearchError, match="cannot be followed"):
        channels.groups(small.mobilenet_v1(8), (3, 28, 28))
    group = channels.groups(toy, IMAGE)[1]
    with pytest.raises(SearchError, match="filters here"):
        channels.prune(channels.prune(toy, group, (0, 2)), group, (0,))
    for kept in ((), (2, 1), (0, 0), (0, 99), (-1, 0)):
        with pytest.raises(SearchError, match="ascending"):
            channels.prune(toy, group, kept)


def test_which_filters_by_the_sum_of_norms():
    net = small.mobilenet_v3(8, t=3)
    group = next(g for g in channels.groups(net, IMAGE) if g.name == "early.0.project.0")
    weights = [net.get_submodule(name).weight.detach() for name in group.producers]
    norms = sum((w.double() ** 2).sum((1, 2, 3)).sqrt() for w in weights)
    wanted = sorted(np.argsort(-norms.numpy())[:3].tolist())
    assert netadapt.choose_which_filters(net, group, 3) == tuple(wanted)


@pytest.mark.parametrize("multiple", [2, 3, 4])
def test_the_largest_number_of_filters_that_meets_the_limit(toy, multiple):
    group = channels.groups(toy, IMAGE)[3]
    widths = {n: macs(channels.prune(toy, group, range(n))) for n in range(2, 16)}
    for limit in (0.99 * macs(toy), 0.8 * macs(toy), 0.6 * macs(toy)):
        fits = [n for n, c in widths.items() if c <= limit and n % multiple == 0]
        found = netadapt.choose_num_filters(toy, group, limit, macs, multiple)
        assert found == (max(fits) if fits else None)


def test_the_largest_number_where_latency_is_not_monotonic(toy):
    group = channels.groups(toy, IMAGE)[1]
    costs = {10: 5.0, 8: 3.0, 6: 9.0, 4: 2.0, 2: 1.0}

    def stairs(net: nn.Module) -> float:
        return costs[len(net.get_submodule(group.name).weight)]

    limits = {4: 8, 2.5: 4, 0.5: None}
    for limit, filters in limits.items():
        assert netadapt.choose_num_filters(toy, group, limit, stairs, 2) == filters


def proposed(accuracies, costs) -> list[Proposal]:
    pairs = zip(accuracies, costs, strict=True)
    return [Proposal(None, (), None, float(c), float(a)) for a, c in pairs]


def test_the_slope_is_the_printed_ratio():
    draw = np.random.default_rng(0)
    for _ in range(1000):
        n, acc, res = draw.integers(1, 12), draw.uniform(50, 90), draw.uniform(5, 9)
        after, costs = draw.uniform(40, 92, n), res - draw.uniform(0.1, 3, n)
        ratios = [(a - acc) / abs(c - res) for a, c in zip(after, costs, strict=True)]
        made = proposed(after, costs)
        assert netadapt.pick_slope(made, acc, res) is made[np.argmax(ratios)]
        assert netadapt.pick_highest_accuracy(made, acc, res) is made[np.argmax(after)]


def test_of_equal_proposals_the_cheapest_is_picked():
    made = proposed([80, 90, 90, 90], [1, 3, 2, 2])
    assert netadapt.pick_highest_accuracy(made, 85, 4) is made[2]


def test_the_published_table_of_mobilenet_v1():
    """The count that the published code's builder prints, without a measurement."""
    facts = pd.read_csv(paths.data("papers/papers_netadapt_facts.csv"), index_col="item")
    row = facts.loc["repo look-up table size for MobileNetV1 at 224", "value"]
    assert table_entries(MobileNetV1(classes=10), (1, 3, 224, 224)) == 33056
    assert "33056 entries" in row


def test_schedule_and_short_fine_tuning():
    schedule = Schedule(0.5, 0.96)
    assert [schedule.reduction(i) for i in (1, 2)] == [0.5, 0.48]
    for first, decay in ((0, 1), (-1, 1), (float("nan"), 1), (1, 0), (1, 1.1)):
        with pytest.raises(SearchError):
            Schedule(first, decay)
    for bad in (dict(steps=-1), dict(batch=1), dict(lr=0)):
        with pytest.raises(SearchError):
            Short(**bad)


def test_a_run_step_by_step(toy, split):
    """One proposal a layer, each of one layer cut, the constraint kept, the most accurate taken."""
    before = {name: values.clone() for name, values in toy.state_dict().items()}
    steps = run(toy, split)
    assert all(torch.equal(values, before[name]) for name, values in toy.state_dict().items())
    assert len(steps) > 1 and steps[-1].picked.resource <= 0.7 * macs(toy)
    res = macs(toy)
    for step in steps:
        assert step.resource == res and len(step.proposals) <= 5
        whole = [group.filters for group in channels.groups(step.parent, IMAGE)]
        for one in step.proposals:
            cut = [group.filters for group in channels.groups(one.network, IMAGE)]
            assert sum(a != b for a, b in zip(whole, cut, strict=True)) == 1
            assert one.resource == macs(one.network) <= step.constraint < res
        assert step.picked.accuracy == max(one.accuracy for one in step.proposals)
        res = step.picked.resource
    names = [[name for name, _ in net.named_modules()] for net in (toy, step.picked.network)]
    assert names[0] == names[1]


def test_the_same_bits_again_and_others_with_another_seed(toy, split):
    def bits(**options):
        found = [run(toy, split, 0.8, **options)[-1].picked.network for _ in range(2)]
        return [torch.cat([p.flatten() for p in net.parameters()]) for net in found]

    one, two = bits()
    assert torch.equal(one, two)
    other = bits(seed=1)[0]
    assert len(other) != len(one) or not torch.equal(other, one)


def test_residual_networks_and_the_slope(split):
    torch.manual_seed(0)
    steps = run(small.mobilenet_v2(8, 2), split, 0.8, pick=netadapt.pick_slope)
    kinds = {one.group.kind for step in steps for one in step.proposals}
    assert steps[-1].picked.resource <= 0.8 * steps[0].resource and "expansion" in kinds


def test_a_run_that_cannot_go_on_ends(toy, split):
    assert run(toy, split, 1e-4, schedule=Schedule(0.99 * macs(toy))) == []
    some = run(toy, split, 1e-4, short=Short(0), schedule=Schedule(0.2 * macs(toy), 0.9))
    assert some and some[-1].picked.resource > 1e-4 * macs(toy)


def test_the_last_step_takes_what_is_missing_and_no_more(toy, split):
    steps = run(toy, split, 0.95, short=Short(0), schedule=Schedule(0.3 * macs(toy)))
    assert [step.constraint for step in steps] == [0.95 * macs(toy)]


@pytest.mark.parametrize("share", [1.0, 0, float("nan")])
def test_a_budget_must_be_below_the_cost(toy, split, share):
    with pytest.raises(SearchError, match="budget"):
        run(toy, split, share)


def test_held_out_images_are_needed_and_test_images_are_not(toy, split):
    none = data.Images(split.test.x[:0], split.test.y[:0])
    with pytest.raises(SearchError, match="held-out"):
        run(toy, data.Split(split.train, none, split.test))
    blind = data.Split(split.train, split.validation, none)
    start = macs(toy)
    made = netadapt.adapt(toy, blind, macs, start / 2, Schedule(start / 9), multiple=2)
    assert len(list(islice(made, 1))) == 1
