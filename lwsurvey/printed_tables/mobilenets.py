"""The MobileNets' tables, under the names that the chapters use."""

from lwsurvey.printed_tables.comparisons import v1 as v1_comparison
from lwsurvey.printed_tables.comparisons import v3 as v3_comparison
from lwsurvey.printed_tables.mobilenet_v1 import body as v1_body
from lwsurvey.printed_tables.mobilenet_v1 import last_stride as v1_last_stride
from lwsurvey.printed_tables.mobilenet_v1 import rest as v1_rest
from lwsurvey.printed_tables.mobilenet_v1 import shares as v1_shares
from lwsurvey.printed_tables.mobilenet_v1 import twins
from lwsurvey.printed_tables.mobilenet_v2 import body as v2_body
from lwsurvey.printed_tables.mobilenet_v2 import rest as v2_rest
from lwsurvey.printed_tables.mobilenet_v3 import body as v3_body
from lwsurvey.printed_tables.mobilenet_v3 import rest as v3_rest
from lwsurvey.printed_tables.mobilenet_v3 import small_last_se as v3_small_last_se

__all__ = [
    "twins",
    "v1_body",
    "v1_comparison",
    "v1_last_stride",
    "v1_rest",
    "v1_shares",
    "v2_body",
    "v2_rest",
    "v3_body",
    "v3_comparison",
    "v3_rest",
    "v3_small_last_se",
]
