"""Which environments are used again."""

import asyncio

import pytest

from fogbank.core.clock import Clock
from fogbank.engines.compute.interface import Invocation, Outcome
from fogbank.services.lambda_.pool import Pool, Slot

KEY = ("0" * 12, "us-east-1", "f", 0)


class Environment:
    usable = True

    def __init__(self) -> None:
        self.destroyed = False

    async def invoke(self, invocation: Invocation) -> Outcome:
        raise NotImplementedError

    def destroy(self) -> None:
        self.destroyed = True


@pytest.mark.parametrize(("wait_s", "build", "used_again"), [(1, "a", True), (3, "a", False), (1, "b", False)])
def test_an_environment_is_used_again_while_its_key_and_its_build_are_valid(
    wait_s: int, build: str, used_again: bool
) -> None:
    async def scene() -> None:
        clock = Clock(virtual=True)
        ended: list[str] = []
        pool = Pool(clock, lambda slot: ended.append(slot.access_key))

        async def make() -> Slot:
            until_ms = clock.now_ms() + 2000
            return Slot(KEY, "a", Environment(), "log", access_key="ASIA", usable_until_ms=until_ms)

        first = await pool.take(KEY, "a", make)
        pool.give_back(first, current=True)
        clock.advance(wait_s * 1000)
        second = await pool.take(KEY, build, make)
        assert (second is first) == used_again
        assert ended == ([] if used_again else ["ASIA"])

    asyncio.run(scene())
