"""Provisioned environments: initialized ahead, kept for their version's invocations, and replaced when they end."""

import asyncio
from collections.abc import Awaitable, Callable

from fogbank.core.clock import Clock
from fogbank.core.errors import AwsError
from fogbank.core.tasks import Tasks
from fogbank.engines.compute.interface import RuntimeUnavailable
from fogbank.services.lambda_.pool import PROVISIONED_MAX, Key, Pool, Slot

ATTEMPTS_MAX = 6  # As AWS was recorded to try an initialization that fails.
INIT_FAILURE = "FUNCTION_ERROR_INIT_FAILURE"
NO_PLACE = f"This machine keeps {PROVISIONED_MAX} environments ahead of their invocations: there is no place for more."
# An environment is replaced while it still could be used for so long: longer than the longest invocation.
RENEW_BEFORE_MS = 1_000_000


class InitializationFailed(Exception):
    """The function's own code failed before it could take an invocation."""


class NoPlace(Exception):
    def __init__(self) -> None:
        super().__init__(NO_PLACE)


FAILURES = (InitializationFailed, NoPlace, RuntimeUnavailable, AwsError, OSError)
"""Why an environment cannot be had: its code, its runtime, a function that is gone, a machine that is full."""


class Fleet:
    """The provisioned environments of one version.

    Each is idle, in use (`busy`) or being started (`starting`); `failure` says why there are not as many as wanted.
    """

    def __init__(self, key: Key, qualifier: str) -> None:
        self.key = key
        self.qualifier = qualifier
        """The version or alias whose configuration wants it."""
        self.wanted = 0
        self.idle: list[Slot] = []
        self.busy = 0
        self.peak = 0
        """The most that were in use at once since it was last set."""
        self.starting: set[asyncio.Task[None]] = set()
        self.attempts = 0
        self.failure = ""

    @property
    def allocated(self) -> int:
        return min(len(self.idle) + self.busy, self.wanted)

    @property
    def size(self) -> int:
        """How many there are or soon will be."""
        return len(self.idle) + self.busy + len(self.starting)

    @property
    def ready(self) -> bool:
        return len(self.idle) + self.busy >= self.wanted


