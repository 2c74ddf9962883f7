"""A function's answer on its way from the engine to who reads it, piece by piece."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

# What waits for a slow reader; beyond it the function is not read any further.
WAITING_BYTES_MAX = 1 << 20


class ResponseStream:
    """Fed by an environment while it is invoked, read by iterating. It ends in every case; how, says the outcome.

    A function that does not stream feeds its whole answer at once; one that fails before it answers feeds nothing.
    """

    def __init__(self) -> None:
        self.content_type = "application/octet-stream"
        self._chunks: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False
        self._changed = asyncio.Event()
        self._resume: Callable[[], None] | None = None
        self.begun: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether there is an answer; known when its content type is."""

    def begin(self, content_type: str) -> None:
        self.content_type = content_type
        if not self.begun.done():
            self.begun.set_result(True)

    def feed(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._waiting_bytes += len(chunk)
        self._changed.set()

    def full(self, resume: Callable[[], None]) -> bool:
        """Whether so much waits that the feeder ought to pause; `resume` is called when it may go on."""
        if self._waiting_bytes <= WAITING_BYTES_MAX or self._ended:
            return False
        self._resume = resume
        return True

    def end(self) -> None:
        self._ended = True
        self._changed.set()
        if not self.begun.done():
            self.begun.set_result(False)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._chunks:
                chunk = self._chunks.popleft()
                self._waiting_bytes -= len(chunk)
                yield chunk
            if self._resume is not None:
                resume, self._resume = self._resume, None
                resume()
            if self._ended:
                return
            self._changed.clear()
            await self._changed.wait()
