"""The sweep over all networks: that it can be stopped, that no network takes others along, and
that what it says is what the counters say."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pandas as pd
import pytest
import stand_in

from benchmarks.sweep import counting, measure, networks, published, tables
from lwsurvey import paths
from lwsurvey.models import sweep
from lwsurvey.models.sweep import TIMM
from lwsurvey.store import Records

PATTERN = "test_[cr]*"  # timm's smallest networks


def command(folder: Path, *more: str) -> list[str]:
    return [
        sys.executable, "-m", "benchmarks.sweep", "--library", "timm", "--models", PATTERN,
        "--out", str(folder / "out"), "--state", str(folder / "rows"), *more,
    ]  # fmt: skip


def read(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "out" / "models.csv", keep_default_na=False)


@pytest.mark.full
def test_a_killed_sweep_goes_on_where_it_was(tmp_path):
    state = tmp_path / "rows" / tables.key()
    first = subprocess.Popen(command(tmp_path), cwd=paths.root(), stderr=subprocess.DEVNULL)
    wait_for(lambda: len(list(state.glob("*.record"))) >= 2, first)
    first.send_signal(signal.SIGKILL)
    first.wait()
    kept = Records(state)
    finished = [kept.get(file.stem) for file in state.glob("*.record")]
    Records(tmp_path / "rows" / "other").put("timm-test_resnet", {"macs": 1})  # of other versions
    again = subprocess.run(command(tmp_path), cwd=paths.root(), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert f"{len(finished)} networks are there from before" in again.stderr
    table = read(tmp_path)
    assert table.name.tolist() == sorted(networks.names("timm", PATTERN))
    assert (table.macs == table.macs_torch).all() and (table.parameters > 0).all()
    taken = table.set_index("name").seconds
    assert all(taken[row["name"]] == row["seconds"] for row in finished)
    about = json.loads((tmp_path / "out" / "models.json").read_text())
    assert about["counts"]["networks"] == len(table) == about["counts"]["equal_to_pytorch"]
    assert about["counted_in_this_run"] == len(table) - len(finished)
    assert (tmp_path / "out" / "published.csv").stat().st_size > 0
    assert not list((tmp_path / "out").glob(".*")), "no unfinished file stays"


def wait_for(condition, process: subprocess.Popen, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < end, "it has not begun in time"
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--models", "resnet*"], "add --out"),
        (["--models", "no such network", "--out", "x"], "is named like"),
        (["--jobs", "0"], "not in the range"),
        (["--library", "keras"], "'keras' is not one of"),
    ],
)
def test_wrong_use_is_explained(arguments, message):
    from click.testing import CliRunner

    from benchmarks.sweep.__main__ import main

    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and message in result.output


def test_a_network_that_kills_its_process_or_hangs_does_not_stop_the_others():
    names = ["a", "dies", "b", "hangs", "slow", "c"]
    jobs = [("timm", name) for name in names]
    rows = measure.measure_all(jobs, 2, 4, stand_in.measure)
    errors = {row["name"]: row.get("error") for row in rows}
    assert errors.keys() == set(names)
    assert "ended with code 9" in errors["dies"] and "longer than 4 s" in errors["hangs"]
    assert [errors[name] for name in ("a", "b", "c", "slow")] == [None] * 4


def test_a_network_that_cannot_be_counted_has_the_reason():
    row = measure.measure("timm", "no_such_network")
    assert "no_such_network" in row["error"] and "macs" not in row


def test_what_differs_from_pytorchs_counter_is_named():
    Counts = counting.Counter
    assert counting.differences(Counts(mm=3, bmm=1), Counts(mm=3, bmm=1)) == ""
    assert counting.differences(Counts(mm=3, mv=1), Counts(mm=2)) == "mm 3/2; mv 1/0"


def test_printed_figures_are_compared_to_their_last_digit():
    assert published._agrees(0.58, 0.5847, 2) and published._agrees(0.58, 0.585, 2)
    assert not published._agrees(0.58, 0.5851, 2) and not published._agrees(0.58, 0.5749, 2)


@pytest.mark.parametrize(
    ("name", "variant", "agrees"),
    [
        ("sequencer2d_s", "as it comes", "fvcore without LSTM"),
        ("repvgg_a0", "reparameterised", "equal"),
        ("vit_dwee_patch16_reg1_gap_256", "attention written out", "equal"),
        ("densenet121", "as it comes", "fvcore"),
    ],
)  # fmt: skip
def test_one_of_timms_figures_is_explained(name, variant, agrees):
    row = measure.measure("timm", name)["published"][0]
    assert (row["variant"], row["gmacs_agree"], row["parameters_agree"]) == (
        variant, agrees, "equal",
    )  # fmt: skip


def test_torchvisions_networks_are_made_as_their_weights_need_them():
    found = measure.measure("torchvision", "googlenet")
    (row,) = found["published"]
    assert found["parameters"] > row["parameters"] == row["printed_parameters"], "two heads less"
    assert row["gmacs_agree"] == "equal"


def test_a_change_of_a_network_is_seen():
    module = networks.network("torchvision", "resnet18").module
    before = counting.state(module)
    assert counting.changes(before, counting.state(module)) == ""
    module.layer1[0].conv1.register_forward_hook(print)
    module.layer2[0].bn1.train()
    module.fc.weight.requires_grad_(False)
    module.note = "kept"
    assert counting.changes(before, counting.state(module)) == (
        "the network; layer1.0.conv1; layer2.0.bn1; fc"
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return sweep.models()


def same_versions() -> None:
    kept = sweep.origin()["packages"]
    here = {name: metadata.version(name) for name in tables.LIBRARIES}
    if any(kept[name] != version for name, version in here.items()):
        there = {name: kept[name] for name in here}
        pytest.skip(f"the table is of {there}, installed are {here}; remake it: {sweep.REMAKE}")


def test_every_network_of_the_installed_versions_is_in_the_table(table):
    same_versions()
    for library in networks.LIBRARIES:
        kept = table.name[table.library == library]
        assert set(kept) == set(networks.names(library)), f"remake it: {sweep.REMAKE}"
        assert kept.is_unique


def test_every_network_is_counted_or_has_a_reason(table):
    assert ((table.macs > 0).fillna(False) | (table.error != "")).all()
    assert (table.macs.isna() == (table.error != "")).all()


def test_parameters_are_pytorchs_and_those_of_the_layers_add_up_to_them(table):
    counted = table[table.error == ""]
    assert (counted.parameters == counted.parameters_torch).all()
    assert (counted.parameters_read + counted.parameters_unused == counted.parameters).all()


def test_counting_leaves_every_network_as_it_was(table):
    assert not table.changed.any()


def test_macs_are_those_of_pytorchs_counter_or_the_row_says_where_they_differ(table):
    compared = table[table.macs_torch.notna()]
    assert len(compared) > 0.99 * len(table)
    differ = compared.macs != compared.macs_torch
    assert (differ == (compared.difference != "")).all()
    assert (table.trouble_torch[table.macs_torch.isna() & (table.error == "")] != "").all()


def test_every_published_figure_is_compared(table):
    kept = sweep.published_figures()
    printed = pd.read_csv(paths.data(TIMM))
    assert not kept.error.any()
    assert (kept.library == "timm").sum() == printed.model.isin(set(table.name)).sum()
    assert set(kept.name[kept.library == "torchvision"]) == set(
        table.name[table.library == "torchvision"]
    )


def test_torchvisions_figures_are_ours_to_the_last_digit():
    kept = sweep.published_figures()
    kept = kept[kept.library == "torchvision"]
    assert kept.gmacs_agree.str.startswith("equal").all()
    assert (kept.parameters_agree == "equal").all()


def test_timms_figures_are_explained_but_for_a_network_that_has_changed():
    same_versions()
    kept = sweep.published_figures()
    timm = kept[kept.library == "timm"]
    other = timm.gmacs_agree.isin([published.DIFFERS, published.OTHER])
    assert set(timm.name[other]) == {"ecaresnext50t_32x4d"}
    products = timm.name[timm.activations_agree == published.DIFFERS]
    assert products.str.contains("_rope_mixed_").all()  # timm multiplies where it had a product


def test_a_random_sample_of_the_table_is_what_is_counted_now(table):
    same_versions()
    quick = table[(table.seconds < 1) & (table.device == "meta")]
    columns = ["input", "macs", "parameters", "activations", "memory_access", "peak_activations",
               "uncounted"]  # fmt: skip
    for row in quick.sample(10, random_state=random.randrange(2**32)).itertuples():
        counted = counting.ours(networks.network(row.library, row.name))
        now = measure._ours(counted, "")
        kept = {name: getattr(row, name) for name in columns}
        assert {name: now[name] for name in columns} == kept, f"{row.name}: {sweep.REMAKE}"
