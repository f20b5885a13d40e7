"""Construction of networks, on the meta device if they allow it, and what can go wrong with it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.module import register_module_parameter_registration_hook

Side = tuple[int, int]


class NetworkError(ValueError):
    """A network that does not exist or cannot be built; the message says why and what to do."""


def near(name: str, names: Iterable[str], n: int = 3) -> list[str]:
    """Names that begin like one, capitals and hyphens aside, then names that resemble it."""
    plain, wanted = {_plain(known): known for known in names}, _plain(name)
    longer = sorted((text for text in plain if text.startswith(wanted)), key=len)
    like = difflib.get_close_matches(wanted, plain, n=n, cutoff=0.7)
    return [plain[text] for text in dict.fromkeys([*longer[:n], *like])][:n]


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("", "", "-_. "))


def build(who: str, make: Callable[[], Any], device: str = "meta") -> Any:
    """What a constructor returns, with the random numbers of the process left as they were.

    Args:
        who: the network, for the message.
        make: builds it on PyTorch's default device.
        device: ``meta``, where parameters take no memory, or ``cpu``, where weights are drawn
            with seed 0. A constructor that reads values of its tensors, as torchvision's
            regnet does, has them on the CPU also for ``meta``, and if it reads those of its
            parameters, these too.

    Raises:
        NetworkError: the constructor failed; the message says at what.
    """
    ways = [lambda: _on("meta", make), lambda: _on("cpu", make, _without_memory())]
    for way in ways if device == "meta" else []:
        try:
            return way()
        except NetworkError:
            raise
        except Exception as error:
            if "meta" not in str(error):
                raise _failed(who, error) from error
    try:
        return _on("cpu", make)
    except NetworkError:
        raise
    except Exception as error:
        raise _failed(who, error) from error


def _failed(who: str, error: Exception) -> NetworkError:
    reason = str(error).strip() or "without a message"
    return NetworkError(f"{who} cannot be built: {type(error).__name__}: {reason}")


def _on(device: str, make: Callable[[], Any], also: AbstractContextManager | None = None) -> Any:
    with torch.random.fork_rng(devices=[]), torch.device(device), also or nullcontext():
        torch.default_generator.manual_seed(0)
        try:
            return make()
        except SystemExit as error:
            raise RuntimeError("it ends the program") from error


@contextmanager
def _without_memory() -> Iterator[None]:
    """Parameters go to the meta device as soon as a module gets them; other tensors stay."""
    moved: dict[int, tuple[nn.Parameter, nn.Parameter]] = {}  # the first keeps its id alive

    def move(_: nn.Module, __: str, given: nn.Parameter | None) -> nn.Parameter | None:
        if type(given) is not nn.Parameter or given.is_meta:
            return None
        if id(given) not in moved:
            moved[id(given)] = given, nn.Parameter(given.to("meta"), given.requires_grad)
        return moved[id(given)][1]

    hook = register_module_parameter_registration_hook(move)
    try:
        yield
    finally:
        hook.remove()


def widen(
    who: str, make: Callable[..., nn.Module], names: Iterable[str], width: float, others: str = ""
) -> nn.Module:
    """A network with a width multiplier.

    Args:
        who: the network, for the message.
        make: its constructor.
        names: that the constructor may have for the multiplier; the first that it takes counts.
        width: the multiplier.
        others: networks to take instead, for the message.

    Raises:
        NetworkError: the constructor takes none of the names, or the width changes nothing.
    """
    for name in names:
        try:
            network = make(**{name: width})
        except TypeError as error:
            if f"'{name}'" not in str(error):
                raise
            continue
        if width != 1 and _elements(network) == _elements(make()):
            raise NetworkError(
                f"{who} has as many parameters with {name} {width:g} as without: either its"
                f" channels are rounded back, or it does not use {name}"
            )
        return network
    raise NetworkError(f"{who} has no width multiplier; {others or NAMED}")


NAMED = (
    "networks that have one: mobilenet_v2, mobilenet_v3_small, mobilenet_v3_large,"
    " lwsurvey:mobilenet_v1, lwsurvey:shufflenet_v1, lwsurvey:shufflenet_v2"
)


def _elements(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
