"""The cost calculator: its closed forms, and its page in a real browser against them."""

from __future__ import annotations

import random
import re
from fractions import Fraction

import pytest
import sympy
import torch
from accessibility import RULES
from test_site_browser import LOOKS, visit
from torch import nn

from lwsurvey import cost
from lwsurvey.cost import closed_form, memory
from lwsurvey.models import zoo
from lwsurvey.models.alexnet import AlexNet
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution
from lwsurvey.models.shufflenet_v1 import ShuffleNetV1
from lwsurvey.press.site import calculator
from lwsurvey.press.site.calculator import Case

NAMES = ("rows", "columns", "K", "stride", "N", "M", "G")
PHONE = {"viewport": {"width": 375, "height": 812}}
EDGES = (
    Case(1, 1, 1, 1, 1, 1, 1),
    Case(1, 1, 63, 1, 1, 1, 1),
    Case(16_384, 16_384, 63, 1, 65_536, 65_536, 1),
    Case(16_384, 16_384, 63, 16, 65_536, 65_536, 65_536),
    Case(16_384, 1, 3, 1, 1, 65_536, 1),
    Case(1, 16_384, 3, 3, 65_536, 1, 1),
    Case(3, 5, 7, 16, 6, 9, 3),
    Case(7, 9, 1, 2, 8, 8, 8),
    Case(9, 7, 3, 2, 1000, 1, 1),
    Case(4, 4, 3, 1, 2, 1, 1),  # the separable one costs more than the standard one
    Case(5, 5, 1, 1, 8, 8, 4),  # multiples that are exact halves of a third digit
    Case(112, 112, 3, 1, 72, 1999, 1),  # multiples just below a power of ten
)


def drawn(number: int) -> list[Case]:
    """Cases by chance, the same ones each time; half of them of the size of real layers."""
    choose, found = random.Random(3), []
    for i in range(number):
        G = choose.randint(1, 64)
        most = (56, 16) if i % 2 else (16_384, 65_536 // G)
        rows, columns = choose.randint(1, most[0]), choose.randint(1, most[0])
        N, M = (G * choose.randint(1, most[1]) for _ in "NM")
        odd = 2 * choose.randint(0, 3 if i % 2 else 31) + 1
        found.append(Case(rows, columns, odd, choose.randint(1, 4), N, M, G))
    return found


CASES = [*(preset.case for preset in calculator.PRESETS), *EDGES, *drawn(30)]


def expected(case: Case) -> dict[str, int]:
    """The fifteen numbers from the closed forms, without the page's own code."""
    size_in, K, N, M, G = (case.rows, case.columns), case.K, case.N, case.M, case.G
    H, W = (closed_form.output_size(size, K, case.stride, (K - 1) // 2) for size in size_in)
    costs = {
        "standard": cost.convolution(N, M, K, H, W),
        "grouped": cost.convolution(N, M, K, H, W, G),
        "depthwise": cost.depthwise(N, K, H, W),
        "pointwise": cost.pointwise(N, M, H, W),
        "separable": cost.separable(N, M, K, H, W),
    }
    access = {
        "standard": memory.convolution(N, M, K, H, W, size_in=size_in),
        "grouped": memory.convolution(N, M, K, H, W, G, size_in=size_in),
        "depthwise": memory.depthwise(N, K, H, W, size_in=size_in),
        "pointwise": memory.pointwise(N, M, H, W, size_in=size_in),
        "separable": memory.separable(N, M, K, H, W, size_in=size_in),
    }
    found = {f"{name}.macs": one.macs for name, one in costs.items()}
    found |= {f"{name}.parameters": one.parameters for name, one in costs.items()}
    return found | {f"{name}.access": elements for name, elements in access.items()}


# The closed forms


def touched(layers: list[nn.Module], N: int, rows: int, columns: int) -> int:
    """Elements of all inputs, outputs and weights of layers in a row, from their tensors."""
    x, total = torch.empty(1, N, rows, columns, device="meta"), 0
    for layer in layers:
        y = layer.to("meta")(x)
        total += x.numel() + y.numel() + sum(p.numel() for p in layer.parameters())
        x = y
    return total


@pytest.mark.parametrize("K", [1, 3, 5])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize(("N", "M", "G"), [(8, 24, 4), (12, 6, 3), (5, 7, 1)])
def test_memory_access_is_that_of_the_tensors_of_real_layers(K, stride, N, M, G):
    rows, columns = 9, 14
    found = expected(Case(rows, columns, K, stride, N, M, G))
    block = DepthwiseSeparable(N, M, K, stride)
    layers = {
        "standard": [same_convolution(N, M, K, stride)],
        "grouped": [same_convolution(N, M, K, stride, G)],
        "depthwise": [block.depthwise],
        "pointwise": [same_convolution(N, M, 1, stride)],
        "separable": [block.depthwise, block.pointwise],
    }
    for name, made in layers.items():
        assert found[f"{name}.access"] == touched(made, N, rows, columns), name


def test_memory_access_is_the_equation_of_shufflenet_v2():
    h, w, c1, c2, g = sympy.symbols("h w c1 c2 g", positive=True, integer=True)
    assert sympy.expand(memory.pointwise(c1, c2, h, w) - (h * w * (c1 + c2) + c1 * c2)) == 0
    grouped = memory.pointwise(c1, c2, h, w, g)
    assert sympy.expand(grouped - (h * w * (c1 + c2) + c1 * c2 / g)) == 0
    multiplied = memory.depthwise(c1, 3, h, w, multiplier=2)
    assert sympy.expand(multiplied - (3 * h * w * c1 + 18 * c1)) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"N": 0}, "N must be a positive integer, it is 0"),
        ({"G": 3}, "G = 3 groups do not divide N = 4"),
        ({"size_in": (7,)}, "size_in must be rows and columns"),
        ({"size_in": (7, -1)}, "must be a positive integer, it is -1"),
    ],
)
def test_memory_access_of_what_is_no_convolution(arguments, complaint):
    with pytest.raises(ValueError, match=complaint):
        memory.convolution(**({"N": 4, "M": 8, "K": 3, "H": 7, "W": 7} | arguments))


