"""CBOR (RFC 8949), as much of it as smithy's RPC uses, with bounds on everything that a client can choose."""

import math
import struct
from typing import Any

DEPTH_MAX = 128


class CborError(ValueError):
    """The bytes are not CBOR that the protocol allows."""


class Timestamp:
    """Epoch seconds to be written with tag 1."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


def decode(data: bytes) -> Any:
    """The value of a document. Timestamps come as their numbers, undefined as None. Raises `CborError`."""
    try:
        value, end = _item(data, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError, TypeError, OverflowError):
        raise CborError("The CBOR document ends early or is malformed.") from None
    if end != len(data):
        raise CborError("There is more after the CBOR document.")
    return value


def _argument(data: bytes, at: int, info: int) -> tuple[int, int]:
    if info < 24:
        return info, at
    size = {24: 1, 25: 2, 26: 4, 27: 8}.get(info)
    if size is None or at + size > len(data):
        raise CborError("The CBOR document has a bad length.")
    return int.from_bytes(data[at : at + size], "big"), at + size


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    if depth > DEPTH_MAX:
        raise CborError("The CBOR document is nested too deeply.")
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if major == 7:
        return _simple(data, at, info)
    if info == 31:
        return _indefinite(data, at, major, depth)
    number, at = _argument(data, at, info)
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
            for _ in range(_countable(number, data, at)):
                value, at = _item(data, at, depth + 1)
                items.append(value)
            return items, at
        case 5:
            pairs = {}
            for _ in range(_countable(number, data, at)):
                key, at = _item(data, at, depth + 1)
                pairs[key], at = _item(data, at, depth + 1)
            return pairs, at
        case _:
            return _tagged(number, *_item(data, at, depth + 1))


def _countable(number: int, data: bytes, at: int) -> int:
    if number > len(data) - at:  # every item has a byte at least
        raise CborError("The CBOR document ends early.")
    return number


def _tagged(tag: int, value: Any, at: int) -> tuple[Any, int]:
    if tag in (2, 3) and isinstance(value, bytes) and len(value) <= 64:
        number = int.from_bytes(value, "big")
        return (number if tag == 2 else -1 - number), at
    return value, at  # tag 1, a timestamp, is its number; other tags add nothing that the shapes need


def _indefinite(data: bytes, at: int, major: int, depth: int) -> tuple[Any, int]:
    if major in (2, 3):
        chunks = []
        while data[at] != 0xFF:
            if data[at] >> 5 != major or data[at] & 31 == 31:
                raise CborError("A CBOR string has a chunk of another type.")
            chunk, at = _item(data, at, depth + 1)
            chunks.append(chunk)
        return (b"".join(chunks) if major == 2 else "".join(chunks)), at + 1
    if major == 4:
        items = []
        while data[at] != 0xFF:
            value, at = _item(data, at, depth + 1)
            items.append(value)
        return items, at + 1
    if major == 5:
        pairs = {}
        while data[at] != 0xFF:
            key, at = _item(data, at, depth + 1)
            pairs[key], at = _item(data, at, depth + 1)
        return pairs, at + 1
    raise CborError("The CBOR document has a bad length.")


_SIMPLE = {20: False, 21: True, 22: None, 23: None}
_FLOATS = {25: (">e", 2), 26: (">f", 4), 27: (">d", 8)}


def _simple(data: bytes, at: int, info: int) -> tuple[Any, int]:
    if info in _SIMPLE:
        return _SIMPLE[info], at
    if info in _FLOATS:
        form, size = _FLOATS[info]
        return struct.unpack_from(form, data, at)[0], at + size
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
