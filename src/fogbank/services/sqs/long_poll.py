"""Who waits for a message: nothing that arrives after a receiver has looked goes unnoticed.

A receiver takes `seen` before it looks into the queue, and waits for more than that. So it does not matter how long it
takes from the look to the wait (a commit lies between them). One arrival wakes one receiver; if that one gave up at the
same moment, the next is woken in its place.
"""

import asyncio
from collections import Counter, deque

from fogbank.core.clock import Clock


class Arrivals:
    """The arrivals at all queues of this process, and who waits for them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._count: Counter[int] = Counter()
        self._forgotten = 0
        self._waiting: dict[int, deque[asyncio.Event]] = {}

    def seen(self, queue_id: int) -> int:
        """How many arrivals there were. That of a queue with none changes, too, when a queue is forgotten."""
        return self._count.get(queue_id, -self._forgotten)

    async def more(self, queue_id: int, seen: int, *, until_ms: int) -> None:
        """Return once something has arrived since `seen`, or the time is over."""
        if self.seen(queue_id) != seen:
            return
        arrived = asyncio.Event()
        waiting = self._waiting.setdefault(queue_id, deque())
        waiting.append(arrived)
        try:
            await self._clock.wait(arrived, max(until_ms - self._clock.now_ms(), 0) / 1000)
        except asyncio.CancelledError:
            if arrived.is_set():
                self._wake_one(queue_id)
            raise
        finally:
            if arrived in waiting:
                waiting.remove(arrived)

    def note(self, queue_id: int) -> None:
        """Something has become visible."""
        self._count[queue_id] += 1
        self._wake_one(queue_id)

    def forget(self, queue_id: int) -> None:
        """The queue is gone: who waits for it shall see that."""
        self._count.pop(queue_id, None)
        self._forgotten += 1
        for arrived in self._waiting.pop(queue_id, ()):
            arrived.set()

    def _wake_one(self, queue_id: int) -> None:
        waiting = self._waiting.get(queue_id)
        if waiting:
            waiting.popleft().set()
