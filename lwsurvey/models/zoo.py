"""Reference networks of timm and torchvision, without weights, for counting."""

from __future__ import annotations

import difflib
import warnings

import torch
import torchvision
from torch import nn

with warnings.catch_warnings():
    # timm's import of tqdm asks for notebook widgets, which the book does not use.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import timm


def from_timm(name: str, **options: object) -> nn.Module:
    """A timm network on the ``meta`` device, in evaluation mode.

    Raises:
        ValueError: timm has no network of that name; the message lists near ones.
    """
    if name not in timm.list_models():
        raise _unknown("timm", name, timm.list_models())
    with torch.device("meta"):
        return timm.create_model(name, **options).eval()


def from_torchvision(name: str, **options: object) -> nn.Module:
    """A torchvision network on the ``meta`` device, in evaluation mode.

    Raises:
        ValueError: torchvision has no network of that name; the message lists near ones.
    """
    if name not in torchvision.models.list_models():
        raise _unknown("torchvision", name, torchvision.models.list_models())
    with torch.device("meta"):
        return torchvision.models.get_model(name, **options).eval()


def _unknown(library: str, name: str, names: list[str]) -> ValueError:
    near = ", ".join(difflib.get_close_matches(name, names, n=3)) or "see its list_models()"
    return ValueError(f"{library} has no network {name!r}; near: {near}")
