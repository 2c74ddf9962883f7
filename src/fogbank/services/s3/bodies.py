"""Bodies of objects and parts: taken in while they arrive, verified, kept in the store or as blobs."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from fogbank.core.blobs import Blobs, BlobWriter
from fogbank.core.body import BodyStream
from fogbank.core.context import Context
from fogbank.core.stored_body import StoredBody, cut
from fogbank.core.strand import Strand
from fogbank.services.s3 import aws_chunked
from fogbank.services.s3.checksums import ALGORITHMS, Checksum, checksum, decoded, encoded
from fogbank.services.s3.errors import (
    BadDigest,
    EntityTooLarge,
    IncompleteBody,
    InvalidDigest,
    InvalidRequest,
)
from fogbank.services.s3.records import INLINE_MAX, Body, InlineBody, S3Tables

R = TypeVar("R")
OBJECT_BYTES_MAX = 5 * 1024**3  # A single PUT or part; larger objects are multipart uploads.
# What of a body may wait for the disk in memory, beside what the connection holds.
WAITING_BYTES_MAX = 1024 * 1024


class Received:
    """A body that is complete and verified, but not yet kept."""

    def __init__(self, *, md5: bytes, size: int, data: bytes | None, blob: str, checksums: dict[str, str]) -> None:
        self.md5 = md5
        self.size = size
        self.data = data
        self.blob = blob
        self.checksums = checksums

    @property
    def etag(self) -> str:
        return self.md5.hex()


class Bodies:
    """Takes bodies in, keeps them in the caller's transaction, reads and drops them."""

    def __init__(self, tables: S3Tables, blobs: Blobs) -> None:
        self._tables = tables
        self._blobs = blobs

    def take(
        self, ctx: Context, body: bytes | BodyStream, wanted: "Wanted", keep: Callable[[Received], R]
    ) -> R | Awaitable[R]:
        """Read the whole body, verify what the request promised of it, and `keep` it in a transaction.

        A small body that is here already is kept in the transaction at hand, anything else in one of its own.
        """
        promised = ctx.headers.get("x-amz-decoded-content-length") or ctx.headers.get("content-length", "")
        if promised.isdecimal() and int(promised) > OBJECT_BYTES_MAX:
            raise _too_large(int(promised))
        intake = _Intake(self._blobs, wanted, ctx.headers)
        if not isinstance(body, bytes) or len(body) > INLINE_MAX:
            return self._take(ctx, body, intake, keep)
        intake.add(body)
        return keep(intake.finish())

    def take_copy(self, ctx: Context, content: "bytes | StoredBody", keep: Callable[[Received], R]) -> Awaitable[R]:
        """As `take`, of what another object holds."""
        return self._take(ctx, content, _Intake(self._blobs), keep)

    async def _take(
        self, ctx: Context, body: "bytes | BodyStream | StoredBody", intake: "_Intake", keep: Callable[[Received], R]
    ) -> R:
        strand = Strand(self._blobs.threads)
        try:
            arrived = 0
            async for chunk in _chunks(body):
                strand.submit(partial(intake.add, chunk))
                arrived += len(chunk)
                if arrived - intake.read > WAITING_BYTES_MAX:
                    await strand.finished()
            received = await strand.last(intake.finish)
        except BaseException:
            strand.end(intake.discard)
            raise
        try:
            return await ctx.run(keep, received)
        except Exception:  # But not if the wait was cancelled: the commit may still come.
            strand.end(intake.discard)
            raise

    def keep(self, received: Received) -> Body:
        """Store what was received; in the transaction that refers to it."""
        if received.size == 0:
            return Body([])
        if received.data is not None:
            piece = secrets.token_hex(16)
            self._tables.bodies.put((piece,), InlineBody(received.data))
            return Body([(piece, received.size)])
        self._blobs.claim(received.blob, received.size)
        return Body([(received.blob, received.size)])

    def drop(self, body: Body | None) -> None:
        for piece, size in body.pieces if body is not None else ():
            if size > INLINE_MAX:
                self._blobs.release(piece)
            else:
                self._tables.bodies.delete((piece,))

    def open(self, body: Body, *, first: int, length: int) -> "bytes | StoredBody":
        """The bytes from `first` on: at once if they lie in the store, else as they are read."""
        pieces = [
            (self._blobs.path(piece) if size > INLINE_MAX else self._inline(piece), size) for piece, size in body.pieces
        ]
        spans = cut(pieces, first=first, length=length)
        if all(isinstance(span, bytes) for span in spans):
            return b"".join(cast("list[bytes]", spans))
        return StoredBody(self._blobs, spans, length=length)

    def _inline(self, piece: str) -> bytes:
        row = self._tables.bodies.get((piece,))
        assert row is not None, f"body {piece} is referred to and not there"
        return row.data


