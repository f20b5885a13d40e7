"""The cost calculator: its cases and formulas, and its page with texts that have slots for numbers.

The formulas that the page prints and that its script evaluates are the closed forms of
`lwsurvey.cost`, called with symbols; the numbers of the first case, which the page shows
without scripts, are the same functions called with integers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from urllib.parse import urlencode

import sympy
from markupsafe import Markup

from lwsurvey.cost import closed_form, memory

LETTERS = ("H_in", "W_in", "H", "W", "K", "N", "M", "G")  # the order inside a product
SUPERSCRIPTS = {1: "", 2: "²"}
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
class Case:
    """A convolution with padding ``(K - 1) / 2``, so that ``K`` must be odd.

    Attributes:
        rows: of the input map.
        columns: of the input map.
        K: side of the kernel.
        stride: in both directions.
        N: input channels.
        M: output channels.
        G: groups of the grouped convolution.
    """

    rows: int
    columns: int
    K: int
    stride: int
    N: int
    M: int
    G: int

    def letters(self) -> dict[str, int]:
        """The numbers of the closed forms; H and W are of the output map."""
        H, W = (
            closed_form.output_size(size, self.K, self.stride, self.K // 2)
            for size in (self.rows, self.columns)
        )
        inner = {"K": self.K, "N": self.N, "M": self.M, "G": self.G}
        return {"H_in": self.rows, "W_in": self.columns, "H": H, "W": W, **inner}

    def query(self) -> str:
        """The case as it stands behind the # of the page's address."""
        return urlencode(asdict(self))


def costs(H_in, W_in, H, W, K, N, M, G) -> dict[str, dict[str, closed_form.Number]]:
    """MACs, parameters and memory access (elements) of the five convolutions.

    Args:
        H_in: rows of the input map; like all others an int or a symbol.
        W_in: columns of the input map.
        H: rows of the output map.
        W: columns of the output map.
        K: side of the kernel.
        N: input channels.
        M: output channels.
        G: groups of the grouped one; the depthwise one has N output channels.
    """
    size_in = (H_in, W_in)
    counted = {
        "standard": closed_form.convolution(N, M, K, H, W),
        "grouped": closed_form.convolution(N, M, K, H, W, G),
        "depthwise": closed_form.depthwise(N, K, H, W),
        "pointwise": closed_form.pointwise(N, M, H, W),
        "separable": closed_form.separable(N, M, K, H, W),
    }
    access = {
        "standard": memory.convolution(N, M, K, H, W, size_in=size_in),
        "grouped": memory.convolution(N, M, K, H, W, G, size_in),
        "depthwise": memory.depthwise(N, K, H, W, size_in=size_in),
        "pointwise": memory.pointwise(N, M, H, W, size_in=size_in),
        "separable": memory.separable(N, M, K, H, W, size_in=size_in),
    }
    return {
        name: {"macs": cost.macs, "parameters": cost.parameters, "access": access[name]}
        for name, cost in counted.items()
    }


def formulas() -> dict[str, list[Product]]:
    """The closed forms by name and measure, such as ``separable.macs``."""
    found = costs(**symbols())
    return {
        f"{name}.{measure}": products(expression)
        for name, row in found.items()
        for measure, expression in row.items()
    }


def multiple(part: int, whole: int) -> str:
    """``part / whole`` to three significant digits, halves rounded up, without an exponent."""
    ratio = Context(prec=3, rounding=ROUND_HALF_UP).divide(Decimal(part), Decimal(whole))
    return f"{ratio.quantize(Decimal(1).scaleb(ratio.adjusted() - 2)):f}"


def values(case: Case) -> dict[str, str]:
    """What stands in the slots of the page's texts for a case."""
    letters = case.letters()
    found, written = costs(**letters), formulas()
    texts = {name: f"{value:,}" for name, value in {**letters, "stride": case.stride}.items()}
    for name, row in found.items():
        for measure, value in row.items():
            key = f"{name}.{measure}"
            texts[key] = f"{value:,}"
            texts[f"ratio.{key}"] = multiple(value, found["standard"][measure])
            texts[f"evaluated.{key}"] = evaluate(written[key], letters)
    return texts