def test_formulas_are_printed_as_they_stand_in_the_book():
    def text(key: str) -> str:
        plain = re.sub(r"</?(?:var|sub)>", "", calculator.as_html(calculator.formulas()[key]))
        return plain.replace("\u2009", " ")

    assert text("grouped.macs") == "H W K² N M / G"
    assert text("separable.macs") == "H W K² N + H W N M"
    assert text("separable.access") == "Hin Win N + 2 H W N + H W M + K² N + N M"
    letters = {"H": 1024, "W": 7, "K": 3, "N": 32, "M": 64, "G": 8}
    evaluated = calculator.evaluate(calculator.formulas()["grouped.macs"], letters)
    assert evaluated == "1,024 × 7 × 3² × 32 × 64 / 8"


@pytest.mark.parametrize(
    ("text", "complaint"), [("x*N", "no product"), ("N/2", "no product"), ("N**3", "powers")]
)
def test_what_is_no_printable_formula_is_refused(text, complaint):
    names = calculator.symbols() | {"x": sympy.Symbol("x")}
    with pytest.raises(ValueError, match=complaint):
        calculator.products(sympy.sympify(text, locals=names))


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [(1, 1, "1.00"), (1, 8, "0.125"), (9, 8, "1.13"), (1, 2, "0.500"), (9996, 10_000, "1.00"),
     (9994, 10_000, "0.999"), (1, 65_536, "0.0000153"), (3, 1, "3.00")],
)  # fmt: skip
def test_multiples_have_three_digits(part, whole, text):
    assert calculator.multiple(part, whole) == text


NETWORKS = {
    "MobileNet V1": (lambda: zoo.from_timm("mobilenetv1_100"), 224),
    "ResNet-18": (lambda: zoo.from_torchvision("resnet18"), 224),
    "ResNeXt-50": (lambda: zoo.from_torchvision("resnext50_32x4d"), 224),
    "AlexNet": (AlexNet, 227),
    "ShuffleNet V1": (ShuffleNetV1, 224),
}


