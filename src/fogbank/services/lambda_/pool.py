"""Environments that are kept warm: taken for an invocation, given back, ended when idle, crowded out or
outdated, or at the end of their credentials."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable

from fogbank.core.clock import Clock
from fogbank.engines.compute.interface import Environment

# AWS keeps idle environments for some minutes and does not say how long.
IDLE_S = 600
# Processes that one machine is asked to hold; an invocation beyond them waits for its turn.
ENVIRONMENTS_MAX = 200

Key = tuple[str, str, str, int]


class Slot:
    """An environment in the pool, with the log stream that its invocations write to."""

    __slots__ = ("access_key", "build", "environment", "idle_since_ms", "key", "log_stream", "usable_until_ms")

    def __init__(
        self,
        key: Key,
        build: str,
        environment: Environment,
        log_stream: str,
        *,
        access_key: str,
        usable_until_ms: int,
    ) -> None:
        self.key = key
        self.build = build
        self.environment = environment
        self.log_stream = log_stream
        self.access_key = access_key
        self.usable_until_ms = usable_until_ms
        self.idle_since_ms = 0


class Pool:
    """All environments of one server, by function and version."""

    def __init__(self, clock: Clock, on_end: Callable[[Slot], None]) -> None:
        self._clock = clock
        self._on_end = on_end
        self._idle: dict[Key, list[Slot]] = {}
        self._oldest: OrderedDict[Slot, None] = OrderedDict()
        self._count = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self, key: Key, build: str, make: Callable[[], Awaitable[Slot]]) -> Slot:
        """A warm environment of that build, the one used last, or a new one."""
        while True:
            slot = self._warm(key, build)
            if slot is not None:
                return slot
            if self._count < ENVIRONMENTS_MAX or self._evict():
                break
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            await turn
        self._count += 1
        try:
            return await make()
        except BaseException:
            self._ended()
            raise

    def give_back(self, slot: Slot, *, current: bool) -> None:
        """Keep the environment for the next invocation, unless it has ended or its function has changed."""
        if not current or not slot.environment.usable:
            self._end(slot)
            return
        slot.idle_since_ms = self._clock.now_ms()
        self._idle.setdefault(slot.key, []).append(slot)
        self._oldest[slot] = None
        self._wake()

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

    def _warm(self, key: Key, build: str) -> Slot | None:
        idle = self._idle.get(key)
        while idle:
            slot = idle.pop()
            del self._oldest[slot]
            if slot.environment.usable and slot.build == build and self._clock.now_ms() < slot.usable_until_ms:
                return slot
            self._end(slot)
        return None

    def _evict(self) -> bool:
        if not self._oldest:
            return False
        self._remove_idle(next(iter(self._oldest)))
        return True

    def _remove_idle(self, slot: Slot) -> None:
        del self._oldest[slot]
        self._idle[slot.key].remove(slot)
        self._end(slot)

    def _end(self, slot: Slot) -> None:
        slot.environment.destroy()
        self._on_end(slot)
        self._ended()

    def _ended(self) -> None:
        self._count -= 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
