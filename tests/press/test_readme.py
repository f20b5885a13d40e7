"""The README's commands exist and are run: here, or by CI."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
CI = (ROOT / ".ci" / "run").read_text()
SERVE = "make serve"
NOTEBOOKS = ".venv/bin/jupyter lab notebooks/"
NEW = ".venv/bin/lwsurvey new densenet"
"""It writes into the checkout; `test_mould.py` runs it in a copy."""


def test_there_are_commands():
    assert {"make book", "make test", SERVE, NOTEBOOKS, NEW} <= set(COMMANDS)
    assert len(README.split()) < 700


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c and c not in (SERVE, NOTEBOOKS, NEW)])
def test_a_command_of_the_readme_works(command):
    if command.startswith("make "):
        assert f"step {command}\n" in CI
        return
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
def test_the_python_of_the_readme_works():
    code = "\n".join(re.findall(r"```python\n(.*?)```", README, re.S))
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "rounds in" in result.stdout


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen]:
    """A server, ended afterwards with everything that it started."""
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=30)


def fetch(address: str, patience: float = 30) -> bytes:
    """A page of a server that may have told its address before it listens."""
    end = time.monotonic() + patience
    while True:
        try:
            return urllib.request.urlopen(address, timeout=patience).read()
        except urllib.error.URLError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


def told(process: subprocess.Popen) -> str:
    """The address that a server prints, among whatever else it prints."""
    found = (re.search(r"http://127\S+", line) for line in process.stdout)
    return next(filter(None, found)).group()


@pytest.mark.slow
def test_make_serve_serves_the_book(built):
    with running(*SERVE.split(), "PORT=0") as process:
        assert b"Lightweight Networks, Reproduced" in fetch(told(process))


@pytest.mark.slow
def test_a_notebook_server_starts_on_the_chapters():
    with running(*shlex.split(NOTEBOOKS), "--no-browser", "--allow-root", "--port=0") as process:
        assert b"conv-cost.ipynb" in fetch(told(process).replace("/lab", "/api/contents"))


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_the_files_it_names_exist(target):
    assert (ROOT / target).exists()
