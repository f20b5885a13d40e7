"""What the cost calculator computes: a case, and the closed forms of five convolutions.

The formulas that the page prints and that its script evaluates are the closed forms of
`lwsurvey.cost`, called with symbols; the numbers of the first case, which the page shows
without scripts, are the same functions called with integers.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from urllib.parse import urlencode

from lwsurvey.cost import closed_form, memory
from lwsurvey.press.site import formula


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


def formulas() -> dict[str, list[formula.Product]]:
    """The closed forms by name and measure, such as ``separable.macs``."""
    found = costs(**formula.symbols())
    return {
        f"{name}.{measure}": formula.products(expression)
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
            texts[f"evaluated.{key}"] = formula.evaluated(written[key], letters)
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
