"""The files of Fashion-MNIST: where they lie, whether they are whole, and the arrays in them."""

from __future__ import annotations

import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwsurvey import paths

PARTS = ("train", "t10k")
SUBSET, SUMS = "fashion-mnist", "SHA256SUMS"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
VARIABLE = "LWSURVEY_DATA"
TORCHVISION = Path("FashionMNIST") / "raw"

CONTENTS = {
    "train-images-idx3-ubyte.gz":
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz":
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz":
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz":
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}  # fmt: skip
"""SHA-256 of what the files of the full set hold, unpacked: Debian packs them again, so that
sums of the packed files, such as torchvision's, differ."""

NAMES = tuple(CONTENTS)

UNSIGNED_BYTES = bytes([0, 0, 0x08])
"""How a file of IDX begins, the format of the MNIST family: a header, then bytes."""


class DataError(RuntimeError):
    """Files that are missing or damaged; the message names them and says what to do."""


def names(part: str) -> tuple[str, str]:
    """Names of the images and the labels of ``train`` or ``t10k``."""
    return f"{part}-images-idx3-ubyte.gz", f"{part}-labels-idx1-ubyte.gz"


def subset() -> Path:
    """The folder of the repository's subset."""
    return paths.root() / "data" / SUBSET


def full(folder: Path | None = None, download: bool = False) -> Path:
    """The folder of the full set.

    Looks into ``folder``, or, if that is not given, into the one that ``LWSURVEY_DATA``
    names, or, if that is not set, where Debian's package and `download_folder` have it. In
    each of them the files may also lie in ``FashionMNIST/raw``, as torchvision puts them.

    Args:
        folder: where they are.
        download: fetch them through torchvision if they are nowhere.

    Raises:
        DataError: they are nowhere, or cannot be fetched.
    """
    places = list(_places(folder))
    # With one of four in place, a download helps; without, the missing one is named later.
    enough = all if download else any
    for place in places:
        if enough((place / name).exists() for name in NAMES):
            return place
    if download:
        return _download()
    looked = ", ".join(str(place) for place in places)
    raise DataError(f"the full Fashion-MNIST is not in {looked}. {_ways()}")


def read_subset(folder: Path, name: str) -> bytes:
    """What a file of the subset holds.

    Raises:
        DataError: it, or the list of checksums, is missing or damaged.
    """
    advice = f"restore it with: git checkout -- data/{SUBSET}"
    lines = _bytes(folder / SUMS, advice).decode("utf-8", "replace").splitlines()
    expected = {words[1]: words[0] for line in lines if len(words := line.split()) == 2}
    packed = _bytes(folder / name, advice)
    _compare(folder / name, packed, expected.get(name, ""), advice)
    return _unpack(folder / name, packed, advice)


def read_full(folder: Path, name: str) -> bytes:
    """What a file of the full set holds.

    Raises:
        DataError: it is missing or damaged.
    """
    packed = _bytes(folder / name, f"fetch the files again. {_ways()}")
    # A download takes a file that is there for a good one.
    advice = f"delete it and fetch the files again. {_ways()}"
    raw = _unpack(folder / name, packed, advice)
    _compare(folder / name, raw, CONTENTS[name], advice)
    return raw


def parse_idx(raw: bytes) -> NDArray[np.uint8]:
    """The array of an unpacked IDX file of unsigned bytes.

    Raises:
        ValueError: it is no such file, or its length is not what its header says.
    """
    if len(raw) < 4 or raw[:3] != UNSIGNED_BYTES:
        raise ValueError("this is no IDX file of unsigned bytes")
    start = 4 + 4 * raw[3]
    if len(raw) < start:
        raise ValueError("the IDX file ends within its header")
    shape = struct.unpack(f">{raw[3]}I", raw[4:start])
    if len(raw) - start != math.prod(shape):
        raise ValueError(f"the IDX file holds {len(raw) - start} bytes, its header says {shape}")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def download_folder() -> Path:
    """Where a download goes: ``lwsurvey`` in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "lwsurvey"


def _places(folder: Path | None) -> Iterator[Path]:
    given = folder or os.environ.get(VARIABLE)
    # Who names a folder means that one: another copy elsewhere would hide a mistyped name.
    for place in [Path(given)] if given else [DEBIAN, download_folder()]:
        yield from (place, place / TORCHVISION)


def _ways() -> str:
    return (
        "Three ways to get it: install Debian's package dataset-fashion-mnist; "
        "call data.fashion_mnist(full=True, download=True) while online; "
        f"or put {', '.join(NAMES)} into a folder and name it as folder=... or in the "
        f"environment variable {VARIABLE}"
    )


def _bytes(path: Path, advice: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing; {advice}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); {advice}") from error


def _unpack(path: Path, packed: bytes, advice: str) -> bytes:
    try:
        return gzip.decompress(packed)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: it cannot be unpacked ({error}); {advice}") from error


def _compare(path: Path, content: bytes, expected: str, advice: str) -> None:
    if (found := hashlib.sha256(content).hexdigest()) != expected:
        raise DataError(
            f"{path} is damaged: its SHA-256 sum begins with {found[:8]}, expected was "
            f"{expected[:8] or 'one in ' + SUMS}; {advice}"
        )


def _download() -> Path:
    from torchvision.datasets import FashionMNIST

    try:
        FashionMNIST(download_folder(), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(f"Fashion-MNIST could not be fetched: {error}. {_ways()}") from error
    return download_folder() / TORCHVISION
