"""Networks of torchvision, timm and this package, by their names."""

from __future__ import annotations

import importlib.util
import inspect
import re
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from torch import nn

from lwsurvey.models.alexnet import AlexNet
from lwsurvey.models.espnet import ESPNet, ESPNetC
from lwsurvey.models.googlenet import GoogLeNet
from lwsurvey.models.mobilenet_v1 import MobileNetV1
from lwsurvey.models.mobilenet_v2 import MobileNetV2
from lwsurvey.models.mobilenet_v3 import MobileNetV3
from lwsurvey.models.shufflenet_v1 import ShuffleNetV1
from lwsurvey.models.shufflenet_v2 import ShuffleNetV2
from lwsurvey.models.sources.building import NAMED, NetworkError, Side, widen
from lwsurvey.models.sources.building import build as construct


@cache
def torchvision() -> ModuleType:
    """The library; its import takes seconds."""
    import torchvision

    return torchvision


@cache
def timm() -> ModuleType:
    """The library; its import takes seconds."""
    with warnings.catch_warnings():
        # timm's import of tqdm asks for notebook widgets, which the book does not use.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import timm

    return timm


class Library(ABC):
    """Where networks come from; nothing here ever downloads weights.

    Attributes:
        name: of the library, before the colon of a full name.
    """

    name: str

    @abstractmethod
    def names(self) -> Iterable[str]:
        """All networks of the library, without the tags of their weights."""

    def has(self, name: str) -> bool:
        """Whether the library has a network of this name."""
        return name in self.names()

    def lists(self, name: str) -> bool:
        """The same for the present names alone, without the import of a large library."""
        return self.has(name)

    def build(
        self, name: str, device: str = "meta", size: Side | None = None, width: float | None = None
    ) -> nn.Module:
        """A network without trained weights, in evaluation mode.

        Args:
            name: one that the library `has`.
            device: see `building.build`.
            size: rows and columns of its images, for networks that are built for one size.
            width: multiplier of the channels.

        Raises:
            NetworkError: it has no width multiplier, or not this one, or cannot be built so.
        """
        who, make = f"{self.name}:{name}", self._maker(name, size)
        if width is None:
            return construct(who, make, device).eval()
        knobs, others = self._widths(name)
        return construct(who, lambda: widen(who, make, knobs, width, others), device).eval()

    @abstractmethod
    def inputs(self, name: str, size: Side | None = None, batch: int = 1) -> tuple:
        """Shapes of the inputs that a network expects, as `lwsurvey.cost.profile` takes them.

        Without ``size`` those of its default weights' preprocessing, its configuration or its
        paper.
        """

    @abstractmethod
    def _maker(self, name: str, size: Side | None) -> Callable[..., nn.Module]:
        """The constructor, with the arguments that it needs."""

    @abstractmethod
    def _widths(self, name: str) -> tuple[Iterable[str], str]:
        """Names that a width multiplier may have, and networks to take if it has none."""


class Torchvision(Library):
    """Networks of torchvision.

    Videos have 16 frames; optical flow takes two images, detection a list of them.
    """

    name = "torchvision"
    FRAMES = 16  # of a video; with as many torchvision states the operations of its video networks
    FLOW = (512, 512)  # of two frames; at this size torchvision's stated operations come out
    WIDE = ("mobilenetv2", "mobilenetv3")

    def names(self) -> list[str]:
        return torchvision().models.list_models()

    def inputs(self, name: str, size: Side | None = None, batch: int = 1) -> tuple:
        rows, columns = size or self._size(name)
        family = self._family(name)
        if "video" in family:
            return (batch, 3, self.FRAMES, rows, columns)
        if "optical_flow" in family:
            return ((batch, 3, rows, columns),) * 2
        if "detection" in family:
            return ([(3, rows, columns)] * batch,)
        return (batch, 3, rows, columns)

    def _maker(self, name: str, size: Side | None) -> Callable[..., nn.Module]:
        """With arguments without which it downloads, warns, or is for another size."""
        options: dict[str, Any] = {}
        rows, columns = size or self._size(name)
        if (
            "weights_backbone"
            in inspect.signature(torchvision().models.get_model_builder(name)).parameters
        ):
            options["weights_backbone"] = None
        match self._family(name)[-1]:
            case "googlenet" | "inception":
                options["init_weights"] = False
            case "vision_transformer":
                options["image_size"] = rows
            case "maxvit":
                options["input_size"] = (rows, columns)
        return partial(torchvision().models.get_model, name, **options)

    def _widths(self, name: str) -> tuple[Iterable[str], str]:
        return ["width_mult"] if self._family(name)[-1] in self.WIDE else [], NAMED

    def _family(self, name: str) -> list[str]:
        """The modules that define a network, such as ``["detection", "ssd"]``."""
        return torchvision().models.get_model_builder(name).__module__.split(".")[2:]

    def _size(self, name: str) -> Side:
        family = self._family(name)
        if "optical_flow" in family:
            return self.FLOW
        if "detection" in family:
            side = 320 if "320" in name else 300 if "300" in name else 800
            return side, side
        transforms = torchvision().models.get_model_weights(name).DEFAULT.transforms()
        side = getattr(transforms, "crop_size", None) or transforms.resize_size
        return tuple(side) if len(side) == 2 else (side[0], side[0])


