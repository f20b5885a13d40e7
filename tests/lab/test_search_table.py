"""The search space and its table of trained networks."""

from __future__ import annotations

import itertools
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from benchmarks import search_space
from lwsurvey import cost, latency, paths
from lwsurvey.search import SearchError, network, space, table

IMAGE = (1, 1, 28, 28)


def test_the_space_has_each_network_once_and_holds_the_cells():
    names = [space.name(one) for one in space.architectures()]
    assert len(names) == len(set(names)) == len(space.blocks()) ** space.BLOCKS == 1296
    assert {space.name(one) for one in space.cells()} < set(names)
    assert all(len(set(one)) == 1 for one in space.cells()) and len(space.cells()) == 36


def test_the_blocks_are_the_product_of_their_dimensions_less_what_makes_no_network():
    every = itertools.product(*space.DIMENSIONS.values())
    allowed = [
        (operation, kernel, se, filters, layers, skip)
        for operation, kernel, se, filters, layers, skip in every
        if not (se and operation == "separable") and not (skip == "identity" and layers == 1)
    ]
    assert [space.Block(*values) for values in allowed] == list(space.blocks())


def test_a_name_leads_back_to_its_network():
    for one in space.architectures()[::37]:
        assert space.parse(space.name(one)) == one


@pytest.mark.parametrize("text", ["", "s3n1", "s3n1-s3n1-s3n1", "s4n1-s3n1"])
def test_an_unknown_name_is_refused(text):
    with pytest.raises(SearchError, match="no network of this space"):
        space.parse(text)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"kernel": 4}, "kernel is one of"), ({"operation": "separable"}, "only inverted"),
     ({"layers": 1}, "no place for a skip")],
)  # fmt: skip
def test_a_block_outside_the_space_is_refused(change, words):
    values = dict(operation="inverted", kernel=3, se_ratio=0.25, filters=0.75, layers=2)
    with pytest.raises(SearchError, match=words):
        space.Block(**(values | {"skip": "identity"} | change))


@pytest.mark.parametrize(("S", "B", "N", "expected"), [(36, 2, 1, 1296), (3, 2, 2, 81)])
def test_the_size_of_a_space_is_what_listing_it_gives(S, B, N, expected):
    listed = itertools.product(range(S), repeat=B * N)
    assert space.size(S, B, N) == sum(1 for _ in listed) == expected


@pytest.mark.parametrize("name", ["s3n1-s3n1", "i5ew2+-s5w2+", "s3w2-i3n2"])
def test_a_network_is_what_its_name_says(name):
    blocks = space.parse(name)
    net = network.build(blocks)
    for block, stage in zip(blocks, net.blocks, strict=True):
        assert len(stage) == block.layers
        depthwise = [m for m in stage.modules() if isinstance(m, nn.Conv2d) and m.groups > 1]
        assert {m.kernel_size for m in depthwise} == {(block.kernel, block.kernel)}
        assert [m.stride[0] for m in depthwise] == [2, 1][: block.layers]
        se = [m for m in stage.modules() if type(m).__name__ == "SqueezeExcitation"]
        assert len(se) == (block.layers if block.se_ratio else 0)
    assert net(torch.zeros(2, *IMAGE[1:])).shape == (2, 10)


def test_an_identity_skip_adds_the_input_of_the_second_layer():
    with_skip, without = (network.build(space.parse(f"s3n2{end}-s3n1")).eval() for end in ("+", ""))
    without.load_state_dict(dict(zip(without.state_dict(), with_skip.state_dict().values(),
                                     strict=True)))  # fmt: skip
    x = torch.randn(IMAGE)
    entered = with_skip.blocks[0][0](with_skip.stem(x))
    assert torch.equal(with_skip.blocks[0](with_skip.stem(x)),
                       entered + without.blocks[0][1](entered))  # fmt: skip


def test_a_network_of_another_number_of_blocks_is_refused():
    with pytest.raises(SearchError, match="has 2 blocks, not 1"):
        network.build(space.blocks()[:1])


@pytest.fixture(scope="module")
def kept() -> table.Table:
    return table.load()


def test_the_counts_of_the_table_are_those_of_the_networks(kept):
    chosen = space.architectures()[::101]
    names = [space.name(one) for one in chosen]
    pd.testing.assert_frame_equal(
        kept.networks.loc[names, ["macs", "parameters"]], search_space.count(chosen)
    )
    one = cost.count(network.build(chosen[3]), IMAGE)
    assert kept.networks.loc[names[3], "macs"] == one.macs


def test_every_network_of_the_table_has_the_same_seeds_and_a_time_in_its_interval(kept):
    seeds = kept.made["training"]["seeds"]
    assert kept.runs.groupby("network")["seed"].apply(sorted).map(tuple).unique().tolist() == [
        tuple(range(seeds))
    ]
    times = kept.networks
    assert ((times.low <= times.latency) & (times.latency <= times.high)).all()
    assert (times.low > 0).all() and kept.runs[["validation", "test"]].gt(10).all(axis=None)