@pytest.mark.parametrize("preset", calculator.PRESETS, ids=lambda preset: preset.name)
def test_the_named_layers_are_those_of_the_networks(preset):
    make, side = NETWORKS[preset.name.partition(",")[0]]
    layers = cost.by_layer(make(), (1, 3, side, side))
    columns = ["N", "M", "K_h", "K_w", "G", "stride", "H", "W"]
    real = {tuple(row) for row in layers[columns].itertuples(index=False)}
    assert {*_layers(preset)} <= real


def _layers(preset: calculator.Preset) -> list[tuple[int, ...]]:
    case = preset.case
    N, M, K, (H, W) = case.N, case.M, case.K, (case.letters()["H"], case.letters()["W"])
    if preset.used == "separable":
        return [(N, N, K, K, N, case.stride, H, W), (N, M, 1, 1, 1, 1, H, W)]
    return [(N, M, K, K, case.G if preset.used == "grouped" else 1, case.stride, H, W)]


# The page


@pytest.fixture
def url(built):
    """The page, as a file."""
    return (built / "calculator.html").as_uri()


def in_browser(test):
    """Marks of a test that needs the built site and a browser."""
    return pytest.mark.browser(pytest.mark.slow(test))


def enter(page, case: Case) -> None:
    """Type a case into the form."""
    for name in NAMES:
        page.fill(f"#lw-{name}", str(getattr(case, name)))


def read(page) -> dict[str, str]:
    """What stands in each slot of the page, by the slot's name; it must be the same everywhere."""
    pairs = page.locator("[data-live]").evaluate_all(
        "all => all.map((e) => [e.dataset.live, e.textContent])"
    )
    found: dict[str, str] = {}
    for template, text in pairs:
        pattern = re.sub(r"\\\{([\w\\.]+)\\\}", r"(.+)", re.escape(template))
        names = re.findall(r"\{([\w.]+)\}", template)
        match = re.fullmatch(pattern, text)
        assert match, (template, text)
        for name, value in zip(names, match.groups(), strict=True):
            assert found.setdefault(name, value) == value, (name, value, found[name])
    return found


def told(page) -> str:
    """The sentence that is read out, once the pause is over."""
    page.wait_for_timeout(500)
    return page.inner_text("#lw-summary")


@in_browser
def test_the_page_computes_what_the_closed_forms_do(browser, url):
    with visit(browser, **LOOKS["light"]) as (page, wrong):
        page.goto(url)
        assert len(CASES) >= 40
        for case in CASES:
            enter(page, case)
            page.dispatch_event("#lw-G", "focusout")
            found, exact = read(page), expected(case)
            assert {key: found[key] for key in exact} == {k: f"{v:,}" for k, v in exact.items()}
            assert found == calculator.values(case), case
            _bars_and_multiples(page, found, exact)
        assert not wrong, wrong


def _bars_and_multiples(page, found: dict[str, str], exact: dict[str, int]) -> None:
    shares = dict(
        page.locator("rect[data-bar]").evaluate_all(
            "all => all.map((e) => [e.dataset.bar, +e.style.getPropertyValue('--lw-share')])"
        )
    )
    assert shares.keys() == exact.keys()
    for key, value in exact.items():
        measure = key.partition(".")[2]
        ratio = Fraction(value, exact[f"standard.{measure}"])
        text = found[f"ratio.{key}"]
        assert len(text.replace(".", "").lstrip("0")) == 3, text
        unit = Fraction(1, 10 ** len(text.partition(".")[2]))
        assert abs(Fraction(text) - ratio) <= unit / 2, (key, text)
        largest = max(v for k, v in exact.items() if k.endswith(measure))
        assert abs(shares[key] - value / largest) <= 1e-4


@in_browser
def test_without_scripts_the_first_case_is_there(browser, url):
    with visit(browser, java_script_enabled=False) as (page, _):
        page.goto(url)
        text = page.inner_text("#lw-results")
        assert all(f"{v:,}" in text for v in expected(calculator.FIRST).values())
        assert "needs JavaScript" in page.inner_text("#lw-calculator-note")
        assert page.is_disabled("#lw-K") and page.is_visible("rect.lw-bar >> nth=14")
        static = page.locator("[data-live]").all_inner_texts()
    with visit(browser) as (page, wrong):
        page.goto(url)
        page.wait_for_selector("#lw-K:enabled")
        assert not page.is_visible("#lw-calculator-note")
        assert page.locator("[data-live]").all_inner_texts() == static and not wrong


