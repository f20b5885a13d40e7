"""Fashion-MNIST: what is loaded, where it is looked for, and what a damaged file says."""

from __future__ import annotations

import gzip
import hashlib
import shutil

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks import fashion_mnist_subset
from lwsurvey import data
from lwsurvey.data import fashion, files
from lwsurvey.data.images import Images


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A copy of the subset's folder, which the package takes for its own."""
    folder = tmp_path / "fashion-mnist"
    shutil.copytree(files.subset(), folder)
    monkeypatch.setattr(files, "subset", lambda: folder)
    return folder


@pytest.fixture
def small_full(tmp_path, monkeypatch):
    """The subset's files in another folder, taken for the full set."""
    folder = tmp_path / "full"
    shutil.copytree(files.subset(), folder)
    sums = {n: hashlib.sha256(gzip.decompress((folder / n).read_bytes())).hexdigest()
            for n in files.NAMES}  # fmt: skip
    monkeypatch.setattr(files, "CONTENTS", sums)
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setattr(files, "DEBIAN", tmp_path / "none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def test_the_subset_is_balanced_and_normalised_and_loaded_once():
    split = data.fashion_mnist()
    assert split is data.fashion_mnist()
    for part, each in ((split.train, 900), (split.validation, 100), (split.test, 1000)):
        assert part.x.shape == (10 * each, 1, 28, 28) and part.x.dtype == torch.float32
        assert part.y.dtype == torch.int64 and part.y.bincount().tolist() == [each] * 10
        assert len(part) == 10 * each and part.classes == len(data.CLASSES) == 10
    pixels = split.train.x.double() * data.STD + data.MEAN
    assert pixels.min() == pytest.approx(0, abs=1e-6) and pixels.max() == pytest.approx(1)
    assert float(pixels.mean()) == pytest.approx(data.MEAN, abs=5e-5)
    assert float(pixels.std()) == pytest.approx(data.STD, abs=5e-5)


def test_no_validation_image_is_trained_on_and_none_is_lost():
    split = data.fashion_mnist()
    both = torch.cat([split.train.x, split.validation.x])
    raw = files.parse_idx(files.read_subset(files.subset(), files.NAMES[0]))
    kept = ((both * data.STD + data.MEAN) * 255).round().to(torch.uint8).numpy()
    ordered = [np.sort(a.reshape(len(a), -1).view("V784").ravel()) for a in (kept, raw)]
    assert (ordered[0] == ordered[1]).all()


def test_a_smaller_split_stays_balanced():
    split = data.fashion_mnist().take(100, 50)
    assert split.train.y.bincount().tolist() == [10] * 10
    assert split.test.y.bincount().tolist() == split.validation.y.bincount().tolist() == [5] * 10
    fewer = data.fashion_mnist().take(100, 50, 20)
    assert (len(fewer.validation), len(fewer.test)) == (20, 50)
    with pytest.raises(ValueError, match="multiple of 10 classes and at most 1000"):
        data.fashion_mnist().validation.take(1010)
    with pytest.raises(ValueError, match="cannot take 15"):
        split.train.take(15)
    assert len(Images(split.train.x, split.train.y).to("cpu")) == 100


def test_the_subset_can_be_written_again_byte_for_byte(tmp_path, small_full):
    out = tmp_path / "again"
    arguments = ["--source", str(small_full), "--out", str(out)]
    done = CliRunner().invoke(fashion_mnist_subset.main, arguments)
    assert done.exit_code == 0, done.output
    for name in (*files.NAMES, files.SUMS):
        assert (out / name).read_bytes() == (files.subset() / name).read_bytes()


@pytest.mark.skipif(not files.DEBIAN.is_dir(), reason="needs Debian's dataset-fashion-mnist")
def test_the_subset_is_the_first_of_the_full_set():
    for part, n in fashion_mnist_subset.PER_CLASS.items():
        names = files.names(part)
        images, labels = (files.parse_idx(files.read_full(files.DEBIAN, m)) for m in names)
        chosen = fashion_mnist_subset.first_of_each(labels, n)
        for name, array in zip(names, (images, labels), strict=True):
            ours = files.parse_idx(files.read_subset(files.subset(), name))
            assert (array[chosen] == ours).all()


def test_first_of_each_class():
    labels = np.array([1, 0, 1, 1, 0, 0], dtype=np.uint8)
    assert fashion_mnist_subset.first_of_each(labels, 2).tolist() == [0, 1, 2, 4]
    with pytest.raises(ValueError, match="fewer than 4 images in class 0, 1"):
        fashion_mnist_subset.first_of_each(labels, 4)


@pytest.mark.parametrize("name", files.NAMES)
def test_a_damaged_or_missing_file_is_named_with_what_to_do(copy, name):
    file = copy / name
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(data.DataError, match=f"{name} is damaged.*git checkout -- data/"):
        data.fashion_mnist()
    file.unlink()
    with pytest.raises(data.DataError, match=f"{name} is missing.*git checkout -- data/"):
        data.fashion_mnist()


def test_damaged_checksums_are_named(copy):
    (copy / files.SUMS).write_text("nonsense\n")
    with pytest.raises(data.DataError, match="expected was one in SHA256SUMS"):
        data.fashion_mnist()
    (copy / files.SUMS).unlink()
    with pytest.raises(data.DataError, match="SHA256SUMS is missing"):
        data.fashion_mnist()


def test_the_full_set_is_found_where_it_may_lie(small_full, tmp_path, monkeypatch):
    with pytest.raises(data.DataError, match=r"(?s)not in .*dataset-fashion-mnist.*download=True"):
        data.fashion_mnist(full=True)
    assert len(data.fashion_mnist(full=True, folder=small_full).train) == 9000
    monkeypatch.setenv(files.VARIABLE, str(small_full))
    assert len(data.fashion_mnist(full=True).test) == 10_000
    monkeypatch.setenv(files.VARIABLE, str(tmp_path / "mistyped"))
    with pytest.raises(data.DataError, match="mistyped"):
        data.fashion_mnist(full=True)
    monkeypatch.delenv(files.VARIABLE)
    shutil.copytree(small_full, files.download_folder() / files.TORCHVISION)
    assert files.full() == files.download_folder() / files.TORCHVISION
    monkeypatch.setattr(files, "DEBIAN", small_full)
    assert files.full() == small_full


def test_a_portion_is_of_the_subset_unless_it_is_too_small(small_full, monkeypatch):
    asked = []
    monkeypatch.setattr(files, "full", lambda *how: asked.append(how) or small_full)
    fashion_mnist_subset = data.fashion_mnist()
    part = data.portion(900, 200, 100)
    assert [len(p) for p in (part.train, part.validation, part.test)] == [900, 100, 200]
    assert torch.equal(part.train.x, fashion_mnist_subset.take(900, 200, 100).train.x)
    assert len(data.portion(9000, 1000).validation) == 1000 and asked == []
    for sizes in ((9010, 10), (10, 10_010, 10), (10, 10, 1010)):
        with pytest.raises(ValueError, match="cannot take"):  # this one is no larger
            data.portion(*sizes)
    assert asked == [(None, True)] * 3


def test_a_full_set_that_is_damaged_says_how_to_get_it(small_full):
    file = small_full / files.NAMES[1]
    whole = file.read_bytes()
    for content in (whole[:-200], b"<html>not found</html>", gzip.compress(b"other")):
        file.write_bytes(content)
        with pytest.raises(data.DataError, match=r"labels.* is damaged.*Three ways"):
            data.fashion_mnist(full=True, folder=small_full)
    file.unlink()
    with pytest.raises(data.DataError, match=r"labels.* is missing.*Three ways"):
        data.fashion_mnist(full=True, folder=small_full)


def test_a_download_that_fails_says_what_else_there_is(small_full, monkeypatch):
    import torchvision

    def offline(*_arguments, **_options):
        raise RuntimeError("no network")

    monkeypatch.setattr(torchvision.datasets, "FashionMNIST", offline)
    shutil.copytree(small_full, files.download_folder())
    assert files.full(download=True) == files.download_folder()
    (files.download_folder() / files.NAMES[2]).unlink()  # an incomplete one is fetched again
    with pytest.raises(data.DataError, match=r"fetched: no network.*Three ways"):
        data.fashion_mnist(full=True, download=True)


def test_folder_and_download_are_for_the_full_set():
    for options in ({"folder": "x"}, {"download": True}):
        with pytest.raises(ValueError, match="full=True"):
            data.fashion_mnist(**options)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "no IDX"),
        (b"\0\0\x0d\1\0\0\0\1x", "no IDX"),
        (b"\0\0\x08\3\0\0\0\1", "within its header"),
        (b"\0\0\x08\1\0\0\0\2x", "holds 1 bytes"),
    ],
)
def test_what_is_no_idx_is_refused(raw, message):
    with pytest.raises(ValueError, match=message):
        files.parse_idx(raw)


def test_idx_round_trip(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    fashion_mnist_subset.write_idx(tmp_path / "x.gz", array)
    assert (files.parse_idx(gzip.decompress((tmp_path / "x.gz").read_bytes())) == array).all()


def test_validation_is_the_last_tenth_of_each_class():
    labels = np.array([0] * 10 + [1] * 20, dtype=np.uint8)
    assert np.flatnonzero(fashion._last_of_each(labels)).tolist() == [9, 28, 29]
