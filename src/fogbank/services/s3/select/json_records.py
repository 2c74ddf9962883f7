"""Records of JSON: one a line, or one document after the other."""

import json
import re
from collections.abc import Iterator

import msgspec

from fogbank.services.s3.select.batches import Batch
from fogbank.services.s3.select.errors import SelectError

_SPACE = re.compile(r"[ \t\r\n]*")
_BETWEEN = "\x1e"  # A character that JSON does not allow anywhere.


class JsonLines:
    delimiter: bytes | None = b"\n"

    def cut(self, data: bytearray) -> int:
        return data.rfind(b"\n") + 1

    def batch(self, text: str) -> Batch:
        return Batch(text, "\n")


class JsonDocuments:
    delimiter: bytes | None = None

    def cut(self, data: bytearray) -> int:
        return 0

    def batch(self, text: str) -> Batch:
        if _BETWEEN in text:
            raise SelectError("JSONParsingError")
        try:
            msgspec.json.decode(text, type=msgspec.Raw)
        except msgspec.DecodeError:
            return Batch(_BETWEEN.join(_documents(text)), _BETWEEN)
        return Batch(text, _BETWEEN)


def _documents(text: str) -> Iterator[str]:
    decoder = json.JSONDecoder()
    at = _skip_space(text, 0)
    while at < len(text):
        try:
            end = decoder.raw_decode(text, at)[1]
        except (ValueError, RecursionError):
            raise SelectError("JSONParsingError") from None
        yield text[at:end]
        at = _skip_space(text, end)


def _skip_space(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()
