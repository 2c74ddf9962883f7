"""A request body that is read while it arrives."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable


class BodyTruncated(Exception):
    """The client went away before the whole body was there."""


class BodyStream:
    """Chunks of a body in order. While more than `HIGH_WATER` bytes wait to be read, the connection is not read."""

    HIGH_WATER = 256 * 1024

    def __init__(self, *, pause: Callable[[], None], resume: Callable[[], None]) -> None:
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self.paused = False
        """Whether it is the reader that is waited for."""
        self._ended = False
        self._dropped = False
        self._failure: Exception | None = None
        self._arrived = asyncio.Event()
        self._pause = pause
        self._resume = resume
        self.witness: Callable[[bytes | None], None] | None = None
        """Sees each chunk before its reader does, and None at the end; what it raises, the reader gets."""

    def feed(self, chunk: bytes) -> None:
        if self._dropped:
            return
        self._chunks.append(chunk)
        self._waiting_bytes += len(chunk)
        if self._waiting_bytes > self.HIGH_WATER and not self.paused:
            self.paused = True
            self._pause()
        self._arrived.set()

    def end(self) -> None:
        self._ended = True
        self._arrived.set()

    def fail(self, error: Exception) -> None:
        if not self._ended:
            self._failure = error
            self._arrived.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._waiting_bytes -= len(chunk)
                if self.paused and self._waiting_bytes <= self.HIGH_WATER // 2:
                    self.paused = False
                    self._resume()
                if self.witness is not None:
                    self.witness(chunk)
                yield chunk
            if self._failure is not None:
                raise self._failure
            if self._ended:
                if self.witness is not None:
                    self.witness(None)
                return
            self._arrived.clear()
            await self._arrived.wait()

    async def read(self) -> bytes:
        """The whole rest of the body."""
        return b"".join([chunk async for chunk in self])

    def drop(self) -> None:
        """Nobody reads on: let the rest arrive and forget it."""
        self._dropped = True
        self._chunks.clear()
        if self.paused:
            self.paused = False
            self._resume()


async def read_whole(body: bytes | BodyStream, bytes_max: int) -> bytes | None:
    """The body, or None if it is too large."""
    if not isinstance(body, BodyStream):
        return body if len(body) <= bytes_max else None
    pieces, length = [], 0
    async for piece in body:
        length += len(piece)
        if length > bytes_max:
            return None
        pieces.append(piece)
    return b"".join(pieces)