def test_means_and_noise_of_the_table_are_those_of_its_runs(kept):
    name = kept.networks.index[5]
    own = kept.runs[kept.runs["network"] == name]["test"]
    assert kept.accuracy()[name] == pytest.approx(own.mean())
    by_hand = [runs["test"].var(ddof=1) for _, runs in kept.runs.groupby("network")]
    assert kept.noise() == pytest.approx(np.sqrt(np.mean(by_hand)))


def test_a_row_trained_again_agrees_within_the_noise(kept):
    name = "s3n1-s3n1"
    again = network.fit([space.parse(name)], [0]).iloc[0]
    there = kept.runs.query("network == @name and seed == 0").iloc[0]
    # Another processor rounds otherwise, which makes a run like one of another seed.
    assert abs(again["test"] - there["test"]) < 5 * kept.noise()


@pytest.mark.parametrize("file", [table.NETWORKS, table.RUNS, table.MADE, table.SUMS])
def test_a_damaged_or_missing_file_of_the_table_is_named(tmp_path, file):
    there = shutil.copytree(paths.data(table.FOLDER), tmp_path / "table")
    (there / file).unlink()
    with pytest.raises(SearchError, match=f"{file} is missing; restore it with: git checkout"):
        table.load(there)
    damaged = shutil.copytree(paths.data(table.FOLDER), tmp_path / "damaged")
    text = (damaged / file).read_text()
    for other in (text.replace("1", "2", 1), "", "\n"):
        (damaged / file).write_text(other)
        with pytest.raises(SearchError, match="damaged"):
            table.load(damaged)


def test_a_table_of_another_space_and_an_unknown_column_are_refused(tmp_path, kept):
    search_space.write(
        tmp_path / "other", kept.networks.iloc[:-1], kept.runs.assign(seconds=1.0), {}
    )
    with pytest.raises(SearchError, match="another search space"):
        table.load(tmp_path / "other")
    with pytest.raises(SearchError, match="not 'seconds'"):
        kept.accuracy("seconds")


def test_what_is_written_is_what_is_read(tmp_path, kept):
    search_space.write(
        tmp_path / "again", kept.networks, kept.runs.assign(seconds=1.0), {"disturbed": []}
    )
    again = table.load(tmp_path / "again")
    pd.testing.assert_frame_equal(again.networks, kept.networks)
    pd.testing.assert_frame_equal(again.runs, kept.runs)
    assert json.loads((tmp_path / "again" / table.MADE).read_text())["latency"]["disturbed"] == []


def test_writing_leaves_other_files_of_the_folder_and_nothing_of_its_own(tmp_path, kept):
    (tmp_path / "notes.txt").write_text("mine")
    for _ in range(2):
        search_space.write(tmp_path, kept.networks, kept.runs.assign(seconds=1.0), {})
    names = {table.NETWORKS, table.RUNS, table.MADE, table.SUMS, "notes.txt"}
    assert {file.name for file in tmp_path.iterdir()} == names
    assert (tmp_path / "notes.txt").read_text() == "mine" and table.load(tmp_path)


def test_a_table_that_a_reader_changes_is_read_again_as_it_was(kept):
    runs = table.load().runs
    runs["test"] = 0.0
    pd.testing.assert_frame_equal(table.load().runs, kept.runs)


def test_timing_goes_on_where_it_was_and_times_each_network_once(tmp_path, monkeypatch):
    monkeypatch.setattr(search_space, "TOGETHER", 2)
    calls = []

    def compare(networks, **options):
        calls.append([space.name(one) for one in networks])
        return latency.Comparison(pd.DataFrame({name: [1.0, 1.0] for name in calls[-1]}))

    monkeypatch.setattr(network, "compare", compare)
    networks = space.architectures()[:6]
    first, variation = search_space.measure(networks, tmp_path)
    (tmp_path / "1.record").unlink()
    search_space.measure(networks, tmp_path)
    with pytest.raises(SearchError, match="differs in networks"):
        search_space.measure(space.architectures()[6:12], tmp_path)
    assert len(calls) == 3 and calls[2] == calls[1] and variation["comparisons"] == 2
    assert sorted(first.index) == sorted(space.name(one) for one in networks)


def test_a_comparison_in_a_slow_moment_is_scaled_by_the_common_network(tmp_path, monkeypatch):
    monkeypatch.setattr(search_space, "TOGETHER", 1)
    networks = space.architectures()[:5]
    names = [space.name(one) for one in networks]
    true = dict(zip(names, (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))
    speeds = iter((1.0, 1.5, 0.8))

    def times(chosen):
        slower = next(speeds)
        rows = {space.name(one): true[space.name(one)] * slower for one in chosen}
        kept = {name: {"latency": t, "low": t, "high": t} for name, t in rows.items()}
        return {"times": kept, "disturbances": []}

    monkeypatch.setattr(search_space, "_time", times)
    found, variation = search_space.measure(networks, tmp_path)
    assert found["latency"].to_dict() == pytest.approx(true)
    assert variation["log_sd_left"] == pytest.approx(0, abs=1e-9)
    assert variation["log_sd_before_scaling"] == pytest.approx(
        np.std(np.log([1, 1.5, 0.8]), ddof=1)
    )
