"""What several test files share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lwsurvey import paths
from lwsurvey.press import site


@pytest.fixture(scope="session")
def built() -> Path:
    """The folder of the published site, built if it is not current."""
    if not site.current():
        command = [sys.executable, "-m", "lwsurvey", "build"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=paths.root())
        assert done.returncode == 0, f"lwsurvey build failed:\n{done.stdout}\n{done.stderr}"
    return site.site_folder()
