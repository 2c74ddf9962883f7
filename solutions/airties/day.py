"""A day of the fleet, step by step on the cloud's clock: what is due is sent, the clock goes on, the figures are read.

Where the clock is moved it waits for the reader: a batch takes real time, and minutes must not pass for it alone.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fleet import FIRST_HOUR, Fleet, Message
from sender import Sender
from stack import Stack

OUTAGE_AT = (15.5 - FIRST_HOUR) / 24  # of the day: between the burst and the evening
LAG_MAX_S = 60  # how far the reader may be behind its batching window before a moved clock waits for it
PATIENCE = 20  # pauses in a step, at most: also a reader that waits for its window needs the clock to go on
PAUSE_S = 0.1
HEAR_EVERY_S = 0.5
SETTLE_MINUTES_MAX = 90
ALARM_MINUTES = 3  # an alarm of minutes is heard so much later at most


@dataclass
class Moment:
    """The figures of one moment of the day."""

    minute: float
    acknowledged: int
    indexed: int
    shards: int
    other_shards: int


class Day:
    """`minutes` are the cloud's; the devices' clocks show a whole day in them."""

    def __init__(
        self,
        stack: Stack,
        fleet: Fleet,
        sender: Sender,
        *,
        minutes: float,
        step_s: float,
        outage_minutes: float,
        moved: bool = True,
    ) -> None:
        self._stack = stack
        self._fleet = fleet
        self._sender = sender
        self._minutes = minutes
        self._step_s = step_s
        self._moved = moved and stack.clock.moved
        self._outage = (OUTAGE_AT * minutes, OUTAGE_AT * minutes + outage_minutes)
        self._lag_minutes = (float(stack.outputs["BatchingWindowSeconds"]) + LAG_MAX_S) / 60
        self._acknowledged: deque[tuple[float, int]] = deque()
        self._expected = 0
        self._heard_s = 0.0
        self.reading = True
        self.began = stack.clock.now()
        self.moments: list[Moment] = []
        self.alarms: list[tuple[str, str]] = []
        self.indexed = 0
        self.sending_s = 0.0

    def run(self) -> None:
        """Send the whole day's messages; returns when all of them are acknowledged."""
        began_s = time.monotonic()
        coming = Coming(self._fleet.sends())
        try:
            while coming.more or self._sender.pending:
                now = self.minute
                self._sender.offer(coming.until(self._fleet.share_until(now / self._minutes)))
                self._sender.send()
                self._turn_reader(now)
                self._pass_step(began_s)
        finally:  # Whatever stops the driver, the reader goes on.
            self._turn_reader(self._outage[1])
        self.sending_s = time.monotonic() - began_s
        self._look()

    def settle(self) -> None:
        """After the day: until everything is read and summed up, and no alarm is on."""
        self._wait_until(lambda: self._is_read and not self._stack.depth("ToAggregate"))
        told_by = self.minute + ALARM_MINUTES
        self._wait_until(lambda: self.minute >= told_by and "ALARM" not in dict(self.alarms).values())

    def wait_until_read(self) -> None:
        self._wait_until(lambda: self._is_read)

    @property
    def _is_read(self) -> bool:
        return self.indexed >= self._sender.ledger.acknowledged

    def _wait_until(self, done: Callable[[], bool]) -> None:
        began_s, until = time.monotonic(), self.minute + SETTLE_MINUTES_MAX
        while not done() and self.minute < until:
            self._pass_step(began_s)

    def heard_of(self, alarm: str) -> list[str]:
        """The states of one of the stack's alarms, in their order."""
        return [state for name, state in self.alarms if name == self._stack.outputs[alarm]]

    @property
    def minute(self) -> float:
        return (self._stack.clock.now() - self.began).total_seconds() / 60

    # ---- one step -----------------------------------------------------------------------------------------------

    def _turn_reader(self, minute: float) -> None:
        """The outage: the reader stands still from one minute to another."""
        wanted = not self._outage[0] <= minute < self._outage[1]
        if wanted != self.reading:
            self._stack.read(wanted)
            self.reading = wanted

    def _pass_step(self, began_s: float) -> None:
        self._look()
        if not self._moved:
            time.sleep(self._step_s - (time.monotonic() - began_s) % self._step_s)
            return
        for _ in range(PATIENCE):
            if not self.reading or not self._lags():
                break
            time.sleep(PAUSE_S)
            self.indexed = self._stack.indexed(self.began)
        self._stack.clock.wait(self._step_s)

    def _look(self) -> None:
        if time.monotonic() - self._heard_s > HEAR_EVERY_S:
            self._heard_s = time.monotonic()
            self.alarms += self._stack.alarms_heard()
        stack, acknowledged, minute = self._stack, self._sender.ledger.acknowledged, self.minute
        self.indexed = stack.indexed(self.began)
        shards, other_shards = (stack.open_shards(stream) for stream in stack.streams)
        self.moments.append(Moment(minute, acknowledged, self.indexed, shards, other_shards))
        self._acknowledged.append((minute, acknowledged))

    def _lags(self) -> bool:
        """Whether something is not indexed that was acknowledged so long ago that it should be."""
        while self._acknowledged and self._acknowledged[0][0] <= self.minute - self._lag_minutes:
            self._expected = self._acknowledged.popleft()[1]
        return self.indexed < self._expected


class Coming:
    """The sendings that are not due yet."""

    def __init__(self, sends: Iterator[tuple[float, Message]]) -> None:
        self._sends = sends
        self._next = next(sends, None)

    @property
    def more(self) -> bool:
        return self._next is not None

    def until(self, share: float) -> Iterator[Message]:
        """Those that are due by then."""
        while self._next is not None and self._next[0] <= share:
            yield self._next[1]
            self._next = next(self._sends, None)
