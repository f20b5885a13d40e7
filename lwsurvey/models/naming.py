"""Which network a name means, among those of torchvision, timm, this package and the user."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType

from lwsurvey.models.errors import NetworkError, near

LIBRARIES = ("torchvision", "timm", "lwsurvey")


@dataclass(frozen=True)
class Named:
    """A network that exists, not built yet.

    Attributes:
        library: ``torchvision``, ``timm``, ``lwsurvey``, or nothing for a path.
        name: within the library, or ``package.module:callable``.
    """

    library: str
    name: str

    def __str__(self) -> str:
        return f"{self.library}:{self.name}" if self.library else self.name

    @property
    def source(self) -> ModuleType:
        """The module that builds it, one of `lwsurvey.models.sources`."""
        return source(self.library)

    def others(self) -> list[str]:
        """Full names of networks in other libraries that have the same name."""
        if not self.library:
            return []
        rest = [library for library in LIBRARIES if library != self.library]
        return [f"{library}:{self.name}" for library in rest if self.name in _names(library)]


def resolve(name: str) -> Named:
    """Find a network by name; a bare name is looked for in the order of `LIBRARIES`.

    Raises:
        NetworkError: there is none; the message lists near names.
    """
    if not isinstance(name, str) or not name.strip():
        raise NetworkError(f"expected the name of a network, got {name!r}")
    library, colon, rest = name.partition(":")
    if colon and library not in LIBRARIES:
        return Named("", name)
    libraries, wanted = ((library,), rest) if colon else (LIBRARIES, name)
    for library in libraries:
        if source(library).has(wanted):
            return Named(library, wanted)
    raise unknown(wanted, libraries)


def unknown(name: str, libraries: tuple[str, ...]) -> NetworkError:
    """The error for a name that none of the libraries has, with the nearest that they have."""
    found = {library: ", ".join(near(name, source(library).names())) for library in libraries}
    if len(libraries) == 1:
        no, likely = f"{libraries[0]} has no", found[libraries[0]]
    else:
        no = f"neither {', '.join(libraries[:-1])} nor {libraries[-1]} has a"
        likely = "; ".join(f"{library}: {names}" for library, names in found.items() if names)
    how = "none; list_models() of torchvision.models and of timm name them all"
    return NetworkError(f"{no} network {name!r}; near: {likely or how}")


def source(library: str) -> ModuleType:
    """The module that builds the networks of a library; it is imported when asked for."""
    if library == "torchvision":
        from lwsurvey.models.sources import of_torchvision as found
    elif library == "timm":
        from lwsurvey.models.sources import of_timm as found
    elif library == "lwsurvey":
        from lwsurvey.models.sources import of_lwsurvey as found
    else:
        from lwsurvey.models.sources import of_user as found
    return found


def _names(library: str) -> set[str]:
    return registered() if library == "timm" else set(source(library).names())


@cache
def registered() -> set[str]:
    """Names of timm's networks, read from its source, which is quicker than importing it."""
    timm = importlib.util.find_spec("timm")
    folder = Path(timm.origin).parent / "models" if timm else Path("none")
    pattern = re.compile(r"^@register_model\s+def (\w+)\(", re.M)
    texts = (file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    return {name for text in texts for name in pattern.findall(text)}
