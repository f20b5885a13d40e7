"""The shared pictures: what they say is what they were given, and nothing overlaps."""

from __future__ import annotations

import dataclasses
import itertools
import warnings

import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Annotation
from torch import nn
from torchvision import models

from lwsurvey import cost, figures
from lwsurvey.figures import Box, Unit, layers, strokes
from lwsurvey.figures.theme import LAYERS
from lwsurvey.stats import Estimate

EXPAND = Box("1 × 1 expand", "pointwise", "BN, ReLU6 · tN")
DEPTHWISE = Box("3 × 3 depthwise", "depthwise", "BN, ReLU6 · tN")
PROJECT = Box("1 × 1 linear", "pointwise", "BN · N", 0.35)
INVERTED = (EXPAND, DEPTHWISE, PROJECT)
EXCITED = dataclasses.replace(DEPTHWISE, side=(Box("pool", "other"), Box("FC"), Box("FC")))
ALL = {
    "separable": Unit("separable", (DEPTHWISE, Box("1 × 1", "pointwise", "BN · M"))),
    "narrow": Unit("narrow ends", INVERTED, "narrow"),
    "wide": Unit("wide ends", (DEPTHWISE, PROJECT, EXPAND), "wide", "tN"),
    "excited": Unit("with a side", (EXPAND, EXCITED, PROJECT), "narrow"),
    "gate": Unit("gate", (Box("mean", "other"), Box("FC")), "ends", join="×", leaves="C × H × W"),
    "beside": Unit("beside", (DEPTHWISE,), "ends", beside=(Box("pool", "other", "N", 0.5),)),
    "unfit": Unit("unfit", (Box("a text that does not fit into it", "dense", width=0.1),)),
}


@pytest.fixture(autouse=True)
def _strict():
    figures.style()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    plt.close("all")


def texts(fig) -> list:
    """The texts of a figure with what they cover."""
    fig.draw_without_rendering()
    found = [t for ax in fig.axes for t in ax.texts if t.get_text()]
    return [t for t in found if not isinstance(t, Annotation)]


@pytest.mark.parametrize("names", [["excited", "narrow"], ["beside", "gate"], list(ALL)])
def test_labels_lie_inside_the_figure_and_apart(names):
    fig = figures.units(*(ALL[name] for name in names))
    boxes = [t.get_window_extent() for t in texts(fig)]
    whole = fig.bbox.padded(1)
    assert len(boxes) >= 6
    assert all(whole.containsx(b.x0) and whole.containsx(b.x1) for b in boxes)
    assert all(whole.containsy(b.y0) and whole.containsy(b.y1) for b in boxes)
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))


def test_the_words_are_those_given():
    fig = figures.units(*ALL.values())
    words = {t.get_text() for t in texts(fig)}
    for unit in ALL.values():
        assert {unit.title, unit.enters} <= words
        for box in (*unit.boxes, *unit.beside, *(b for one in unit.boxes for b in one.side)):
            assert box.text in words
            assert not box.note or box.note in words


def test_the_sides_of_a_box_show_the_channels():
    ax = figures.units(ALL["narrow"]).axes[0]
    outlines = [p.get_xy() for p in ax.patches if hasattr(p, "get_xy") and p.get_alpha() is None]
    widths = [(xy[1, 0] - xy[0, 0], xy[2, 0] - xy[3, 0]) for xy in outlines]
    shares = [(round(a / strokes.FULL, 6), round(b / strokes.FULL, 6)) for a, b in widths]
    assert shares == [(0.35, 1), (1, 1), (1, 0.35)]


