"""Where the independent runs of a study are computed: here, or on a Dask cluster.

joblib spreads them. Without a scheduler's address it uses processes of this machine. With one,
in the variable LWSURVEY_SCHEDULER, it uses its Dask backend; a ``joblib.parallel_config`` of
the user around the call wins over both. Only what is not timed goes through here: times are
taken on the machine that asks for them.

On equal machines the results are those of one process, bit for bit. A worker that dies is no
loss: Dask gives its runs to another. Whoever reaches a scheduler's port can have code executed
on its workers, as with every Dask cluster: keep it in a network that is yours, or use TLS.
"""

from lwsurvey.parallel.alike import differences, state
from lwsurvey.parallel.connecting import connect, machines
from lwsurvey.parallel.errors import ClusterError
from lwsurvey.parallel.spreading import spread

__all__ = ["ClusterError", "connect", "differences", "machines", "spread", "state"]
