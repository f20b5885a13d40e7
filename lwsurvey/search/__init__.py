"""Search for networks: a space, rewards, controllers, a table of trained networks, fronts."""


class SearchError(ValueError):
    """A search that cannot begin or go on; the message says why and what to do."""
