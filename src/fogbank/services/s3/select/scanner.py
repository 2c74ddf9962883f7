"""From an object's bytes to batches of records: unpacked, cut at records, decoded."""

import bz2
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from fogbank.services.s3.select.batches import Batch, Records
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.request import Span

RECORD_BYTES_MAX = 1024 * 1024  # S3 Select's limit on a record; so a batch of this size has one at least.
DOCUMENT_BYTES_MAX = 32 * 1024 * 1024  # A document of JSON is one record to the engine, whatever its paths take.
_GZIP = 31  # zlib's window bits for a gzip header.
_BOM = b"\xef\xbb\xbf"


class Scanner:
    """Takes an object's bytes as they come. With a span, these begin at `first`, one delimiter before the span's start,
    unless that is the object's."""

    def __init__(self, records: Records, *, compression: str, span: Span | None = None, first: int = 0) -> None:
        self._records = records
        self._unpacker = _UNPACKERS[compression]()
        self._span = span
        self._skipping = first > 0 or (span is not None and span.start > 0)
        self._buffer = bytearray()
        self._offset = first
        self._limit = DOCUMENT_BYTES_MAX if records.delimiter is None else RECORD_BYTES_MAX
        self.scanned = 0
        """Bytes read of the object."""
        self.processed = 0
        """Bytes of these when unpacked."""
        self.done = False
        """Whether no further bytes matter."""

    def feed(self, chunk: bytes) -> Iterator[Batch]:
        """The batches that the chunk completes. Raises SelectError."""
        self.scanned += len(chunk)
        for piece in self._unpacker.pieces(chunk):
            self.processed += len(piece)
            self._buffer += piece
            if not self.done and (len(self._buffer) >= RECORD_BYTES_MAX or self._past_span()):
                yield from self._cut()

    def finish(self) -> Iterator[Batch]:
        """What is left at the object's end."""
        self._unpacker.finish()
        if not self.done:
            yield from self._cut()
        if not self.done and self._buffer and not self._skipping:
            self.done = True
            yield self._batch(self._buffer)

    def _cut(self) -> Iterator[Batch]:
        if self._skipping:
            self._skip()
            if self.done:
                return
        size = self._records.cut(self._buffer)
        if self._span is not None:
            size = self._end_of_span(self._span) or size
        if size == 0:
            if len(self._buffer) > self._limit:
                raise SelectError("OverMaxRecordSize")
            return
        whole = self._buffer[:size]
        del self._buffer[:size]
        batch = self._batch(whole)
        self._offset += size
        yield batch

    def _past_span(self) -> bool:
        return self._span is not None and self._offset + len(self._buffer) > self._span.end

    def _skip(self) -> None:
        """Drop the record that began before the span, up to its end."""
        assert self._records.delimiter is not None
        end = self._buffer.find(self._records.delimiter)
        if end >= 0:
            end += len(self._records.delimiter)
            del self._buffer[:end]
            self._offset += end
            self._skipping = False
            assert self._span is not None
            self.done = self._offset > self._span.end

    def _end_of_span(self, span: Span) -> int:
        """Where the last record that begins in the span ends, if that is known by now."""
        delimiter = self._records.delimiter
        assert delimiter is not None
        end = self._buffer.find(delimiter, max(span.end + 1 - len(delimiter) - self._offset, 0))
        if end < 0:
            return 0
        self.done = True
        return end + len(delimiter)

    def _batch(self, data: bytearray) -> Batch:
        at = len(_BOM) if self._offset == 0 and data.startswith(_BOM) else 0
        try:
            text = data[at:].decode()
        except UnicodeDecodeError as error:
            near = self._offset + at + error.start
            raise SelectError(
                "InvalidTextEncoding",
                f"UTF-8 encoding is required. The text encoding error was found near byte {near:,}.",
            ) from None
        return self._records.batch(text)


class _Plain:
    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        yield chunk

    def finish(self) -> None:
        pass


class _Unpacker:
    """Members of a packed object, one behind the other, unpacked in pieces of limited size."""

    name: str

    def __init__(self) -> None:
        self._member = self._begin()
        self._begun = False
        self._good = False
        self._full = False
        """Whether the last piece was as large as may be, so that there may be more of what came before."""

    def _begin(self) -> Any:
        raise NotImplementedError

    def _rest(self) -> bytes:
        """What the current member took and did not unpack yet."""
        raise NotImplementedError

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        while chunk or self._full:
            self._begun = True
            try:
                piece = self._member.decompress(chunk, RECORD_BYTES_MAX)
            except (zlib.error, OSError, EOFError):
                raise self._malformed() from None
            self._good = True
            self._full = len(piece) == RECORD_BYTES_MAX and not self._member.eof
            if piece:
                yield piece
            chunk = self._rest()
            if self._member.eof:
                chunk = self._member.unused_data
                self._member, self._begun = self._begin(), False

    def finish(self) -> None:
        if self._begun or not self._good:
            raise self._malformed()

    def _malformed(self) -> SelectError:
        if self._good:
            return SelectError("TruncatedInput")
        return SelectError(
            "InvalidCompressionFormat",
            f"{self.name} is not applicable to the queried object. Please correct the request and try again.",
        )


class _Gzip(_Unpacker):
    name = "GZIP"

    def _begin(self) -> Any:
        return zlib.decompressobj(_GZIP)

    def _rest(self) -> bytes:
        rest: bytes = self._member.unconsumed_tail
        return rest


class _Bzip2(_Unpacker):
    name = "BZIP2"

    def _begin(self) -> Any:
        return bz2.BZ2Decompressor()

    def _rest(self) -> bytes:
        return b""  # It keeps that itself.


_UNPACKERS: dict[str, Callable[[], _Plain | _Unpacker]] = {"NONE": _Plain, "GZIP": _Gzip, "BZIP2": _Bzip2}