@in_browser
def test_the_keyboard_is_enough(browser, url):
    preset = calculator.PRESETS[6]
    with visit(browser, **LOOKS["light"]) as (page, wrong):
        page.goto(url)
        page.focus(f"button[data-case='{calculator.PRESETS[5].case.query()}']")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        assert preset.name in page.evaluate("document.activeElement.textContent")
        assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"
        assert read(page) == calculator.values(preset.case)
        page.keyboard.press("Tab")
        order = []
        for _ in NAMES:
            page.keyboard.press("Tab")
            order.append(page.evaluate("document.activeElement.name"))
            if order[-1] == "K":
                page.keyboard.press("ArrowUp")
        assert order == list(NAMES)
        changed = Case(27, 27, 7, 1, 96, 256, 2)
        assert read(page) == calculator.values(changed)
        page.keyboard.type("32")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.name") == "G"
        assert read(page)["G"] == "32" and "G=32" in page.url
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.evaluate("document.activeElement.type") == "reset"
        assert read(page) == calculator.values(calculator.FIRST) and "#" not in page.url
        assert not wrong, wrong


WHOLE = "Enter a whole number from 1 to {}"


@in_browser
@pytest.mark.parametrize(
    ("name", "typed", "complaint"),
    [
        ("rows", "", WHOLE.format("16,384") + "."),
        ("rows", "0", WHOLE.format("16,384") + ", not 0."),
        ("columns", "-5", WHOLE.format("16,384") + ", not -5."),
        ("columns", "16385", WHOLE.format("16,384") + ", not 16385."),
        ("stride", "1.5", WHOLE.format("16") + ", not 1.5."),
        ("stride", "1e", WHOLE.format("16") + "; this is not a number."),
        ("N", "9" * 40, WHOLE.format("65,536") + ", not " + "9" * 40 + "."),
        ("K", "4", "Enter an odd whole number from 1 to 63, not 4."),
        ("G", "7", "7 groups do not divide both N = 32 and M = 64; the nearest that do: 4 and 8."),
        ("G", "64", "64 groups do not divide both N = 32 and M = 64; the nearest that do: 32."),
        ("N", "33", ""),
    ],
)
def test_what_is_wrong_is_said_where_it_is(browser, url, name, typed, complaint):
    at = "G" if (name, typed) == ("N", "33") else name
    complaint = complaint or (
        "8 groups do not divide both N = 33 and M = 64; the nearest that do: 1."
    )
    with visit(browser, **LOOKS["light"]) as (page, wrong):
        page.goto(url)
        before = read(page)
        page.click(f"#lw-{name}")
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(typed)
        said = told(page)
        assert said.startswith("Not computed. ") and complaint in said
        field = page.locator(f"#lw-{at}")
        assert field.get_attribute("aria-invalid") == "true"
        ids = field.get_attribute("aria-describedby").split()
        assert complaint in [page.locator(f"#{one}").inner_text() for one in ids]
        assert page.evaluate("document.activeElement.name") == name
        assert page.locator("#lw-results").get_attribute("class").endswith("lw-stale")
        assert page.inner_text("#lw-case") == _filled(calculator.CASE, before)
        assert page.locator(".lw-error:not(:empty)").count() == 1
        page.click("button[type=reset]")
        assert read(page) == before and page.locator(".lw-error:not(:empty)").count() == 0
        assert field.get_attribute("aria-invalid") is None and not wrong, wrong


