"""Work that must not hold up the event loop and has an order: calls in threads, one after the other."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

R = TypeVar("R")


class Strand:
    """Calls made one after the other on threads of a pool. All methods belong to the event loop's thread.

    The first call that raises is the last one: `finished` and every later `submit` raise what it raised.
    """

    def __init__(self, threads: Executor) -> None:
        self._threads = threads
        self._calls: deque[Callable[[], object]] = deque()
        self._running: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._last: Callable[[], object] | None = None

    def submit(self, call: Callable[[], object]) -> None:
        if self._failure is not None:
            raise self._failure
        self._calls.append(call)
        if self._running is None:
            self._begin()

    async def finished(self) -> None:
        """Wait until all calls were made. A wait that is cancelled leaves them to go on."""
        while self._running is not None:
            await asyncio.wait((self._running,))
        if self._failure is not None:
            raise self._failure

    async def last(self, call: Callable[[], R]) -> R:
        """What `call` returns, made after all others."""
        results: list[R] = []
        self.submit(lambda: results.append(call()))
        await self.finished()
        return results[0]

    def end(self, last: Callable[[], object]) -> None:
        """Forget the calls that were not begun yet; make a last one, whatever became of the others."""
        self._calls.clear()
        self._last = last
        if self._running is None:
            self._go_on()

    def _begin(self) -> None:
        self._running = asyncio.get_running_loop().run_in_executor(self._threads, self._work)
        self._running.add_done_callback(self._ended)

    def _work(self) -> None:
        while self._calls:
            self._calls.popleft()()

    def _ended(self, running: "asyncio.Future[None]") -> None:
        self._running = None
        self._failure = running.exception()
        self._go_on()

    def _go_on(self) -> None:
        if self._last is not None:
            self._calls.append(self._last)
            self._last = self._failure = None
        if self._failure is not None:
            self._calls.clear()
        elif self._calls:  # Submitted after the thread had looked for the last time.
            self._begin()
