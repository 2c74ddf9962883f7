"""Bodies of objects and parts: taken in while they arrive, verified, kept in the store or as blobs."""

import itertools
import secrets
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Collection
from functools import partial
from typing import NamedTuple, TypeVar, cast

from fogbank.core.blobs import Blobs, BlobWriter
from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.core.stored_body import StoredBody, cut
from fogbank.core.strand import Strand
from fogbank.services.s3.body_keys import BodyKey, Transform, new_salt
from fogbank.services.s3.checksums import encoded
from fogbank.services.s3.encryption import Encryption
from fogbank.services.s3.errors import EntityTooLarge
from fogbank.services.s3.integrity import Promises
from fogbank.services.s3.records import INLINE_MAX, Body, InlineBody, S3Tables

R = TypeVar("R")
OBJECT_BYTES_MAX = 5 * 1024**3  # A single PUT or part; larger objects are multipart uploads.
# What of a body may wait for the disk in memory, beside what the connection holds.
WAITING_BYTES_MAX = 512 * 1024


class Received:
    """A body that is complete and verified, but not yet kept."""

    def __init__(
        self, *, etag: str, size: int, data: bytes | None, blob: str, salt: str, checksums: dict[str, str]
    ) -> None:
        self.etag = etag
        self.size = size
        self.data = data
        self.blob = blob
        self.salt = salt
        self.checksums = checksums


class Duplicate(NamedTuple):
    """A body that was duplicated: the pieces as in `Body`, with their bytes unless those are in a blob."""

    pieces: list[tuple[str, int, bytes | None]]
    salts: list[str]


class Bodies:
    """Takes bodies in, keeps them in the caller's transaction, reads and drops them."""

    def __init__(self, tables: S3Tables, blobs: Blobs) -> None:
        self._tables = tables
        self._blobs = blobs

    def take(
        self,
        ctx: Context,
        body: bytes | AsyncIterable[bytes],
        promises: Promises,
        encryption: Encryption,
        keep: Callable[[Received], R],
        *,
        checksums: Collection[str],
    ) -> R | Awaitable[R]:
        """Read the whole body, verify what the request promised of it, and `keep` it in a transaction, encrypted if
        there is a key, with checksums by the algorithms that are named.

        A small body that is here already is kept in the transaction at hand, anything else in one of its own.
        """
        given = ctx.headers.get("x-amz-decoded-content-length") or ctx.headers.get("content-length", "")
        promised = whole_number(given)
        if promised is not None and promised > OBJECT_BYTES_MAX:
            raise _too_large(promised)
        intake = _Intake(self._blobs, promises, encryption, checksums)
        if not isinstance(body, bytes) or len(body) > INLINE_MAX:
            return self._take(ctx, body, intake, keep)
        intake.add(body)
        return keep(intake.finish())

    async def _take(
        self, ctx: Context, body: bytes | AsyncIterable[bytes], intake: "_Intake", keep: Callable[[Received], R]
    ) -> R:
        strand = Strand(self._blobs.threads)
        try:
            arrived = 0
            async for chunk in chunks(body):
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
            # Bodies of the same time lie together: a commit then writes few pages of the store.
            piece = f"{self._tables.latest_sequence():016x}{secrets.token_hex(8)}"
            self._tables.bodies.put((piece,), InlineBody(received.data))
        else:
            piece = received.blob
            self._blobs.claim(piece, received.size)
        return Body([(piece, received.size)], [received.salt] if received.salt else [])

    def drop(self, body: Body | None) -> None:
        for piece, size in body.pieces if body is not None else ():
            if size > INLINE_MAX:
                self._blobs.release(piece)
            else:
                self._tables.bodies.delete((piece,))

    async def duplicate(self, body: Body | None) -> "Duplicate":
        """The same bytes once more, not yet kept. To be forgotten at the end, kept or not. The body is there when this
        is called and may go meanwhile.
        """
        pieces = body.pieces if body is not None else []
        inline = {piece: self._inline(piece) for piece, size in pieces if size <= INLINE_MAX}
        blobs = [piece for piece, size in pieces if size > INLINE_MAX]
        duplicate = Duplicate([], body.salts if body is not None else [])
        self._blobs.begin_reading(blobs)
        try:
            for piece, size in pieces:
                if size > INLINE_MAX:
                    duplicate.pieces.append((await self._blobs.duplicate(piece), size, None))
                else:
                    duplicate.pieces.append((secrets.token_hex(16), size, inline[piece]))
        except BaseException:
            self.forget(duplicate)
            raise
        finally:
            self._blobs.end_reading(blobs)
        return duplicate

    def keep_duplicate(self, duplicate: "Duplicate") -> Body:
        """In the transaction that refers to it."""
        for piece, size, data in duplicate.pieces:
            if data is not None:
                self._tables.bodies.put((piece,), InlineBody(data))
            else:
                self._blobs.claim(piece, size)
        return Body([(piece, size) for piece, size, _ in duplicate.pieces], duplicate.salts)

    def forget(self, duplicate: "Duplicate") -> None:
        """Remove what was not kept."""
        for piece, _, data in duplicate.pieces:
            if data is None:
                self._blobs.abandon(piece)

    def open(self, body: Body, *, first: int, length: int, key: BodyKey | None = None) -> "bytes | Contents":
        """The bytes from `first` on: at once if they lie in the store, else as they are read. `key` is that of a body
        that was encrypted with one.
        """
        pieces = [
            (self._blobs.path(piece) if size > INLINE_MAX else self._inline(piece), size) for piece, size in body.pieces
        ]
        spans = cut(pieces, first=first, length=length)
        found = [] if key is None else transforms(body, key, first=first, count=len(spans))
        if all(isinstance(span, bytes) for span in spans):
            inline = cast("list[bytes]", spans)
            if found:
                inline = [transform(span) for transform, span in zip(found, inline, strict=True)]
            return b"".join(inline)
        stored = StoredBody(self._blobs, spans, length=length)
        return DecipheredBody(stored, found) if found else stored

    def _inline(self, piece: str) -> bytes:
        row = self._tables.bodies.get((piece,))
        assert row is not None, f"body {piece} is referred to and not there"
        return row.data


