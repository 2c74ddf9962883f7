"""Hash keys: 128-bit numbers, kept as 16 bytes, whose order is the numbers' order."""

import hashlib

HASH_MAX = (1 << 128) - 1


def hash_of(partition_key: str) -> bytes:
    return hashlib.md5(partition_key.encode(), usedforsecurity=False).digest()


def from_number(number: int) -> bytes:
    return number.to_bytes(16, "big")


def number_of(hash_key: bytes) -> int:
    return int.from_bytes(hash_key, "big")


def uniform_starts(count: int) -> list[bytes]:
    """The first hash keys of so many shards of the same width."""
    return [from_number(index * (HASH_MAX + 1) // count) for index in range(count)]
