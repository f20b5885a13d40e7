"""The verdicts' colours as a style sheet, with text that can be read on both themes."""

from __future__ import annotations

from lwsurvey.figures.theme import VERDICT_COLOURS

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
        found.append(f"--lw-{name}-text:{readable(colour, tint, theme)}")
    return ";".join(found)


def readable(colour: str, background: str, theme: str) -> str:
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
