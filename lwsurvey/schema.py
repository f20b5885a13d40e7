"""Names that the laboratory writes into notebooks and the press reads there.

They stand alone so that the press can read results without loading torch.
"""

from __future__ import annotations

SCHEMA = 1
METADATA_KEY = "lwsurvey"
