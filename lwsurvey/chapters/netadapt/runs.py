"""What NetAdapt's runs did, what their queries cost, and what MobileNet V3's variant proposes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lwsurvey import latency
from lwsurvey.chapters.netadapt import networks
from lwsurvey.chapters.netadapt.experiment import Search, last_widths
from lwsurvey.chapters.netadapt.proposals import (
    Pick,
    choose_which_filters,
    counts,
    pick_highest_accuracy,
    pick_slope,
)
from lwsurvey.chapters.netadapt.pruning import groups, prune
from lwsurvey.chapters.netadapt.state import Adapted
from lwsurvey.latency import Comparison, lookup

ROUNDS = 15
"""How often a network is run at least to say what it takes, as in `lwsurvey.latency.compare`."""

V3_KINDS = ("expansion", "bottleneck")
"""The two kinds of proposals that V3's authors allow."""


def picks(run: Adapted) -> pd.DataFrame:
    """The proposals that a run went on with, by step."""
    return run.log[run.log["picked"]].set_index("step")


def time_steps(rows: pd.DataFrame, budget: float, device: str = "cpu") -> Comparison:
    """Time the networks of a run's steps.

    Args:
        rows: filters, one row a step, one column a layer.
        budget: seconds.
        device: where.
    """
    calls = {
        str(step): networks.call(networks.mobilenet_v1(widths), device)
        for step, widths in enumerate(rows.itertuples(index=False))
    }
    return latency.compare(calls, device=device, budget=budget)


def latencies(run: Adapted, walked: Comparison) -> pd.DataFrame:
    """Latency along a run, per cent of the seed network's: columns ``table`` and ``whole``.

    Args:
        run: guided by a table.
        walked: its networks, timed; see `time_steps`.
    """
    whole = [100 * walked.ratio(step, "0").value for step in walked.times]
    return pd.DataFrame({"table": 100 * run.path["resource"] / run.start[0], "whole": whole})


def accuracies(run: Adapted) -> pd.DataFrame:
    """Held-out accuracy along a run, per cent: columns ``cut`` (before tuning) and ``tuned``."""
    return pd.DataFrame({"cut": picks(run)["before"], "tuned": run.path["accuracy"]})


def recovery(run: Adapted) -> float:
    """What the short fine-tuning gave back in a step, in points, on average."""
    return float((picks(run)["after"] - picks(run)["before"]).mean())


