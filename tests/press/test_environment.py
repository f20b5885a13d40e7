"""The three files that describe the environment agree, and the wings stay apart."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())
PRESS = {"press", "cli", "__main__"}


def pins() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.M):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def requirements() -> list[str]:
    extras = PROJECT["optional-dependencies"]
    locked = (r for name, extra in extras.items() if name != "benchmark" for r in extra)
    return [*PROJECT["dependencies"], *locked]


@pytest.mark.parametrize("text", requirements())
def test_the_lock_satisfies_every_requirement(text):
    requirement = Requirement(text)
    versions = pins().get(canonicalize_name(requirement.name))
    assert versions, f"{requirement.name} is not in requirements.lock"
    assert all(requirement.specifier.contains(v, prereleases=True) for v in versions)


def test_every_pin_has_a_hash_and_the_lock_names_no_address():
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.M)[1:]
    assert len(entries) >= len(requirements())
    assert all("--hash=sha256:" in entry for entry in entries)
    assert "://" not in LOCK


def test_conda_users_get_the_same_pins_and_the_same_python():
    python, pip = CONDA["dependencies"][0], CONDA["dependencies"][-1]["pip"]
    assert python == "python" + PROJECT["requires-python"]
    assert pip == ["-r requirements.lock"]


def laboratory() -> list[Path]:
    package = ROOT / "lwsurvey"
    files = (path for path in package.rglob("*.py"))
    return [p for p in files if p.relative_to(package).parts[0].removesuffix(".py") not in PRESS]


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", laboratory(), ids=lambda p: str(p.relative_to(ROOT)))
def test_the_laboratory_never_imports_the_press(path):
    wrong = [n for n in imported(path) if re.match(r"lwsurvey\.(press|cli)\b", n)]
    assert not wrong