def shares(case: Case) -> dict[str, float]:
    """Lengths of the bars: each value over the largest of its measure."""
    found = costs(**case.letters())
    largest = {m: max(row[m] for row in found.values()) for m in found["standard"]}
    return {
        f"{name}.{measure}": round(value / largest[measure], 4)
        for name, row in found.items()
        for measure, value in row.items()
    }


@dataclass(frozen=True)
class Product:
    """A product of letters.

    Attributes:
        coefficient: a positive integer.
        powers: pairs of letter and power, in the order of `LETTERS`; -1 divides.
    """

    coefficient: int
    powers: tuple[tuple[str, int], ...]


def symbols() -> dict[str, sympy.Symbol]:
    """The letters, to call a closed form with."""
    return {name: sympy.Symbol(name, positive=True, integer=True) for name in LETTERS}


def products(expression: sympy.Expr) -> list[Product]:
    """The products whose sum a formula is, maps before weights.

    Raises:
        ValueError: it is no such sum, or has a power that cannot be printed here.
    """
    found = [_product(term) for term in sympy.Add.make_args(sympy.expand(expression))]
    return sorted(found, key=lambda p: [LETTERS.index(letter) for letter, _ in p.powers])


def as_html(sum_of: list[Product]) -> str:
    """The formula itself, such as ``<var>H</var> <var>W</var> ...``."""
    letters = {name: variable(name) for name in LETTERS}
    return " + ".join(_written(product, letters, "\u2009") for product in sum_of)


def evaluate(sum_of: list[Product], values: Mapping[str, int]) -> str:
    """The formula with numbers in the place of its letters, such as ``7 × 7 × 3² × 32``."""
    numbers = {name: f"{value:,}" for name, value in values.items()}
    return " + ".join(_written(product, numbers, " × ") for product in sum_of)


def as_data(sum_of: list[Product]) -> list[list]:
    """The formula for the page's script: coefficients, each with letters and powers."""
    return [[product.coefficient, product.powers] for product in sum_of]


def variable(name: str) -> str:
    """A letter with its index, such as ``<var>H<sub>in</sub></var>``."""
    letter, _, index = name.partition("_")
    return f"<var>{letter}{f'<sub>{index}</sub>' if index else ''}</var>"


def _product(term: sympy.Expr) -> Product:
    coefficient, rest = term.as_coeff_Mul()
    powers = {str(base): power for base, power in rest.as_powers_dict().items()}
    if not coefficient.is_Integer or coefficient < 1 or not powers.keys() <= {*LETTERS}:
        raise ValueError(f"{term} is no product of the letters {', '.join(LETTERS)}")
    if not {*powers.values()} <= {-1, *SUPERSCRIPTS}:
        raise ValueError(f"{term}: only the powers 1, 2 and -1 can be printed")
    ordered = tuple((name, int(powers[name])) for name in LETTERS if name in powers)
    return Product(int(coefficient), ordered)


def _written(product: Product, texts: Mapping[str, str], times: str) -> str:
    factors = [] if product.coefficient == 1 else [str(product.coefficient)]
    factors += [texts[name] + SUPERSCRIPTS[power] for name, power in product.powers if power > 0]
    divisors = [texts[name] for name, power in product.powers if power < 0]
    return " / ".join([times.join(factors) or "1", *divisors])


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
    "Kernel": (Field("K", "Side", "K", 63, "odd", 2), Field("stride", "Stride", "", 16)),
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
    texts = values(FIRST)

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
        "shares": shares(FIRST),
        "formulas": {
            key: {"html": Markup(as_html(found)), "data": json.dumps(as_data(found))}
            for key, found in formulas().items()
        },
        "variable": lambda letter: Markup(variable(letter)),
        "live": live,
    }
