"""Environments that are kept warm: taken for an invocation, given back, ended when idle, crowded out or
outdated, or at the end of their credentials.

Invariant: while an invocation waits for a place, no environment is idle and none may be started out of its turn.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from fogbank.core.clock import Clock
from fogbank.engines.compute.interface import Environment

if TYPE_CHECKING:
    from fogbank.services.lambda_.fleets import Fleet

# AWS keeps idle environments for some minutes and does not say how long.
IDLE_S = 600
# Processes that one machine is asked to hold; an invocation beyond them waits for its turn.
ENVIRONMENTS_MAX = 200
# Of them, what may be provisioned: invocations on demand have to get on, too.
PROVISIONED_MAX = 180
# A warm environment is passed on to an invocation of its function, unless another has waited for a place so long.
WAITS_MS = 1000

Key = tuple[str, str, str, int]


class Slot:
    """An environment in the pool, with the log stream that its invocations write to."""

    __slots__ = (
        "access_key",
        "blob",
        "build",
        "environment",
        "fleet",
        "idle_since_ms",
        "key",
        "log_stream",
        "usable_until_ms",
    )

    def __init__(
        self,
        key: Key,
        build: str,
        environment: Environment,
        log_stream: str,
        *,
        blob: str,
        access_key: str,
        usable_until_ms: int,
    ) -> None:
        self.key = key
        self.build = build
        self.blob = blob
        """The code, which stays until the environment has ended."""
        self.environment = environment
        self.log_stream = log_stream
        self.access_key = access_key
        self.usable_until_ms = usable_until_ms
        self.idle_since_ms = 0
        self.fleet: Fleet | None = None
        """Whose environment it is, if it is a provisioned one."""


class Waiting:
    """An invocation that waits: for a warm environment of its function, or a place for a new one (None)."""

    __slots__ = ("build", "key", "since_ms", "turn")

    def __init__(self, key: Key, build: str, now_ms: int) -> None:
        self.key = key
        self.build = build
        self.since_ms = now_ms
        self.turn: asyncio.Future[Slot | None] = asyncio.get_running_loop().create_future()


class Pool:
    """All environments of one server, by function and version; provisioned ones have a place in it and are kept by
    their fleets.
    """

    def __init__(self, clock: Clock, on_end: Callable[[Slot], None]) -> None:
        self._clock = clock
        self._on_end = on_end
        self._idle: dict[Key, list[Slot]] = {}
        self._oldest: OrderedDict[Slot, None] = OrderedDict()
        self._count = 0
        self._provisioned = 0
        self._waiting: deque[Waiting] = deque()

    async def take(self, key: Key, build: str, make: Callable[[], Awaitable[Slot]]) -> Slot:
        """A warm environment of that build, the one used last, or a new one."""
        slot = self._warm(key, build)
        if slot is not None:
            return slot
        if not self._claim():
            slot = await self._wait(Waiting(key, build, self._clock.now_ms()))
            if slot is not None:
                return slot
        try:
            return await make()
        except BaseException:
            self._free()
            raise

    def give_back(self, slot: Slot, *, current: bool) -> None:
        """Keep the environment for the next invocation, unless it has ended or its function has changed."""
        if not current or not slot.environment.usable:
            self._end(slot)
            return
        if self._waiting:
            self._pass_on(slot)
            return
        slot.idle_since_ms = self._clock.now_ms()
        self._idle.setdefault(slot.key, []).append(slot)
        self._oldest[slot] = None

    def retire(self, key: Key) -> None:
        """End the idle environments of a version; those in use end when they are given back."""
        for slot in self._idle.pop(key, []):
            del self._oldest[slot]
            self._end(slot)

    def expire(self) -> None:
        """End what has been idle for too long."""
        limit_ms = self._clock.now_ms() - IDLE_S * 1000
        while self._oldest:
            slot = next(iter(self._oldest))
            if slot.idle_since_ms > limit_ms:
                return
            self._remove_idle(slot)

    def make_room(self) -> None:
        """End what has been idle for longest, if anything is."""
        if self._oldest:
            self._remove_idle(next(iter(self._oldest)))

    # ---- places of provisioned environments ---------------------------------------------------------------------

    def claim_provisioned(self) -> bool:
        """Take a place for a provisioned environment; whether there is one."""
        if self._provisioned >= PROVISIONED_MAX or not self._claim():
            return False
        self._provisioned += 1
        return True

    def free_provisioned(self) -> None:
        self._provisioned -= 1
        self._free()

    def end_provisioned(self, slot: Slot) -> None:
        self._provisioned -= 1
        self._end(slot)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _warm(self, key: Key, build: str) -> Slot | None:
        idle = self._idle.get(key)
        while idle:
            slot = idle.pop()
            del self._oldest[slot]
            if self._fits(slot, build):
                return slot
            self._end(slot)
        return None

    def _fits(self, slot: Slot, build: str) -> bool:
        return slot.environment.usable and slot.build == build and self._clock.now_ms() < slot.usable_until_ms

    async def _wait(self, waiting: Waiting) -> Slot | None:
        self._waiting.append(waiting)
        try:
            return await asyncio.shield(waiting.turn)
        except asyncio.CancelledError:
            if not waiting.turn.done():
                self._waiting.remove(waiting)
            elif (slot := waiting.turn.result()) is not None:  # It was its turn a moment before.
                self.give_back(slot, current=True)
            else:
                self._free()
            raise

    def _pass_on(self, slot: Slot) -> None:
        first = self._waiting[0]
        if first.key != slot.key and self._clock.now_ms() - first.since_ms < WAITS_MS:
            first = next((each for each in self._waiting if each.key == slot.key), first)
        if first.key == slot.key and self._fits(slot, first.build):
            self._waiting.remove(first)
            first.turn.set_result(slot)
        else:
            self._end(slot)

    def _claim(self) -> bool:
        """Take a place, crowding out what has been idle for longest if need be; whether there is one."""
        if self._count >= ENVIRONMENTS_MAX:
            if not self._oldest:
                return False
            self._remove_idle(next(iter(self._oldest)))
        self._count += 1
        return True

    def _remove_idle(self, slot: Slot) -> None:
        del self._oldest[slot]
        self._idle[slot.key].remove(slot)
        self._end(slot)

    def _end(self, slot: Slot) -> None:
        slot.environment.destroy()
        self._on_end(slot)
        self._free()

    def _free(self) -> None:
        """Give a place up, to whoever has waited longest for one."""
        if self._waiting:
            self._waiting.popleft().turn.set_result(None)
        else:
            self._count -= 1
