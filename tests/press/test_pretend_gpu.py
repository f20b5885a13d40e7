"""The chapters' CUDA paths on a pretend GPU, which refuses what CUDA refuses."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import torch
from pretend_gpu import GPU, Pretend, pretended
from torch import nn
from torch.nn import functional as F

from lwsurvey import latency
from lwsurvey.claims import ledger
from lwsurvey.latency import devices
from lwsurvey.train import TrainError
from lwsurvey.train.device import find_device

REFUSED = {
    "sum": lambda here, there: here + there,
    "product": lambda here, there: there @ here,
    "in place": lambda here, there: there.add_(here),
    "layer": lambda here, there: F.linear(here, there),
    "list": lambda here, there: torch.cat([here, there]),
    "condition": lambda here, there: torch.where(here > 0, there, there),
    "out": lambda here, there: torch.mul(here, here, out=there),
    "index on the GPU": lambda here, there: here[there > 0],
    "values": lambda here, there: there.index_put((there > 9,), here.flatten()),
}
QUICK = {"budget": 0.05}
CHAPTERS = {
    "mobilenet-v1": QUICK,
    "se": QUICK,
    "mobilenet-v3": QUICK,
    "mobilenet-v2": {},
    "shufflenet-v1": QUICK,
    "shufflenet-v2": {},
    "latency": {},
}


@pytest.fixture
def gpu():
    with pretended():
        yield "cuda"


@pytest.mark.parametrize("what", REFUSED)
def test_cuda_refuses_two_devices(gpu, what):
    here, there = torch.randn(4, 4), torch.randn(4, 4, device=gpu)
    with pytest.raises(RuntimeError, match="same device"):
        REFUSED[what](here, there)


def test_numpy_wants_the_processor(gpu):
    there = torch.ones(3, device=gpu)
    for convert in (Pretend.numpy, np.asarray, np.sqrt):
        with pytest.raises(TypeError, match="can't convert cuda:0"):
            convert(there)
    assert there.cpu().numpy().tolist() == there.tolist() == [1, 1, 1]
    assert float(there.sum()) == 3


def test_a_generator_of_the_processor_draws_nothing_on_the_gpu(gpu):
    with pytest.raises(RuntimeError, match="generator"):
        torch.randn(3, generator=torch.Generator(), device=gpu)


def test_what_cuda_allows_works(gpu):
    there = torch.arange(6.0, device=gpu)
    assert there[torch.tensor([1, 2])].tolist() == [1, 2]
    assert (there + torch.tensor(1.0)).tolist() == [1, 2, 3, 4, 5, 6]
    assert torch.zeros(6).copy_(there).tolist() == there.tolist()
    assert torch.tensor([1, 2], device=GPU).device == there.new_zeros(2).device == GPU
    assert there.to("cuda") is there and there.to(torch.zeros(2)).device.type == "cpu"
    there[1:3].mul_(10)
    assert there.tolist() == [0, 10, 20, 3, 4, 5]


@pytest.mark.parametrize("amp", [False, True])
def test_a_training_gives_the_bits_of_the_processor(amp):
    wanted = _trained("cpu", amp)
    with pretended():
        found = _trained("cuda", amp)
    assert wanted.keys() == found.keys()
    assert all(torch.equal(wanted[name], found[name]) for name in wanted)


def _trained(device: str, amp: bool) -> dict[str, torch.Tensor]:
    """Weights and statistics after a few steps, on the processor."""
    torch.manual_seed(0)
    layers = (nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU6(), nn.Conv2d(8, 8, 3, groups=8))
    net = nn.Sequential(*layers, nn.Dropout(0.2), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    noted: list[torch.Tensor] = []
    layers[0].weight.register_post_accumulate_grad_hook(lambda p: noted.append(p.grad.norm()))
    net = net.to(device).to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(net.parameters(), 0.1, 0.9, nesterov=True, weight_decay=1e-4)
    x, y = torch.randn(16, 1, 12, 12).to(device), torch.randint(8, (16,)).to(device)
    for _ in range(3):
        with torch.autocast(x.device.type, torch.bfloat16, enabled=amp):
            loss = F.cross_entropy(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(p.device.type == device for p in net.parameters()) and len(noted) == 3
    state = copy.deepcopy(net).cpu().state_dict()
    with torch.inference_mode():
        return state | {"out": net.eval()(x).cpu(), "noted": torch.stack(noted).cpu()}


def test_devices_of_both_kinds_are_found(gpu):
    assert devices.find(gpu).name == "cuda:0" and find_device("cuda:0") == GPU
    for wrong in ("cuda:1", "mps"):
        with pytest.raises(ValueError, match=wrong):
            devices.find(wrong)
        with pytest.raises(TrainError, match="usable: cpu, cuda"):
            find_device(wrong)
    with mock.patch.object(torch.backends.mps, "is_available", lambda: True):
        found = devices.find("mps")
        assert isinstance(found, devices.Mps) and not found.on_host
        assert find_device("mps").type == "mps"


def test_a_gpu_is_timed(gpu, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    call = latency.call(nn.Conv2d(3, 8, 3), (1, 3, 16, 16), device=gpu)
    assert call().device == GPU
    seen = latency.compare({"once": call, "again": call}, device=gpu, rounds=2, least_rounds=2)
    assert seen.device == "cuda:0" and (seen.times > 0).all(axis=None)


ONE_OF_ALL = "mobilenet-v1"
"""The chapter that stands for all in the ordinary run."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "slug", [pytest.param(s, marks=[] if s == ONE_OF_ALL else pytest.mark.full) for s in CHAPTERS]
)
def test_a_chapter_keeps_its_tensors_on_one_device(slug, tmp_path):
    """And, one of them, finds what it finds on the processor, as all do by their bits."""
    found = _verdicts(slug, "cuda")
    assert {claim.id for claim in ledger().of_chapter(slug)} == found.keys()
    if slug == ONE_OF_ALL:
        wanted = _verdicts(slug, "cpu")
        assert [i for i in wanted if wanted[i] != found[i] and not ledger()[i].hardware] == []


def _verdicts(slug: str, device: str) -> dict[str, tuple]:
    """Verdict and measurement of each claim of a chapter, run in a process of its own."""
    command = [sys.executable, Path(__file__).parents[1] / "pretend_run.py", slug, device]
    env = os.environ | {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    done = subprocess.run(
        [*command, json.dumps(CHAPTERS[slug])], capture_output=True, text=True, env=env, timeout=600
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    records = json.loads(done.stdout.splitlines()[-1])["verdicts"]
    return {one["id"]: (one["verdict"], one["measured"]) for one in records}
