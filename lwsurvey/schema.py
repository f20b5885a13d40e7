"""Names that the laboratory writes into notebooks and the press reads there.

They stand alone so that the press can read results without loading torch.
"""

from __future__ import annotations

SCHEMA = 1
METADATA_KEY = "lwsurvey"
VERDICTS = (
    "holds",
    "holds at reduced scale",
    "holds on this hardware",
    "holds on a stand-in device",
    "inconclusive",
    "contradicted",
    "contradicted at reduced scale",
    "contradicted on this hardware",
    "contradicted on a stand-in device",
    "erratum",
    "out of reach",
    "not judged",
)
NOT_JUDGED = VERDICTS[-1]


def outcome(verdict: str) -> str:
    """A verdict without what it was reached on: ``holds`` of ``holds on this hardware``."""
    first = verdict.partition(" ")[0]
    return first if first in VERDICTS else verdict


SCHEDULER = "LWSURVEY_SCHEDULER"  # the variable with the address of a Dask scheduler
# What PyTorch, cuBLAS, cuDNN and Metal write when the memory of a GPU runs out; on Apple's GPUs
# and in some calls of CUDA it is no error of a class of its own.
OUT_OF_MEMORY = (
    "CUDA out of memory", "HIP out of memory", "MPS backend out of memory",
    "CUDA error: out of memory", "HIP error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)  # fmt: skip
