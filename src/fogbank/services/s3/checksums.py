"""The checksums that S3 verifies and keeps.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from awscrt import checksums as crt

from fogbank.services.s3.errors import InvalidRequest

DEFAULT = "CRC64NVME"
"""What S3 computes of an object that is sent without a checksum."""
COMPOSITE, FULL_OBJECT = "COMPOSITE", "FULL_OBJECT"


class Checksum(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


class _Crc:
    def __init__(self, compute: Callable[[bytes | memoryview, int], int], size: int) -> None:
        self._compute = compute
        self._size = size
        self._value = 0

    def update(self, data: bytes | memoryview, /) -> None:
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


class _XxHash:
    def __init__(self, running: Any) -> None:
        self._running = running
        self._digest = b""

    def update(self, data: bytes | memoryview, /) -> None:
        self._running.update(data)

    def digest(self) -> bytes:
        # The library's hash can be finalized just once.
        self._digest = self._digest or self._running.finalize()
        return self._digest


_MAKE: dict[str, Callable[[], Checksum]] = {
    "CRC32": lambda: _Crc(zlib.crc32, 4),
    "CRC32C": lambda: _Crc(crt.crc32c, 4),
    "CRC64NVME": lambda: _Crc(crt.crc64nvme, 8),
    "SHA1": lambda: hashlib.sha1(usedforsecurity=False),
    "SHA256": hashlib.sha256,
    "SHA512": hashlib.sha512,
    "MD5": lambda: hashlib.md5(usedforsecurity=False),
    "XXHASH64": lambda: _XxHash(crt.XXHash.new_xxhash64()),
    "XXHASH3": lambda: _XxHash(crt.XXHash.new_xxhash3_64()),
    "XXHASH128": lambda: _XxHash(crt.XXHash.new_xxhash3_128()),
}
ALGORITHMS = tuple(_MAKE)


def checksum(algorithm: str) -> Checksum:
    """A running checksum by S3's name of the algorithm. Raises InvalidRequest if there is none of that name."""
    make = _MAKE.get(algorithm)
    if make is None:
        raise InvalidRequest(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )
    return make()


def checksum_of(algorithm: str, data: bytes) -> str:
    """The checksum of the data as S3 writes it."""
    running = checksum(algorithm)
    running.update(data)
    return encoded(running.digest())


def header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def given(parameters: Mapping[str, Any]) -> dict[str, str]:
    """The checksums among the parameters of a request, by the names of their algorithms."""
    return {name: parameters[f"Checksum{name}"] for name in ALGORITHMS if f"Checksum{name}" in parameters}


def members(checksums: Mapping[str, str]) -> dict[str, str]:
    """Checksums as answers name them."""
    return {f"Checksum{name}": value for name, value in checksums.items()}


def encoded(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def decoded(text: str, size: int) -> bytes | None:
    """The digest in base64 form, or None if it is not one of that size."""
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:  # Also what base64 raises.
        return None
    return digest if len(digest) == size else None
