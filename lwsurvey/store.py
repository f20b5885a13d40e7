"""Files written in one step, and records of finished work that survive a killed process."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

FULL = (errno.ENOSPC, errno.EDQUOT)
"""Numbers of the errors of a full disk, and of a full quota."""
INPUTS = "inputs"
"""Key under which `Records` keeps what its folder is for."""
KEY = re.compile(r"[\w+-][\w.+-]{0,199}", re.ASCII)


class StoreError(Exception):
    """Records that cannot be used; the message names the file and says what to do."""


def write(path: Path, content: str | bytes, *, sync: bool = False) -> Path:
    """Write a file in one step: there is the old one or the new one, never a part.

    Args:
        path: the file, in a folder that exists.
        content: all of it; text is encoded as UTF-8.
        sync: wait until the disk has it, so that it outlives a loss of power.

    Returns:
        The path.

    Raises:
        OSError: it cannot be written; the old file, if any, is as it was.
    """
    data = content.encode() if isinstance(content, str) else content
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with open(part, "wb") as file:
            file.write(data)
            if sync:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException as error:
        part.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL:
            raise OSError(error.errno, f"the disk is full; {path} was not written") from error
        raise
    return path


def _pack(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


class Records:
    """Finished parts of a long computation, so that it goes on where it was killed.

    A folder with one file for each record, by key. A record is there whole or not at all,
    whenever the process is killed; its first line is a checksum of the rest. Several processes
    may use a folder at a time.

    Args:
        folder: made if it is not there.
        inputs: all that the computation depends on, as JSON values; a folder that keeps records
            of another one is refused.
        error: what is raised in place of `StoreError`.
        pack, unpack: from a value to bytes and back; JSON by default.

    Raises:
        StoreError: the folder cannot be used, or is that of another computation.
    """

    def __init__(
        self, folder: str | Path, inputs: Mapping[str, object] | None = None, *,
        error: type[Exception] = StoreError, pack: Callable[[Any], bytes] = _pack,
        unpack: Callable[[bytes], Any] = json.loads,
    ) -> None:  # fmt: skip
        self.folder, self._error = Path(folder), error
        self._pack, self._unpack = pack, unpack
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as reason:
            raise error(f"nothing can be kept in {folder}: {reason}") from reason
        if inputs is not None:
            self._claim(json.loads(json.dumps(inputs)))

    def put(self, key: str, value: object) -> None:
        """Keep a value; an earlier one of the same key goes."""
        self._write(key, self._pack(value))

    def get(self, key: str) -> Any | None:
        """The value that is kept under a key; None if there is none.

        Raises:
            StoreError: the record is damaged, or cannot be read.
        """
        return self._read(key, self._unpack)

    def remove(self, pattern: str) -> None:
        """Forget the records whose keys match a pattern such as ``step-003-*``."""
        for file in self.folder.glob(f"{pattern}.record"):
            file.unlink(missing_ok=True)

    def path(self, key: str) -> Path:
        """The file of a record.

        Raises:
            ValueError: a key that is not a name of letters, digits and ``. _ + -``.
        """
        if not KEY.fullmatch(key):
            raise ValueError(f"{key!r} is not a key: use up to 200 letters, digits and . _ + -")
        return self.folder / f"{key}.record"

    def _write(self, key: str, body: bytes) -> None:
        write(self.path(key), hashlib.sha256(body).hexdigest().encode() + b"\n" + body)

    def _read(self, key: str, unpack: Callable[[bytes], Any]) -> Any | None:
        path = self.path(key)
        try:
            checksum, _, body = path.read_bytes().partition(b"\n")
        except FileNotFoundError:
            return None
        except OSError as reason:
            raise self._error(f"{path} cannot be read: {reason}") from reason
        if hashlib.sha256(body).hexdigest().encode() != checksum:
            raise self._error(f"{path} is damaged; delete it to make it again")
        return unpack(body)

    def _claim(self, inputs: dict[str, object]) -> None:
        there = self._read(INPUTS, json.loads)
        if there is None:
            self._write(INPUTS, _pack(inputs))
            return
        if names := [name for name in inputs | there if inputs.get(name) != there.get(name)]:
            raise self._error(
                f"{self.folder} keeps a run that differs in {', '.join(names)}; give another "
                "folder, or empty this one"
            )
