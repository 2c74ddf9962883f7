"""Bodies of objects and parts: taken in while they arrive, verified, kept in the store or as blobs."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Mapping
from typing import Any, BinaryIO

from fogbank.core.blobs import Blobs, BlobWriter
from fogbank.core.body import BodyStream
from fogbank.core.context import Context
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

OBJECT_BYTES_MAX = 5 * 1024**3  # A single PUT or part; larger objects are multipart uploads.
CHUNK_BYTES = 256 * 1024


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

    async def receive(self, ctx: Context, body: bytes | BodyStream, wanted: "Wanted") -> Received:
        """Read the whole body and verify what the request promised of it."""
        decoder = aws_chunked.AwsChunkedDecoder() if aws_chunked.is_aws_chunked(ctx.headers) else None
        trailer = ctx.headers.get("x-amz-trailer", "").lower() if decoder is not None else ""
        algorithms = wanted.algorithms | {name for name in ALGORITHMS if trailer == _header(name)}
        running: dict[str, Checksum] = {name: checksum(name) for name in algorithms}
        md5 = hashlib.md5(usedforsecurity=False)
        intake = _Intake(self._blobs)
        try:
            async for chunk in _chunks(body):
                payload = chunk if decoder is None else decoder.feed(chunk)
                if not payload:
                    continue
                md5.update(payload)
                for digest in running.values():
                    digest.update(payload)
                intake.add(payload)
            if decoder is not None:
                decoder.finish()
                self._check_length(ctx, intake.size)
            promised = dict(wanted.checksums)
            if decoder is not None:
                promised |= {n: decoder.trailers[_header(n)] for n in algorithms if _header(n) in decoder.trailers}
            wanted.check_md5(md5.digest())
            checksums = {name: encoded(digest.digest()) for name, digest in running.items()}
            _check_checksums(promised, running)
            data, blob = intake.finish()
        except BaseException:
            intake.discard()
            raise
        return Received(md5=md5.digest(), size=intake.size, data=data, blob=blob, checksums=checksums)

    async def receive_copy(self, content: "bytes | StoredBody") -> Received:
        """Take in what another object holds."""
        md5 = hashlib.md5(usedforsecurity=False)
        intake = _Intake(self._blobs)
        try:
            async for chunk in _chunks(content):
                md5.update(chunk)
                intake.add(chunk)
            data, blob = intake.finish()
        except BaseException:
            intake.discard()
            raise
        return Received(md5=md5.digest(), size=intake.size, data=data, blob=blob, checksums={})

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
        if all(size <= INLINE_MAX for _, size in body.pieces):
            whole = b"".join(self._inline(piece) for piece, _ in body.pieces)
            return whole[first : first + length]
        sources: list[bytes | BinaryIO] = []
        for piece, size in body.pieces:
            sources.append(self._blobs.path(piece).open("rb") if size > INLINE_MAX else self._inline(piece))
        return StoredBody(sources, body, first=first, length=length)

    def _inline(self, piece: str) -> bytes:
        row = self._tables.bodies.get((piece,))
        assert row is not None, f"body {piece} is referred to and not there"
        return row.data

    def _check_length(self, ctx: Context, size: int) -> None:
        promised = ctx.headers.get("x-amz-decoded-content-length", "")
        if promised.isdigit() and int(promised) != size:
            raise IncompleteBody(
                "The request body terminated unexpectedly"
                if int(promised) > size
                else "You did not provide the number of bytes specified by the Content-Length HTTP header"
            )


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


class StoredBody:
    """A body that is read from its files while it is sent. They stay readable if the object is deleted."""

    def __init__(self, sources: "list[bytes | BinaryIO]", body: Body, *, first: int, length: int) -> None:
        self._sources = sources
        self._body = body
        self._first = first
        self.length = length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        skip, left = self._first, self.length
        try:
            for source, (_, size) in zip(self._sources, self._body.pieces, strict=True):
                if left == 0:
                    return
                if skip >= size:
                    skip -= size
                    continue
                take = min(size - skip, left)
                left -= take
                if isinstance(source, bytes):
                    yield source[skip : skip + take]
                else:
                    source.seek(skip)
                    while take:
                        chunk = source.read(min(CHUNK_BYTES, take))
                        if not chunk:
                            raise EOFError(f"a body ends {take} bytes early")
                        take -= len(chunk)
                        yield chunk
                skip = 0
        finally:
            self.close()

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def close(self) -> None:
        for source in self._sources:
            if not isinstance(source, bytes):
                source.close()


class _Intake:
    """Gathers a body in memory up to `INLINE_MAX` and in a blob from there on."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._small = bytearray()
        self._writer: BlobWriter | None = None
        self.size = 0

    def add(self, payload: bytes) -> None:
        self.size += len(payload)
        if self.size > OBJECT_BYTES_MAX:
            raise EntityTooLarge(members={"MaxSizeAllowed": str(OBJECT_BYTES_MAX)})
        if self._writer is None:
            self._small += payload
            if self.size > INLINE_MAX:
                self._writer = self._blobs.writer()
                self._writer.append(bytes(self._small))
        else:
            self._writer.append(payload)

    def finish(self) -> tuple[bytes | None, str]:
        if self._writer is None:
            return bytes(self._small), ""
        return None, self._writer.finish()[0]

    def discard(self) -> None:
        if self._writer is not None:
            self._writer.discard()


async def _chunks(body: "bytes | BodyStream | StoredBody") -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk


def _header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def _check_checksums(promised: Mapping[str, str], running: Mapping[str, Checksum]) -> None:
    for name, text in promised.items():
        digest = running[name].digest()
        if decoded(text, len(digest)) is None:
            raise InvalidRequest(f"Value for {_header(name)} header is invalid.")
        if text != encoded(digest):
            raise BadDigest(f"The {name} you specified did not match the calculated checksum.")
