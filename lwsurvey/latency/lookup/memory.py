"""Memory that the process keeps, as a network that is deployed does."""

from __future__ import annotations

import ctypes
from functools import cache

# Of glibc's malloc.h: free memory at the end of the heap that is kept, and the least size that
# gets a mapping of its own.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_KEPT, _MAPPED = 2**30, 2**25


@cache
def keep() -> bool:
    """Have the C library keep freed memory, from now on and in the whole process.

    By default glibc gives the end of its heap back to the system whenever enough of it is
    free. A network whose maps just reach that limit then pays for hundreds of page faults in
    each pass, and takes twice the time of one that is a little narrower. What runs networks on
    phones plans its memory once. It cannot be undone; up to a gigabyte that the process has
    freed stays with it, and results do not depend on it.

    Returns:
        Whether it could be arranged; False with a C library that has no such setting, as on
        macOS, on Windows and with musl.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_TRIM_THRESHOLD, _KEPT)) and bool(mallopt(_MMAP_THRESHOLD, _MAPPED))
