"""How objects are compressed: a piece after the other, so that an object need not be in memory as a whole.

Codecs that need a library import it when they are used.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, Protocol

_GZIP = 31  # zlib's window bits for a gzip header.
# Hadoop's default for io.compression.codec.snappy.buffersize.
_HADOOP_BLOCK_BYTES = 256 * 1024


class Compressor(Protocol):
    def add(self, piece: bytes) -> bytes:
        """What can be written already."""

    def finish(self) -> bytes:
        """The rest."""


class Plain:
    def add(self, piece: bytes) -> bytes:
        return piece

    def finish(self) -> bytes:
        return b""


class Gzip:
    def __init__(self) -> None:
        self._packer = zlib.compressobj(wbits=_GZIP)

    def add(self, piece: bytes) -> bytes:
        return self._packer.compress(piece)

    def finish(self) -> bytes:
        return self._packer.flush()


class Zip:
    """An archive with one file."""

    def __init__(self, name: str) -> None:
        self._written = _Sink()
        self._archive = zipfile.ZipFile(self._written, "w", zipfile.ZIP_DEFLATED)
        self._file = self._archive.open(zipfile.ZipInfo(name), "w", force_zip64=True)

    def add(self, piece: bytes) -> bytes:
        self._file.write(piece)
        return self._written.taken()

    def finish(self) -> bytes:
        self._file.close()
        self._archive.close()
        return self._written.taken()


class Snappy:
    """The framing format. https://github.com/google/snappy/blob/main/framing_format.txt"""

    def __init__(self) -> None:
        import cramjam

        self._packer: Any = cramjam.snappy.Compressor()

    def add(self, piece: bytes) -> bytes:
        self._packer.compress(piece)
        return bytes(self._packer.flush())

    def finish(self) -> bytes:
        return bytes(self._packer.finish())


class HadoopSnappy:
    """Blocks as Hadoop's SnappyCodec writes them: what a block has unpacked, then packed, each behind its length."""

    def __init__(self) -> None:
        import cramjam

        self._pack: Any = cramjam.snappy.compress_raw
        self._rest = b""

    def add(self, piece: bytes) -> bytes:
        data = self._rest + piece
        whole = len(data) - len(data) % _HADOOP_BLOCK_BYTES
        self._rest = data[whole:]
        starts = range(0, whole, _HADOOP_BLOCK_BYTES)
        return b"".join(self._block(data[start : start + _HADOOP_BLOCK_BYTES]) for start in starts)

    def finish(self) -> bytes:
        return self._block(self._rest) if self._rest else b""

    def _block(self, data: bytes) -> bytes:
        packed = bytes(self._pack(data))
        return struct.pack(">II", len(data), len(packed)) + packed


class _Sink(io.RawIOBase):
    """What is written to it can be taken away, piece by piece."""

    def __init__(self) -> None:
        self._gathered: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        piece = bytes(data)
        self._gathered.append(piece)
        return len(piece)

    def taken(self) -> bytes:
        gathered, self._gathered = self._gathered, []
        return b"".join(gathered)


_COMPRESSORS: dict[str, Callable[[str], Compressor]] = {
    "UNCOMPRESSED": lambda name: Plain(),
    "GZIP": lambda name: Gzip(),
    "ZIP": Zip,
    "Snappy": lambda name: Snappy(),
    "HADOOP_SNAPPY": lambda name: HadoopSnappy(),
}
EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz", "ZIP": ".zip", "Snappy": ".snappy", "HADOOP_SNAPPY": ".snappy"}


def compressor(form: str, name: str) -> Compressor:
    """A compressor of that format for one object; `name` is what its contents are called, where that is told."""
    return _COMPRESSORS[form](name)
