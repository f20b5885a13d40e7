"""Names of the package lead to its source, and only where they are not in doubt."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest
import site_root
from nbformat.v4 import new_code_cell, new_output
from pygments import highlight
from pygments.lexers import PythonLexer

import lwsurvey.models
from lwsurvey.press.site import build as site
from lwsurvey.press.site import names, source_pages
from lwsurvey.press.site.names import Place

IMPORTS = (
    "from lwsurvey import cost, train\n"
    "from lwsurvey.models import blocks as made\n"
    "from lwsurvey.cost import count"
)


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("lwsurvey.train.repeat", Place("lwsurvey.train.study", "repeat")),
        ("lwsurvey.cost.count", Place("lwsurvey.cost.count")),
        ("lwsurvey.cost.count.reach", Place("lwsurvey.cost.count", "reach")),
        (
            "lwsurvey.models.blocks.Residual.forward",
            Place("lwsurvey.models.blocks", "Residual.forward"),
        ),
        ("lwsurvey.models.blocks.nn", None),
        ("lwsurvey.models.blocks.InvertedResidual.apples", None),
        ("lwsurvey.apples", None),
        ("torch.nn", None),
    ],
)
def test_a_full_name_leads_to_its_definition(name, place):
    assert names.find(name) == place


def test_definitions_stand_where_python_says():
    """Each class and function of each module of the laboratory that defines it."""
    for entry in pkgutil.walk_packages(lwsurvey.models.__path__, "lwsurvey.models."):
        module, known = importlib.import_module(entry.name), names.module(entry.name)
        for name, value in vars(module).items():
            if getattr(value, "__module__", "") == entry.name and hasattr(value, "__qualname__"):
                assert known.defined[name] == inspect.getsourcelines(value)[1], (entry.name, name)


def test_text_goes_by_the_imports_of_the_notebook():
    known = names.scope([IMPORTS, "def f(count):\n    return cost", "%time 1"])
    assert known.find("made.conv_norm") == Place("lwsurvey.models.blocks", "conv_norm")
    assert known.find("train.repeat").name == "repeat"
    assert known.find("InvertedResidual").module == "lwsurvey.models.blocks"
    assert known.find("count") is None, "an argument has this name as well"
    assert known.find("conv_norm") is None, "a word that no import has is left alone"
    assert known.find("Apples") is None and known.find("cost.apples") is None


def test_the_first_use_in_a_cell_is_a_link():
    cell = "é = 'µ'; x = train.repeat(train.repeat, made.Head)\ny = cost.count(x).macs"
    found = names.uses(cell, names.scope([IMPORTS, cell]))
    assert [(cell[at : at + len(name)], place.name) for at, (name, place) in found.items()] == [
        ("repeat", "repeat"), ("Head", "Head"), ("count", "count"),
    ]  # fmt: skip
    links = {at: (name, place.href) for at, (name, place) in found.items()}
    formatter = source_pages.LinkingFormatter(links=links)
    html = highlight(cell, PythonLexer(), formatter)
    assert html.count("<a ") == html.count("</a>") == 3
    assert 'href="source/lwsurvey.train.study.html#repeat">repeat</a>' in html
    assert not set(html) & {source_pages.OPEN, source_pages.MIDDLE, source_pages.CLOSE}


@pytest.mark.slow
def test_pages_of_source_are_made_and_a_wrong_name_is_found(tmp_path, monkeypatch):
    root = site_root.make(tmp_path)
    monkeypatch.setenv("LWSURVEY_ROOT", str(root))
    path = root / "_build" / "runs" / "cpu" / "conv-cost.ipynb"
    caption = "Eq. 2: {source}`conv_norm <lwsurvey.models.blocks.conv_norm>`"
    listing = f'````{{code-block}} python\n:caption: "{caption}"\n\ndef f(): ...\n````'
    book = site_root.nbformat.read(path, 4)
    book.cells[1].source += "\n\n`train.repeat` and `made.conv_norm(N, M)`, not `apples.x`."
    book.cells[4].source = IMPORTS
    shown = new_output("display_data", {"text/markdown": listing, "text/html": "<p>no</p>"})
    book.cells.append(new_code_cell("show.source(made.conv_norm)", outputs=[shown]))
    site_root.nbformat.write(book, path)
    folder = site.build()
    page = (folder / "conv-cost.html").read_text("utf-8")
    for target in ("train.study.html#repeat", "models.blocks.html#conv_norm", "cost.html"):
        assert f'href="source/lwsurvey.{target}"' in page
    assert "Listing 1" in page.replace("&nbsp;", " ") and "<code" in page.split("apples.x")[0]
    made = (folder / "source" / "lwsurvey.models.blocks.html").read_text("utf-8")
    assert 'id="InvertedResidual.forward"' in made and "../conv-cost.html" in made
    assert "depthwise kernel" not in (folder / "searchindex.js").read_text("utf-8")
    with open(root / "book" / "errata.md", "a") as file:
        file.write("\n{source}`lwsurvey.models.blocks.Apples`\n")
    with pytest.raises(site.SiteError, match=r"models\.blocks\.Apples is not defined"):
        site.build()
