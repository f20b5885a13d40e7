"""How verdicts look: their colours as a style sheet, and the figure of the first page."""

from __future__ import annotations

from html import escape

from lwsurvey.claims.ledger import Claim
from lwsurvey.figures.theme import VERDICT_COLOURS
from lwsurvey.press.results.notebooks import ALL_VERDICTS
from lwsurvey.press.site.state import State
from lwsurvey.press.sources.plan import Part
from lwsurvey.schema import NOT_JUDGED

# In the units of the SVG, which are about pixels at the usual width.
WIDTH, LABELS, TILE, STEP, ROW, HEAD = 340, 140, 11, 13, 17, 26
PER_LINE = (WIDTH - LABELS) // STEP

# What is drawn on a tile of 11 x 11, so that the verdicts differ by more than their colour.
MARKS = {
    "holds": "m2.5 5.7 2.2 2.3 4-5",
    "holds at reduced scale": "m2.5 5.7 2.2 2.3 4-5",
    "holds on this hardware": "m2.5 4.2 2.2 2.3 4-5M3 9h5",
    "holds on a stand-in device": "m2.5 4.2 2.2 2.3 4-5M3 9h1m1 0h1m1 0h1",
    "inconclusive": "M3.5 4c0-2.6 4-2.4 4 0 0 1.4-2 1.4-2 2.8m0 1.7v.3",
    "contradicted": "m3 3 5 5m0-5-5 5",
    "contradicted at reduced scale": "m3 3 5 5m0-5-5 5",
    "contradicted on this hardware": "m3.4 2.5 4.2 4.2m0-4.2-4.2 4.2M3 8.8h5",
    "contradicted on a stand-in device": "m3.4 2.5 4.2 4.2m0-4.2-4.2 4.2M3 8.8h1m1 0h1m1 0h1",
    "erratum": "M2.5 4.3h6m-6 2.6h6M7 2 4 9",
    "out of reach": "M3 5.5h5",
    "not judged": "M3 8 8 3",
}

CONTRAST = 4.5  # WCAG 2.1 AA for text of usual size
PAGES = {"light": "#ffffff", "dark": "#121212"}
TINT = {"light": 0.12, "dark": 0.22}

RGB = tuple[float, float, float]


def stylesheet() -> str:
    """Custom properties for each verdict: colour of its tile, background and text of its badge."""
    # Set on the root, because what an SVG <use> shows inherits but knows no ancestors.
    # Without scripts nothing sets the theme, and the page is light.
    dark = f'html[data-theme="dark"]{{{_properties("dark")}}}'
    blocks = [f"html{{{_properties('light')}}}", dark]
    for verdict in VERDICT_COLOURS:
        name = verdict.replace(" ", "-")
        values = (f"--lw-{kind}:var(--lw-{name}-{kind})" for kind in ("tile", "tint", "text"))
        blocks.append(f".lw-{name}{{{';'.join(values)}}}")
    return "\n".join(blocks) + "\n"


def _properties(theme: str) -> str:
    found = []
    for verdict, colour in VERDICT_COLOURS.items():
        name = verdict.replace(" ", "-")
        tint = mix(PAGES[theme], colour, TINT[theme])
        found += [f"--lw-{name}-tile:{colour}", f"--lw-{name}-tint:{tint}"]
        found.append(f"--lw-{name}-text:{readable_shade(colour, tint, theme)}")
    return ";".join(found)


