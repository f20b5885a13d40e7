"""A made-up table of the search space."""

from __future__ import annotations

import numpy as np
import pandas as pd

from lwsurvey.search import space
from lwsurvey.search.table import Table

NAMES = [space.name(one) for one in space.architectures()]


def made_up() -> Table:
    """Every choice adds accuracy and time; there is noise between the three runs of a network."""
    rng, codes = np.random.default_rng(0), space.codes()
    true = 75 + codes @ np.linspace(0.1, 1.2, codes.shape[1])
    time = 1e-3 * np.exp(codes @ np.linspace(0.3, 0.05, codes.shape[1]))
    macs = (1e5 * np.exp(codes @ np.full(codes.shape[1], 0.2))).astype(int)
    networks = pd.DataFrame(
        {
            "macs": macs,
            "parameters": macs,
            "latency": time,
            "low": time * 0.99,
            "high": time * 1.01,
        },
        index=pd.Index(NAMES, name="network"),
    )
    wide = {s: true + rng.normal(0, 0.5, (2, len(true))) for s in range(3)}
    runs = pd.concat(
        pd.DataFrame({"network": NAMES, "seed": s, "validation": v, "test": t, "loss": 1.0})
        for s, (v, t) in wide.items()
    )
    return Table(networks, runs, {})
