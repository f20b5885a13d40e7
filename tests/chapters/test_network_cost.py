"""What the chapter on whole networks needs beside the counter."""

from __future__ import annotations

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from torch import nn

from lwsurvey import cost
from lwsurvey.chapters.network_cost import figures, networks, tables
from lwsurvey.claims.judge import judge
from lwsurvey.claims.ledger import ledger
from lwsurvey.cost import shares
from lwsurvey.models.zoo import NetworkError

V2 = "torchvision:mobilenet_v2"
CELLS = pd.DataFrame(
    [("a.MACs", 10, 10.2, True), ("a.params", 2, 3000.4, False), ("b.MACs", 4, 4, True)],
    columns=["cell", "printed", "counted", "agrees"],
)


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


# Networks


def test_a_network_is_counted_once_and_like_any_other():
    first = networks.profile_of(V2)
    assert first is networks.profile_of(V2)
    assert first.macs == cost.count(networks.build(V2), (1, 3, 224, 224)).macs


def test_size_and_arguments_of_a_network_reach_its_constructor():
    half = networks.profile_of("lwsurvey:MobileNetV1", 160, alpha=0.5)
    assert half.layers.output[0][-1] == 80 and half.layers.M[0] == 16
    assert networks.build(V2, width_mult=0.5).features[0][0].out_channels == 16


def test_a_network_that_nobody_has_is_refused():
    with pytest.raises(NetworkError, match="ShuffleNetV9"):
        networks.build("lwsurvey:ShuffleNetV9")
    with pytest.raises(NetworkError, match="say timm:"):
        networks.build("mobilenet_v2", width_mult=0.5)


def test_an_operator_that_cannot_be_counted_stops_the_chapter(monkeypatch):
    unknown = SimpleNamespace(uncounted={"aten::new": 1})
    monkeypatch.setattr(networks.cost, "profile", lambda *_: unknown)
    with pytest.raises(RuntimeError, match="aten::new"):
        networks.profile_of("torchvision:alexnet", 225)


def test_a_few_of_the_cited_accuracies_are_those_of_the_file():
    few = networks.accuracies(first=3)
    assert 1 <= len(few) <= 3 and few.top1.equals(networks.cited_accuracies().top1[few.index])
    with pytest.raises(ValueError, match="not 0"):
        networks.accuracies(first=0)


# Shares


def test_shares_of_a_network_are_those_of_its_formula():
    net = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, groups=4), nn.Conv2d(4, 6, 1), nn.Flatten())
    profile = cost.profile(nn.Sequential(*net, nn.Linear(6 * 25, 2)), (1, 4, 5, 5))
    parts = {"depthwise": 25 * 36, "pointwise": 25 * 24, "fully connected": 300}
    for kind, macs in parts.items():
        assert shares.share(profile, kind) == pytest.approx(100 * macs / sum(parts.values()))


def test_a_share_of_nothing_or_of_an_unknown_kind_is_refused():
    empty = cost.profile(nn.ReLU(), (1, 3))
    with pytest.raises(ValueError, match="has no shares"):
        shares.share(empty, "pointwise")
    with pytest.raises(ValueError, match="kind is one of"):
        shares.share(networks.profile_of(V2), "grouped")


def test_squeeze_and_excitation_is_found_by_its_class():
    name = "torchvision:mobilenet_v3_large"
    profile, network = networks.profile_of(name), networks.build(name)
    inside = profile.layers[profile.layers.name.str.contains(r"\.fc[12]$")].macs.sum()
    found = shares.within(profile, network, "SqueezeExcitation")
    assert found == pytest.approx(100 * inside / profile.macs)
    with pytest.raises(ValueError, match="no module of class SEModule"):
        shares.within(profile, network, "SEModule")


@pytest.mark.parametrize(
    ("name", "layers"),
    [("torchvision:resnet50", 50), ("torchvision:vgg16", 16), ("lwsurvey:MobileNetV1", 28)],
)
def test_depth_is_what_names_and_papers_say(name, layers):
    assert shares.depth(networks.profile_of(name)) == layers


# Tables


