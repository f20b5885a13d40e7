"""The surveys' tables of networks: every cell is measured, and a wrong one is found."""

from __future__ import annotations

from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch
from torch import nn
from torchvision.models.googlenet import Inception

from lwsurvey import cost, figures
from lwsurvey.claims import judge, ledger
from lwsurvey.claims.ledger import Claim, Ledger, LedgerError
from lwsurvey.cost import closed_form
from lwsurvey.models import zoo
from lwsurvey.models.googlenet import Filters
from lwsurvey.printed_tables import cells, googlenet, inception, mobilenets, tables, traces
from lwsurvey.printed_tables.comparisons import ProxylessMobile
from lwsurvey.printed_tables.tables import MEASURES

CELLS = sorted({claim for parts in tables.TABLES.values() for claim in parts})


@pytest.fixture(scope="module")
def compared() -> dict[str, pd.DataFrame]:
    return tables.compare_all()


def book(**changes: str) -> Ledger:
    """A ledger of one claim: a table of two cells, printed with one decimal place."""
    row = dict.fromkeys(Claim.__dataclass_fields__, "x") | {
        "id": "C001", "kind": "architecture-table", "relation": "table", "scale": "full",
        "value": '{"a.macs": 1.5, "b.macs": 2.0}', "tolerance": "0.05", "verdict": "",
        "correction": "", "correction_relation": "", "correction_value": "",
        "correction_tolerance": "", "hardware": "", "basis": "counted", "same_as": "",
        "origin": "",
    }  # fmt: skip
    return Ledger([Claim(**row | changes)])


def fake(*cells_: str, wrong: str = "") -> pd.DataFrame:
    rows = [
        {"cell": cell, "printed": 1, "counted": 1 + (cell == wrong), "agrees": cell != wrong}
        for cell in cells_
    ]
    return pd.DataFrame(rows)


# --- every cell -------------------------------------------------------------------------------


def test_every_printed_table_of_the_chapter_is_measured_and_drawn():
    printed = [
        claim.id
        for claim in ledger().of_chapter("network-cost")
        if claim.kind == "architecture-table" and claim.scale != "none"
    ]
    assert not set(printed) - set(MEASURES)
    assert not set(printed) - set(CELLS)
    assert not set(CELLS) - set(MEASURES)


@pytest.mark.parametrize("claim_id", MEASURES)
def test_every_measurement_has_the_cells_of_its_claim_and_decides_it(claim_id):
    claim = ledger()[claim_id]
    verdict = judge(claim, MEASURES[claim_id]())
    assert verdict.verdict == ("erratum" if claim.correction_value else "holds")


def test_the_tables_hold_each_cell_once_and_as_many_as_the_claims(compared):
    expected = Counter(
        len(value) if isinstance(value := ledger()[claim].rule.value, dict) else 1
        for claim in CELLS
    )
    assert sum(map(len, compared.values())) == sum(n * times for n, times in expected.items())
    for table in compared.values():
        assert table.cell.is_unique
        assert table[["printed", "counted"]].notna().all(axis=None)


def test_the_known_wrong_cells_are_found(compared):
    wrong = {title: set(table.cell[~table.agrees]) for title, table in compared.items()}
    assert wrong["MobileNet V1, body"] == {"dw13.stride"}
    assert wrong["MobileNet V1, shares"] == {"3x3.MACs"}
    assert wrong["MobileNet V2, body"] == wrong["MobileNet V3-Large"] == set()
    assert wrong["MobileNet V3-Small"] == {"last.se"}
    assert {"conv1.params", "4c.params", "4a.ops"} < wrong["GoogLeNet"]
    assert {"3a.params", "linear.params", "3a.ops"}.isdisjoint(wrong["GoogLeNet"])


@pytest.mark.parametrize(
    # Both cells of C224 are wrong already.
    "claim_id",
    [c for c in CELLS if ledger()[c].relation == "table" and c != "C224"],
)
def test_one_moved_cell_of_a_real_table_is_found(claim_id):
    claim, measured = ledger()[claim_id], dict(MEASURES[claim_id]())
    before = judge(claim, measured).failed
    cell = next(cell for cell in reversed(measured) if cell not in before)
    measured[cell] += 1 + 2 * claim.rule.margin(claim.rule.value[cell])
    assert set(judge(claim, measured).failed) == {*before, cell}


# --- a network that is not as printed ---------------------------------------------------------


def failing(claim_id: str) -> tuple[str, ...]:
    return judge(ledger()[claim_id], MEASURES[claim_id]()).failed


def changed(monkeypatch, name: str, part: str, module: nn.Module) -> None:
    network = zoo.load(name)
    network.set_submodule(part, module.to("meta"))
    changed_trace = traces.trace(network, 224)
    monkeypatch.setattr(traces, "library", lambda *_: changed_trace)