def filters_kept(found: Sequence[Search], widths: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Filters over those of the seed network, per cent: a row a seed, a column a layer.

    Args:
        found: of all seeds.
        widths: of the seed network.
    """
    full = pd.Series(widths, index=networks.LAYERS)
    ends: dict[str, list[networks.Widths]] = {}
    for one in found:
        for name, run in one.runs().items():
            ends.setdefault(name, []).append(last_widths(run))
    return {n: 100 * pd.DataFrame(rows, columns=full.index) / full for n, rows in ends.items()}


def broken_steps(run: Adapted) -> int:
    """Steps that did not go as algorithm 1 has it.

    There is a proposal for each group of filters (or a line that says why there is none), each
    differs from its parent in one group, and the most accurate one was picked, one alone. A last
    step without any proposal, with which a run gives up, is none of them.
    """
    wrong = 0
    for _, rows in run.log.groupby("step"):
        met, picked = rows[rows["met"]], rows[rows["picked"]]
        good = sorted(rows["layer"]) == sorted(run.filters) and (met["changed"] == 1).all()
        best = len(picked) == 1 and picked["after"].item() == met["after"].max()
        wrong += not (good and (best or met.empty))
    return wrong


def queries(found: Sequence[Search]) -> set[networks.Widths]:
    """Widths of all networks whose latency the runs asked for, each once."""
    return {widths for one in found for widths in _queries(one.by_latency)}


def _queries(run: Adapted) -> Iterator[networks.Widths]:
    """By ChooseNumFilters, which tries the numbers of filters from the largest down."""
    places = {layer: k for k, layer in enumerate(run.widths)}
    yield tuple(int(n) for n in run.widths.iloc[0])
    for row in run.log.itertuples():
        now = [int(n) for n in run.widths.loc[row.step - 1]]
        for filters in counts(row.filters_before, networks.MULTIPLE)[: row.tried]:
            now[places[row.layer]] = filters
            yield tuple(now)


def savings(widths: Sequence[int], **resources: Callable[[nn.Module], float]) -> pd.DataFrame:
    """What halving each layer saves, per cent of the whole; in the last row all have 8 filters.

    Args:
        widths: of the network.
        resources: by name; a column each.
    """
    half = {
        layer: (*widths[:k], widths[k] // 2, *widths[k + 1 :])
        for k, layer in enumerate(networks.LAYERS)
    }
    half["all to 8"] = (networks.MULTIPLE,) * len(widths)
    cut, full = {n: networks.weightless(w) for n, w in half.items()}, networks.weightless(widths)
    saved = {
        name: [100 * (1 - cost(one) / cost(full)) for one in cut.values()]
        for name, cost in resources.items()
    }
    return pd.DataFrame(saved, index=pd.Index(list(cut), name="layer"))


def beyond_times(table: lookup.Table, network: nn.Module) -> float:
    """What an estimate has beside times that were measured, in seconds.

    Args:
        table: of the network.
        network: of widths that were measured, so that nothing is interpolated.
    """
    measured = set(table.entries["seconds"])
    found = [each for each in table.by_piece(network)["seconds"] if each in measured]
    return table.estimate(network) - sum(found)


def query_cost(
    table: lookup.Table, network: nn.Module, asked: int, different: int, budget: float
) -> Mapping[str, float]:
    """Seconds that the estimates of a study take, by the table and by timing each network whole.

    Args:
        table: its building counts.
        network: what is asked for; a cut one, which is the quicker to time.
        asked: how often.
        different: how many different ones were asked for; each would be timed once.
        budget: seconds, for timing both.

    Returns:
        ``building``, ``a look-up``, ``a forward pass``, ``by the table``, ``by timing``. To time
        a network is to run it `ROUNDS` times.
    """
    device = table.how.device
    asking = {"look-up": lambda: table.estimate(network)}
    passing = {"forward pass": networks.call(network, device)}
    if device == "cpu":
        took = latency.compare(asking | passing, device=device, budget=budget).times.median()
    else:  # events in a GPU's stream of work cannot time what the host does
        runs = [(asking, "cpu"), (passing, device)]
        timed = [latency.compare(one, device=d, budget=budget / 2) for one, d in runs]
        took = pd.concat([one.times.median() for one in timed])
    return {
        "building": table.seconds,
        "a look-up": took["look-up"],
        "a forward pass": took["forward pass"],
        "by the table": table.seconds + asked * took["look-up"],
        "by timing": different * ROUNDS * took["forward pass"],
    }


def halvings(network: nn.Module, x: Tensor) -> pd.DataFrame:
    """Halve every group of both kinds, one at a time, and try the network that is left.

    Args:
        network: with inverted residuals.
        x: images.

    Returns:
        One row a proposal: ``group``, ``kind``, ``layers`` (that make its channels), ``filters``,
        ``kept``, ``works`` (whether it gives outputs of the old shape).
    """
    with torch.no_grad():
        wanted = network.eval()(x).shape
    rows = []
    for group in groups(network, x, V3_KINDS):
        kept = choose_which_filters(network, group, group.filters // 2)
        cut = prune(network, group, kept)
        rows.append({
            "group": group.name, "kind": group.kind, "layers": len(group.producers),
            "filters": group.filters, "kept": len(kept), "works": _works(cut, x, wanted),
        })  # fmt: skip
    return pd.DataFrame(rows).set_index("group")


def _works(network: nn.Module, x: Tensor, wanted: torch.Size) -> bool:
    try:
        with torch.no_grad():
            return network.eval()(x).shape == wanted
    except RuntimeError:  # what PyTorch raises where shapes do not fit
        return False


def disagreements(pick: Pick, sets: int, seed: int = 0) -> int:
    """Random sets of proposals in which a rule differs from the largest printed ratio.

    The ratio is ``dAcc / |dLatency|``, tried out on every proposal; the sets have 2 to 20
    proposals, some with equal accuracies.

    Args:
        pick: the rule.
        sets: how many.
        seed: of the sets.
    """
    rng, differ = np.random.default_rng(seed), 0
    for _ in range(sets):
        n = int(rng.integers(2, 21))
        accuracies = np.round(rng.uniform(60, 90, n), 1)
        latencies = rng.uniform(0.5, 0.99, n)
        accuracy = float(rng.uniform(70, 90))
        ratios = [(a - accuracy) / abs(t - 1.0) for a, t in zip(accuracies, latencies, strict=True)]
        best = pick(accuracies.tolist(), latencies.tolist(), accuracy, 1.0)
        differ += ratios[best] != max(ratios)
    return differ


def spread(log: pd.DataFrame) -> pd.Series:
    """Of each step: the largest saving of a proposal over the smallest."""
    met = log[log["met"]]
    saved = met["resource_before"] - met["resource"]
    by_step = saved.groupby(met["step"])
    return by_step.max() / by_step.min()


def rule_picks(log: pd.DataFrame, start: float) -> pd.DataFrame:
    """What each of the two rules picks from the proposals of a run.

    Args:
        log: of the run.
        start: held-out accuracy before its first step, per cent.

    Returns:
        Index ``step``; ``by accuracy`` and ``by slope``, names of groups.
    """
    rows = {}
    for step, rows_of in log[log["met"]].groupby("step"):
        resources = rows_of["resource"].tolist()
        told = (rows_of["after"].tolist(), resources, start, rows_of["resource_before"].iloc[0])
        names = rows_of["layer"].tolist()
        rows[step] = {
            "by accuracy": names[pick_highest_accuracy(*told)],
            "by slope": names[pick_slope(*told)],
        }
        start = rows_of.loc[rows_of["picked"], "after"].item()
    return pd.DataFrame(rows).T.rename_axis("step")


def other_operations(parent: nn.Module, child: nn.Module) -> int:
    """Layers of which two networks differ in more than widths: in kind, kernel, stride or place."""
    pairs = zip(_operations(parent), _operations(child), strict=True)
    return sum(one != other for one, other in pairs)


def _operations(network: nn.Module) -> list[tuple[object, ...]]:
    facts = ("kernel_size", "stride", "padding", "dilation")
    return [
        (name, type(module), *(getattr(module, fact, None) for fact in facts))
        for name, module in network.named_modules()
    ]