class Wanted:
    """What a request says about its body: digests to verify, and algorithms to compute."""

    def __init__(self, parameters: Mapping[str, Any], *, content_md5: str | None, algorithm: str | None) -> None:
        self.checksums = {name: parameters[name] for name in ALGORITHMS if parameters.get(name) is not None}
        if len(self.checksums) > 1:
            raise InvalidRequest("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")
        self.algorithms = set(self.checksums) or ({algorithm} if algorithm else set())
        self._content_md5 = content_md5
        if content_md5 is not None and decoded(content_md5, 16) is None:
            raise InvalidDigest(members={"Content-MD5": content_md5})

    def check_md5(self, digest: bytes) -> None:
        if self._content_md5 is not None and decoded(self._content_md5, 16) != digest:
            raise BadDigest(members={"ExpectedDigest": self._content_md5, "CalculatedDigest": encoded(digest)})


class _Intake:
    """What becomes of one body while it arrives, on any one thread at a time.

    It is unframed, digested, and gathered in memory up to `INLINE_MAX`, in a blob from there on.
    """

    def __init__(self, blobs: Blobs, wanted: Wanted | None = None, headers: Mapping[str, str] | None = None) -> None:
        self._blobs = blobs
        self._wanted = wanted
        self._headers = headers or {}
        self._decoder = aws_chunked.AwsChunkedDecoder() if aws_chunked.is_aws_chunked(self._headers) else None
        algorithms = set(wanted.algorithms) if wanted is not None else set()
        if self._decoder is not None:
            trailer = self._headers.get("x-amz-trailer", "").lower()
            algorithms |= {name for name in ALGORITHMS if trailer == _header(name)}
        self._checksums: dict[str, Checksum] = {name: checksum(name) for name in algorithms}
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._small = bytearray()
        self._writer: BlobWriter | None = None
        self._size = 0
        self.read = 0
        """Bytes that were added, framing included."""

    def add(self, chunk: bytes) -> None:
        for payload in (chunk,) if self._decoder is None else self._decoder.feed(chunk):
            self._digest(payload)
        self.read += len(chunk)

    def finish(self) -> Received:
        if self._decoder is not None:
            self._decoder.finish()
            self._check_length()
        self._check_promises()
        checksums = {name: encoded(running.digest()) for name, running in self._checksums.items()}
        data = bytes(self._small) if self._writer is None else None
        blob = "" if self._writer is None else self._writer.finish()
        return Received(md5=self._md5.digest(), size=self._size, data=data, blob=blob, checksums=checksums)

    def discard(self) -> None:
        if self._writer is not None:
            self._blobs.discard(self._writer)

    def _digest(self, payload: bytes | memoryview) -> None:
        self._size += len(payload)
        if self._size > OBJECT_BYTES_MAX:
            raise _too_large(self._size)
        self._md5.update(payload)
        for running in self._checksums.values():
            running.update(payload)
        if self._writer is not None:
            self._writer.append(payload)
            return
        self._small += payload
        if self._size > INLINE_MAX:
            self._writer = self._blobs.writer()
            self._writer.append(self._small)

    def _check_length(self) -> None:
        promised = self._headers.get("x-amz-decoded-content-length", "")
        if promised.isdigit() and int(promised) != self._size:
            raise IncompleteBody(
                "The request body terminated unexpectedly"
                if int(promised) > self._size
                else "You did not provide the number of bytes specified by the Content-Length HTTP header"
            )

    def _check_promises(self) -> None:
        if self._wanted is None:
            return
        promised = dict(self._wanted.checksums)
        if self._decoder is not None:
            trailers = self._decoder.trailers
            promised |= {n: trailers[_header(n)] for n in self._checksums if _header(n) in trailers}
        self._wanted.check_md5(self._md5.digest())
        _check_checksums(promised, self._checksums)


async def _chunks(body: "bytes | BodyStream | StoredBody") -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk


def _too_large(size: int) -> EntityTooLarge:
    return EntityTooLarge(members={"ProposedSize": str(size), "MaxSizeAllowed": str(OBJECT_BYTES_MAX)})


def _header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def _check_checksums(promised: Mapping[str, str], running: Mapping[str, Checksum]) -> None:
    for name, text in promised.items():
        digest = running[name].digest()
        if decoded(text, len(digest)) is None:
            raise InvalidRequest(f"Value for {_header(name)} header is invalid.")
        if text != encoded(digest):
            raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