def test_another_kernel_in_a_block_is_found(monkeypatch):
    kernel = nn.Conv2d(96, 96, 3, 2, 1, groups=96, bias=False)
    changed(monkeypatch, "torchvision:mobilenet_v3_small", "features.4.block.1.0", kernel)
    assert failing("C284") == ("b4.kernel",)


def test_another_activation_in_a_block_is_found(monkeypatch):
    changed(monkeypatch, "torchvision:mobilenet_v3_large", "features.9.block.0.2", nn.ReLU())
    assert failing("C283") == ("b9.hs",)


def test_a_lost_stride_is_found(monkeypatch):
    dense = nn.Conv2d(3, 32, 3, 1, 1, bias=False)
    changed(monkeypatch, "timm:mobilenetv1_100", "conv_stem", dense)
    sides = {name for name in ledger()["C213"].rule.value if name.endswith("input side")}
    assert {"conv.stride", "dw1.input side"} < set(failing("C213"))
    assert set(failing("C213")) == (sides - {"conv.input side"}) | {"conv.stride"}


def test_a_later_block_with_another_expansion_is_found(monkeypatch):
    network = zoo.load("torchvision:mobilenet_v2")
    narrow = type(network.features[3])(24, 24, 1, 4)
    changed(monkeypatch, "torchvision:mobilenet_v2", "features.3", narrow)
    assert failing("C235") == ()
    assert failing("C810") == ("later blocks.other t",)


def test_another_filter_count_of_googlenet_is_found(monkeypatch):
    monkeypatch.setitem(googlenet.INCEPTION, "4c", Filters(128, 128, 248, 24, 72, 64))
    googlenet.rows.cache_clear()
    try:
        assert "4c.out" not in judge(ledger()["C295"], googlenet.outline()).failed
        assert "4c" in judge(ledger()["C666"], googlenet.operations()).failed
    finally:
        googlenet.rows.cache_clear()


# --- the measurements -------------------------------------------------------------------------


class Small(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Dropout(), nn.MaxPool2d(2),
            nn.Conv2d(8, 6, (1, 3), groups=2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(6, 5),
        )  # fmt: skip


def test_a_trace_has_inputs_windows_and_weights_and_leaves_no_hook():
    network = traces.on_meta(Small)
    found = traces.trace(network, 16)
    rows = found.layers.set_index("name")
    assert rows.input["4"] == (1, 8, 4, 4) and rows.output["4"] == (1, 6, 4, 2)
    assert list(rows.loc[["0", "3", "5", "7"], "K"]) == [3, 2, 4, 1]
    assert list(rows.loc[["0", "3"], "s"]) == [2, 2] and pd.isna(rows.s["5"])
    assert pd.isna(rows.K["4"]), "1 x 3 is no square"
    assert list(rows.weights[rows.weights > 0]) == [8 * 3 * 9, 6 * 4 * 3, 30]
    assert list(rows.side[["0", "7"]]) == [16, 1] and list(rows.C_out[["0", "7"]]) == [8, 5]
    assert found.calls["2"] == [((1, 8, 8, 8), (1, 8, 8, 8))], "dropout computes nothing"
    assert not any(module._forward_hooks for module in network.modules())


def test_a_layer_that_gives_no_map_is_named():
    class Two(nn.Module):
        def forward(self, x):
            return x + 1, x

    with pytest.raises(ValueError, match="the network does not turn a map"):
        traces.trace(Two(), 8)


def test_the_depth_of_a_graph_is_its_longest_way():
    assert googlenet.depth(nn.Conv2d(3, 3, 1)) == 1 and googlenet.depth(nn.MaxPool2d(2)) == 0
    assert googlenet.depth(nn.Sequential(nn.Conv2d(3, 3, 1), nn.ReLU(), nn.Conv2d(3, 3, 1))) == 2
    assert googlenet.depth(Inception(192, 64, 96, 128, 16, 32, 32)) == 2


def test_proxyless_has_the_published_number_of_parameters():
    network = traces.on_meta(ProxylessMobile)
    assert sum(p.numel() for p in network.parameters()) == 4_080_512
    with torch.no_grad():
        assert ProxylessMobile(7).eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 7)


def test_the_outline_follows_the_formula_of_the_output_size():
    for row in inception.OUTLINE:
        expected = closed_form.output_size(row.side, row.K, row.stride, row.padding)
        assert inception.side_of_output(row) == expected


def test_the_shares_of_v1_are_shares_of_what_the_counter_counts():
    shares, network = mobilenets.v1_shares(), zoo.load("timm:mobilenetv1_100")
    counted = cost.count(network, (1, 3, 224, 224))
    for what in ("mult-adds", "parameters"):
        assert sum(v for k, v in shares.items() if k.endswith(what)) == pytest.approx(100)
    assert shares["fc mult-adds"] == pytest.approx(100 * 1024 * 1000 / counted.macs)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="large, small"):
        mobilenets.v3_body("medium")
    with pytest.raises(ValueError, match="params, ops"):
        googlenet.printed_total("weights")


