"""What can go wrong with a cluster."""


class ClusterError(ConnectionError):
    """The cluster cannot be used, or gave up; the message says why and what to do."""
