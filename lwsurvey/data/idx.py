"""Reading and writing of IDX, the format of the MNIST family: a header, then bytes."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

UNSIGNED_BYTES = bytes([0, 0, 0x08])


def parse(raw: bytes) -> NDArray[np.uint8]:
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


def write(path: Path, array: NDArray[np.uint8]) -> None:
    """Write a gzipped IDX file; equal arrays give equal files (no name and no time inside)."""
    header = UNSIGNED_BYTES + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape)
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(header + array.tobytes())
