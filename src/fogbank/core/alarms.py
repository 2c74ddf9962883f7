"""Alarms that survive a restart: a table of due times, and timers on the clock for them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from fogbank.core.clock import Timer
from fogbank.core.errors import StorageFull
from fogbank.core.store import Record

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

Key = tuple[Any, ...]

WHEN_FULL_MS = 5_000


class Alarm(Record):
    """When it is due, and what its owner wants to know then."""

    at_ms: int
    note: str = ""


class Alarms:
    """The alarms of one table. `ring` is called in the transaction that removes the alarm, and may set the next."""

    def __init__(
        self, cloud: "Cloud", table: str, *, key: tuple[type[int | str], ...], ring: Callable[[Any, Alarm], None]
    ) -> None:
        self._cloud = cloud
        self._alarms = cloud.store.table(table, key=key, value=Alarm)
        self._ring = ring
        self._timers: dict[Key, Timer] = {}

    def get(self, key: Key) -> Alarm | None:
        return self._alarms.get(key)

    def pending(self) -> Iterator[tuple[Any, Alarm]]:
        """All that are set, in the order of their keys."""
        return self._alarms.scan()

    def set(self, key: Key, at_ms: int, note: str = "") -> None:
        """Set the alarm, in place of one that was set before, in the current transaction."""
        self._alarms.put(key, Alarm(at_ms, note))
        self._cloud.store.after_commit(lambda: self._arm(key, at_ms))

    def cancel(self, key: Key) -> None:
        if self._alarms.delete(key):
            self._cloud.store.after_commit(lambda: self._disarm(key))

    def resume(self) -> None:
        """Go on with what is stored; what came due in between rings now."""
        for key, alarm in list(self._alarms.scan()):
            self._arm(key, alarm.at_ms)

    def _arm(self, key: Key, at_ms: int) -> None:
        self._disarm(key)
        self._timers[key] = self._cloud.clock.call_at(at_ms, lambda: self._due(key, at_ms))

    def _disarm(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _due(self, key: Key, at_ms: int) -> None:
        store = self._cloud.store
        try:
            with store.transaction():
                alarm = self._alarms.get(key)
                if alarm is None or alarm.at_ms != at_ms:
                    return
                self._timers.pop(key, None)
                self._alarms.delete(key)
                self._ring(key, alarm)
        except StorageFull as error:
            self._settled(key, at_ms, error)
        else:
            store.when_settled(partial(self._settled, key, at_ms))

    def _settled(self, key: Key, at_ms: int, error: Exception | None) -> None:
        """What could not be kept rings again: there may be room for it later."""
        if error is not None:
            later_ms = self._cloud.clock.now_ms() + WHEN_FULL_MS
            self._timers[key] = self._cloud.clock.call_at(later_ms, lambda: self._due(key, at_ms))
