"""What must be right before a training begins."""

from __future__ import annotations

import torch
from torch import nn
from torch.backends import mps

from lwsurvey.data import Split
from lwsurvey.train.errors import TrainError


def check_split(split: Split, batch: int, name: str) -> None:
    """Raise TrainError unless there are images for a batch, and for validation and test."""
    if len(split.train) < batch:
        raise TrainError(
            f"{name}: {len(split.train)} training images do not fill a batch of {batch}"
        )
    if not len(split.validation) or not len(split.test):
        raise TrainError(f"{name}: there are no validation or no test images")


def checked_device(name: str | torch.device) -> torch.device:
    """The device of a name; TrainError unless PyTorch can compute there."""
    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = {"cpu": 1, "cuda": cuda, "mps": int(mps.is_available())}
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or (device.index or 0) >= found.get(device.type, 0):
        usable = ", ".join(kind for kind, count in found.items() if count)
        raise TrainError(f"PyTorch has no device {str(name)!r} here; usable: {usable}")
    return device


def check_bfloat16(device: torch.device) -> None:
    """Raise TrainError unless a device computes in bfloat16 by itself."""
    if device.type == "cuda":
        # PyTorch's own question counts emulation by default, which is slower than 32 bits.
        able = bool(torch.version.hip) or torch.cuda.get_device_capability(device)[0] >= 8
    else:
        able = device.type == "cpu" or mps.is_macos_or_newer(14, 0)
    if not able:
        raise TrainError(
            f"{device} does not compute in bfloat16, which NVIDIA's GPUs do from Ampere (2020) on "
            "and Apple's from macOS 14 on: leave mixed precision off (amp = False)"
        )


def check_network(network: object, split: Split, name: str) -> None:
    """Raise TrainError unless the network takes two images and gives as many outputs as classes.

    Args:
        network: what the arm made, already on the images' device.
        split: whose training images it must take.
        name: of the arm, for messages.
    """
    if not isinstance(network, nn.Module):
        raise TrainError(f"{name}: make() must return a network, not {type(network).__name__}")
    if not any(p.requires_grad for p in network.parameters()):
        raise TrainError(f"{name}: the network has no weights to train")
    x, classes = split.train.x[:2], split.train.classes
    found, wanted = _output_shape(network, x, name), (len(x), classes)
    if found != wanted:
        raise TrainError(
            f"{name}: for {len(x)} images of {classes} classes the network must give the shape "
            f"{wanted}, it gives {found}"
        )


def _output_shape(network: nn.Module, x: torch.Tensor, name: str) -> tuple[int, ...]:
    network.eval()
    try:
        with torch.no_grad():
            return tuple(network(x).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        raise TrainError(
            f"{name}: the network does not take images of shape {tuple(x.shape[1:])}: {error}"
        ) from error
