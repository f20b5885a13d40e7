"""What several test files share."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from lwsurvey import paths
from lwsurvey.press.site import build as site

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), ""
)
OPTIONS = (
    "--no-sandbox", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-default-apps", "--no-first-run",
)  # fmt: skip
# Files with the longest tests: if they began last, one worker would wait for the other.
FIRST = (
    "test_exercises.py", "test_notebooks.py", "test_site_browser.py", "test_grading.py",
    "test_pretend_gpu.py", "test_parallel.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest."""
    places = {name: i for i, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(FIRST)))


@pytest.fixture(scope="session")
def built(worker_id) -> Path:
    """The folder of the published site, built if it is not current and nothing runs beside."""
    if not site.current():
        if worker_id != "master":
            pytest.fail("the site is not current, and chapters must run alone; run: make book")
        command = [sys.executable, "-m", "lwsurvey", "build"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=paths.root())
        assert done.returncode == 0, f"lwsurvey build failed:\n{done.stdout}\n{done.stderr}"
    return site.site_folder()


@pytest.fixture(scope="session")
def address(built):
    """The site over HTTP."""
    with site.server(built, 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Chromium, without which these tests cannot be made."""
    if not CHROMIUM:
        message = "NO CHROMIUM ON THIS MACHINE: the site is not tested; apt-get install chromium"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        yield running
        running.close()


@pytest.fixture(scope="session")
def course(tmp_path_factory) -> Path:
    """A course of two chapters without submissions; tests that change it copy it."""
    from lwsurvey.press.course.assign.assignment import assign

    made = tmp_path_factory.mktemp("courses") / "course"
    assign(["conv-cost", "mnasnet-reward"], made)
    return made
