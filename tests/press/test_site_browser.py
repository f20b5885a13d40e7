"""The built site in a real browser, with everything cut off that is not on this machine.

The site is that of the published preset; the fixture `built` makes it if it is not current.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import contextmanager

import accessibility
import pytest

from lwsurvey import paths
from lwsurvey.claims.ledger import Ledger
from lwsurvey.press.sources import plan

pytestmark = [pytest.mark.browser, pytest.mark.slow]

LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
KINDS = [
    "index", "verdicts", "part-costs", "conv-cost", "mobilenet-v2", "calculator", "ledger",
    "errata", "edition", "rerun", "source/lwsurvey.models.blocks",
]  # fmt: skip
"""Pages that stand for all: each kind of content that the press makes."""
FIRST_PAGE_BYTES = 300_000
TEXT = """() => {
  const copy = document.body.cloneNode(true);
  copy.querySelectorAll("pre, code, script, style, mjx-container").forEach((e) => e.remove());
  return copy.textContent;
}"""
IN_SIGHT = """(e) => {
  const box = e.getBoundingClientRect();
  return box.top < innerHeight && box.bottom > 0;
}"""
RAW = re.compile(r"\$\$|\\\(|\\\[|\\begin\{|\{(?:claim|tally|cite|numref|eq|ref|doc|math)[:\w]*\}`")


@contextmanager
def visit(browser, **options) -> Iterator[tuple]:
    """A page, and the list of what goes wrong on it: errors, and requests that leave."""
    context = browser.new_context(**options)
    wrong: list[str] = []

    def local(route) -> None:
        url = route.request.url
        if url.startswith(("http://127.0.0.1:", "file://", "data:", "blob:")):
            return route.continue_()
        wrong.append(f"request to {url}")
        return route.abort()

    context.route("**/*", local)
    page = context.new_page()
    page.on("console", lambda m: m.type == "error" and wrong.append(f"console: {m.text}"))
    page.on("pageerror", lambda error: wrong.append(f"script: {error}"))
    page.on("response", lambda r: r.status >= 400 and wrong.append(f"{r.status} {r.url}"))
    yield page, wrong
    context.close()


def names() -> list[str]:
    """All pages of the book."""
    return [*plan.pages(paths.root() / "book"), "search"]


def settled(page, url: str) -> None:
    """Open a page and wait until its mathematics is set."""
    page.goto(url, wait_until="load")
    page.wait_for_function(
        "!document.querySelector('script[src*=mathjax]') || window.MathJax?.startup?.promise"
    )
    page.evaluate("window.MathJax?.startup?.promise")


def test_every_page(browser, address):
    """With axe on the pages that stand for all; it takes five seconds a page."""
    assert_sound(browser, address, "light", names(), axe=KINDS)


@pytest.mark.full
@pytest.mark.parametrize("look", LOOKS)
def test_every_page_in_every_look(browser, address, look):
    assert_sound(browser, address, look, names(), axe=names())


@pytest.mark.parametrize("look", ["dark", "phone"])
def test_a_page_of_each_kind(browser, address, look):
    assert_sound(browser, address, look, KINDS, axe=KINDS)


def assert_sound(browser, address: str, look: str, pages: list[str], axe: list[str]) -> None:
    """All that is asked of a page in one visit: to open it takes a second."""
    found = []
    with visit(browser, **LOOKS[look]) as (page, wrong):
        for name in pages:
            settled(page, f"{address}/{name}.html")
            problems = [*wrong, *_problems(page, look)]
            if name in axe:
                problems += accessibility.problems(page, look)
            found += [f"{name}: {problem}" for problem in problems]
            wrong.clear()
    assert not found, "\n".join(found)


def _problems(page, look: str) -> Iterator[str]:
    if broken := page.locator("mjx-merror").count():
        yield f"{broken} formulas with an error"
    if raw := RAW.findall(page.evaluate(TEXT)):
        yield f"raw markup: {raw}"
    maths = page.locator(".math").count()
    if maths > page.locator(".math mjx-container").count():
        yield "mathematics that was not set"
    if (
        page.locator("img:not([alt])").count()
        or page.locator("svg[role=img]:not([aria-label])").count()
    ):
        yield "a picture without alternative text"
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > LOOKS[look]["viewport"]["width"]:
        yield f"the page is {width} pixels wide"
    theme = page.evaluate("document.documentElement.dataset.theme")
    if theme != LOOKS[look]["color_scheme"]:
        yield f"the theme is {theme}"


def test_one_dark_colour_among_many_is_found(browser, address):
    faint = "html[data-theme=dark] .highlight .mi { color: #444 !important }"
    with visit(browser, **LOOKS["dark"]) as (page, _):
        settled(page, f"{address}/conv-cost.html")
        assert not [*accessibility.problems(page, "dark")]
        page.add_style_tag(content=faint)
        (found,) = accessibility.problems(page, "dark")
    assert found.startswith("color-contrast") and ".mi" in found


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_search(browser, address, built, scheme):
    base = address if scheme == "http" else built.as_uri()
    with visit(browser) as (page, wrong):
        page.goto(f"{base}/search.html?q=depthwise")
        # results are listed one by one, best first, and their excerpts fetched after that
        page.wait_for_selector("ul.search li a[href*='ledger.html']", timeout=30_000)
        page.wait_for_timeout(500)
        assert not wrong, wrong


def visible(page) -> list[str]:
    """Ids of the rows that the ledger shows, in their order."""
    return page.locator("#lw-ledger tbody tr:not([hidden])").evaluate_all("r => r.map((x) => x.id)")


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_ledger_filters_and_sorts(browser, address, built, scheme):
    base = address if scheme == "http" else built.as_uri()
    with visit(browser) as (page, wrong):
        page.goto(f"{base}/ledger.html")
        everything = visible(page)
        assert everything == [claim.id for claim in Ledger.read(paths.data("claims.csv"))]
        page.select_option("select[name=verdict]", "not examined yet")
        unexamined = visible(page)
        assert 0 < len(unexamined) < len(everything)
        page.fill("input[name=text]", unexamined[0])
        assert unexamined[0] in visible(page) and len(visible(page)) < len(unexamined)
        assert "verdict=not%20examined%20yet" in page.url
        page.reload()
        assert page.input_value("input[name=text]") == unexamined[0]
        page.click("button[type=reset]")
        page.wait_for_function("!location.hash")
        assert visible(page) == everything
        page.select_option("select[name=machines]", "one machine only")
        shown = page.locator("#lw-ledger tbody tr:not([hidden])")
        assert set(shown.evaluate_all("all => all.map((row) => row.dataset.machines)")) <= {
            "one machine only"
        }
        assert "machines=one%20machine%20only" in page.url
        page.click("button[type=reset]")
        page.wait_for_function("!location.hash")
        verdict = page.locator("#lw-ledger thead th", has_text="Verdict")
        verdict.locator("button").focus()
        page.keyboard.press("Enter")
        assert verdict.get_attribute("aria-sort") == "ascending" and "sort=verdict" in page.url
        order = page.locator("#lw-ledger tbody td[data-label=Verdict]").evaluate_all(
            "all => all.map((cell) => Number(cell.dataset.sort))"
        )
        assert order == sorted(order)
        page.keyboard.press("Enter")
        assert verdict.get_attribute("aria-sort") == "descending" and not wrong, wrong


@pytest.mark.parametrize("width", [390, 800, 1000, 1240, 1280, 1300, 1600])
def test_the_ledger_fits_its_page(browser, address, width):
    with visit(browser, viewport={"width": width, "height": 900}) as (page, wrong):
        page.goto(f"{address}/ledger.html")
        around = page.locator(".lw-scroll:has(#lw-ledger)")
        room, taken = (around.evaluate(f"e => e.{side}Width") for side in ("client", "scroll"))
        assert taken <= room and not wrong


def test_the_ledger_without_scripts(browser, address):
    with visit(browser, java_script_enabled=False) as (page, _):
        page.goto(f"{address}/ledger.html")
        assert page.locator("#lw-ledger tbody tr").last.is_visible()
        assert not page.locator("#lw-filters").is_visible()
        badge = page.locator("#lw-ledger .lw-badge.lw-holds").first
        ground = badge.evaluate("e => getComputedStyle(e).backgroundColor")
        assert ground != "rgba(0, 0, 0, 0)", "verdicts have no colour"


def test_formulas_without_scripts(browser, address):
    with visit(browser, java_script_enabled=False) as (page, _):
        page.goto(f"{address}/part-costs.html")
        assert page.locator("noscript .lw-note").is_visible()


def test_the_keyboard_keeps_its_place_and_paper_is_white(browser, address):
    with visit(browser, **LOOKS["light"]) as (page, wrong):
        page.goto(f"{address}/verdicts.html")
        page.focus("button.theme-switch-button")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.matches('.theme-switch-button')")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "light"
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.evaluate("document.documentElement.dataset.theme") == "dark" and not wrong


def test_a_claim_leads_to_the_cell_that_decides_it(browser, address):
    with visit(browser, **LOOKS["light"]) as (page, _):
        page.goto(f"{address}/ledger.html")
        link = page.locator("#lw-ledger tbody th a").first
        claim = link.inner_text()
        link.click()
        page.wait_for_selector(f"#claim-{claim}:target")
        assert page.url.endswith(f"#claim-{claim}")
        card = page.locator(f"#claim-{claim}")
        assert claim in card.inner_text()
        page.wait_for_timeout(300)
        assert card.evaluate(IN_SIGHT)
        own = card.get_by_label(f"Link to the card of {claim}")
        assert own.is_visible() and own.get_attribute("href") == f"#claim-{claim}"
        card.get_by_role("link", name=claim, exact=True).click()
        page.wait_for_selector(f"#{claim}:target")
        assert page.url.endswith(f"ledger.html#{claim}")


def test_the_first_page_is_light(browser, address):
    """As a host sends it, which compresses what is text."""
    sizes: dict[str, int] = {}

    def measure(response) -> None:
        body = response.body()
        sizes[response.url] = min(len(body), len(gzip.compress(body)))

    with visit(browser, **LOOKS["light"]) as (page, _):
        page.on("requestfinished", lambda request: measure(request.response()))
        page.goto(f"{address}/", wait_until="networkidle")
    counted = {url: size for url, size in sizes.items() if "searchindex.js" not in url}
    assert any(url.endswith("/") for url in counted)
    assert sum(counted.values()) <= FIRST_PAGE_BYTES, sorted(counted.items(), key=lambda x: -x[1])
