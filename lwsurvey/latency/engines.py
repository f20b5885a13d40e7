"""The same network in an engine that people ship: ONNX Runtime, in float32 and in int8."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn

from lwsurvey.latency.calls import call

INPUT = "x"


@dataclass(frozen=True)
class Engine:
    """A network in ONNX Runtime.

    Attributes:
        call: one forward pass, for `lwsurvey.latency.compare`.
        error: norm of the difference to PyTorch's float32 output over the norm of that output,
            on an input that the calibration has not seen.
    """

    call: Callable[[], object]
    error: float


class _Inputs(CalibrationDataReader):
    """Inputs from which the ranges of the activations are read."""

    def __init__(self, inputs: Iterator[np.ndarray]) -> None:
        self.inputs = inputs

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(({INPUT: x} for x in self.inputs), None)


def float32_and_int8(
    module: nn.Module, shape: tuple[int, ...], *, threads: int = 1, calibration: int = 4
) -> tuple[Engine, Engine]:
    """A module in ONNX Runtime on the processor, as it is and quantised.

    The quantisation is static, to 8-bit activations and 8-bit weights with a scale for each
    channel. The ranges come from normal random inputs.

    Args:
        module: with values; it runs in evaluation mode.
        shape: of its input, such as ``(1, 3, 224, 224)``.
        threads: that one call may use.
        calibration: inputs from which the ranges are read.

    Raises:
        AssertionError: the float32 engine gives another result than PyTorch, by more than one
            part in a thousand.
    """
    draw = torch.Generator().manual_seed(0)
    x, *seen = (torch.randn(shape, generator=draw) for _ in range(1 + calibration))
    wanted = call(module, x)().numpy()
    with tempfile.TemporaryDirectory() as folder:
        plain, small = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
        _export(module, x, plain)
        _quantise(plain, small, seen)
        engines = tuple(_engine(path, x.numpy(), wanted, threads) for path in (plain, small))
    assert engines[0].error < 1e-3, f"ONNX Runtime differs by {engines[0].error:.2g}"
    return engines


def _export(module: nn.Module, x: torch.Tensor, path: Path) -> None:
    with warnings.catch_warnings():
        # The exporter of torch.export takes ten times as long, for the same nodes.
        warnings.simplefilter("ignore", DeprecationWarning)
        names = {"input_names": [INPUT], "output_names": ["y"]}
        torch.onnx.export(module.eval(), (x,), path, dynamo=False, opset_version=17, **names)


def _quantise(plain: Path, small: Path, seen: list[torch.Tensor]) -> None:
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it recommends a step that only other models need
    try:
        quantize_static(
            plain, small, _Inputs(x.numpy() for x in seen), quant_format=QuantFormat.QDQ,
            per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
    finally:
        logging.disable(before)


def _engine(path: Path, x: np.ndarray, wanted: np.ndarray, threads: int) -> Engine:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {INPUT: x})
    error = float(np.linalg.norm(found - wanted) / np.linalg.norm(wanted))
    return Engine(lambda: session.run(None, {INPUT: x}), error)
