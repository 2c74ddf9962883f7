"""Who waits for new records of a shard."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from fogbank.core.store import Store

Place = tuple[int, int]
"""A stream's id and a shard's number."""


class Waiters:
    """Events by shard, set whenever the shard has got records or an end."""

    def __init__(self) -> None:
        self._waiting: dict[Place, set[asyncio.Event]] = {}

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    @contextmanager
    def waiting(self, place: Place) -> Iterator[asyncio.Event]:
        event = asyncio.Event()
        self._waiting.setdefault(place, set()).add(event)
        try:
            yield event
        finally:
            others = self._waiting[place]
            others.discard(event)
            if not others:
                del self._waiting[place]

    def wake_after_commit(self, store: Store, place: Place) -> None:
        if place in self._waiting:
            store.after_commit(lambda: self._wake(place))

    def _wake(self, place: Place) -> None:
        for event in self._waiting.get(place, ()):
            event.set()
