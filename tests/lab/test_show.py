"""The package's own source in a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from lwsurvey import show
from lwsurvey.models import blocks
from lwsurvey.store import StoreError


@pytest.fixture
def shown(monkeypatch) -> list[dict]:
    bundles = []
    monkeypatch.setattr(show, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_a_class_is_shown_verbatim_but_for_its_docstrings(shown):
    show.source(blocks.InvertedResidual, caption="Its *two* ends")
    (bundle,) = shown
    code = bundle["text/plain"]
    lines = Path(blocks.__file__).read_text("utf-8").splitlines()
    assert all(line in lines for line in code.splitlines())
    assert code.startswith("class InvertedResidual(nn.Module):\n    def __init__(")
    assert code.endswith("return x + out if self.shortcut else out")
    assert '"""' not in code and "# fmt: skip" in code
    heading, _, listing = bundle["text/markdown"].partition("\n\n")
    assert listing == f"{code}\n````"
    assert "Its *two* ends: {source}`InvertedResidual <lwsurvey.models.blocks.Inverted" in heading
    assert "in <code>lwsurvey.models.blocks</code>" in bundle["text/html"]


def test_several_stand_in_one_listing_and_methods_lose_their_indent(shown):
    show.source(blocks.InvertedResidual.forward, blocks.conv_norm, name="lst-two")
    first, second = shown[0]["text/plain"].split("\n\n\n")
    assert first.startswith("def forward(") and second.startswith("def conv_norm(")
    assert "\n:name: lst-two\n" in shown[0]["text/markdown"]


def test_a_docstring_that_is_the_whole_body_stays(shown):
    show.source(StoreError)
    compile(shown[0]["text/plain"], "listing", "exec")


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (len, "written in Python, not <built-in"),
        (blocks, "written in Python, not <module"),
        ([blocks.conv_norm], "written in Python, not \\[<function"),
        (nn.Conv2d, "Conv2d is not defined at the top of a module or class of lwsurvey"),
        (lambda: 0, "<lambda> is not defined at the top"),
    ],
)
def test_what_has_no_page_to_link_to_is_refused(wrong, complaint):
    with pytest.raises(ValueError, match=complaint):
        show.source(wrong)
