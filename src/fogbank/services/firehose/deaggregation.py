"""Taking records apart that hold several.

https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html
"""

import json
from collections.abc import Callable

RECORDS_MAX = 500  # "Record deaggregation by JSON or by delimiter is capped at 500 per record."

_scan = json.JSONDecoder().raw_decode


class SplitFailed(Exception):
    """The record cannot be taken apart; the message says why."""


Split = Callable[[bytes], list[bytes]]
"""The records within one. Raises SplitFailed."""


def consecutive_json(record: bytes) -> list[bytes]:
    """JSON objects that follow each other, with or without lines' ends between them; as they were written."""
    try:
        text = record.decode()
    except UnicodeDecodeError as error:
        raise SplitFailed(f"The record is not UTF-8: {error.reason}") from None
    found: list[bytes] = []
    at = _next(text, 0)
    while at < len(text):
        if text[at] != "{":
            raise SplitFailed("The record is not made of JSON objects")
        try:
            _, end = _scan(text, at)
        except (ValueError, RecursionError):
            raise SplitFailed("The record has malformed JSON") from None
        found.append(text[at:end].encode())
        at = _next(text, end)
    return _capped(found)


def delimited(delimiter: bytes) -> Split:
    """A function that takes records apart at the delimiter; what is empty is no record."""
    return lambda record: _capped([part for part in record.split(delimiter) if part])


def _next(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _capped(found: list[bytes]) -> list[bytes]:
    if len(found) > RECORDS_MAX:
        raise SplitFailed(f"The record has more than {RECORDS_MAX} records in it")
    return found
