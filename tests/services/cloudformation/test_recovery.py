"""What a crash in the middle of a deployment leaves is put right at the next start."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES

TEMPLATE = json.dumps({"Resources": {"A": {"Type": "AWS::SQS::Queue"}, "B": {"Type": "AWS::SQS::Queue"}}})


async def status(cloud: Cloud) -> str:
    """The only stack's, once nothing is in progress any more."""
    while True:
        ((_, stack),) = cloud.cloudformation.tables.stacks.scan()
        if not stack.status.endswith("IN_PROGRESS"):
            found: str = stack.status
            return found
        await asyncio.sleep(0)


async def interrupted(folder: Path, at: str) -> tuple[str, int]:
    """The stack's status and the number of queues, when a server that died while it was `at` starts again."""
    cloud = Cloud(folder, services=SERVICES, sync="process")
    await cloud.start()
    ctx = cloud.context(account="000000000000", region="us-east-1")
    await cloud.cloudformation.create_stack(ctx, StackName="shop", TemplateBody=TEMPLATE)
    await status(cloud)
    ((key, stack),) = list(cloud.cloudformation.tables.stacks.scan())
    await cloud.store.run(cloud.cloudformation.tables.stacks.put, key, msgspec.structs.replace(stack, status=at))
    await cloud.stop()

    cloud = Cloud(folder, services=SERVICES, sync="process")
    await cloud.start()
    ended = await status(cloud)
    ctx = cloud.context(account="000000000000", region="us-east-1")
    answer = await ctx.call(cloud.sqs.list_queues) or {}
    await cloud.stop()
    return ended, len(answer.get("QueueUrls", []))


@pytest.mark.parametrize(
    ("at", "ended", "queues"),
    [
        ("CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE", 0),
        ("ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE", 0),
        ("DELETE_IN_PROGRESS", "DELETE_COMPLETE", 0),
        ("UPDATE_IN_PROGRESS", "UPDATE_FAILED", 2),
    ],
)
def test_an_interrupted_deployment_comes_to_an_end(tmp_path: Path, at: str, ended: str, queues: int) -> None:
    assert asyncio.run(interrupted(tmp_path, at)) == (ended, queues)
