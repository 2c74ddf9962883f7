import asyncio
from pathlib import Path
from typing import Any

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
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
