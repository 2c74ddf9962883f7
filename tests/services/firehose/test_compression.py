"""What is compressed piece by piece is read back by programs that did not write it."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable

import cramjam
import pytest

from fogbank.services.firehose.compression import compressor

PIECES = [b"first\n", b"", b"x" * 700_000, bytes(range(256)) * 3000, b"last\n"]


def read_zip(packed: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.namelist() == ["clicks-1"]
        assert archive.testzip() is None
        return archive.read("clicks-1")


def read_hadoop(packed: bytes) -> bytes:
    found, at = [], 0
    while at < len(packed):
        size, packed_size = struct.unpack_from(">II", packed, at)
        at += 8
        block = bytes(cramjam.snappy.decompress_raw(packed[at : at + packed_size]))
        assert len(block) == size <= 262_144
        found.append(block)
        at += packed_size
    return b"".join(found)


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("UNCOMPRESSED", bytes),
        ("GZIP", gzip.decompress),
        ("ZIP", read_zip),
        ("Snappy", lambda packed: bytes(cramjam.snappy.decompress(packed))),
        ("HADOOP_SNAPPY", read_hadoop),
    ],
)
@pytest.mark.parametrize("pieces", [PIECES, [b"small"], []])
def test_what_was_packed_is_read_back(form: str, read: Callable[[bytes], bytes], pieces: list[bytes]) -> None:
    packer = compressor(form, "clicks-1")
    packed = b"".join([*(packer.add(piece) for piece in pieces), packer.finish()])
    assert read(packed) == b"".join(pieces)


def test_snappy_is_framed() -> None:
    packer = compressor("Snappy", "")
    assert (packer.add(b"hello") + packer.finish()).startswith(b"\xff\x06\x00\x00sNaPpY")
