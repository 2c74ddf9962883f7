"""As much of protocol buffers as is needed to write messages.

A field is its number and wire type, then its value; a message is its fields one behind the other.
https://protobuf.dev/programming-guides/encoding/
"""

import struct


def varint(number: int) -> bytes:
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    data.append(number)
    return bytes(data)


def message(field: int, body: bytes) -> bytes:
    """A field that is a message, delimited by its length."""
    return varint(field << 3 | 2) + varint(len(body)) + body


def text(field: int, value: str) -> bytes:
    return message(field, value.encode())


def fixed64(field: int, value: int) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<Q", value)


def double(field: int, value: float) -> bytes:
    return varint(field << 3 | 1) + struct.pack("<d", value)
