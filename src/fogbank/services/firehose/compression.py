"""How objects are compressed: a piece after the other, so that an object need not be in memory as a whole."""

import zlib
from typing import Protocol

from fogbank.core.errors import NotImplementedInFogbank

_GZIP = 31  # zlib's window bits for a gzip header.


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


_COMPRESSORS: dict[str, type[Compressor]] = {"UNCOMPRESSED": Plain, "GZIP": Gzip}
EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz", "ZIP": ".zip", "Snappy": ".snappy", "HADOOP_SNAPPY": ".hsnappy"}


def check_format(name: str) -> None:
    if name not in _COMPRESSORS:
        raise NotImplementedInFogbank(f"Fogbank's firehose does not implement the compression format {name} yet.")


def compressor(name: str) -> Compressor:
    return _COMPRESSORS[name]()
