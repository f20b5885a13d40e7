"""What a table holds, and what asking it costs."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from torch import nn

from lwsurvey import latency
from lwsurvey.chapters.netadapt.timing import call
from lwsurvey.latency import lookup

ROUNDS = 15
"""How often a network is run at least to say what it takes, as in `lwsurvey.latency.compare`."""


def beyond_times(table: lookup.Table, network: nn.Module) -> float:
    """What an estimate has beside times that were measured, in seconds.

    Args:
        table: of the network.
        network: of widths that were measured, so that nothing is interpolated.
    """
    measured = set(table.entries["seconds"])
    found = [each for each in table.by_piece(network)["seconds"] if each in measured]
    return table.estimate(network) - sum(found)


def cost_of_asking(
    table: lookup.Table, network: nn.Module, asked: int, networks: int, budget: float
) -> Mapping[str, float]:
    """Seconds that the estimates of a study take, by the table and by timing each network whole.

    Args:
        table: its building counts.
        network: what is asked for; a cut one, which is the quicker to time.
        asked: how often.
        networks: how many different ones were asked for; each would be timed once.
        budget: seconds, for timing both.

    Returns:
        ``building``, ``a look-up``, ``a forward pass``, ``by the table``, ``by timing``. To time
        a network is to run it `ROUNDS` times.
    """
    device = table.how.device
    asking = {"look-up": lambda: table.estimate(network)}
    passing = {"forward pass": call(network, device)}
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
        "by timing": networks * ROUNDS * took["forward pass"],
    }