def test_units_wrap_into_lines_of_a_page():
    narrow = [Unit(f"unit {k}", (DEPTHWISE,)) for k in range(4)]
    fig = figures.units(*narrow)
    places = [ax.get_position() for ax in fig.axes]
    assert [round(p.y0, 3) for p in places[:2]] != [round(p.y0, 3) for p in places[2:]]
    assert fig.get_size_inches()[0] <= 7.3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: figures.units(), "needs a unit"),
        (lambda: Unit("empty", ()), "no box"),
        (lambda: Box("x", "magic"), "kind is one of"),
        (lambda: Box("x", width=0), "a width is above 0"),
        (lambda: Box("x", width=1.5), "a width is above 0"),
        (lambda: Unit("x", INVERTED, "long"), "shortcut is one of"),
        (lambda: Unit("x", INVERTED, leaves="N"), "has no shortcut"),
        (lambda: Unit("x", INVERTED, "wide"), "are not wide"),
        (lambda: Unit("x", (DEPTHWISE, PROJECT, EXPAND), "narrow"), "are not narrow"),
        (lambda: figures.effects({}), "no estimate"),
        (lambda: figures.effects({"a": Estimate(0, -1, 1, 5)}, 0), "margin is positive"),
        (lambda: figures.intervals(plt.gca(), {}), "no estimate"),
        (lambda: figures.per_layer({}), "no profile"),
        (lambda: figures.per_layer({}, "seconds"), "measure is one of"),
    ],
)
def test_what_cannot_be_drawn_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Intervals


def test_effects_show_values_ends_band_and_which_leave_out_zero():
    named = {"up": Estimate(0.5, 0.1, 0.9, 5), "open": Estimate(-0.2, -0.7, 0.3, 5)}
    fig = figures.effects(named, 0.25)
    ax = fig.axes[0]
    marks = [c.lines[0] for c in ax.containers]
    assert [m.get_xdata()[0] for m in marks] == [0.5, -0.2]
    assert [m.get_markerfacecolor() for m in marks] == [figures.PALETTE[0], "none"]
    band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
    assert (round(band.x0, 6), round(band.x1, 6)) == (-0.25, 0.25)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["up", "open"]
    fig.draw_without_rendering()
    written = [t.get_text() for t in ax.child_axes[0].get_yticklabels()]
    minus = "\N{MINUS SIGN}"
    assert written == ["+0.50 [+0.10, +0.90]", f"{minus}0.20 [{minus}0.70, +0.30]"]
    assert not figures.effects(named).axes[0].patches


def drawn(ax) -> list[tuple[list[float], list[float], list]]:
    """Of each series: positions along x, along y, and the ends of its intervals."""
    return [
        (list(c.lines[0].get_xdata()), list(c.lines[0].get_ydata()), c.lines[2][0].get_segments())
        for c in ax.containers
    ]


def test_intervals_stand_at_numbers_or_names():
    _, (left, right) = plt.subplots(1, 2)
    series = {"a": Estimate(1, 0.5, 3, 4), "b": Estimate(0, -1, 0, 4)}
    figures.intervals(left, {2: series["a"], 8: series["b"]}, shift=0.5, label="first")
    figures.intervals(right, series, horizontal=True, zero=1, fmt="D-")
    ((x, y, ends),) = drawn(left)
    assert (x, y, [e.tolist() for e in ends]) == (
        [2.5, 8.5], [1, 0], [[[2.5, 0.5], [2.5, 3]], [[8.5, -1], [8.5, 0]]]
    )  # fmt: skip
    ((x, y, ends),) = drawn(right)
    assert (x, y, [e.tolist() for e in ends]) == (
        [1, 0], [0, 1], [[[0.5, 0], [3, 0]], [[-1, 1], [0, 1]]]
    )  # fmt: skip
    assert [t.get_text() for t in right.get_yticklabels()] == ["a", "b"]
    assert right.get_ylim() == (1.5, -0.5)  # from top to bottom
    assert list(right.lines[0].get_xdata()) == [1, 1]


def test_lines_have_a_mark_or_a_band_for_each_series():
    one, two = Estimate(1, 0.5, 2, 5), Estimate(3, 2, 4, 5)
    ax = figures.lines({"a": {1: one, 10: two}, "b": {10: one}}, "x").axes[0]
    assert [list(c.lines[0].get_ydata()) for c in ax.containers] == [[1, 3], [1]]
    assert len({c.lines[0].get_marker() for c in ax.containers}) == 2
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "10"]
    ax = figures.lines({"a": {1: one, 2: two}}, "x", log="y", band=True).axes[0]
    assert list(ax.lines[0].get_ydata()) == [1, 3] and ax.get_yscale() == "log"
    assert ax.collections[0].get_datalim(ax.transData).intervaly.tolist() == [0.5, 4]
    with pytest.raises(ValueError, match="no estimate"):
        figures.lines({}, "x")


