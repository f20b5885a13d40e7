"""The sandbox of a kernel: bubblewrap, with no network and nothing to see but Python."""

from __future__ import annotations

import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import lwsurvey
from lwsurvey import paths

HOME = Path("/home/student")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/sys/devices/system/cpu")
SYSTEM += tuple(f"/etc/{name}" for name in ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "fonts"))
SYSTEM += ("/etc/localtime", "/etc/alternatives")
ISOLATION = ("--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL")


class SandboxError(RuntimeError):
    """There is no sandbox on this machine; the message says why and what to do."""


def check() -> None:
    """Try the sandbox.

    Raises:
        SandboxError: bubblewrap is missing, or the machine does not let it work.
    """
    advice = "; --no-sandbox grades without one: only for submissions that you trust"
    if not shutil.which("bwrap"):
        raise SandboxError(
            "bubblewrap (bwrap) is not on this machine; on Debian and Ubuntu: "
            "apt-get install bubblewrap" + advice
        )
    with tempfile.TemporaryDirectory() as place:
        argv = command(["true"], folder=Path(place), runtime=Path(place), disk=1)
        tried = subprocess.run(argv, capture_output=True, text=True)
    if tried.returncode:
        raise SandboxError(f"bubblewrap does not work here ({tried.stderr.strip()}){advice}")


def command(argv: list[str], *, folder: Path, runtime: Path, disk: int) -> list[str]:
    """The command line that runs ``argv`` in the sandbox.

    Args:
        argv: what to run.
        folder: its files are shown read-only in the working directory, but no notebooks, since
            the one that is graded holds the hidden tests by now.
        runtime: folder of the kernel's sockets; the only one that both sides write.
        disk: MiB of files that it may write to its home, to /tmp and to /dev/shm, each.
    """
    size = ["--size", str(disk * 2**20), "--tmpfs"]
    made = ["bwrap", *ISOLATION, "--proc", "/proc", "--dev", "/dev"]
    made += [*size, "/tmp", *size, "/dev/shm", *size, str(HOME)]
    for path in _shown():
        made += ["--ro-bind", str(path), str(path)]
    for path in sorted(folder.iterdir()):
        if path.suffix != ".ipynb":
            made += ["--ro-bind", str(path), str(HOME / path.name)]
    made += ["--bind", str(runtime), str(runtime), "--remount-ro", "/"]
    return [*made, "--chdir", str(HOME), *argv]


def environment(home: Path) -> dict[str, str]:
    """The variables that the kernel gets: those that Python needs, and no other."""
    kept = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "NBGRADER_EXECUTION")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    # An editable installation would be found only behind the student's own files.
    packages = [str(Path(lwsurvey.__file__).resolve().parents[1]), os.environ.get("PYTHONPATH", "")]
    return found | {
        "PYTHONPATH": os.pathsep.join(filter(None, packages)),
        "HOME": str(home),
        "IPYTHONDIR": str(home / ".ipython"),
        "LWSURVEY_ROOT": str(paths.root()),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
    }


def shows(folder: Path) -> Path | None:
    """What the sandbox shows that holds a folder, or None."""
    folder = folder.resolve()
    return next((p for p in _shown() if folder.is_relative_to(p.resolve())), None)


def _shown() -> Iterator[Path]:
    """The system's programs, Python, its packages, this package and the book's data."""
    own = Path(lwsurvey.__file__).resolve().parent
    found = [*SYSTEM, sys.prefix, sys.base_prefix, *site.getsitepackages(), own]
    found.append(paths.root() / "data")
    seen: list[Path] = []
    for path in map(Path, found):
        if path.exists() and not any(path.is_relative_to(other) for other in seen):
            seen.append(path)
    yield from seen
