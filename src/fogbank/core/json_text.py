"""JSON that somebody sent: a value, or no JSON at all."""

from typing import Any

import msgspec

NOT_JSON: Any = object()

_decode = msgspec.json.Decoder().decode


def parse(text: str | bytes) -> Any:
    """The value of the text, or NOT_JSON; what is nested too deeply to be read is none either."""
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOT_JSON
