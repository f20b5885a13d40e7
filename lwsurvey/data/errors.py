"""What can be wrong with the files of a data set."""


class DataError(RuntimeError):
    """Files that are missing or damaged; the message names them and says what to do."""
