"""An answer's body that lies in files: sent straight from them where the connection allows, else read in threads."""

import os
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import NamedTuple, cast

from fogbank.core.blobs import Blobs

CHUNK_BYTES = 256 * 1024
# Less is copied in less time than a thread is woken.
AT_HAND_MAX = 64 * 1024


class FileSpan(NamedTuple):
    """A part of a blob's file."""

    path: Path
    first: int
    length: int


class StoredBody:
    """Bytes and parts of files in their order. The files stay until the body was read or is dropped, whatever happens
    to their blobs.
    """

    def __init__(self, blobs: Blobs, spans: list[bytes | FileSpan], *, length: int) -> None:
        self.blobs = blobs
        self.spans = spans
        self.length = length
        self._reading = [span.path.name for span in spans if isinstance(span, FileSpan)]
        blobs.begin_reading(self._reading)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            for span in self.spans:
                if isinstance(span, bytes):
                    yield span
                    continue
                with await self.blobs.in_thread(span.path.open, "rb", buffering=0) as file:
                    file.seek(span.first)
                    left = span.length
                    while left:
                        chunk = await self.blobs.in_thread(file.read, min(CHUNK_BYTES, left))
                        if not chunk:
                            raise EOFError(f"{span.path} ends {left} bytes early")
                        left -= len(chunk)
                        yield chunk
        finally:
            self.close()

    def at_hand(self) -> bytes | None:
        """All of it, if that is little and the system has it in memory, so that nothing waits for a disk."""
        if self.length > AT_HAND_MAX:
            return None
        parts = [span if isinstance(span, bytes) else _in_memory(span) for span in self.spans]
        if None in parts:
            return None
        self.close()
        return b"".join(cast("list[bytes]", parts))

    async def read(self) -> bytes:
        return b"".join([chunk async for chunk in self])

    def close(self) -> None:
        """Nobody reads on. Called by itself when nothing refers to the body any more."""
        reading, self._reading = self._reading, []
        self.blobs.end_reading(reading)

    __del__ = close


def _in_memory(span: FileSpan) -> bytes | None:
    """What the span holds; None if it would have to be read from the disk, or the system cannot tell."""
    if not hasattr(os, "RWF_NOWAIT"):
        return None
    buffer = bytearray(span.length)
    try:
        with span.path.open("rb", buffering=0) as file:
            read = os.preadv(file.fileno(), (buffer,), span.first, os.RWF_NOWAIT)
    except OSError:  # It would block, or reading is not possible at all: who reads in a thread will see.
        return None
    return bytes(buffer) if read == span.length else None


def cut(pieces: Iterable[tuple[bytes | Path, int]], *, first: int, length: int) -> list[bytes | FileSpan]:
    """The spans of `length` bytes from `first` on, of pieces that lie one behind the other, each with its size."""
    spans: list[bytes | FileSpan] = []
    skip, left = first, length
    for source, size in pieces:
        if left == 0:
            break
        if skip >= size:
            skip -= size
            continue
        take = min(size - skip, left)
        spans.append(source[skip : skip + take] if isinstance(source, bytes) else FileSpan(source, skip, take))
        left -= take
        skip = 0
    return spans
