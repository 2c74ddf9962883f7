"""CBOR (RFC 8949), as much of it as AWS's protocols use, with bounds on everything that a client can choose."""

import math
import struct
from collections.abc import Callable
from typing import Any

DEPTH_MAX = 128


class CborError(ValueError):
    """The bytes are not CBOR that the protocol allows."""


class Timestamp:
    """A number of seconds (or milliseconds) since 1970, to be written with tag 1."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


def decode(data: bytes, *, timestamp: Callable[[float], float] = float) -> Any:
    """The value of a document. Timestamps come as what `timestamp` makes of their numbers, undefined as None.
    Raises `CborError`.
    """
    try:
        value, end = _Reader(data, timestamp).item(0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError, OverflowError):
        raise CborError("The CBOR document ends early or is malformed.") from None
    if end != len(data):
        raise CborError("There is more after the CBOR document.")
    return value


class _Reader:
    """Reads the items of one document; each method gives a value and where the next one begins."""

    __slots__ = ("_data", "_timestamp")

    def __init__(self, data: bytes, timestamp: Callable[[float], float]) -> None:
        self._data = data
        self._timestamp = timestamp

    def item(self, at: int, depth: int) -> tuple[Any, int]:
        data = self._data
        if depth > DEPTH_MAX:
            raise CborError("The CBOR document is nested too deeply.")
        major, info = data[at] >> 5, data[at] & 31
        at += 1
        if major == 7:
            return self._simple(at, info)
        if info == 31:
            return self._indefinite(at, major, depth)
        number, at = self._argument(at, info)
        match major:
            case 0:
                return number, at
            case 1:
                return -1 - number, at
            case 2 | 3:
                end = at + number
                if end > len(data):
                    raise CborError("The CBOR document ends early.")
                return (data[at:end] if major == 2 else data[at:end].decode()), end
            case 4:
                items = []
                for _ in range(self._countable(number, at)):
                    value, at = self.item(at, depth + 1)
                    items.append(value)
                return items, at
            case 5:
                pairs = {}
                for _ in range(self._countable(number, at)):
                    key, at = self.item(at, depth + 1)
                    pairs[key], at = self.item(at, depth + 1)
                return pairs, at
            case _:
                return self._tagged(number, *self.item(at, depth + 1))

    def _argument(self, at: int, info: int) -> tuple[int, int]:
        if info < 24:
            return info, at
        size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
        if size is None or at + size > len(self._data):
            raise CborError("The CBOR document has a bad length.")
        return int.from_bytes(self._data[at : at + size], "big"), at + size

    def _countable(self, number: int, at: int) -> int:
        if number > len(self._data) - at:  # every item has a byte at least
            raise CborError("The CBOR document ends early.")
        return number

    def _tagged(self, tag: int, value: Any, at: int) -> tuple[Any, int]:
        if tag == 1 and isinstance(value, int | float):
            return self._timestamp(value), at
        if tag in (2, 3) and isinstance(value, bytes) and len(value) <= 64:
            number = int.from_bytes(value, "big")
            return (number if tag == 2 else -1 - number), at
        return value, at  # other tags add nothing that the shapes need

    def _indefinite(self, at: int, major: int, depth: int) -> tuple[Any, int]:
        data = self._data
        if major in (2, 3):
            chunks = []
            while data[at] != 0xFF:
                if data[at] >> 5 != major or data[at] & 31 == 31:
                    raise CborError("A CBOR string has a chunk of another type.")
                chunk, at = self.item(at, depth + 1)
                chunks.append(chunk)
            return (b"".join(chunks) if major == 2 else "".join(chunks)), at + 1
        if major == 4:
            items = []
            while data[at] != 0xFF:
                value, at = self.item(at, depth + 1)
                items.append(value)
            return items, at + 1
        if major == 5:
            pairs = {}
            while data[at] != 0xFF:
                key, at = self.item(at, depth + 1)
                pairs[key], at = self.item(at, depth + 1)
            return pairs, at + 1
        raise CborError("The CBOR document has a bad length.")

    def _simple(self, at: int, info: int) -> tuple[Any, int]:
        if info in _SIMPLE:
            return _SIMPLE[info], at
        if info in _FLOATS:
            form, size = _FLOATS[info]
            return struct.unpack_from(form, self._data, at)[0], at + size
        raise CborError("The CBOR document has an unknown simple value.")


def encode(value: Any) -> bytes:
    out = bytearray()
    _write(out, value)
    return bytes(out)


def _head(out: bytearray, major: int, number: int) -> None:
    if number < 24:
        out.append(major << 5 | number)
        return
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if number < 1 << (8 * size):
            out.append(major << 5 | info)
            out += number.to_bytes(size, "big")
            return
    raise OverflowError(number)


def _write(out: bytearray, value: Any) -> None:
    match value:
        case str():
            data = value.encode(errors="replace")
            _head(out, 3, len(data))
            out += data
        case bool():
            out.append(0xF5 if value else 0xF4)
        case int():
            _head(out, 0, value) if value >= 0 else _head(out, 1, -1 - value)
        case float():
            out.append(0xFB)
            out += struct.pack(">d", value)
        case dict():
            _head(out, 5, len(value))
            for key, inner in value.items():
                _write(out, key)
                _write(out, inner)
        case list() | tuple():
            _head(out, 4, len(value))
            for inner in value:
                _write(out, inner)
        case bytes() | bytearray() | memoryview():
            _head(out, 2, len(value))
            out += value
        case Timestamp():
            out.append(0xC1)
            seconds = value.seconds
            _write(out, int(seconds) if math.floor(seconds) == seconds else round(float(seconds), 3))
        case None:
            out.append(0xF6)
        case _:
            raise TypeError(f"CBOR has no form for {type(value).__name__}")
