"""Signals about resources: kept until the stack is gone, and who waits for them is woken."""

import asyncio
from weakref import WeakValueDictionary

from fogbank.services.cloudformation.records import Signal, Tables


class Signals:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._listeners: WeakValueDictionary[tuple[str, str], asyncio.Event] = WeakValueDictionary()
        """As long as somebody waits for them."""

    def of(self, stack_id: str, logical_id: str) -> dict[str, Signal]:
        """By unique id."""
        return {str(key[2]): signal for key, signal in self._tables.signals.scan((stack_id, logical_id))}

    def listen(self, stack_id: str, logical_id: str) -> asyncio.Event:
        """Set at the next signal. Look at `of` after this call: nothing is missed between."""
        return self._listeners.setdefault((stack_id, logical_id), asyncio.Event())

    def put(self, stack_id: str, logical_id: str, unique_id: str, signal: Signal) -> bool:
        """Keep a signal, in a transaction; False if this unique id has signalled before."""
        key = (stack_id, logical_id, unique_id)
        if self._tables.signals.get(key) is not None:
            return False
        self._tables.signals.put(key, signal)
        return True

    def wake(self, stack_id: str, logical_id: str) -> None:
        """After the commit of a signal."""
        listener = self._listeners.pop((stack_id, logical_id), None)
        if listener is not None:
            listener.set()
