"""Time as a dependency: the only place that reads the machine's clock.

A virtual clock runs like the real one, can be moved forward and can stand still; everything that waits for a time
waits here, so a test says `advance` instead of sleeping, and looks at a moment for as long as it needs.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable

LAST_MS = 253_402_300_799_999  # the end of the year 9999: dates end there in Python and in ISO 8601
# Up to so many timers, nobody looks for cancelled ones among them.
_CROWD_MIN = 1_000


class Clock:
    """Milliseconds since the epoch, timers and waits on them. Belongs to one event loop once a timer is set."""

    def __init__(self, *, virtual: bool = False) -> None:
        self.virtual = virtual
        self._offset_ms = 0
        self._stands_at_ms: int | None = None
        self._timers: list[tuple[int, int, Timer]] = []
        self._crowd = _CROWD_MIN
        self._order = itertools.count()
        self._wakeup: asyncio.TimerHandle | None = None
        self._wakeup_ms = 0

    def now_ms(self) -> int:
        if self._stands_at_ms is not None:
            return self._stands_at_ms
        return time.time_ns() // 1_000_000 + self._offset_ms

    def advance(self, ms: int) -> None:
        """Move a virtual clock forward and run every timer that became due, in order."""
        if not self.virtual:
            raise RuntimeError("only a virtual clock can be moved")
        if ms < 0:
            raise ValueError("time runs forward")
        if self.now_ms() + ms > LAST_MS:
            raise ValueError("time ends with the year 9999")
        self._offset_ms += ms
        if self._stands_at_ms is not None:
            self._stands_at_ms += ms
        self._run_due()

    def stand_still(self) -> None:
        """A virtual clock moves by `advance` alone, until `run_on`."""
        if not self.virtual:
            raise RuntimeError("only a virtual clock can stand still")
        self._stands_at_ms = self.now_ms()

    def run_on(self) -> None:
        """Run again, from where it stands."""
        stood_at_ms, self._stands_at_ms = self._stands_at_ms, None
        if stood_at_ms is not None:
            self._offset_ms -= self.now_ms() - stood_at_ms
            self._run_due()

    @property
    def offset_ms(self) -> int:
        """How far it has been moved."""
        return self._offset_ms

    def go_on_from(self, offset_ms: int) -> None:
        """Be as far ahead as a clock of that offset, as the state that was written by it may be of then."""
        if self.virtual:
            self._offset_ms = max(self._offset_ms, offset_ms)

    def call_at(self, at_ms: int, callback: Callable[[], object]) -> "Timer":
        """Call `callback` from the event loop once the time is reached."""
        timer = Timer(callback)
        if len(self._timers) >= self._crowd:
            self._drop_cancelled()
        heapq.heappush(self._timers, (at_ms, next(self._order), timer))
        self._arm()
        return timer

    def cancel_timers(self) -> None:
        """Nothing is due any more: who set the timers is gone."""
        self._timers.clear()
        self._disarm()

    async def sleep(self, seconds: float) -> None:
        """Wait for `seconds` of this clock."""
        await self.sleep_until(self.now_ms() + int(seconds * 1000))

    async def sleep_until(self, at_ms: int) -> None:
        future = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        timer = self.call_at(at_ms, wake)
        try:
            await future
        finally:
            timer.cancel()

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait until the event is set or the time has passed; whether it is set."""
        if event.is_set():
            return True
        until_ms = self.now_ms() + int(seconds * 1000)  # Said here: the sleeper begins only in another turn.
        sleeper = asyncio.ensure_future(self.sleep_until(until_ms))
        waiter = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((sleeper, waiter), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeper.cancel()
            waiter.cancel()
        return event.is_set()

    def _run_due(self) -> None:
        self._disarm()  # It is not the wake-up that calls, where the clock was moved.
        now_ms = self.now_ms()
        while self._timers and self._timers[0][0] <= now_ms:
            timer = heapq.heappop(self._timers)[2]
            if not timer.cancelled:
                asyncio.get_running_loop().call_soon(timer.callback)
        self._arm()

    def _arm(self) -> None:
        while self._timers and self._timers[0][2].cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            return
        due_ms = self._timers[0][0]
        if self._stands_at_ms is not None and due_ms > self._stands_at_ms:
            return
        if self._wakeup is not None and self._wakeup_ms <= due_ms:
            return
        self._disarm()
        # A day at most: a far timer is armed again when the day is over.
        delay_s = min(max(due_ms - self.now_ms(), 0) / 1000, 86_400)
        self._wakeup_ms = due_ms
        self._wakeup = asyncio.get_running_loop().call_later(delay_s, self._run_due)

    def _disarm(self) -> None:
        if self._wakeup is not None:
            self._wakeup.cancel()
            self._wakeup = None

    def _drop_cancelled(self) -> None:
        """Cancelled timers go when their time comes, or here: whenever there are twice as many as were left last."""
        self._timers = [entry for entry in self._timers if not entry[2].cancelled]
        heapq.heapify(self._timers)
        self._crowd = max(2 * len(self._timers), _CROWD_MIN)


class Timer:
    """A call that is due at a time; it can be cancelled."""

    __slots__ = ("callback", "cancelled")

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True
        self.callback = _nothing  # What it was to call need not live until then.


def _nothing() -> None:
    """What a cancelled timer calls."""
