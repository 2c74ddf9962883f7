"""Numbers that only grow, also across restarts and when the machine's clock steps back."""

from typing import TYPE_CHECKING

from fogbank.core.store import Record

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

# A number is the time in milliseconds with room for a million within each.
_SHIFT = 20
_RESERVE_MS = 60_000


class Reserved(Record):
    """No number at or above this one was given out."""

    below: int


def number_at(ms: int) -> int:
    """The first number that can be given out at that time, in a sequence that did not run ahead of the clock."""
    return ms << _SHIFT


class Sequence:
    """Gives out growing numbers inside transactions; reserves a minute's worth of them with one write."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._rows = cloud.store.table("core.sequence", key=(str,), value=Reserved)
        row = self._rows.get(("below",))
        self._last = row.below if row is not None else 0
        self._reserved = 0

    def next(self, count: int = 1) -> int:
        """The next number; of several, the first one, which the others follow without gaps."""
        first = max(self._last + 1, self._cloud.clock.now_ms() << _SHIFT)
        self._last = first + count - 1
        if self._last >= self._reserved:
            below = self._last + (_RESERVE_MS << _SHIFT)
            self._rows.put(("below",), Reserved(below))
            self._cloud.store.after_commit(lambda: self._keep(below))
        return first

    def _keep(self, below: int) -> None:
        self._reserved = max(self._reserved, below)
