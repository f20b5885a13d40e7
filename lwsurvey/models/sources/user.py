"""Networks of the user's own code, by ``package.module:callable``."""

from __future__ import annotations

import inspect
import traceback
from importlib import import_module
from operator import attrgetter
from types import ModuleType
from typing import Any

from torch import nn

from lwsurvey.models.sources.building import NetworkError, Side, near, widen
from lwsurvey.models.sources.building import build as construct

WIDTHS = ("width", "width_mult", "width_multiplier", "alpha", "multiplier", "scale")


def build(
    path: str, device: str = "meta", size: Side | None = None, width: float | None = None
) -> nn.Module:
    """What a callable returns, or a module that is there already, unchanged.

    Args:
        path: such as ``package.module:callable``.
        device: see `building.build`.
        size: not passed on.
        width: passed as that of `WIDTHS` which the callable has.

    Raises:
        NetworkError: there is no such module or callable, it fails, needs arguments, or returns
            something else than a module.
    """
    thing = _find(path)
    if isinstance(thing, nn.Module):
        if width is not None:
            raise NetworkError(f"{path} is a network already, it takes no width")
        return thing
    _check(path, thing)
    if width is None:
        return _module(path, construct(path, thing, device))
    knobs = [name for name in WIDTHS if name in inspect.signature(thing).parameters]
    wanted = f"give it an argument of one of these names: {', '.join(WIDTHS)}"

    def make(**options: float) -> nn.Module:
        return _module(path, thing(**options))

    return construct(path, lambda: widen(path, make, knobs, width, wanted), device)


def inputs(module: nn.Module, size: Side | None = None, batch: int = 1) -> tuple[int, ...]:
    """A guess: images of 224 x 224 with as many channels as the first convolution takes.

    A module that has timm's ``pretrained_cfg`` takes what is stated there.
    """
    config = getattr(module, "pretrained_cfg", None) or {}
    first = next((part for part in module.modules() if isinstance(part, nn.Conv2d)), None)
    guess = (first.in_channels if first else 3, 224, 224)
    channels, *sides = config.get("input_size", guess) if isinstance(config, dict) else guess
    return (batch, channels, *(size or sides))


def _find(path: str) -> Any:
    name, _, attribute = path.partition(":")
    if "/" in name or "\\" in name or name.endswith(".py"):
        dotted = name.removesuffix(".py").strip("./\\").replace("/", ".").replace("\\", ".")
        raise NetworkError(f"{name} is a file; write its module: {dotted}:{attribute}")
    if not name or not attribute or not all(part.isidentifier() for part in name.split(".")):
        raise NetworkError(f"{path!r} is no package.module:callable")
    module = _import(name)
    try:
        return attrgetter(attribute)(module)
    except AttributeError:
        likely = near(attribute, _public(module)) or _public(module)[:10]
        raise NetworkError(f"{name} has no {attribute!r}; it has {', '.join(likely)}") from None


def _public(module: ModuleType) -> list[str]:
    return [name for name, value in vars(module).items() if name[0] != "_" and callable(value)]


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            raise NetworkError(
                f"there is no module {missing}; run the command in the folder that has it, or"
                " install its package in this environment"
            ) from None
        raise NetworkError(f"{name} imports {missing}, which is not installed here") from error
    except SystemExit:
        raise NetworkError(f"{name} ends the program when it is imported") from None
    except Exception as error:
        raise NetworkError(f"the import of {name} failed: {_what(error)}") from error


def _what(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = "" if isinstance(error, SyntaxError) else f" ({where.filename}, line {where.lineno})"
    return f"{type(error).__name__}: {error}{place}"


def _check(path: str, thing: Any) -> None:
    if not callable(thing):
        raise NetworkError(
            f"{path} is of type {type(thing).__name__}, neither callable nor a network"
        )
    try:
        signature = inspect.signature(thing)
        signature.bind()
    except TypeError as error:
        raise NetworkError(
            f"{path} needs arguments ({error}); name a function that needs none, such as"
            " def small(): return Net(classes=10)"
        ) from None
    except ValueError:
        return  # a builtin without a signature; the call will tell


def _module(path: str, made: Any) -> nn.Module:
    if not isinstance(made, nn.Module):
        raise NetworkError(f"{path} returned {type(made).__name__}, not a torch.nn.Module")
    return made