def readable_shade(colour: str, background: str, theme: str) -> str:
    """The colour, moved towards black or white until it can be read on the background."""
    towards = "#000000" if theme == "light" else "#ffffff"
    for step in range(101):
        candidate = mix(colour, towards, step / 100)
        if contrast(candidate, background) >= CONTRAST + 0.1:
            return candidate
    raise ValueError(f"no shade of {colour} can be read on {background}")


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours after WCAG 2.1, from 1 to 21."""
    high, low = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (high + 0.05) / (low + 0.05)


def mix(one: str, other: str, share: float) -> str:
    """``share`` of ``other`` in ``one``, as hexadecimal sRGB."""
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in pairs)


def _rgb(colour: str) -> RGB:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def _luminance(rgb: RGB) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def figure(state: State) -> str:
    """The whole figure as HTML: a block per part, a legend, and a summary in words."""
    groups = "".join(_part(state, part, first=i == 0) for i, part in enumerate(state.parts))
    return (
        f'<figure class="lw-picture"><p class="lw-hidden">{escape(summary(state))}</p>'
        f'<div class="lw-parts" aria-hidden="true">{groups}</div>'
        f"<figcaption>{_legend(state)}</figcaption></figure>"
    )


def summary(state: State) -> str:
    """What the figure shows, for somebody who cannot see it."""
    parts = []
    for part in state.parts:
        counts = state.counts(_claims(state, part))
        named = ", ".join(f"{counts[v]} {v}" for v in ALL_VERDICTS if counts[v])
        parts.append(f"Part {part.number}, {part.title}: {named or 'no claims'}.")
    return f"A tile for each of the {len(state.ledger)} claims. " + " ".join(parts)


def _claims(state: State, part: Part) -> list[Claim]:
    return [claim for slug in part.chapters for claim in state.ledger.of_chapter(slug)]


def _part(state: State, part: Part, *, first: bool) -> str:
    y, rows = HEAD, []
    for slug, title in part.chapters.items():
        claims = state.ledger.of_chapter(slug)
        rows.append(_chapter(state, title, claims, y))
        y += ROW + STEP * (max(0, len(claims) - 1) // PER_LINE)
    name = escape(f"{part.number} · {part.title}")
    return (
        f'<svg class="lw-tiles" viewBox="0 0 {WIDTH} {y}" xmlns="http://www.w3.org/2000/svg">'
        f"{_symbols() if first else ''}"
        f'<text class="lw-part-name" x="0" y="14">{name}</text>{"".join(rows)}</svg>'
    )


def _chapter(state: State, title: str, claims: list[Claim], y: int) -> str:
    tiles = []
    for i, claim in enumerate(claims):
        x, below = LABELS + STEP * (i % PER_LINE), STEP * (i // PER_LINE)
        verdict = state.verdict(claim)
        tiles.append(
            f'<a href="{state.href(claim)}" tabindex="-1">'
            f"<title>{escape(f'{claim.id}, {verdict}: {_short(claim.statement)}')}</title>"
            f'<use href="#lw-t-{_slug(verdict)}" x="{x}" y="{y + below}"/></a>'
        )
    label = f'<text x="{LABELS - 8}" y="{y + 9}" text-anchor="end">{escape(title)}</text>'
    return label + "".join(tiles)


def _short(text: str, width: int = 110) -> str:
    return text if len(text) <= width else text[: width - 1].rsplit(" ", 1)[0] + " …"


def _symbols() -> str:
    return "<defs>" + "".join(_symbol(verdict) for verdict in ALL_VERDICTS) + "</defs>"


def _symbol(verdict: str) -> str:
    size, mark = TILE - 1, MARKS.get(verdict)
    drawn = f'<path class="lw-mark" d="{mark}"/>' if mark else ""
    return (
        f'<g id="lw-t-{_slug(verdict)}" class="lw-tile lw-{_slug(verdict)}">'
        f'<rect x=".5" y=".5" width="{size}" height="{size}" rx="2"/>{drawn}</g>'
    )


def _legend(state: State) -> str:
    """An item for each verdict; those that begin alike share one, and say their word once."""
    counts, families = state.counts(), {}
    for verdict in ALL_VERDICTS:
        if verdict == NOT_JUDGED and not counts[verdict]:
            continue
        first = next((family for family in families if verdict.startswith(family)), verdict)
        families.setdefault(first, []).append(_key(verdict, first, counts[verdict]))
    items = "".join(f"<li>{' '.join(keys)}</li>" for keys in families.values())
    return f'<ul class="lw-legend">{items}</ul>'


def _key(verdict: str, family: str, count: int) -> str:
    label = verdict.removeprefix(family).strip() or verdict
    return (
        f'<span><a href="ledger.html#verdict={verdict.replace(" ", "%20")}" aria-label="{verdict}">'
        f'<svg class="lw-key" viewBox="0 0 {TILE} {TILE}" aria-hidden="true">'
        f'<use href="#lw-t-{_slug(verdict)}"/></svg> {label}</a> <b>{count}</b></span>'
    )


def _slug(verdict: str) -> str:
    return verdict.replace(" ", "-")
