"""Files written in one step, and records that survive a process killed at any moment."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from lwsurvey import store
from lwsurvey.store import Records, StoreError

ENDLESS = """
import sys
from lwsurvey.store import Records
records = Records(sys.argv[1])
for i in range(10**6):
    records.put(f"n-{i % 7}", [i] * 20000)
    print(i, flush=True)
"""


def test_a_file_is_replaced_whole_and_nothing_is_left_over(tmp_path):
    path = tmp_path / "file"
    assert store.write(path, "é\n") == path and path.read_bytes() == "é\n".encode()
    store.write(path, b"\0", sync=True)
    assert path.read_bytes() == b"\0" and os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_the_old_file_stays(tmp_path, monkeypatch, number):
    path = store.write(tmp_path / "file", "old")

    def full(_descriptor):
        raise OSError(number, "refused")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"the disk is full; .*file was not written") as error:
        store.write(path, "new", sync=True)
    assert error.value.errno == number
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        store.write(tmp_path / "none" / "file", "")


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.1])
def test_a_killed_process_leaves_whole_records(tmp_path, seconds):
    command = [sys.executable, "-c", ENDLESS, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(8):
            process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    records = Records(tmp_path)
    for i in range(7):
        found = records.get(f"n-{i}")
        assert len(found) == 20000 and len(set(found)) == 1 and found[0] % 7 == i


def test_records_are_kept_by_key_and_removed_by_pattern(tmp_path):
    records = Records(tmp_path / "new" / "folder")
    for key in ("a-1", "a-2", "b"):
        records.put(key, {"key": key, "π": [1, None, 0.1]})
    assert Records(records.folder).get("a-1") == {"key": "a-1", "π": [1, None, 0.1]}
    records.remove("a-*")
    assert records.get("a-1") is None and records.get("b")
    for key in ("", "../b", ".hidden", "a*", "a/b"):
        with pytest.raises(ValueError, match="is not a key"):
            records.put(key, 1)


def test_values_that_are_no_json_are_packed_by_the_caller(tmp_path):
    records = Records(tmp_path, {"n": 1}, pack=bytes, unpack=list)
    records.put("a", [1, 2])
    assert Records(tmp_path, {"n": 1}, pack=bytes, unpack=list).get("a") == [1, 2]


@pytest.mark.parametrize("damaged", [b"", b"{", b"\xff", b"0\n1", None])
def test_a_damaged_record_is_recognised(tmp_path, damaged):
    records = Records(tmp_path, error=RuntimeError)
    records.put("a", 12)
    path = records.path("a")
    path.write_bytes(path.read_bytes()[:-1] + b"3" if damaged is None else damaged)
    with pytest.raises(RuntimeError, match=r"a\.record is damaged; delete it"):
        records.get("a")


def test_a_folder_of_another_computation_is_refused(tmp_path):
    Records(tmp_path, {"seed": 0, "share": 0.5, "shape": (1, 2)}).put("a", 1)
    assert Records(tmp_path, {"seed": 0, "share": 0.5, "shape": (1, 2)}).get("a") == 1
    with pytest.raises(StoreError, match="a run that differs in seed, more, shape; give another"):
        Records(tmp_path, {"seed": 1, "share": 0.5, "more": 0})


def test_what_cannot_be_used_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"nothing can be kept in .*file"):
        Records(tmp_path / "file")
    records = Records(tmp_path)
    records.path("a").mkdir()
    with pytest.raises(StoreError, match=r"a\.record cannot be read"):
        records.get("a")
