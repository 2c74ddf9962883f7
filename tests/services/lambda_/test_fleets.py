"""Fleets of provisioned environments, without processes."""

import asyncio
from collections.abc import Awaitable, Callable

from fogbank.core.clock import Clock
from fogbank.core.tasks import Tasks
from fogbank.services.lambda_.fleets import ATTEMPTS_MAX, INIT_FAILURE, NO_PLACE, Fleet, Fleets, InitializationFailed
from fogbank.services.lambda_.pool import PROVISIONED_MAX, Key, Pool, Slot
from tests.services.lambda_.test_pool import KEY, OTHER, Environment

LIFE_MS = 10_000_000


class Stage:
    def __init__(self) -> None:
        self.clock = Clock(virtual=True)
        self.made = 0
        self.failing = False
        self.slow: asyncio.Event | None = None
        self.settled: list[tuple[bool, str]] = []
        self.ended: list[Slot] = []
        self.pool = Pool(self.clock, self.ended.append)
        self.fleets = Fleets(self.clock, Tasks(), self.pool, self.make)
        self.fleets.settled = lambda fleet: self.settled.append((fleet.ready, fleet.failure))

    async def make(self, key: Key) -> Slot:
        self.made += 1
        if self.slow is not None:
            await self.slow.wait()
        if self.failing:
            raise InitializationFailed
        until_ms = self.clock.now_ms() + LIFE_MS
        return Slot(key, "a", Environment(), "log", blob="b", access_key="ASIA", usable_until_ms=until_ms)

    async def fleet(self, wanted: int) -> Fleet:
        self.fleets.resize(KEY, "1", wanted)
        await self.rest()
        fleet = self.fleets.get(KEY)
        assert fleet is not None
        return fleet

    async def rest(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


def play(act: Callable[[Stage], Awaitable[None]]) -> None:
    async def scene() -> None:
        await act(Stage())

    asyncio.run(scene())


def test_a_fleet_is_filled_and_taken_from() -> None:
    async def act(stage: Stage) -> None:
        fleet = await stage.fleet(2)
        assert (stage.made, fleet.allocated, stage.settled) == (2, 2, [(True, "")])
        first, second = stage.fleets.take(fleet), stage.fleets.take(fleet)
        assert first is not None
        assert second is not None
        assert (stage.fleets.take(fleet), fleet.allocated, fleet.peak) == (None, 2, 2)
        stage.fleets.give_back(fleet, first, intact=True)
        assert stage.fleets.take(fleet) is first

    play(act)


def test_what_ends_is_replaced() -> None:
    async def act(stage: Stage) -> None:
        fleet = await stage.fleet(2)
        used = stage.fleets.take(fleet)
        assert used is not None
        for slot in fleet.idle:
            slot.environment.usable = False  # type: ignore[misc]
        stage.fleets.give_back(fleet, used, intact=False)
        stage.fleets.tend()
        await stage.rest()
        assert (stage.made, fleet.allocated, len(stage.ended)) == (4, 2, 2)

    play(act)


def test_what_grows_old_is_replaced_before_it_is_too_old() -> None:
    async def act(stage: Stage) -> None:
        fleet = await stage.fleet(2)
        stage.clock.advance(LIFE_MS - 900_000)
        stage.slow = asyncio.Event()
        stage.fleets.tend()
        await stage.rest()
        assert (len(fleet.idle), stage.ended) == (2, []), "none is given up before another is there"
        stage.slow.set()
        await stage.rest()
        assert (stage.made, fleet.allocated, len(stage.ended)) == (4, 2, 2)

    play(act)


def test_a_fleet_that_is_made_smaller_loses_the_idle_and_then_the_used() -> None:
    async def act(stage: Stage) -> None:
        fleet = await stage.fleet(3)
        used = stage.fleets.take(fleet)
        assert used is not None
        stage.fleets.resize(KEY, "1", 1)
        assert (len(fleet.idle), len(stage.ended)) == (0, 2)
        stage.fleets.resize(KEY, "1", 0)
        stage.fleets.give_back(fleet, used, intact=True)
        assert len(stage.ended) == 3
        assert stage.fleets.get(KEY) is None

    play(act)


def test_what_was_being_started_when_nobody_wants_it_any_more_ends() -> None:
    async def act(stage: Stage) -> None:
        stage.slow = asyncio.Event()
        await stage.fleet(3)
        stage.fleets.resize(KEY, "1", 1)
        stage.slow.set()
        await stage.rest()
        fleet = stage.fleets.get(KEY)
        assert fleet is not None
        assert (fleet.allocated, len(stage.ended)) == (1, 0)
        places = [stage.pool.claim_provisioned() for _ in range(PROVISIONED_MAX)]
        assert places.count(True) == PROVISIONED_MAX - 1

    play(act)


def test_an_initialization_that_fails_is_tried_six_times() -> None:
    async def act(stage: Stage) -> None:
        stage.failing = True
        fleet = await stage.fleet(1)
        assert (stage.made, stage.settled) == (ATTEMPTS_MAX, [(False, INIT_FAILURE)])
        stage.failing = False
        assert await stage.fleet(1) is fleet
        assert (fleet.allocated, fleet.failure) == (1, "")

    play(act)


def test_a_fleet_is_not_larger_than_the_machine() -> None:
    async def act(stage: Stage) -> None:
        for _ in range(4):
            fleet = await stage.fleet(PROVISIONED_MAX + 1)
        assert (fleet.allocated, fleet.failure) == (PROVISIONED_MAX, NO_PLACE)
        stage.fleets.resize(OTHER, "1", 1)
        other = stage.fleets.get(OTHER)
        assert other is not None
        stage.fleets.resize(KEY, "1", PROVISIONED_MAX - 1)
        stage.fleets.tend()
        await stage.rest()
        assert (other.allocated, other.failure) == (1, ""), "it has a place as soon as there is one"

    play(act)
