"""Which environments are used again, and who gets one when a machine has no more."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from fogbank.core.clock import Clock
from fogbank.engines.compute.interface import Initialization, Invocation, Outcome
from fogbank.services.lambda_ import pool as pool_module
from fogbank.services.lambda_.pool import Key, Pool, Slot

KEY: Key = ("0" * 12, "us-east-1", "f", 0)
OTHER: Key = ("0" * 12, "us-east-1", "g", 0)


class Environment:
    usable = True

    def __init__(self) -> None:
        self.destroyed = False

    async def initialize(self) -> Initialization:
        return Initialization(duration_ms=0)

    async def invoke(self, invocation: Invocation) -> Outcome:
        raise NotImplementedError

    def destroy(self) -> None:
        self.destroyed = True


class Stage:
    """A pool of two places, and what was started and ended in it."""

    def __init__(self) -> None:
        self.clock = Clock(virtual=True)
        self.started: list[str] = []
        self.ended: list[str] = []
        self.pool = Pool(self.clock, lambda slot: self.ended.append(slot.key[2]))

    def take(self, key: Key, *, build: str = "a", life_s: int = 3600) -> Coroutine[Any, Any, Slot]:
        async def make() -> Slot:
            self.started.append(key[2])
            until_ms = self.clock.now_ms() + life_s * 1000
            return Slot(key, "a", Environment(), "log", blob="b", access_key="ASIA", usable_until_ms=until_ms)

        return self.pool.take(key, build, make)

    async def wait(self, key: Key) -> "asyncio.Task[Slot]":
        """An invocation that has asked for an environment."""
        task = asyncio.ensure_future(self.take(key))
        await asyncio.sleep(0)
        return task


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Stage], Awaitable[None]]], None]:
    monkeypatch.setattr(pool_module, "ENVIRONMENTS_MAX", 2)
    monkeypatch.setattr(pool_module, "PROVISIONED_MAX", 1)

    async def scene(act: Callable[[Stage], Awaitable[None]]) -> None:
        await act(Stage())

    return lambda act: asyncio.run(scene(act))


Play = Callable[[Callable[[Stage], Awaitable[None]]], None]


@pytest.mark.parametrize(("wait_s", "build", "used_again"), [(1, "a", True), (3, "a", False), (1, "b", False)])
def test_an_environment_is_used_again_while_its_key_and_its_build_are_valid(
    play: Play, wait_s: int, build: str, used_again: bool
) -> None:
    async def act(stage: Stage) -> None:
        first = await stage.take(KEY, life_s=2)
        stage.pool.give_back(first, current=True)
        stage.clock.advance(wait_s * 1000)
        second = await stage.take(KEY, build=build)
        assert (second is first) == used_again
        assert stage.ended == ([] if used_again else ["f"])

    play(act)


def test_what_is_idle_makes_room(play: Play) -> None:
    async def act(stage: Stage) -> None:
        slots = [await stage.take(KEY), await stage.take(KEY)]
        for slot in slots:
            stage.pool.give_back(slot, current=True)
        await stage.take(OTHER)
        assert (stage.started, stage.ended) == (["f", "f", "g"], ["f"])

    play(act)


def test_who_waits_gets_the_warm_environment_of_its_function(play: Play) -> None:
    async def act(stage: Stage) -> None:
        first, _ = await stage.take(KEY), await stage.take(KEY)
        other, same = await stage.wait(OTHER), await stage.wait(KEY)
        stage.pool.give_back(first, current=True)
        assert await same is first
        assert not other.done()
        assert stage.started == ["f", "f"]
        other.cancel()

    play(act)


def test_nobody_waits_for_ever_for_a_place_that_another_function_keeps(play: Play) -> None:
    async def act(stage: Stage) -> None:
        first, _ = await stage.take(KEY), await stage.take(KEY)
        other = await stage.wait(OTHER)
        stage.clock.advance(1001)
        same = await stage.wait(KEY)
        stage.pool.give_back(first, current=True)
        assert (await other).key == OTHER
        assert not same.done()
        assert stage.ended == ["f"]
        same.cancel()

    play(act)


def test_who_comes_later_does_not_pass_who_waits(play: Play) -> None:
    async def act(stage: Stage) -> None:
        first, _ = await stage.take(KEY), await stage.take(KEY)
        waiting = await stage.wait(KEY)
        stage.pool.give_back(first, current=True)
        late = await stage.wait(KEY)
        assert await waiting is first
        assert not late.done()
        late.cancel()

    play(act)


def test_a_place_is_not_lost_with_an_invocation_that_no_longer_wants_it(play: Play) -> None:
    async def act(stage: Stage) -> None:
        first, second = await stage.take(KEY), await stage.take(KEY)
        gone = await stage.wait(KEY)
        gone.cancel()
        await asyncio.sleep(0)
        given = await stage.wait(OTHER)
        stage.pool.give_back(first, current=False)  # Its place is given to who waits,
        given.cancel()  # who is gone before having taken it.
        await asyncio.sleep(0)
        stage.pool.give_back(second, current=False)
        for _ in range(2):
            await asyncio.wait_for(stage.take(KEY), timeout=60)

    play(act)


def test_who_left_in_the_moment_of_its_turn_passes_it_on(play: Play) -> None:
    async def act(stage: Stage) -> None:
        held = [await stage.take(KEY), await stage.take(KEY)]
        left, stayed = await stage.wait(OTHER), await stage.wait(OTHER)
        left.cancel()
        stage.pool.give_back(held[0], current=False)
        assert (await stayed).key == OTHER
        with pytest.raises(asyncio.CancelledError):
            await left

    play(act)


def test_an_environment_that_cannot_be_started_gives_its_place_up(play: Play) -> None:
    async def act(stage: Stage) -> None:
        async def fail() -> Slot:
            raise OSError("no more processes")

        for _ in range(3):
            with pytest.raises(OSError, match="no more processes"):
                await stage.pool.take(KEY, "a", fail)
        for _ in range(2):
            await asyncio.wait_for(stage.take(KEY), timeout=60)

    play(act)


def test_some_places_are_never_provisioned(play: Play) -> None:
    async def act(stage: Stage) -> None:
        assert stage.pool.claim_provisioned()
        assert not stage.pool.claim_provisioned()
        await stage.take(KEY)
        stage.pool.free_provisioned()
        assert stage.pool.claim_provisioned()

    play(act)
