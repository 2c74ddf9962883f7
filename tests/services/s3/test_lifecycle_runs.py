"""A run of lifecycle rules that is interrupted goes on where it was, also when its midnight was slept through."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES
from fogbank.services.s3.lifecycle_rules import DAY_MS
from fogbank.services.s3.lifecycle_runs import ROWS_PER_TURN
from fogbank.services.s3.records import BucketConfig
from tests.patience import PATIENCE_S

OBJECTS = 3 * ROWS_PER_TURN


def objects(cloud: Cloud) -> int:
    found: int = cloud.s3._tables.objects.count(("bucket",))
    return found


async def fill(cloud: Cloud) -> None:
    ctx = cloud.context(account="000000000000", region="us-east-1")
    await ctx.call(cloud.s3.create_bucket, Bucket="bucket")
    for number in range(OBJECTS):
        await ctx.call(cloud.s3.put_object, Bucket="bucket", Key=f"{number:06}", Body=b"1")
    rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
    configuration = {"Rules": [rule]}
    await ctx.call(cloud.s3.put_bucket_lifecycle_configuration, Bucket="bucket", LifecycleConfiguration=configuration)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0)


def with_cloud(folder: Path, clock: Clock, work: Callable[[Cloud], Awaitable[None]]) -> None:
    async def run() -> None:
        cloud = Cloud(folder, services=SERVICES, sync="process", clock=clock)
        await cloud.start()
        await work(cloud)
        await cloud.stop()

    asyncio.run(run())


def test_an_interrupted_run_goes_on_at_the_next_start(tmp_path: Path) -> None:
    clock = Clock(virtual=True)

    async def interrupted(cloud: Cloud) -> None:
        await fill(cloud)
        clock.advance(2 * DAY_MS)
        await until(lambda: objects(cloud) < OBJECTS)

    async def resumed(cloud: Cloud) -> None:
        assert 0 < objects(cloud) < OBJECTS
        await until(lambda: objects(cloud) == 0)

    with_cloud(tmp_path, clock, interrupted)
    with_cloud(tmp_path, clock, resumed)


def test_a_midnight_that_was_slept_through_is_made_up_for(tmp_path: Path) -> None:
    clock = Clock(virtual=True)

    async def awake(cloud: Cloud) -> None:
        assert objects(cloud) == OBJECTS
        await until(lambda: objects(cloud) == 0)

    with_cloud(tmp_path, clock, fill)
    clock._offset_ms += 3 * DAY_MS  # Nobody was there to hear it.
    with_cloud(tmp_path, clock, awake)


def test_rules_of_an_older_data_folder_begin_to_run(tmp_path: Path) -> None:
    clock = Clock(virtual=True)

    async def older(cloud: Cloud) -> None:
        await fill(cloud)
        ctx = cloud.context(account="000000000000", region="us-east-1")
        await ctx.call(cloud.s3.delete_bucket_lifecycle, Bucket="bucket")
        rule = {"Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}
        with cloud.store.transaction():
            cloud.s3._tables.configs.put(("bucket", "lifecycle"), BucketConfig({"Rules": [rule]}))

    async def newer(cloud: Cloud) -> None:
        clock.advance(2 * DAY_MS)
        await until(lambda: objects(cloud) == 0)

    with_cloud(tmp_path, clock, older)
    with_cloud(tmp_path, clock, newer)