class Timm(Library):
    """Networks of timm."""

    name = "timm"
    WIDTHS = ("channel_multiplier", "width_mult")

    def names(self) -> list[str]:
        return timm().list_models()

    def has(self, name: str) -> bool:
        """Whether timm has a network of this name; tags and former names are known too."""
        return timm().is_model(name) and self._current(name) is not None

    def lists(self, name: str) -> bool:
        return name in registered_names()

    def inputs(self, name: str, size: Side | None = None, batch: int = 1) -> tuple:
        config = self._config(name)
        channels, rows, columns = config.input_size if config else (3, 224, 224)
        rows, columns = size or (rows, columns)
        return (batch, channels, rows, columns)

    def _maker(self, name: str, size: Side | None) -> Callable[..., nn.Module]:
        config = self._config(name)
        options = {"img_size": size} if size and config and config.fixed_input_size else {}
        return partial(timm().create_model, self._current(name), **options)

    def _widths(self, name: str) -> tuple[Iterable[str], str]:
        """The networks to take are those that differ in their last number, as most widths do."""
        stem = re.sub(r"\d+(?=\D*$)", r"\\d+", re.escape(name.split(".")[0]))
        same = [other for other in self.names() if re.fullmatch(stem, other) and other != name]
        return self.WIDTHS, f"networks of like names: {', '.join(same)}; {NAMED}" if same else NAMED

    def _current(self, name: str) -> str | None:
        """The present name of a network that was renamed; None if it was removed."""
        return timm().models.get_deprecated_models().get(name, name)

    def _config(self, name: str) -> Any:
        try:
            return timm().models.get_pretrained_cfg(self._current(name))
        except RuntimeError as error:  # an unknown tag
            raise NetworkError(f"timm:{name}: {error}") from None


@cache
def registered_names() -> set[str]:
    """Names of timm's networks, read from its source, which is quicker than importing it."""
    found = importlib.util.find_spec("timm")
    folder = Path(found.origin).parent / "models" if found else Path("none")
    pattern = re.compile(r"^@register_model\s+def (\w+)\(", re.M)
    texts = (file.read_text(encoding="utf-8") for file in folder.glob("*.py"))
    return {name for text in texts for name in pattern.findall(text)}


class Own(NamedTuple):
    """Class and its first arguments, rows and columns of images, name of the width multiplier."""

    kind: type[nn.Module]
    size: Side
    width: str = ""
    arguments: tuple[str, ...] = ()


OWN = {
    "mobilenet_v1": Own(MobileNetV1, (224, 224), "alpha"),
    "mobilenet_v2": Own(MobileNetV2, (224, 224), "alpha"),
    "mobilenet_v3_large": Own(MobileNetV3, (224, 224), "alpha"),
    "mobilenet_v3_small": Own(MobileNetV3, (224, 224), "alpha", ("small",)),
    "shufflenet_v1": Own(ShuffleNetV1, (224, 224), "scale"),
    "shufflenet_v2": Own(ShuffleNetV2, (224, 224), "scale"),
    "googlenet": Own(GoogLeNet, (224, 224)),
    "alexnet": Own(AlexNet, (227, 227)),
    "espnet": Own(ESPNet, (512, 1024)),
    "espnet_c": Own(ESPNetC, (512, 1024)),
}


class Book(Library):
    """Networks of this package, in `lwsurvey.models`, with fresh weights."""

    name = "lwsurvey"

    def names(self) -> list[str]:
        return list(OWN)

    def inputs(self, name: str, size: Side | None = None, batch: int = 1) -> tuple:
        return (batch, 3, *(size or OWN[name].size))

    def _maker(self, name: str, size: Side | None) -> Callable[..., nn.Module]:
        return partial(OWN[name].kind, *OWN[name].arguments)

    def _widths(self, name: str) -> tuple[Iterable[str], str]:
        return [OWN[name].width] if OWN[name].width else [], NAMED


LIBRARIES: dict[str, Library] = {
    library.name: library for library in (Torchvision(), Timm(), Book())
}
"""By name, in the order in which a bare name is looked for."""
