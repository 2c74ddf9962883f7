import asyncio
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.clock import Clock
from fogbank.core.cloud import AccessKey, Cloud
from fogbank.core.expired_keys import forget_expired
from fogbank.services import SERVICES


def test_nothing_of_a_cloud_that_has_stopped_goes_on(tmp_path: Path) -> None:
    failures: list[dict[str, Any]] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, failure: failures.append(failure))
        clock = Clock(virtual=True)
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=clock)
        await cloud.start()
        ctx = cloud.context(account="1" * 12, region="us-east-1")
        await ctx.call(cloud.events.put_rule, Name="often", ScheduleExpression="rate(1 minute)")
        cloud.metrics.add("1" * 12, "us-east-1", "Test", "first", {}, 1, "Count")
        await cloud.stop()
        clock.advance(120_000)
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        assert not cloud.tasks.failures

    asyncio.run(run())
    assert not failures


def test_a_call_in_process_has_none_of_the_headers_of_the_request_but_its_trace(tmp_path: Path) -> None:
    # Some SDKs send x-amz-content-sha256 to every service, and it is of their own request's body.
    seen: list[dict[str, str]] = []

    async def run() -> None:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process")
        await cloud.start()
        ctx = cloud.context(account="1" * 12, region="us-east-1")
        ctx.headers = {"x-amz-content-sha256": "0" * 64, "x-amzn-trace-id": "Root=1"}
        await ctx.call(cloud.s3.create_bucket, Bucket="bucket")
        await ctx.call(cloud.s3.put_object, Bucket="bucket", Key="k", Body=b"1")
        await ctx.call(lambda there: seen.append(there.headers))
        await cloud.stop()

    asyncio.run(run())
    assert seen == [{"x-amzn-trace-id": "Root=1"}]


def test_sessions_are_forgotten_a_day_after_they_expired(tmp_path: Path) -> None:
    hour_ms = 3_600_000

    async def run() -> list[tuple[int, set[str]]]:
        clock = Clock(virtual=True)
        cloud = Cloud(tmp_path, services={}, sync="process", clock=clock)
        known: list[tuple[int, set[str]]] = []
        with cloud.store.transaction():
            for number in range(1500):  # More than are looked at in one turn.
                cloud.access_keys.put((f"ASIA{number:04}",), _key(clock.now_ms() + hour_ms))
            cloud.access_keys.put(("ASIALATER",), _key(clock.now_ms() + 12 * hour_ms))
            cloud.access_keys.put(("AKIALASTING",), _key(0))
        for hours in (2, 25, 24):
            await cloud.store.run(cloud.advance_clock, hours * hour_ms)
            await forget_expired(cloud)
            left = {key for (key,), _ in cloud.access_keys.scan()}
            known.append((len(left), left & {"ASIALATER", "AKIALASTING"}))
        await cloud.stop()
        return known

    assert asyncio.run(run()) == [
        (1502, {"ASIALATER", "AKIALASTING"}),
        (2, {"ASIALATER", "AKIALASTING"}),
        (1, {"AKIALASTING"}),
    ]


def _key(expires_ms: int) -> AccessKey:
    return AccessKey("1" * 12, "arn", "id", expires_ms=expires_ms)


@pytest.mark.parametrize(("virtual", "ahead_ms"), [(True, 3_600_000), (False, 0)])
def test_a_virtual_clock_goes_on_where_it_was_moved_to_and_a_real_one_is_right(
    virtual: bool, ahead_ms: int, tmp_path: Path
) -> None:
    async def moved_by() -> int:
        before = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=True))
        await before.store.run(before.advance_clock, 3_000_000)
        await before.store.run(before.advance_clock, 600_000)
        await before.stop()
        after = Cloud(tmp_path, services={}, sync="process", clock=Clock(virtual=virtual))
        await after.stop()
        return after.clock.offset_ms

    assert asyncio.run(moved_by()) == ahead_ms
