"""``lwsurvey profile``."""

from __future__ import annotations

import os
import shutil
import sys

import click

from lwsurvey.press.commands.shared import command, formats


def _sides(_: object, __: object, text: str | tuple[str, ...] | None) -> object:
    """Whole numbers out of texts such as ``160`` or ``1x3x160x224``."""
    if text is None or isinstance(text, tuple):
        return None if text is None else tuple(_sides(_, __, one) for one in text)
    parts = text.lower().replace("×", "x").split("x")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise click.BadParameter(f"{text!r} is not of positive whole numbers, as 160 or 160x224")
    return tuple(map(int, parts))


@click.command()
@click.argument("name")
@click.option(
    "--by",
    type=click.Choice(["stage", "layer", "type"]),
    default="stage",
    show_default=True,
    help="A row for each part of the network, each call of a layer, or each type of layer.",
)
@formats("How to print it; counts are exact in json and csv.")
@click.option(
    "--size",
    metavar="SIZE",
    callback=_sides,
    help="Side of the images, or rows and columns, such as 160 or 160x224; else the network's own.",
)
@click.option(
    "--shape",
    "shapes",
    metavar="SHAPE",
    multiple=True,
    callback=_sides,
    help="The whole input, batch included, such as 1x3x160x160; repeat it for several inputs.",
)
@click.option("--batch", type=click.IntRange(1, 2**16), help="Images at a time.  [default: 1]")
@click.option("--width", type=float, metavar="ALPHA", help="Multiplier of the network's channels.")
@click.option(
    "--conventions",
    metavar="NAME",
    default="papers",
    show_default=True,
    help="What counts as a MAC; an unknown name lists them.",
)
@click.option(
    "--dtype",
    type=click.Choice(["float32", "float16", "bfloat16", "int8"]),
    default="float32",
    show_default=True,
    help="Type of all elements, for sizes in bytes.",
)
@click.option(
    "--device",
    type=click.Choice(["meta", "cpu"]),
    default="meta",
    show_default=True,
    help="cpu computes, as networks need whose forward pass branches on data.",
)
@command
def profile(
    name: str, form: str, size: tuple[int, ...] | None, shapes: tuple, **options: object
) -> None:
    """Count what a network costs: MACs, parameters, activations, memory access.

    NAME is a network of torchvision or timm or one of this book's own, looked for in this
    order; torchvision:NAME, timm:NAME and lwsurvey:NAME say which. Your own network is
    package.module:callable, where the callable returns a torch.nn.Module; the current folder
    is searched too. Weights are neither needed nor fetched, and nothing is computed.

    \b
    Examples:
      lwsurvey profile mobilenet_v2                     stage by stage, and the totals
      lwsurvey profile timm:resnet50 --by type          what its pointwise layers cost
      lwsurvey profile mobilenet_v2 --width 0.5 --size 160
      lwsurvey profile resnet50 --by layer --format csv > resnet50.csv
      lwsurvey profile mypackage.nets:small --shape 1x1x28x28
      lwsurvey profile mypackage.nets:siamese --shape 1x3x64x64 --shape 1x3x64x64
      lwsurvey profile ssdlite320_mobilenet_v3_large --device cpu

    Counts go to standard output, remarks to standard error. Exit status: 0 if it was counted,
    1 if the forward pass failed, 2 if there is no such network or the command is wrong.
    """
    from lwsurvey.cost import CostError
    from lwsurvey.models.zoo import LIBRARIES, NetworkError
    from lwsurvey.press.profile.count import Request, count
    from lwsurvey.press.profile.formats import FORMATS, table

    if size and len(size) > 2:
        size, shapes = None, (size, *shapes)
    size = size * 2 if size and len(size) == 1 else size
    if ":" in name and name.partition(":")[0] not in LIBRARIES:
        sys.path.insert(0, os.getcwd())
    try:
        found = count(Request(name, size, shapes, **options))
    except NetworkError as error:
        raise click.UsageError(str(error)) from None
    except CostError as error:
        raise click.ClickException(str(error)) from None
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    text = table(found, width) if form == "table" else FORMATS[form](found)
    # As bytes, because a file or a pipe must not depend on the encoding of a terminal.
    click.echo(text.encode(), nl=False)
    for line in found.remarks:
        click.echo(line, err=True)