@pytest.mark.parametrize("name", ["short", "a rather long name of a series"])
def test_the_legend_of_lines_lies_inside_the_figure(name):
    one = Estimate(1, 0.5, 2, 5)
    fig = figures.lines({f"{name}, {k}": {1: one, 2: one} for k in range(4)}, "x", log="")
    fig.draw_without_rendering()
    legend = fig.legends[0].get_window_extent()
    assert fig.bbox.x0 <= legend.x0 and legend.x1 <= fig.bbox.x1


def test_ratios_stand_at_their_names_and_what_is_not_judged_is_hollow():
    named = {"a": Estimate(1.5, 1.2, 1.9, 9), "b": Estimate(0.8, 0.7, 0.9, 9)}
    loaded = {"b": Estimate(4.0, 3.0, 5.0, 9, unjudged="Others were busy.")}
    ax = figures.ratios({"one": named, "two": loaded}, "time / time").axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["a", "b"]
    hollow = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert [list(line.get_xdata()) for line in hollow] == [[4.0]]
    texts = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert set(texts) == {"one", "two (not judged)"}
    with pytest.raises(ValueError, match="no estimate"):
        figures.ratios({}, "time / time")


def test_log_ticks_are_plain_numbers():
    _, ax = plt.subplots()
    ax.set(xlim=(5, 5000), ylim=(1, 10))
    figures.log_ticks(ax, (1, 10, 1000), inside=True)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "linear")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["10", "1,000"]
    figures.log_ticks(ax, (1, 10))
    assert ax.get_xlim() == (1, 5000)


def test_ends_are_lengths_below_and_above():
    assert figures.ends([Estimate(1, 0.5, 3, 4), Estimate(0, -1, 0, 4)]) == [[0.5, 1], [2, 0]]


# Layers


@pytest.fixture(scope="module")
def profiles():
    nets = {"V2": models.mobilenet_v2(), "V3": models.mobilenet_v3_small()}
    return {name: cost.profile(net, (1, 3, 224, 224)) for name, net in nets.items()}


@pytest.mark.parametrize("measure", ["macs", "parameters", "activations", "memory_access"])
@pytest.mark.parametrize("by", [None, lambda name: ".".join(name.split(".")[:2])])
def test_bars_add_up_to_the_network(profiles, measure, by):
    for profile in profiles.values():
        cells = layers.table(profile, measure, by)
        assert cells.to_numpy().sum() == profile.layers[measure].sum() == getattr(profile, measure)
        assert (cells.sum(axis=1) > 0).all()


def test_kinds_of_layers(profiles):
    v2 = layers.kinds(profiles["V2"].layers).value_counts()
    assert (v2["dense"], v2["depthwise"], v2["pointwise"], v2["fully connected"]) == (1, 17, 34, 1)
    names = profiles["V3"].layers.name[layers.kinds(profiles["V3"].layers) == "squeeze-excitation"]
    assert names.str.contains(r"\.fc1$").sum() == 9  # MobileNetV3-Small: 9 of 11 units
    grouped = cost.profile(nn.Conv2d(8, 8, 3, groups=2), (1, 8, 9, 9)).layers
    assert list(layers.kinds(grouped)) == ["grouped"]


def test_no_bar_lies_outside_the_axes(profiles):
    shortest_first = dict(sorted(profiles.items(), key=lambda item: len(item[1].layers)))
    for ax in figures.per_layer(shortest_first, "parameters").axes:
        left, right = ax.get_xlim()
        bars = [bar for bar in ax.patches if bar.get_height()]
        assert len(bars) > 50
        assert all(left < bar.get_x() and bar.get_x() + bar.get_width() < right for bar in bars)
        assert max(bar.get_y() + bar.get_height() for bar in bars) <= ax.get_ylim()[1]


def test_heights_are_the_table(profiles):
    ax = figures.per_layer({"V2": profiles["V2"]}).axes[0]
    heights = sum(bar.get_height() for bar in ax.patches)
    assert heights * 1e6 == pytest.approx(profiles["V2"].macs)
    assert [t.get_text().split()[0] for t in ax.get_legend().get_texts()] == [
        "dense", "depthwise", "pointwise", "fully",
    ]  # fmt: skip
    assert set(LAYERS) >= {"dense", "depthwise", "pointwise", "fully connected"}