class Fleets:
    """All fleets of one server. In memory: environments do not survive it."""

    def __init__(self, clock: Clock, tasks: Tasks, pool: Pool, make: Callable[[Key], Awaitable[Slot]]) -> None:
        self._clock = clock
        self._tasks = tasks
        self._pool = pool
        self._make = make
        self._fleets: dict[Key, Fleet] = {}
        self._renewing: set[Slot] = set()
        self.settled: Callable[[Fleet], None] = lambda fleet: None
        """Called when a fleet has become as large as wanted, or has given up."""

    def get(self, key: Key) -> Fleet | None:
        return self._fleets.get(key)

    def all(self) -> list[Fleet]:
        return list(self._fleets.values())

    def of(self, function: tuple[str, str, str], qualifier: str) -> list[Fleet]:
        """The fleets of one configuration: two while an alias moves on to another version."""
        return [each for each in self._fleets.values() if each.key[:3] == function and each.qualifier == qualifier]

    def resize(self, key: Key, qualifier: str, wanted: int) -> None:
        """Have so many environments from now on; what failed before is tried again."""
        fleet = self._fleets.get(key)
        if fleet is None:
            if not wanted:
                return
            fleet = self._fleets[key] = Fleet(key, qualifier)
        fleet.qualifier, fleet.wanted = qualifier, wanted
        fleet.attempts, fleet.failure = 0, ""
        if not wanted:
            del self._fleets[key]
        while fleet.starting and fleet.size > wanted:
            fleet.starting.pop().cancel()
        while fleet.idle and fleet.size > wanted:
            self._pool.end_provisioned(fleet.idle.pop(0))
        self._fill(fleet)

    def take(self, fleet: Fleet) -> Slot | None:
        """A free environment, the one used last."""
        while fleet.idle:
            slot = fleet.idle.pop()
            if slot.environment.usable and self._clock.now_ms() < slot.usable_until_ms:
                fleet.busy += 1
                fleet.peak = max(fleet.peak, fleet.busy)
                return slot
            self._pool.end_provisioned(slot)
            self._fill(fleet)
        return None

    def draw(self, fleet: Fleet) -> Slot | None:
        """A free environment, which leaves the fleet for the place on demand that was taken for it; another is started
        in its own.
        """
        slot = self.take(fleet)
        if slot is not None:
            fleet.busy -= 1
            slot.fleet = None
            self._pool.free_provisioned()
            self._fill(fleet)
        return slot

    def give_back(self, fleet: Fleet, slot: Slot, *, intact: bool) -> None:
        """One whose processes have ended would be initialized again by its next invocation: another takes its place."""
        fleet.busy -= 1
        if intact and slot.environment.usable and len(fleet.idle) + fleet.busy < fleet.wanted:
            fleet.idle.append(slot)
            return
        self._pool.end_provisioned(slot)
        self._fill(fleet)

    def tend(self) -> None:
        """Replace what has ended by itself, have another ready for what will soon be too old, and look for places."""
        soon_ms = self._clock.now_ms() + RENEW_BEFORE_MS
        for fleet in self.all():
            for slot in [slot for slot in fleet.idle if not slot.environment.usable]:
                fleet.idle.remove(slot)
                self._pool.end_provisioned(slot)
            if fleet.failure == NO_PLACE:
                fleet.failure = ""
            self._fill(fleet)
            for slot in fleet.idle:
                if slot.usable_until_ms < soon_ms and slot not in self._renewing:
                    self._renewing.add(slot)
                    self._tasks.spawn(f"renew an environment of {fleet.key[2]}", self._renew(fleet, slot))

    # ---- steps --------------------------------------------------------------------------------------------------

    def _fill(self, fleet: Fleet) -> None:
        while not fleet.failure and fleet.size < fleet.wanted:
            work = self._start(fleet)
            fleet.starting.add(self._tasks.spawn(f"provision an environment of {fleet.key[2]}", work))

    async def _start(self, fleet: Fleet) -> None:
        this = asyncio.current_task()
        assert this is not None, "it is a task of its own"
        try:
            slot = await self._made(fleet.key)
        except FAILURES as error:
            fleet.starting.discard(this)
            self._failed(fleet, error)
            return
        fleet.starting.discard(this)
        fleet.attempts = 0
        self._join(fleet, slot)

    async def _made(self, key: Key) -> Slot:
        """An environment in a place of its own, which is given up if it cannot be had."""
        if not self._pool.claim_provisioned():
            raise NoPlace
        try:
            return await self._make(key)
        except BaseException:
            self._pool.free_provisioned()
            raise

    def _join(self, fleet: Fleet, slot: Slot) -> None:
        if len(fleet.idle) + fleet.busy >= fleet.wanted:  # It has been made smaller meanwhile.
            self._pool.end_provisioned(slot)
            return
        slot.fleet = fleet
        fleet.idle.insert(0, slot)
        if fleet.ready:
            self.settled(fleet)

    def _failed(self, fleet: Fleet, error: Exception) -> None:
        fleet.attempts += 1
        if isinstance(error, InitializationFailed):
            if fleet.attempts >= ATTEMPTS_MAX:
                self._give_up(fleet, INIT_FAILURE)
        else:
            self._give_up(fleet, str(error))
        self._fill(fleet)

    def _give_up(self, fleet: Fleet, reason: str) -> None:
        if not fleet.failure:
            fleet.failure = reason
            self.settled(fleet)

    async def _renew(self, fleet: Fleet, slot: Slot) -> None:
        """If there cannot be another, the slot is used for as long as it can be."""
        try:
            fresh = await self._made(fleet.key)
            if slot in fleet.idle:
                fleet.idle.remove(slot)
                self._pool.end_provisioned(slot)
            self._join(fleet, fresh)
        except FAILURES:
            return
        finally:
            self._renewing.discard(slot)