def _filled(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{([\w.]+)\}", lambda slot: values[slot[1]], template)


@in_browser
def test_a_case_can_be_linked_to(browser, url):
    case, other = Case(30, 17, 5, 3, 12, 18, 6), calculator.PRESETS[2].case
    with visit(browser, **LOOKS["light"]) as (page, wrong):
        page.goto(f"{url}#{case.query()}")
        assert read(page) == calculator.values(case)
        page.evaluate(f"location.hash = '{other.query()}'")
        page.wait_for_function("document.getElementById('lw-N').value === '512'")
        assert read(page) == calculator.values(other)
        enter(page, case)
        told(page)
        assert page.url.endswith(f"#{case.query()}")
        page.reload()
        assert read(page) == calculator.values(case)
        page.evaluate("location.hash = 'what-is-counted'")
        page.wait_for_timeout(100)
        assert read(page) == calculator.values(case), "an anchor is no case"
        page.goto("about:blank")
        page.goto(f"{url}#N=48&G=5&K=abc&nonsense=1")
        assert "Side K: Enter an odd whole number from 1 to 63." in told(page)
        assert "5 groups do not divide both N = 48 and M = 64" in told(page)
        assert page.input_value("#lw-N") == "48" and not wrong, wrong


@in_browser
def test_the_result_is_told_once_after_a_pause(browser, url):
    with visit(browser, **LOOKS["light"]) as (page, _):
        page.goto(url)
        page.evaluate("""() => {
          window.told = [];
          const summary = document.getElementById("lw-summary");
          new MutationObserver(() => window.told.push(summary.textContent))
            .observe(summary, { childList: true, characterData: true, subtree: true });
        }""")
        page.click("#lw-rows")
        for _ in range(6):
            page.keyboard.press("ArrowUp")
        assert page.inner_text("[data-live='{standard.macs}'] >> nth=0") != "231,211,008"
        assert page.evaluate("window.told") == []
        assert "118 × 112" in told(page)
        assert page.evaluate("window.told.length") == 1
        summary = page.locator("#lw-summary")
        assert summary.get_attribute("aria-live") == "polite"


@in_browser
@pytest.mark.parametrize(
    "look", ["light", *(pytest.param(name, marks=pytest.mark.full) for name in ("dark", "phone"))]
)
def test_nothing_for_axe_to_complain_of(browser, url, look):
    from axe_playwright_python.sync_playwright import Axe

    bad = Case(112, 112, 4, 1, 32, 64, 7)
    options = {"preload": False} | RULES[look]
    parts = {"include": [["#lw-calculator"], ["#lw-results"]]}
    applied = 0
    with visit(browser, reduced_motion="reduce", **LOOKS[look]) as (page, _):
        for case in (calculator.FIRST, EDGES[2], bad):
            page.goto("about:blank")
            page.goto(f"{url}#{case.query()}")
            told(page)
            found = Axe().run(page, context=parts, options=options).response
            assert not found["violations"], found["violations"]
            applied += len(found["passes"])
    assert applied


@in_browser
def test_a_narrow_page_is_not_wider_than_its_window(browser, url):
    bad = Case(112, 112, 4, 1, 32, 64, 7)
    with visit(browser, **PHONE) as (page, wrong):
        for case in (calculator.FIRST, EDGES[2], bad):
            page.goto("about:blank")
            page.goto(f"{url}#{case.query()}")
            told(page)
            assert page.evaluate("document.documentElement.scrollWidth") == 375
            wide = page.locator("#lw-calculator *, #lw-results > *, .lw-panel *, .lw-formulas *")
            assert wide.evaluate_all(
                "all => all.every((e) => e.getBoundingClientRect().right < 376)"
            )
        assert not wrong, wrong


MOVES = "e => parseFloat(getComputedStyle(e).transitionDuration)"


@in_browser
def test_bars_stand_still_for_those_who_want_it_and_are_seen_by_all(browser, url):
    with visit(browser, reduced_motion="reduce") as (page, _):
        page.goto(url)
        page.fill("#lw-M", "128")
        assert page.evaluate("document.getAnimations().length") == 0
        assert page.locator(".lw-bar").first.evaluate(MOVES) == 0
    with visit(browser, reduced_motion="no-preference", forced_colors="active") as (page, _):
        page.goto(url)
        bar = page.locator(".lw-bar").first
        assert bar.evaluate(MOVES) > 0
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert bar.evaluate("e => getComputedStyle(e).fill") != ground
        page.emulate_media(media="print")
        assert not page.is_visible("#lw-calculator") and page.is_visible("table.lw-costs")
        assert bar.bounding_box()["width"] > 20