# --- comparing and drawing --------------------------------------------------------------------


def test_a_comparison_has_the_cells_of_the_claim_and_finds_the_wrong_one():
    table = cells.compare({"a.macs": 1.54, "b.macs": 2.06}, "C001", claims=book())
    assert list(table.cell) == ["a.macs", "b.macs"] and list(table.printed) == [1.5, 2.0]
    assert list(table.counted) == [1.54, 2.06] and list(table.agrees) == [True, False]


@pytest.mark.parametrize(("measured", "agrees"), [(3.04, True), (3.06, False)])
def test_a_claim_of_one_number_is_one_cell(measured, agrees):
    claims = book(relation="=", value="3.0")
    table = cells.compare(measured, "C001", "VGG16.macs".format, claims)
    assert table.to_dict("records") == [
        {"cell": "VGG16.macs", "printed": 3.0, "counted": measured, "agrees": agrees}
    ]


@pytest.mark.parametrize(
    ("measured", "changes", "says"),
    [
        ({"a.macs": 1}, {}, "without a measurement: b.macs"),
        ({"a.macs": 1, "b.macs": 2, "c": 3}, {}, "does not have: c"),
        ({"a.macs": [1, 2], "b.macs": 2}, {}, "one number"),
        (1.0, {"relation": ">", "value": "1"}, "only printed numbers"),
    ],
)
def test_what_cannot_be_compared_is_refused(measured, changes, says):
    with pytest.raises(LedgerError, match=says):
        cells.compare(measured, "C001", claims=book(**changes))


@pytest.mark.parametrize(
    ("cell", "place"),
    [
        ("b1.kernel", ("b1", "kernel")),
        ("dw1.input side", ("dw1", "input side")),
        ("4a.#5x5 reduce", ("4a", "#5x5 reduce")),
        ("V3-Large 1.0.MACs", ("V3-Large 1.0", "MACs")),
        ("V3-Large 1.0", ("V3-Large 1.0", "")),
        ("0.50 MobileNet-160", ("0.50 MobileNet-160", "")),
        ("dw 3x3 parameters", ("dw 3x3", "parameters")),
        ("conv padded 147", ("conv padded 147", "")),
    ],
)
def test_a_cell_is_split_into_row_and_column(cell, place):
    assert cells.split(cell) == place


def test_the_picture_has_a_square_for_each_cell_and_names_the_wrong_ones(compared):
    fig = cells.figure(compared)
    squares = Counter()
    for patch in fig.axes[0].patches:
        squares[patch.get_facecolor()[:3]] += len(patch.get_path().to_polygons())
    wrong = sum(int((~table.agrees).sum()) for table in compared.values())
    assert sorted(squares.values()) == sorted(
        [wrong + 1, sum(map(len, compared.values())) - wrong + 1]  # the key has one of each
    )
    texts = " | ".join(text.get_text() for text in fig.axes[0].texts)
    for part in ("stride 2 → 1", "MACs 1.19 → 1.906", "params 1,072 → 1,018, ops 54 → 51.08"):
        assert part in texts
    assert texts.count("→") == wrong + 1
    assert {text.get_color() for text in fig.axes[0].texts} == {figures.INK, figures.PALETTE[1]}
    plt.close(fig)


def test_no_text_of_the_picture_covers_another_or_leaves_it(compared):
    fig = cells.figure(compared)
    fig.draw_without_rendering()
    boxes = [t.get_window_extent() for t in fig.axes[0].texts if t.get_text()]
    for i, box in enumerate(boxes):
        assert fig.bbox.x0 <= box.x0 and box.x1 <= fig.bbox.x1 + 1
        assert fig.bbox.y0 <= box.y0 and box.y1 <= fig.bbox.y1 + 1
        for other in boxes[:i]:
            inner = (
                min(box.x1, other.x1) - max(box.x0, other.x0),
                min(box.y1, other.y1) - max(box.y0, other.y0),
            )
            assert min(inner) < 2, "two texts overlap by more than ascenders do"
    plt.close(fig)


def test_rows_and_columns_keep_the_printed_order():
    block = cells._block("t", fake("a.x", "a.z", "b.x", "b.y", "b.z", wrong="b.y"))
    assert block.rows == ["a", "b"] and block.columns == ["x", "y", "z"]
    assert block.notes == {"b": "y 1 → 2"} and block.summary == "5 cells, 1 differs"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no table"),
        ({"t": pd.DataFrame(columns=["cell", "printed", "counted", "agrees"])}, "no cells"),
        ({"t": fake("a.x", "a.x")}, "twice: a.x"),
    ],
)
def test_what_cannot_be_drawn_is_refused(given, says):
    with pytest.raises(ValueError, match=says):
        cells.figure(given)


def test_one_small_table_is_drawn_too():
    fig = cells.figure({"t": fake("a", "b")})
    assert max(fig.get_size_inches()) < 3
    plt.close(fig)
