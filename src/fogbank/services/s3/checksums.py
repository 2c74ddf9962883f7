"""The checksums that S3 verifies and keeps.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import hashlib
import zlib
from functools import cache
from typing import Protocol

from fogbank.core.errors import NotImplementedInFogbank

ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


class Checksum(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes | memoryview) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _TableCrc:
    """A reflected CRC by table, in pure Python: CRC32C and CRC64NVME are not in the standard library."""

    def __init__(self, polynomial: int, width: int) -> None:
        self._table = _table(polynomial)
        self._width = width
        self._ones = (1 << width) - 1
        self._value = self._ones

    def update(self, data: bytes | memoryview) -> None:
        value, table = self._value, self._table
        for byte in data:
            value = table[(value ^ byte) & 0xFF] ^ (value >> 8)
        self._value = value

    def digest(self) -> bytes:
        return (self._value ^ self._ones).to_bytes(self._width // 8, "big")


@cache
def _table(polynomial: int) -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ polynomial if value & 1 else value >> 1
        table.append(value)
    return tuple(table)


def checksum(algorithm: str) -> Checksum:
    """A running checksum by S3's name of the algorithm."""
    match algorithm:
        case "CRC32":
            return _Crc32()
        case "CRC32C":
            return _TableCrc(0x82F63B78, 32)
        case "CRC64NVME":
            return _TableCrc(0x9A6C9329AC4BC9B5, 64)
        case "SHA1":
            return hashlib.sha1(usedforsecurity=False)
        case "SHA256":
            return hashlib.sha256()
    raise NotImplementedInFogbank(f"Fogbank's S3 does not implement the checksum algorithm {algorithm}.")


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def decoded(text: str, size: int) -> bytes | None:
    """The digest in base64 form, or None if it is not one of that size."""
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:  # Also what base64 raises.
        return None
    return digest if len(digest) == size else None
