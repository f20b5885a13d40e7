"""Packed weights, kept pages, and a network in ONNX Runtime."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from lwsurvey import latency
from lwsurvey.latency import engines, pages
from lwsurvey.models.blocks import DepthwiseSeparable, same_convolution

SHAPE = (1, 8, 14, 14)


FRESH = """
import torch
from lwsurvey.latency import pages
def fresh():
    torch.empty(48 << 20, dtype=torch.uint8).zero_()
assert pages.faults(fresh) > 10_000
with pages.kept() as possible:
    if possible:
        pages.faults(fresh)
        assert pages.faults(fresh) < 1000
"""


def test_fresh_memory_is_met_page_by_page_and_kept_memory_is_not():
    """In a process of its own, because other tests may have told the allocator to keep pages."""
    subprocess.run([sys.executable, "-c", FRESH], check=True)


@pytest.mark.parametrize("made", [same_convolution(8, 16, 3), DepthwiseSeparable(8, 16)])
def test_packed_weights_give_the_same_results(made):
    packed = latency.call(pages.packed(made, SHAPE), SHAPE)
    torch.testing.assert_close(packed(), latency.call(made, SHAPE)(), rtol=1e-4, atol=1e-5)


def test_two_engines_of_one_network():
    torch.manual_seed(0)
    net = nn.Sequential(same_convolution(8, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
    plain, small = engines.float32_and_int8(net, SHAPE)
    assert plain.error < 1e-3 < small.error < 0.1
    (found,) = plain.call()
    assert found.shape == (1, 16, 14, 14)


def test_an_engine_that_computes_something_else_is_noticed(monkeypatch):
    def halved(module, x, path):
        export(nn.Sequential(module, nn.AvgPool2d(3, 1, 1)), x, path)

    export = engines._export
    monkeypatch.setattr(engines, "_export", halved)
    with pytest.raises(AssertionError, match="differs"):
        engines.float32_and_int8(same_convolution(8, 8, 3), SHAPE)
