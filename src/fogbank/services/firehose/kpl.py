"""Records that the Kinesis Producer Library has put together into one.

https://github.com/awslabs/amazon-kinesis-producer/blob/master/aggregation-format.md
"""

import hashlib
from collections.abc import Iterator
from typing import NamedTuple

_MAGIC = b"\xf3\x89\x9a\xc2"
_DIGEST_BYTES = 16
# Fields of the message AggregatedRecord, and of its Record.
_PARTITION_KEY_TABLE, _RECORDS = 1, 3
_PARTITION_KEY_INDEX, _DATA = 1, 3
_VARINT, _BYTES = 0, 2


class UserRecord(NamedTuple):
    partition_key: str
    data: bytes


class _Malformed(Exception):
    pass


def user_records(data: bytes, partition_key: str) -> list[UserRecord]:
    """The records within one; the record itself, if it is not in the library's format."""
    if not data.startswith(_MAGIC) or len(data) < len(_MAGIC) + _DIGEST_BYTES:
        return [UserRecord(partition_key, data)]
    message = data[len(_MAGIC) : -_DIGEST_BYTES]
    if hashlib.md5(message, usedforsecurity=False).digest() != data[-_DIGEST_BYTES:]:
        return [UserRecord(partition_key, data)]
    try:
        return list(_aggregated(message))
    except (_Malformed, UnicodeDecodeError):
        return [UserRecord(partition_key, data)]


def _aggregated(message: bytes) -> Iterator[UserRecord]:
    keys: list[str] = []
    records: list[bytes] = []
    for field, value in _fields(message):
        if field == _PARTITION_KEY_TABLE and isinstance(value, bytes):
            keys.append(value.decode())
        elif field == _RECORDS and isinstance(value, bytes):
            records.append(value)
    for record in records:
        found = dict(_fields(record))
        index, data = found.get(_PARTITION_KEY_INDEX), found.get(_DATA)
        if not isinstance(index, int) or not isinstance(data, bytes) or index >= len(keys):
            raise _Malformed
        yield UserRecord(keys[index], data)


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message of protocol buffers: numbers and strings, which are all that there is here."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, at = _varint(message, at)
        if tag & 7 == _VARINT:
            yield tag >> 3, number
        elif tag & 7 == _BYTES and at + number <= len(message):
            yield tag >> 3, message[at : at + number]
            at += number
        else:
            raise _Malformed


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number and what comes behind it."""
    value = shift = 0
    while at < len(message) and shift < 64:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _Malformed
