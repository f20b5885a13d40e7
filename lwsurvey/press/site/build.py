"""Builds the static site from the pages in ``book/`` and the executed notebooks; serves it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from lwsurvey import paths
from lwsurvey.press.results.notebooks import runs_folder
from lwsurvey.press.sources import plan
from lwsurvey.press.sources.chapters import PUBLISHED

if TYPE_CHECKING:
    from lwsurvey.claims.ledger import Ledger
    from lwsurvey.press.site.state import State

JUPYTER_BOOK = "from jupyter_book.cli.main import main; main()"
KEY_FILE = ".lwsurvey-site.json"
INPUTS = ("_config.yml", "requirements.lock", "pyproject.toml", "README.md", "LICENSE")
PACKAGE = Path(__file__).resolve().parents[2]
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
COMPLAINT = re.compile(r"\b(?:WARNING|ERROR|CRITICAL)\b|^\w*(?:Error|Exception)\b(?!: $)")
MOST_COMPLAINTS = 30


class SiteError(RuntimeError):
    """The site cannot be built; the message says why and what to do."""


def site_folder(preset: str = PUBLISHED) -> Path:
    """Where the site of a preset is; the published one has the plain name."""
    name = "html" if preset == PUBLISHED else f"html-{preset}"
    return paths.root() / "_build" / name


def build(preset: str = PUBLISHED) -> Path:
    """Build the site, unless the one that is there was made from the same things.

    Args:
        preset: whose runs are shown. Verdicts of ``cpu`` must agree with the ledger.

    Returns:
        The folder of the site.

    Raises:
        SiteError: a chapter has not been run, a verdict differs from the ledger, Sphinx warns
            of anything, or the result is not complete. The old site stays as it is then.
    """
    root, target = paths.root(), site_folder(preset)
    (root / "_build").mkdir(exist_ok=True)
    with _lock(root / "_build" / "site.lock"):
        try:
            chapters = _chapters(root, preset)
            key = content_key(root, preset, chapters)
            if _key_of(target) == key:
                return target
            _build(root, preset, chapters, key, target)
        except (ValueError, OSError) as error:
            raise SiteError(f"the site was not built: {error}") from error
    return target


def current(preset: str = PUBLISHED) -> bool:
    """Whether the site that is there was made from the pages and runs that are there."""
    root = paths.root()
    try:
        key = content_key(root, preset, _chapters(root, preset))
    except (plan.PlanError, SiteError):
        return False
    return _key_of(site_folder(preset)) == key


def content_key(root: Path, preset: str, chapters: list[str]) -> str:
    """Digest of everything that the site is made from."""
    runs = runs_folder(preset)
    files = [root / name for name in INPUTS if (root / name).exists()]
    for folder in (root / "book", root / "data", PACKAGE / "press" / "templates"):
        found = (path for path in folder.rglob("*") if path.is_file())
        files += [path for path in found if "__pycache__" not in path.parts]
    files += [
        folder / f"{slug}.ipynb" for slug in chapters for folder in (runs, root / "notebooks")
    ]
    code = PACKAGE.rglob("*.py")  # all of it, because the site shows it
    digest = hashlib.sha256(f"{sys.version_info[:2]} {preset}".encode())
    for path in [*sorted(files), *sorted(code)]:
        digest.update(f"\0{path.name}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _chapters(root: Path, preset: str) -> list[str]:
    chapters = plan.chapters(root / "book")
    if not chapters:
        raise SiteError("book/_toc.yml names no chapter")
    for slug in chapters:
        if not (root / "notebooks" / f"{slug}.ipynb").is_file():
            raise SiteError(
                f"book/_toc.yml names {slug}, "
                f"but there is neither book/{slug}.md nor notebooks/{slug}.ipynb"
            )
    if unlisted := plan.unlisted(root):
        raise SiteError(f"book/_toc.yml does not name {', '.join(unlisted)}")
    runs = runs_folder(preset)
    if missing := [slug for slug in chapters if not (runs / f"{slug}.ipynb").is_file()]:
        raise SiteError(
            f"not executed with preset {preset}: {', '.join(missing)}; "
            f"run: lwsurvey run {' '.join(missing)} --preset {preset}"
        )
    return chapters


def _build(root: Path, preset: str, chapters: list[str], key: str, target: Path) -> None:
    # Not at the top: these take seconds to load, and finding that nothing has changed does not.
    from lwsurvey.claims.ledger import Ledger
    from lwsurvey.press.site import state, verify

    ledger, runs = Ledger.read(root / "data" / "claims.csv"), runs_folder(preset)
    _compare(ledger, runs, preset, chapters)
    known = state.with_recorded(state.read(ledger, root / "book", runs, chapters))
    source, work = root / "_build" / "source", root / "_build" / "site.tmp"
    _stage(root, runs, chapters, source, known)
    shutil.rmtree(work, ignore_errors=True)
    _sphinx(root, source, work)
    site = work / "_build" / "html"
    if problems := verify.problems(site, source, ledger, chapters):
        raise SiteError("the site is not complete:\n  " + "\n  ".join(problems))
    (site / KEY_FILE).write_text(json.dumps({"preset": preset, "key": key}) + "\n")
    _swap(site, target)
    shutil.rmtree(work)


def _stage(root: Path, runs: Path, chapters: list[str], target: Path, known: State) -> None:
    """Put pages, executed notebooks and downloads into one folder; an old one is replaced."""
    import nbformat

    from lwsurvey.press.site import download, notebook, verdicts
    from lwsurvey.press.site.render import Renderer

    if target.exists():
        shutil.rmtree(target)
    shutil.copytree(root / "book", target, ignore=shutil.ignore_patterns(".*", "__pycache__"))
    downloads = target / "extra" / "notebooks"
    downloads.mkdir(parents=True)
    renderer = Renderer(known, target)
    for slug in chapters:
        executed = nbformat.read(runs / f"{slug}.ipynb", as_version=4)
        page = notebook.page(executed, slug, lambda claim: renderer.card(known.ledger[claim]))
        nbformat.write(page, target / f"{slug}.ipynb")
    download.offer(root, chapters, downloads)
    (target / "_static" / "verdicts.css").write_text(verdicts.stylesheet(), encoding="utf-8")


def _compare(ledger: Ledger, runs: Path, preset: str, chapters: list[str]) -> None:
    from lwsurvey.press.results import notebooks

    found = {r.id: r for slug in chapters for r in notebooks.read_records(runs / f"{slug}.ipynb")}
    if wrong := sorted({r.chapter for r in found.values() if r.preset != preset}):
        raise SiteError(f"{', '.join(wrong)}: executed with another preset than {preset}")
    if preset == PUBLISHED and (differing := notebooks.differences(ledger, found, chapters)):
        raise SiteError("run and ledger disagree:\n  " + "\n  ".join(differing))


def _sphinx(root: Path, source: Path, work: Path) -> None:
    command = [
        sys.executable, "-c", JUPYTER_BOOK, "build", str(source),
        "--config", str(root / "_config.yml"), "--path-output", str(work),
        "-W", "-n", "--keep-going", "-q",
    ]  # fmt: skip
    search = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": search, "LWSURVEY_ROOT": str(root)}
    result = subprocess.run(
        command, capture_output=True, text=True, env=environment, cwd=root, close_fds=False
    )
    if result.returncode == 0 and (work / "_build" / "html" / "index.html").exists():
        return
    raise SiteError("Sphinx is not content:\n  " + "\n  ".join(_complaints(result, source)))


def _complaints(result: subprocess.CompletedProcess, source: Path) -> list[str]:
    """The lines of Sphinx's output that say what is wrong, or its last ones."""
    text = COLOUR.sub("", f"{result.stdout}\n{result.stderr}").replace(f"{source}{os.sep}", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if full := [line for line in lines if os.strerror(errno.ENOSPC) in line]:
        return full[:1]
    told = dict.fromkeys(line for line in lines if COMPLAINT.search(line))
    return list(told)[:MOST_COMPLAINTS] or lines[-MOST_COMPLAINTS:] or ["it wrote no page"]


def _key_of(target: Path) -> str | None:
    try:
        return json.loads((target / KEY_FILE).read_text())["key"]
    except (OSError, ValueError, KeyError):
        return None  # no site, or one that something else has made


def _swap(site: Path, target: Path) -> None:
    """Move the new site into place; between the two renames there is none, never a part."""
    old = target.with_name(f"{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(site, target)
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        # Sphinx inherits it: after a kill the next build waits until Sphinx has ended.
        os.set_inheritable(file.fileno(), True)
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class Handler(SimpleHTTPRequestHandler):
    """Python's own server of files, which says nothing of requests that went well."""

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Errors are logged by `log_error`."""


def server(folder: Path, port: int) -> ThreadingHTTPServer:
    """A server of a folder on this machine only; port 0 takes any that is free.

    Raises:
        SiteError: the folder has no site, or the port is taken.
    """
    if not (folder / "index.html").is_file():
        raise SiteError(f"there is no site in {folder}; make it with: make book")
    try:
        return ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SiteError(f"cannot serve on port {port}: {error.strerror}") from error
        raise SiteError(f"port {port} is taken; choose another with --port") from error


def serve(port: int = 8000, preset: str = PUBLISHED) -> None:
    """Serve the built site until Ctrl-C.

    Raises:
        SiteError: the site is not built, or the port is taken.
    """
    with server(site_folder(preset), port) as running:
        print(f"http://127.0.0.1:{running.server_port}/ (Ctrl-C ends it)", flush=True)
        try:
            running.serve_forever()
        except KeyboardInterrupt:
            print()
