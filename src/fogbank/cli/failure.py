"""How a command fails."""


class Failure(Exception):
    """What went wrong and the way out, in one line for the user."""