def test_the_field_of_a_stack_does_not_count_what_follows_the_mean():
    stack = [nn.Conv2d(1, 1, 3, 2), nn.Conv2d(1, 1, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1)]
    assert tables.largest_field(cost.profile(nn.Sequential(*stack), (1, 1, 33, 33))) == 7
    with pytest.raises(ValueError, match="no convolution"):
        tables.largest_field(cost.profile(nn.Linear(3, 2), (1, 3)))


def test_the_wide_table_has_the_counter_s_numbers():
    row = tables.wide_table(["MobileNet V2"]).loc["MobileNet V2"]
    profile = networks.profile_of(V2)
    assert row["MACs"] == round(profile.macs / 1e6) and row["field"] == 491
    assert row["access"] == profile.memory_access / 1e6


def test_auxiliary_heads_are_no_part_of_the_parameters_used():
    profile = networks.profile_of("torchvision:googlenet")
    assert networks.used_parameters(profile) < profile.parameters


def test_a_cell_that_differs_has_a_cross():
    pivoted = tables.pivot(CELLS)
    assert list(pivoted.columns) == [
        "MACs, printed", "MACs, counted", "params, printed", "params, counted",
    ]  # fmt: skip
    assert list(pivoted.loc["a"]) == ["10", "10.2", "2", "3,000 ✗"]
    assert list(pivoted.loc["b"]) == ["4", "4", "", ""]


def test_a_column_that_no_cell_has_is_refused():
    with pytest.raises(ValueError, match="no cell of a column 'ops'; there are MACs, params"):
        tables.pivot(CELLS, ["ops"])


def test_members_of_the_families_are_told_by_name_and_sorted_by_cost():
    yes = ["tf_efficientnet_l2", "mobilenetv4_hybrid_large", "nasnetalarge", "quantized_googlenet"]
    no = ["pnasnet5large", "mnasnet1_0", "resnet50", "efficientvit_b0", "ghostnet_100"]
    macs = [*range(len(yes), 0, -1), *range(len(no))]
    table = pd.DataFrame({"name": yes + no, "macs": macs}).astype({"macs": "Int64"})
    assert list(networks.members(table).name) == yes[::-1]
    table.loc[0, "macs"] = pd.NA
    assert list(networks.members(table).name) == yes[:0:-1]


def test_the_famous_number_of_squeezenet_is_operations_of_a_padded_network():
    net = networks.build("torchvision:squeezenet1_0")
    net.classifier[1].padding = (1, 1)
    assert round(2 * cost.profile(net, (1, 3, 227, 227)).macs / 1e6) == 1723


# Verdicts


@pytest.mark.parametrize(
    ("claim", "cell", "other", "verdict"),
    [
        ("C286", "V3-Large 1.0", 219 * 1.03, "contradicted"),
        ("C609", "MobileNet", 569 * 0.97, "contradicted"),
        ("C617", None, 62.4, "contradicted"),
        ("C210", None, 1.1, "contradicted"),
        ("C906", None, 2.947, "contradicted"),
        ("C907", None, 40, "holds"),
        ("C909", None, 60, "holds"),
    ],
)
def test_what_was_counted_decides_and_another_count_would_turn_it(claim, cell, other, verdict):
    row = ledger()[claim]
    if cell:
        value = dict(row.rule.value)
        assert judge(row, value).verdict == row.verdict == "holds"
        other = value | {cell: other}
    assert judge(row, other).verdict == verdict != row.verdict


# Figures


def test_each_cited_network_is_drawn_and_each_single_one_named():
    cited = networks.cited_accuracies()
    drawn = cited[["top1"]].assign(macs=1e8, parameters=10**6)
    drawn["macs"] *= np.arange(1, len(drawn) + 1)
    (ax,) = figures.accuracy_against_macs(drawn).axes
    assert sum(len(discs.get_offsets()) for discs in ax.collections) == len(drawn)
    single = [name for name in drawn.index if not name.startswith(tuple(figures.FAMILIES))]
    labels = {text.get_text() for text in ax.texts}
    assert labels == {*single, "V1 full convolution"}
    assert set(figures.SIDES) <= set(cited.index)
