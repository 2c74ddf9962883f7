"""Background tasks that are owned, named and stopped."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import Any

log = logging.getLogger("fogbank.tasks")


class Tasks:
    """Owns every background task of a server; a failure is logged with the task's name, never lost."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.failures = 0

    def spawn(self, name: str, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def attempt(self, name: str, work: Awaitable[object]) -> None:
        """A round of a task that goes on for ever: if it fails, that is logged and counted, and the task goes on."""
        try:
            await work
        except Exception as error:  # An edge: a full disk or one bad row must not end what comes at every hour.
            self._failed(name, error)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(task.get_name(), error)

    def _failed(self, name: str, error: BaseException) -> None:
        self.failures += 1
        log.error("background task %s failed", name, exc_info=error)

    async def stop(self) -> None:
        """Cancel all tasks and wait until they have ended."""
        while self._tasks:
            running = tuple(self._tasks)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
