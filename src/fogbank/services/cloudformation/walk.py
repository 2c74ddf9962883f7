"""Running the steps of a graph: each as soon as what it needs is done, all others meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from fogbank.services.cloudformation.graph import Graph

if TYPE_CHECKING:
    from fogbank.core.clock import Clock
    from fogbank.services.cloudformation.records import StackResource

CONCURRENCY_MAX = 50  # steps of one stack under way at once


class Failure(msgspec.Struct):
    logical_id: str
    reason: str


class Halt:
    """Asks a walk to begin nothing new, and what waits for somebody's signal to give up; all else comes to its end."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.reason = ""

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def ask(self, reason: str = "") -> None:
        if not self.asked:
            self.reason = reason
            self._event.set()

    async def wait(self) -> None:
        await self._event.wait()

    async def gives_up(self, clock: "Clock", arrived: asyncio.Event, *, until_ms: int) -> bool:
        """Wait for `arrived`; True if the time came or the halt was asked for before."""
        if not arrived.is_set() and not self.asked:
            waits = [
                asyncio.ensure_future(waiting)
                for waiting in (clock.sleep_until(until_ms), arrived.wait(), self._event.wait())
            ]
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for waiting in waits:
                    waiting.cancel()
        return not arrived.is_set()


async def walk(graph: Graph, step: Callable[[str], Awaitable[str | None]], halt: Halt) -> list[Failure]:
    """Call `step` for every node after all that it needs; a failure (a reason returned) asks for the halt."""
    waiting = {name: set(needs) for name, needs in graph.items()}
    running: dict[asyncio.Task[str | None], str] = {}
    failures: list[Failure] = []
    try:
        while waiting or running:
            if not halt.asked:
                free = [name for name, needs in waiting.items() if not needs]
                for name in free[: CONCURRENCY_MAX - len(running)]:
                    del waiting[name]
                    running[asyncio.ensure_future(step(name))] = name
            if not running:
                break
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                name = running.pop(task)
                reason = task.result()
                if reason is not None:
                    failures.append(Failure(name, reason))
                    halt.ask()
                for needs in waiting.values():
                    needs.discard(name)
    except asyncio.CancelledError:
        for task in running:
            task.cancel()
        raise
    finally:
        # Whatever else ended the walk, steps under way come to their end: they may have made something by now.
        await asyncio.gather(*running, return_exceptions=True)
    return failures


def reversed_graph(resources: Iterable["StackResource"]) -> Graph:
    """For deletion: a resource waits for those that need it."""
    found = {resource.logical_id: resource for resource in resources}
    graph: dict[str, set[str]] = {name: set() for name in found}
    for resource in found.values():
        for need in resource.needs:
            if need in graph:
                graph[need].add(resource.logical_id)
    return {name: frozenset(needs) for name, needs in graph.items()}