class DecipheredBody:
    """A stored body that is decrypted while it is read."""

    def __init__(self, stored: StoredBody, transforms: list[Transform]) -> None:
        """`transforms` are those of the spans."""
        self._stored = stored
        self._transforms = transforms
        self.length = stored.length

    async def __aiter__(self) -> AsyncIterator[bytes]:
        transforms = iter(self._transforms)
        ends = itertools.accumulate(
            len(span) if isinstance(span, bytes) else span.length for span in self._stored.spans
        )
        end = read = 0
        async for chunk in self._stored:
            if read == end:  # No chunk is of two spans.
                transform, end = next(transforms), next(ends)
            read += len(chunk)
            yield transform(chunk)

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def close(self) -> None:
        self._stored.close()


Contents = StoredBody | DecipheredBody
"""A body that is read as it is needed."""


class _Intake:
    """What becomes of one body while it arrives, on any one thread at a time.

    It is unframed, digested, encrypted, and gathered in memory up to `INLINE_MAX`, in a blob from there on.
    """

    def __init__(self, blobs: Blobs, promises: Promises, encryption: Encryption, checksums: Collection[str]) -> None:
        self._blobs = blobs
        self._promises = promises
        self._etag_is_md5 = encryption.etag_is_md5
        self._checksums = checksums
        for algorithm in checksums:
            promises.compute(algorithm)
        if self._etag_is_md5:
            promises.compute("MD5")
        key = encryption.body_key
        self._salt = new_salt() if key is not None else ""
        self._encrypt = key.transform(self._salt, 0) if key is not None else None
        self._small = bytearray()
        self._writer: BlobWriter | None = None
        self._size = 0
        self.read = 0
        """Bytes that were added, framing included."""

    def add(self, chunk: bytes) -> None:
        for payload in self._promises.update(chunk):
            self._gather(payload)
        self.read += len(chunk)

    def finish(self) -> Received:
        self._promises.check()
        digest = self._promises.digest
        data = bytes(self._small) if self._writer is None else None
        return Received(
            etag=digest("MD5").hex() if self._etag_is_md5 else secrets.token_hex(16),
            size=self._size,
            data=data,
            blob="" if self._writer is None else self._writer.finish(),
            salt=self._salt,
            checksums={algorithm: encoded(digest(algorithm)) for algorithm in self._checksums},
        )

    def discard(self) -> None:
        if self._writer is not None:
            self._blobs.discard(self._writer)

    def _gather(self, payload: bytes | memoryview) -> None:
        self._size += len(payload)
        if self._size > OBJECT_BYTES_MAX:
            raise _too_large(self._size)
        if self._encrypt is not None:
            payload = self._encrypt(payload)
        if self._writer is not None:
            self._writer.append(payload)
            return
        self._small += payload
        if self._size > INLINE_MAX:
            self._writer = self._blobs.writer()
            self._writer.append(self._small)


def transforms(body: Body, key: BodyKey, *, first: int, count: int) -> list[Transform]:
    """What decrypts the `count` spans of a body from `first` on."""
    found: list[Transform] = []
    for (_, size), salt in zip(body.pieces, body.salts, strict=True):
        if first < size and len(found) < count:
            found.append(key.transform(salt, first))
        first = max(first - size, 0)
    return found


async def chunks(body: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """A body in pieces, whichever way it is there."""
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk


def _too_large(size: int) -> EntityTooLarge:
    return EntityTooLarge(members={"ProposedSize": str(size), "MaxSizeAllowed": str(OBJECT_BYTES_MAX)})
