"""What a run was computed on: in words for people, and as the name of a folder."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lwsurvey.press.sources.chapters import PUBLISHED

LONGEST = 60
# What makers put around the name of a processor.
PADDING = re.compile(
    r"\((?:r|tm|c)\)|®|™|©|\bwith radeon .*|@.*|\b\d+-core\b|\b(?:cpu|processor)\b", re.IGNORECASE
)


def accelerator(parameters: Mapping, provenance: Mapping) -> str:
    """Name of the GPU that a run computed on; empty if it computed on the processor.

    Args:
        parameters: of the run; a chapter that needs no GPU has no parameter ``device``.
        provenance: as `lwsurvey.provenance.provenance` gives it.
    """
    device = str(parameters.get("device", "cpu")).partition(":")[0]
    if device == "mps":
        return f"{processor(provenance)} GPU"
    return _words(provenance["gpu"] or "") if device != "cpu" else ""


def processor(provenance: Mapping) -> str:
    """Name of the processor without what its maker puts around it."""
    return _words(PADDING.sub(" ", provenance["processor"])) or "unknown processor"


def machine(parameters: Mapping, provenance: Mapping) -> str:
    """Such as ``NVIDIA H200``, or ``AMD EPYC 9B14, 2 cores``."""
    cores = provenance["cores"]
    on_processor = f"{processor(provenance)}, {cores} core{'' if cores == 1 else 's'}"
    return accelerator(parameters, provenance) or on_processor


def slug(preset: str, parameters: Mapping, provenance: Mapping) -> str:
    """Such as ``nvidia-h200``, ``amd-epyc-9b14-2-cores`` or ``amd-epyc-9b14-2-cores-gpu``.

    The last is a run with the preset ``gpu`` of a chapter that computes on the processor.
    """
    name = _plain(machine(parameters, provenance))
    if preset == PUBLISHED or accelerator(parameters, provenance):
        return name
    return f"{name}-{_plain(preset)}"


def _words(text: str) -> str:
    return " ".join(text.split())


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:LONGEST].rstrip("-") or "unknown"
