"""Networks of timm, by its names."""

from __future__ import annotations

import re
import warnings
from functools import partial

from torch import nn

from lwsurvey.models.errors import NetworkError
from lwsurvey.models.sources.building import NAMED, Side, widened
from lwsurvey.models.sources.building import build as construct

with warnings.catch_warnings():
    # timm's import of tqdm asks for notebook widgets, which the book does not use.
    warnings.filterwarnings("ignore", message="IProgress not found")
    import timm
    from timm.models import get_deprecated_models, get_pretrained_cfg

WIDTHS = ("channel_multiplier", "width_mult")


def names() -> list[str]:
    """All of timm's networks, without the tags of their weights."""
    return timm.list_models()


def has(name: str) -> bool:
    """Whether timm has a network of this name; tags and former names are known too."""
    return timm.is_model(name) and current(name) is not None


def current(name: str) -> str | None:
    """The present name of a network that was renamed; None if it was removed."""
    return get_deprecated_models().get(name, name)


def build(
    name: str, device: str = "meta", size: Side | None = None, width: float | None = None
) -> nn.Module:
    """A network without weights, in evaluation mode.

    Args:
        name: one of `names`, or with a tag such as ``resnet50.a1_in1k``.
        device: see `building.build`.
        size: rows and columns of its images, for networks that are built for one size.
        width: multiplier of the channels.

    Raises:
        NetworkError: it has no width multiplier, no such tag, or cannot be built so.
    """
    who, config = f"timm:{name}", _config(name)
    options = {"img_size": size} if size and config and config.fixed_input_size else {}
    make = partial(timm.create_model, current(name), **options)
    if width is None:
        return construct(who, make, device).eval()
    return construct(who, lambda: widened(who, make, WIDTHS, width, _others(name)), device).eval()


def inputs(name: str, size: Side | None = None, batch: int = 1) -> tuple[int, ...]:
    """The shape of the images that a network expects; without ``size``, of its configuration."""
    config = _config(name)
    channels, rows, columns = config.input_size if config else (3, 224, 224)
    rows, columns = size or (rows, columns)
    return (batch, channels, rows, columns)


def _config(name: str):
    try:
        return get_pretrained_cfg(current(name))
    except RuntimeError as error:  # an unknown tag
        raise NetworkError(f"timm:{name}: {error}") from None


def _others(name: str) -> str:
    """Names that differ in their last number: how timm names most widths."""
    stem = re.sub(r"\d+(?=\D*$)", r"\\d+", re.escape(name.split(".")[0]))
    same = [other for other in names() if re.fullmatch(stem, other) and other != name]
    return f"networks of like names: {', '.join(same)}; {NAMED}" if same else NAMED
