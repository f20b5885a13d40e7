"""Names that the laboratory writes into notebooks and the press reads there.

They stand alone so that the press can read results without loading torch.
"""

from __future__ import annotations

SCHEMA = 1
METADATA_KEY = "lwsurvey"
VERDICTS = (
    "holds",
    "holds at reduced scale",
    "inconclusive",
    "contradicted",
    "contradicted at reduced scale",
    "contradicted on this hardware",
    "erratum",
    "out of reach",
)
SCHEDULER = "LWSURVEY_SCHEDULER"  # the variable with the address of a Dask scheduler
# What PyTorch, cuBLAS, cuDNN and Metal write when the memory of a GPU runs out; on Apple's GPUs
# and in some calls of CUDA it is no error of a class of its own.
OUT_OF_MEMORY = (
    "CUDA out of memory", "HIP out of memory", "MPS backend out of memory",
    "CUDA error: out of memory", "HIP error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)  # fmt: skip
