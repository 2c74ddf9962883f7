"""Messages of an event stream (`application/vnd.amazon.eventstream`): framing and checksums.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html has the layout.
"""

import struct
import zlib
from collections.abc import Iterable

MESSAGE_MAX = 16 * 1024 * 1024  # what the SDKs accept in one message
_STRING, _BYTES, _TRUE, _FALSE, _INT32, _INT64, _TIMESTAMP = 7, 6, 0, 1, 4, 5, 8

HeaderValue = str | bytes | bool | int


class FrameError(ValueError):
    """The bytes are not a message: too long, or a checksum is wrong."""


def frame(headers: Iterable[tuple[str, HeaderValue]], payload: bytes) -> bytes:
    """One message."""
    encoded = b"".join(_header(name, value) for name, value in headers)
    total = 16 + len(encoded) + len(payload)
    prelude = struct.pack(">II", total, len(encoded))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + encoded + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: HeaderValue) -> bytes:
    key = name.encode()
    start = bytes((len(key),)) + key
    match value:
        case bool():
            return start + bytes((_TRUE if value else _FALSE,))
        case int():
            return start + bytes((_INT64,)) + struct.pack(">q", value)
        case bytes():
            return start + bytes((_BYTES,)) + struct.pack(">H", len(value)) + value
        case _:
            text = value.encode()
            return start + bytes((_STRING,)) + struct.pack(">H", len(text)) + text


def unframe(data: bytes) -> tuple[dict[str, HeaderValue], bytes, int]:
    """Headers, payload and length of the message at the start of `data`. Raises `FrameError`."""
    if len(data) < 16:
        raise FrameError("An event stream message has 16 bytes at least.")
    total, headers_size, prelude_crc = struct.unpack_from(">III", data)
    if zlib.crc32(data[:8]) != prelude_crc:
        raise FrameError("The checksum of the prelude is wrong.")
    if not 16 + headers_size <= total <= min(len(data), MESSAGE_MAX):
        raise FrameError("The lengths of an event stream message do not fit.")
    if zlib.crc32(data[: total - 4]) != struct.unpack_from(">I", data, total - 4)[0]:
        raise FrameError("The checksum of the message is wrong.")
    end = 12 + headers_size
    try:
        headers = _headers(data[12:end])
    except (IndexError, struct.error, UnicodeDecodeError):
        raise FrameError("The headers of an event stream message are malformed.") from None
    return headers, data[end : total - 4], total


_FIXED = {2: (">b", 1), 3: (">h", 2), _INT32: (">i", 4), _INT64: (">q", 8), _TIMESTAMP: (">q", 8)}


def _headers(data: bytes) -> dict[str, HeaderValue]:
    found: dict[str, HeaderValue] = {}
    at = 0
    while at < len(data):
        size = data[at]
        name = data[at + 1 : at + 1 + size].decode()
        kind = data[at + 1 + size]
        at += 2 + size
        if kind in (_TRUE, _FALSE):
            found[name] = kind == _TRUE
        elif kind in _FIXED:
            form, width = _FIXED[kind]
            found[name] = struct.unpack_from(form, data, at)[0]
            at += width
        elif kind in (_BYTES, _STRING):
            (length,) = struct.unpack_from(">H", data, at)
            value = data[at + 2 : at + 2 + length]
            found[name] = value if kind == _BYTES else value.decode()
            at += 2 + length
        else:
            raise FrameError(f"A header has the unknown type {kind}.")
    return found
