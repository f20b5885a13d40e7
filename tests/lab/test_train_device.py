"""Training on a GPU, as far as a processor can show it: its settings, its memory, its weights."""

from __future__ import annotations

import pickle
from functools import partial

import pytest
import torch
from pretend_gpu import pretended
from test_train import QUICK, SPLIT, plain, same
from torch import nn

from lwsurvey import train
from lwsurvey.models import small
from lwsurvey.train import TrainError, TrainMemoryError, device

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
WORDS = "MPS backend out of memory (MPS allocated: 9 GB, max allowed: 9 GB)\nmore of it"


class Large(nn.Sequential):
    """Fits the memory as long as few images are computed at a time."""

    def __init__(self, most: int, error: Exception) -> None:
        super().__init__(nn.Flatten(), nn.Linear(784, 10))
        self.most, self.error = most, error

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training and len(x) > self.most:
            raise self.error
        return super().forward(x)


def settings() -> tuple:
    cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
    return (cudnn.conv.fp32_precision, matmul.fp32_precision, cudnn.benchmark, cudnn.deterministic)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."),
                                   RuntimeError(WORDS)])  # fmt: skip
def test_full_memory_is_named_and_ends_a_study_with_what_is_finished(error):
    make = partial(Large, 16, error)
    assert train.fit(make, SPLIT, seed=0, epochs=1, batch=16).losses
    arms = {"plain": plain, "large": make}
    words = r"large, seed 0: out of memory on cpu with batch 32: (MPS|CUDA)"
    with pytest.raises(TrainMemoryError, match=words) as caught:
        train.repeat(arms, SPLIT, **QUICK)
    assert same(caught.value.finished, train.repeat({"plain": plain}, SPLIT, **QUICK))
    assert "\n" not in str(caught.value) and caught.value.__cause__ is error
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), TrainMemoryError)


def test_another_error_is_left_as_it_is():
    with pytest.raises(RuntimeError, match="illegal memory access") as caught:
        make = partial(Large, 0, RuntimeError("CUDA error: an illegal memory access"))
        train.fit(make, SPLIT, seed=0)
    assert not isinstance(caught.value, TrainError)


def test_what_is_not_in_use_is_handed_back(monkeypatch):
    handed = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: handed.append(1))
    with device.within_memory(CUDA, "arm", 32):
        pass
    with pytest.raises(TrainMemoryError), device.within_memory(CUDA, "arm", 32):
        raise torch.OutOfMemoryError("CUDA out of memory.")
    with device.within_memory(CPU, "arm", 32):
        pass
    assert len(handed) == 2


def test_a_gpu_computes_whole_numbers_the_same_way_and_is_left_as_it_was(monkeypatch):
    before = settings()
    with device.exact(CPU):
        assert settings() == before
    with pytest.raises(KeyError), device.exact(CUDA):
        assert settings() == ("ieee", "ieee", False, True)
        raise KeyError
    assert settings() == before


@pytest.mark.parametrize(("major", "able"), [(7, False), (8, True)])
def test_bfloat16_is_refused_where_a_gpu_only_imitates_it(monkeypatch, major, able):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (major, 5))
    monkeypatch.setattr(torch.version, "hip", None)
    device.check_bfloat16(CPU)
    if able:
        return device.check_bfloat16(CUDA)
    with pytest.raises(TrainError, match=r"cuda does not compute in bfloat16.*amp = False"):
        device.check_bfloat16(CUDA)


def test_bfloat16_is_refused_on_an_old_mac(monkeypatch):
    monkeypatch.setattr(device.mps, "is_macos_or_newer", lambda major, minor: major < 14)
    with pytest.raises(TrainError, match="from macOS 14 on"):
        device.check_bfloat16(torch.device("mps"))


def test_the_same_weights_and_images_on_each_device_and_those_are_there_once():
    """On the pretend GPU, which computes with the bits of the processor, all bits are alike."""
    begun, moves = [], []

    def make() -> nn.Module:
        made = small.mobilenet_v2(8)
        assert {p.device.type for p in made.parameters()} == {"cpu"}
        begun.append([p.detach().clone() for p in made.parameters()])
        return made

    options = dict(seed=4, epochs=2, batch=32)
    here = train.fit(make, SPLIT, **options)
    with pretended(), pytest.MonkeyPatch.context() as patch:
        to = type(SPLIT.train).to
        spied = lambda images, where: moves.append(len(images)) or to(images, where)  # noqa: E731
        patch.setattr(type(SPLIT.train), "to", spied)
        there = train.fit(make, SPLIT, **options, device="cuda")
        assert next(there.net.parameters()).device.type == "cuda"
    assert all(map(torch.equal, *begun))
    assert moves == [len(SPLIT.train), len(SPLIT.validation), len(SPLIT.test)]
    assert (there.losses, there.test) == (here.losses, here.test)
