"""DuckDB in threads of this process. It is imported when the first session is opened: it takes some 40 MB."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from fogbank.engines.sql.interface import QueryFailed, Reason, Row, SqlSession

T = TypeVar("T")
# More at a time than there are processors would only share these; the others wait for their turn.
STEPS_AT_A_TIME = 4
_THREADS_OF_A_QUERY = 2
_INTERRUPT_AGAIN_S = 0.05
# Each may take the memory it was promised, and few come near it. Who opens one more waits until another is closed.
SESSIONS_MAX = 32

_REASONS: tuple[tuple[str, Reason], ...] = (
    ("ConversionException", "conversion"),
    ("OutOfRangeException", "overflow"),
    ("OutOfMemoryException", "memory"),
    ("InterruptException", "time"),
    ("IOException", "unreadable"),
    ("InvalidInputException", "raised"),
)


class DuckDb:
    """The embedded `SqlEngine`."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(STEPS_AT_A_TIME, thread_name_prefix="sql")
        self._room = asyncio.Semaphore(SESSIONS_MAX)

    async def open(self, *, files: Sequence[Path] = (), memory_mb: int = 256, step_s: float = 60.0) -> SqlSession:
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
            "memory_limit": f"{memory_mb}MB",
            "temp_directory": "",
            "threads": _THREADS_OF_A_QUERY,
            "async_threads": 1,
            "allowed_paths": [str(file) for file in files],
            "enable_external_access": False,
            "lock_configuration": True,
        }

        def connect() -> Any:
            connection = importlib.import_module("duckdb").connect(":memory:")
            for name, value in settings.items():
                connection.execute(f"SET {name} = $value", {"value": value})
            return connection

        await self._room.acquire()
        try:
            connection = await asyncio.get_running_loop().run_in_executor(self._threads, connect)
        except BaseException:
            self._room.release()
            raise
        return _Session(connection, self._threads, step_s, closed=self._room.release)


class _Session:
    def __init__(
        self, connection: Any, threads: ThreadPoolExecutor, step_s: float, *, closed: Callable[[], None]
    ) -> None:
        self._connection = connection
        self._threads = threads
        self._step_s = step_s
        self._closed = closed

    async def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        await self._step(lambda: self._connection.execute(statement, parameters))

    async def rows(
        self, statement: str, parameters: Mapping[str, Any] | None = None, *, size: int = 2048
    ) -> AsyncIterator[list[Row]]:
        def first() -> list[Row]:
            found: list[Row] = self._connection.execute(statement, parameters).fetchmany(size)
            return found

        rows = await self._step(first)
        while rows:
            yield rows
            rows = await self._step(lambda: self._connection.fetchmany(size))

    async def close(self) -> None:
        self._connection.interrupt()
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._connection.close)
        finally:
            self._closed()

    async def _step(self, work: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        started: list[asyncio.TimerHandle] = []

        def timed() -> T:
            # The time to wait for a thread is not the statement's.
            loop.call_soon_threadsafe(lambda: started.append(loop.call_later(self._step_s, self._connection.interrupt)))
            return work()

        step = loop.run_in_executor(self._threads, timed)
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            # The connection is in use until its thread is done. An interrupt that comes before the statement is lost.
            while not step.done():
                self._connection.interrupt()
                await asyncio.wait((step,), timeout=_INTERRUPT_AGAIN_S)
            step.exception()  # Nobody else asks for it.
            raise
        except importlib.import_module("duckdb").Error as error:
            raise _failure(error) from None
        finally:
            for timer in started:
                timer.cancel()


def _failure(error: Exception) -> QueryFailed:
    names = {kind.__name__ for kind in type(error).__mro__}
    reasons = [reason for name, reason in _REASONS if name in names]
    message = str(error)
    return QueryFailed(reasons[0] if reasons else "other", message.partition(": ")[2] or message)
