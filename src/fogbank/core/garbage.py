"""Removing many rows that nobody can reach any more: a slice a turn, so that no request waits for a large removal.

What is to be removed is a row itself, written in the transaction that makes it unreachable: a crash forgets none of it.
"""

from typing import TYPE_CHECKING, Any

from fogbank.core.store import Key, Record, Store, Table

if TYPE_CHECKING:
    from fogbank.core.tasks import Tasks

# Removed in the caller's transaction, which is all there is of most tables and queues.
AT_ONCE = 500
PER_TURN = 1_000


class Doomed(Record):
    """Everything whose encoded key begins with this row's key."""


class Garbage:
    """The removals under way of one store."""

    def __init__(self, store: Store, tasks: "Tasks") -> None:
        self._store = store
        self._tasks = tasks
        self._doomed = store.table("core.garbage", key=(bytes,), value=Doomed)
        self._working = False

    def discard(self, table: Table[Any], prefix: Key) -> None:
        """Remove the rows of `table` that begin with `prefix`, in this transaction and, if there are many, later.

        The rows must be unreachable already: under an id that is never used again.
        """
        encoded = table.encoded(prefix)
        if self._store.remove_some(encoded, limit=AT_ONCE):
            self._doomed.put((encoded,), Doomed())
            self._store.after_commit(self.start)

    def start(self) -> None:
        """Go on with what is left, also of an earlier process."""
        if not self._working and self._doomed.first() is not None:
            self._working = True
            self._tasks.spawn("remove garbage", self._work())

    async def _work(self) -> None:
        try:
            while await self._store.run(self._remove_slice):
                continue
        finally:
            self._working = False

    def _remove_slice(self) -> bool:
        """Whether there may be more."""
        first = self._doomed.first()
        if first is None:
            return False
        (encoded,) = first[0]
        if not self._store.remove_some(encoded, limit=PER_TURN):
            self._doomed.delete((encoded,))
        return True
