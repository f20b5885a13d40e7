"""Scripts, fonts and mathematics of the finished site: what it needs, and nothing from afar."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

from fontTools import subset

MATHJAX = ("tex-chtml.js", "output/chtml/fonts/woff-v2", "input/tex/extensions")
# The second is loaded by pages only when the first is not enough, and it is 215 kB.
MATHJAX_UNUSED = ("all-packages.js",)
THEME_CSS = "styles/pydata-sphinx-theme.css"
FONTS = "vendor/fontawesome/webfonts"
ICON_RULE = re.compile(r'(?:\.fa-[\w-]+:before,?)+\{content:"(\\[0-9a-f]+|[^"])"\}')
ICON_USED = re.compile(r"\bfa-[a-z0-9-]+")
UNUSED = ("scripts/fontawesome.js", "scripts/fontawesome.js.LICENSE.txt", "locales")


def complete(site: Path, source: Path) -> None:
    """Add what Sphinx does not know of and drop what no page uses.

    Args:
        site: the folder that Sphinx has written.
        source: the staged book, with ``_scripts``.
    """
    static = site / "_static"
    shutil.copytree(source / "_scripts", static, dirs_exist_ok=True)
    _mathjax(static / "mathjax")
    _icons(site)
    _mend_lists(site)
    for name in UNUSED:
        _remove(static / name)
    for path in static.rglob("*.map"):
        path.unlink()


def _mathjax(target: Path) -> None:
    """The parts of the PyPI package sphinx-mathjax-offline that pages load, 2 of 24 MB."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package sphinx-mathjax-offline is not installed")
    package = Path(spec.origin).parent / "static" / "mathjax"
    for name in MATHJAX:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (package / name).is_dir():
            ignore = shutil.ignore_patterns(*MATHJAX_UNUSED)
            shutil.copytree(package / name, target / name, ignore=ignore)
        else:
            shutil.copyfile(package / name, target / name)


def _icons(site: Path) -> None:
    """Cut the icon font and its style rules down to the icons that pages use."""
    static = site / "_static"
    pages = [*site.glob("*.html"), *(static / "scripts").glob("*theme.js")]
    used = {name for page in pages for name in ICON_USED.findall(page.read_text("utf-8"))}
    css = static / THEME_CSS
    wanted: set[int] = set()

    def keep(rule: re.Match) -> str:
        if not used & set(ICON_USED.findall(rule[0])):
            return ""
        code = rule[1]
        wanted.add(int(code[1:], 16) if code.startswith("\\") else ord(code))
        return rule[0]

    text = ICON_RULE.sub(keep, css.read_text("utf-8"))
    css.write_text(re.sub(r',url\([^)]*\.ttf\) format\("truetype"\)', "", text), "utf-8")
    for path in (static / FONTS).iterdir():
        if path.suffix == ".woff2":
            _subset(path, wanted)
        else:
            path.unlink()


def _subset(path: Path, wanted: set[int]) -> None:
    options = subset.Options(flavor="woff2", notdef_outline=True)
    font = subset.load_font(str(path), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=sorted(wanted))
    subsetter.subset(font)
    subset.save_font(font, str(path), options)


def _mend_lists(site: Path) -> None:
    """Docutils calls the bibliography a list whose entries, by their role, are no list items."""
    for page in site.glob("*.html"):
        text = page.read_text("utf-8")
        mended = text.replace(
            '<div role="list" class="citation-list">', '<div class="citation-list">'
        )
        if mended != text:
            page.write_text(mended, "utf-8")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
