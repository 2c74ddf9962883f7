"""`@ptr`: which event a row is, in a form that callers do not read."""

import base64
import binascii
from typing import NamedTuple


class Pointer(NamedTuple):
    group_id: int
    stream_id: int
    time_ms: int
    number: int
    group: str

    def text(self) -> str:
        return base64.b64encode("/".join(map(str, self)).encode()).decode()


def pointer(text: str) -> Pointer | None:
    """What a pointer's text says; None if it is none."""
    try:
        *numbers, group = base64.b64decode(text, validate=True).decode().split("/", 4)
        group_id, stream_id, time_ms, number = map(int, numbers)
    except (binascii.Error, ValueError):
        return None
    return Pointer(group_id, stream_id, time_ms, number, group)
