"""The README's commands exist and are run: here, or by CI."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.S)
COMMANDS = [line.split("#")[0].strip() for block in BLOCKS for line in block.splitlines()]
CI = (ROOT / ".ci" / "run").read_text()
# test_site.py starts the server of `make serve`; a notebook server is not started by a test.
ELSEWHERE = {"make serve", ".venv/bin/jupyter lab notebooks/"}


def test_there_are_commands():
    assert {"make book", "make test"} <= set(COMMANDS)
    assert len(README.split()) < 700


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c])
def test_a_command_of_the_readme_works(command):
    if command in ELSEWHERE:
        return
    if command.startswith("make "):
        assert f"step {command}\n" in CI
        return
    result = subprocess.run(command, shell=True, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_the_files_it_names_exist(target):
    assert (ROOT / target).exists()
