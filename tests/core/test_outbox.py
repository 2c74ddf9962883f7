import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, StorageFull
from fogbank.core.outbox import WHEN_FULL_S, RetryPolicy

Scenario = Callable[[Cloud, Context], Coroutine[Any, Any, None]]


def _play(folder: Path, scenario: Scenario) -> None:
    async def run() -> None:
        cloud = Cloud(folder, services={}, sync="process", clock=Clock(virtual=True))
        await cloud.start()
        try:
            await scenario(cloud, cloud.context(account="1" * 12, region="us-east-1"))
        finally:
            await cloud.stop()

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


def test_deliveries_of_a_lane_keep_their_order(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud, ctx: Context) -> None:
        seen: list[int] = []
        cloud.outbox.handler("test.number", lambda ctx, n: seen.append(n), payload=int)
        for number in range(20):
            await ctx.run(cloud.outbox.put, ctx, "test.number", lane="a", payload=number)
        await _until(lambda: len(seen) == 20)
        assert seen == list(range(20))
        assert cloud.outbox.pending() == 0

    _play(tmp_path, scenario)


def test_a_rolled_back_change_delivers_nothing(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud, ctx: Context) -> None:
        cloud.outbox.handler("test.number", lambda ctx, n: None, payload=int)
        with pytest.raises(ZeroDivisionError), cloud.store.transaction():
            cloud.outbox.put(ctx, "test.number", lane="a", payload=1)
            raise ZeroDivisionError
        assert cloud.outbox.pending() == 0

    _play(tmp_path, scenario)


def test_a_delivery_whose_end_found_no_room_on_the_disk_is_tried_again_when_there_may_be_some(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario(cloud: Cloud, ctx: Context) -> None:
        seen: list[int] = []
        cloud.outbox.handler("test.number", lambda ctx, n: seen.append(n), payload=int)
        run, refusals = cloud.store.run, [StorageFull(), StorageFull()]  # Of the delivery, and of the note about it.

        async def full(work: Any, *arguments: Any) -> Any:
            if refusals and getattr(work, "__self__", None) is cloud.outbox:
                raise refusals.pop()
            return await run(work, *arguments)

        monkeypatch.setattr(cloud.store, "run", full)
        with cloud.store.transaction():
            cloud.outbox.put(ctx, "test.number", lane="a", payload=1)
        await _until(lambda: not refusals)
        assert (seen, cloud.outbox.pending()) == ([], 1)
        cloud.clock.advance(int(WHEN_FULL_S * 1000))
        await _until(lambda: cloud.outbox.pending() == 0)
        assert (seen, cloud.tasks.failures) == ([1], 0)

    _play(tmp_path, scenario)


def test_a_failing_delivery_is_tried_again_and_then_handed_over(tmp_path: Path) -> None:
    async def scenario(cloud: Cloud, ctx: Context) -> None:
        tries: list[int] = []
        given_up: list[str] = []

        async def fail(ctx: Context, number: int) -> None:
            tries.append(number)
            raise AwsError("not today")

        cloud.outbox.handler(
            "test.number",
            fail,
            payload=int,
            retry=RetryPolicy(attempts_max=3, first_delay_s=10),
            on_exhausted=lambda ctx, number, error: given_up.append(str(error)),
        )
        await ctx.run(cloud.outbox.put, ctx, "test.number", lane="a", payload=7)
        for attempt in range(1, 4):
            await _until(lambda attempt=attempt: len(tries) == attempt)  # type: ignore[misc]
            for _ in range(20):
                await asyncio.sleep(0)
            cloud.clock.advance(60_000)
        await _until(lambda: bool(given_up))
        assert tries == [7, 7, 7]
        assert "not today" in given_up[0]
        assert cloud.outbox.pending() == 0

    _play(tmp_path, scenario)


def test_what_a_crash_left_is_delivered_after_the_restart(tmp_path: Path) -> None:
    async def leave(cloud: Cloud, ctx: Context) -> None:
        never = asyncio.Event()

        async def hang(ctx: Context, number: int) -> None:
            await never.wait()

        cloud.outbox.handler("test.number", hang, payload=int)
        await ctx.run(cloud.outbox.put, ctx, "test.number", lane="a", payload=42)

    _play(tmp_path, leave)

    async def resume() -> None:
        seen: list[int] = []
        cloud = Cloud(tmp_path, services={}, sync="process")
        cloud.outbox.handler("test.number", lambda ctx, n: seen.append(n), payload=int)
        await cloud.start()
        await _until(lambda: seen == [42])
        await cloud.stop()

    asyncio.run(resume())
