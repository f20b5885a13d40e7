"""The cost calculator's page: its fields, its presets, and its texts with slots for numbers."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from markupsafe import Markup

from lwsurvey.press.site import calculator, formula
from lwsurvey.press.site.calculator import Case

ROWS = {  # name: title, channels that go in and come out
    "standard": ("Standard", "{N} → {M}"),
    "grouped": ("Grouped", "{N} → {M}, G\u00a0=\u00a0{G}"),
    "depthwise": ("Depthwise", "{N} → {N}"),
    "pointwise": ("Pointwise", "{N} → {M}, 1\u00a0×\u00a01"),
    "separable": ("Separable", "{N} → {N} → {M}"),
}
MEASURES = {"macs": "MACs", "parameters": "Parameters", "access": "Memory access"}
SLOT = re.compile(r"\{([\w.]+)\}")
CASE = (
    "Input {H_in} × {W_in} × {N}, output {H} × {W} × {M}, kernel {K} × {K}, stride {stride}, "
    "G = {G}."
)
SUMMARY = (
    "Output map {H} × {W}. Against the standard convolution, the separable one takes "
    "{ratio.separable.macs} times the MACs, {ratio.separable.parameters} times the parameters "
    "and {ratio.separable.access} times the memory access."
)


@dataclass(frozen=True)
class Field:
    """A number that the reader chooses: name in the address, label, letter, largest value."""

    name: str
    label: str
    letter: str
    largest: int
    hint: str = ""
    step: int = 1


FIELDS = {
    "Input map": (
        Field("rows", "Rows", "H_in", 16_384),
        Field("columns", "Columns", "W_in", 16_384),
    ),
    "Kernel": (
        Field("K", "Side", "K", 63, "odd", 2),
        Field("stride", "Stride", "", 16),
    ),
    "Channels": (
        Field("N", "In", "N", 65_536),
        Field("M", "Out", "M", 65_536),
        Field("G", "Groups", "G", 65_536, "divides N and M"),
    ),
}


@dataclass(frozen=True)
class Preset:
    """A layer of a network: its name, the convolution that the network uses there, the case."""

    name: str
    used: str
    case: Case


# Where the network has no groups, G is there for comparison. Howard et al. 2017, table 1; He
# et al. 2016, table 1; Xie et al. 2017, table 1; Krizhevsky et al. 2012, section 3.5 (after
# pooling); Zhang et al. 2018, table 1 (three groups, a bottleneck of a quarter).
PRESETS = (
    Preset("MobileNet V1, block 1", "separable", Case(112, 112, 3, 1, 32, 64, 8)),
    Preset("MobileNet V1, block 2", "separable", Case(112, 112, 3, 2, 64, 128, 8)),
    Preset("MobileNet V1, blocks 7 to 11", "separable", Case(14, 14, 3, 1, 512, 512, 8)),
    Preset("MobileNet V1, block 13", "separable", Case(7, 7, 3, 1, 1024, 1024, 8)),
    Preset("ResNet-18, stage 1", "standard", Case(56, 56, 3, 1, 64, 64, 8)),
    Preset("ResNeXt-50, stage 1", "grouped", Case(56, 56, 3, 1, 128, 128, 32)),
    Preset("AlexNet, layer 2", "grouped", Case(27, 27, 5, 1, 96, 256, 2)),
    Preset("ShuffleNet V1, stage 2", "grouped", Case(28, 28, 1, 1, 240, 60, 3)),
)
FIRST = PRESETS[0].case


def context() -> dict[str, object]:
    """What the template ``lw-calculator.html`` needs."""
    texts = calculator.values(FIRST)

    def live(text: str) -> Markup:
        """An attribute that keeps the text with its slots, and the text for the first case."""
        filled = SLOT.sub(lambda slot: texts[slot[1]], text)
        return Markup('data-live="{}">{}').format(text, filled)

    return {
        "fields": FIELDS,
        "presets": PRESETS,
        "first": FIRST,
        "given": asdict(FIRST),
        "rows": ROWS,
        "measures": MEASURES,
        "case": CASE,
        "summary": SUMMARY,
        "shares": calculator.shares(FIRST),
        "formulas": {key: _formula(found) for key, found in calculator.formulas().items()},
        "variable": lambda letter: Markup(formula.variable(letter)),
        "live": live,
    }


def _formula(found: list[formula.Product]) -> dict[str, object]:
    return {"html": Markup(formula.html(found)), "data": json.dumps(formula.data(found))}
