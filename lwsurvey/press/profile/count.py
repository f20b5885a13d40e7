"""From a name and options, as `lwsurvey profile` gets them, to a report."""

from __future__ import annotations

import contextlib
import math
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version

import torch
from torch import nn

import lwsurvey
from lwsurvey.cost import CostError, conventions
from lwsurvey.cost.conventions import Conventions
from lwsurvey.cost.profile import profile
from lwsurvey.models import zoo
from lwsurvey.models.zoo import NetworkError
from lwsurvey.press.profile.report import Report

Shape = tuple[int, ...]
LARGEST = 2**48  # elements of an input; far more overflow PyTorch's numbers


@dataclass(frozen=True)
class Request:
    """What to count.

    Attributes:
        name: of the network, see `lwsurvey.models.zoo`.
        size: rows and columns of its images; None for its own.
        shapes: whole inputs instead, batch included.
        batch: images at a time; None if not given.
        width: multiplier of the channels.
        conventions: a name in `lwsurvey.cost.conventions.CONVENTIONS`.
        dtype: name of the type of all elements.
        device: ``meta`` or ``cpu``.
        by: ``layer``, ``type`` or ``stage``.
    """

    name: str
    size: tuple[int, int] | None = None
    shapes: tuple[Shape, ...] = ()
    batch: int | None = None
    width: float | None = None
    conventions: str = "papers"
    dtype: str = "float32"
    device: str = "meta"
    by: str = "stage"


def count(request: Request) -> Report:
    """Build the network and count it.

    What the user's code prints goes to standard error.

    Raises:
        NetworkError: the request names what does not exist or cannot be built.
        lwsurvey.cost.CostError: the forward pass failed; the message names the layer.
    """
    warned: list[str] = []
    rules, dtype = _conventions(request.conventions), getattr(torch, request.dtype)
    with _quiet(warned), contextlib.redirect_stdout(sys.stderr):
        named = zoo.resolve(request.name)
        inputs, network = _inputs(request, named)
        try:
            counted = profile(network, inputs, conventions=rules, device=request.device)
        except CostError as error:
            raise CostError(_in_the_command(str(error), request, named)) from error
    settings = {"width": request.width}
    if request.device != "meta":
        settings["device"] = request.device
    return Report(
        str(named), inputs, counted, request.by, dtype, settings,
        _versions(named.library), [*warned, *_remarks(request, named)],
    )  # fmt: skip


def _in_the_command(message: str, request: Request, named: zoo.Named) -> str:
    """An error of the counter, with the options to set it right."""
    message = message.replace("device='cpu'", "--device cpu")
    if named.library or request.shapes or "--device cpu" in message:
        return message
    return f"{message}\nThe input was a guess; give it with --shape, once for each input"


def _inputs(request: Request, named: zoo.Named) -> tuple[tuple, nn.Module]:
    if request.shapes:
        if request.size or request.batch:
            raise NetworkError(
                "a whole shape has its own size and batch; leave out --size, --batch"
            )
        _check(request.shapes)
    sides = {shape[-2:] for shape in request.shapes if len(shape) >= 4}
    size = sides.pop() if len(sides) == 1 and named.library else request.size
    network = zoo.load(request.name, size=size, width=request.width, device=request.device)
    if request.shapes:
        return request.shapes if len(request.shapes) > 1 else request.shapes[0], network
    known = request.name if named.library else network
    return zoo.default_inputs(known, size=size, batch=request.batch or 1), network


def _check(shapes: tuple[Shape, ...]) -> None:
    for shape in shapes:
        if math.prod(shape) > LARGEST:
            raise NetworkError(f"an input of {math.prod(shape):,} elements is too large")


def _conventions(name: str) -> Conventions:
    try:
        return conventions.get(name)
    except ValueError as error:
        raise NetworkError(str(error)) from None


@contextlib.contextmanager
def _quiet(warned: list[str]) -> Iterator[None]:
    """Collect warnings, each once, but for those about operators, which are in the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        yield
    texts = dict.fromkeys(str(warning.message).strip() for warning in caught)
    warned += [text for text in texts if not text.startswith("not counted")]


def _remarks(request: Request, named: zoo.Named) -> Iterator[str]:
    if ":" not in request.name and (others := named.others()):
        yield f"counted {named}; the same name is also in {', '.join(others)}"
    if request.device == "cpu":
        yield (
            "counted with inputs of ones; where the forward pass branches on data, the count is"
            " that of these and of the network's weights, which are random unless it sets them"
        )


def _versions(library: str) -> dict[str, str]:
    found = {"lwsurvey": lwsurvey.__version__, "torch": torch.__version__}
    return found | ({library: version(library)} if library not in ("", "lwsurvey") else {})
