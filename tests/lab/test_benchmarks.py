"""The benchmark's own machinery, with tools of which the result is known, and its kept table."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from lwsurvey import cost, paths

sys.path.insert(0, str(paths.root()))  # the benchmarks are no part of the package

from benchmarks import counters, effects, examine, networks, summary, timing
from benchmarks.tools import FLOOR, OURS, TOOLS, Tool

SMALL = "torchvision:squeezenet1_0"
KEPT = paths.root() / "data" / "benchmarks"


def careless(model: nn.Module, x: torch.Tensor) -> int:
    """A counter that leaves something of each kind behind."""
    model.eval()
    model.left = 1
    model.register_buffer("total", torch.zeros(1))
    model.features[0].register_forward_hook(lambda *_: None)
    with torch.no_grad():
        model.features[0][0].weight += 1
        torch.rand(1)
        model(x)
    return 1


def test_the_networks_are_25_and_all_have_a_published_figure():
    assert len(set(networks.NETWORKS)) == 25
    for name in networks.NETWORKS:
        shape = networks.zoo.default_inputs(name)
        assert networks.published(name, shape[-1]).gmacs > 0


def test_agreement_is_to_the_printed_digits():
    figure = networks.Published(0.714, 3, "", cost.PAPERS)
    assert figure.agrees(714_188_480) and not figure.agrees(714_683_000)


def test_a_published_figure_of_another_input_size_is_none():
    assert networks.published("torchvision:alexnet", 160) is None
    assert networks.published("timm:ghostnet_100", 160) is None


def test_a_fresh_copy_shares_only_the_tensors():
    model, _ = networks.build(SMALL, "meta")
    copy = networks.fresh(model)
    assert copy.features is not model.features
    assert all(a is b for a, b in zip(copy.parameters(), model.parameters(), strict=True))


def test_times_are_those_of_the_call_over_the_floor_of_the_same_round(monkeypatch):
    clock = iter(np.cumsum([1, 0.25] * 100))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    tool = Tool("other", "torch", lambda model, x: 1, cost.PAPERS)
    field = timing.contestants([tool])
    assert [(c.tool, c.form) for c in field] == [("forward", "nothing"), ("other", timing.BOTH)]
    rounds: list[int] = []
    samples = timing.measure(field, [SMALL], 3, progress=rounds.append)
    assert rounds == [0, 1, 2, 3]  # the first warms up and is not kept
    assert [sample.round for sample in samples] == [1, 1, 2, 2, 3, 3]
    assert (summary.times(samples).ratio == 1).all()
    assert [row["ratio"] for row in summary.overall(samples)] == [1]


def test_the_cpu_is_in_every_third_round():
    field = timing.contestants(
        [Tool("other", "torch", lambda *_: 1, cost.PAPERS, devices=("cpu",))]
    )
    samples = timing.measure(field, [SMALL], 6)
    assert sorted({sample.round for sample in samples}) == [3, 6]


def test_a_device_without_floor_is_an_error_and_a_failing_pair_is_left_out():
    field = timing.contestants([TOOLS[OURS]])
    with pytest.raises(ValueError, match="no bare forward pass on"):
        timing.measure(field[2:], [SMALL], 2)
    on_meta = [contestant for contestant in field if contestant.device == "meta"]
    samples = timing.measure(on_meta, [SMALL], 1, skip={(OURS, SMALL)})
    assert {sample.contestant.tool for sample in samples} == {FLOOR.name}


def test_the_interval_of_equal_ratios_is_a_point_and_of_others_contains_the_median():
    assert summary.interval(np.full((5, 3), 2.0)) == (2.0, 2.0, 2.0)
    value, low, high = summary.interval(np.random.default_rng(0).normal(3, 1, (15, 4)))
    assert low < value < high


def test_a_count_keeps_all_its_digits_where_another_is_missing():
    table = summary._whole(pd.DataFrame({"macs": [15_470_264_320, None]}))
    assert table.to_csv(index=False, float_format="%.6g").split() == ["macs", "15470264320", '""']


def test_side_effects_are_found_and_ours_has_none():
    assert effects.left_by(TOOLS[OURS].count) == []
    assert effects.left_by(TOOLS[OURS].count, broken=True) == []
    found = "; ".join(effects.left_by(careless))
    assert "left in evaluation" in found and "2 hooks left" in found
    assert "attributes added: left (1)" in found and "buffers added: total (1)" in found
    assert "1 values changed (weight)" in found and "random state of torch moved on" in found
    assert "no longer be pickled" in found
    swallowed = effects.left_by(lambda model, x: None, broken=True)
    assert swallowed == ["does not raise the model's error, but returns None"]


def test_memory_sees_python_objects_and_the_process():
    model, x = nn.Identity(), torch.ones(1)
    assert examine.python_peak(lambda *_: bytearray(10**6), model, x) >= 10**6
    grown = examine.process_growth(lambda *_: torch.ones(16 * 2**20), model, x)
    assert grown is None or 60 * 2**20 < grown < 100 * 2**20


def test_after_a_failure_a_new_process_goes_on_with_the_other_networks(monkeypatch):
    asked = []

    def process(tool, names, timeout):
        asked.append(names)
        if "b" in names:
            return {"networks": {"a": {"macs": 1}, "b": {"failure": "no"}}}
        return {"networks": {"c": {"macs": 3}}, "after_success": [], "after_failure": []}

    monkeypatch.setattr(examine, "_in_a_process", process)
    found = examine.examined("other", ["a", "b", "c"])
    assert asked == [["a", "b", "c"], ["c"]]
    assert found["networks"]["b"] == {"failure": "no"} and found["networks"]["c"] == {"macs": 3}


def test_a_tool_stops_at_its_first_failure_and_says_why():
    def fails(model: nn.Module, x: torch.Tensor) -> int:
        raise RuntimeError("not\nthis one")

    report_ = examine.examine(Tool("other", "torch", fails, None), [SMALL, "torchvision:alexnet"])
    assert report_ == {"networks": {SMALL: {"failure": "RuntimeError: not this one"}}}


def test_a_total_is_made_mac_and_none_is_a_failure():
    assert TOOLS["torch"].macs(10) == 5
    assert TOOLS["thop"].macs(2.5) == 2.5
    with pytest.raises(ValueError, match="returned None"):
        TOOLS["ptflops"].macs(None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--tools", "thop"], "add --out"),
        (["--tools", "nobody", "--out", "x"], "no tool nobody; there are lwsurvey"),
        (["--networks", "resnet18", "--out", "x"], "no network resnet18"),
    ],
)
def test_wrong_options_say_what_is_wrong(options, message):
    done = CliRunner().invoke(counters.main, options)
    assert done.exit_code == 2
    assert message in done.output


def test_the_kept_table_is_whole_and_our_counts_are_todays():
    table = pd.read_csv(KEPT / "counters.csv", keep_default_na=False)
    about = json.loads((KEPT / "counters.json").read_text(encoding="utf-8"))
    assert set(table.tool) == set(TOOLS) == set(about["tools"]) == set(about["effects"])
    assert set(table.network) == set(networks.NETWORKS)
    ours = table[(table.tool == OURS) & (table.device == "meta")].set_index("network")
    assert cost.profile(*networks.build(SMALL, "meta")).macs == int(ours.macs[SMALL])
    assert "| lwsurvey |" in summary.markdown(pd.read_csv(Path(KEPT) / "counters.csv"), about)


def test_a_class_of_thirty_got_the_marks_that_it_deserves():
    kept = json.loads((KEPT / "grading.json").read_text())
    rows = pd.DataFrame(kept["submissions"])
    counts = rows.groupby(["chapter", "kind"]).size()
    assert len(counts) == 6 and (counts == 10).all()
    assert (rows.marks == rows.deserves).all()
    assert rows[rows.kind == "partly right"].deserves.between(0, 11, inclusive="neither").all()
