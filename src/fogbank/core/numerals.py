"""Numbers as requests write them."""

_DIGITS_MAX = 38  # no number here has more, and Python takes no more than 4,300


def whole_number(text: str) -> int | None:
    """What is written in ASCII digits alone; None for anything else, also for more digits than any number has."""
    if len(text) > _DIGITS_MAX or not (text.isascii() and text.isdecimal()):
        return None
    return int(text)
