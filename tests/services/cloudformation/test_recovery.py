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


NAMED = json.dumps(
    {"Resources": {"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "named", "RetentionInDays": 7}}}}
)


async def interrupted_while_making(folder: Path, *, begun: bool) -> tuple[str, int]:
    """The stack's status and the number of log groups after a restart; the group of that name is there."""
    cloud = Cloud(folder, services=SERVICES, sync="process")
    await cloud.start()
    tables = cloud.cloudformation.tables
    ctx = cloud.context(account="000000000000", region="us-east-1")
    await cloud.cloudformation.create_stack(ctx, StackName="shop", TemplateBody=NAMED)
    await status(cloud)
    ((stack_key, stack),), ((key, resource),) = list(tables.stacks.scan()), list(tables.resources.scan())
    stack = msgspec.structs.replace(stack, status="CREATE_IN_PROGRESS")
    resource = msgspec.structs.replace(resource, status="CREATE_IN_PROGRESS", physical_id="", begun=begun)
    await cloud.store.run(tables.stacks.put, stack_key, stack)
    await cloud.store.run(tables.resources.put, key, resource)
    await cloud.stop()

    cloud = Cloud(folder, services=SERVICES, sync="process")
    await cloud.start()
    ended = await status(cloud)
    ctx = cloud.context(account="000000000000", region="us-east-1")
    groups = (await ctx.call(cloud.logs.describe_log_groups))["logGroups"]
    await cloud.stop()
    return ended, len(groups)


@pytest.mark.parametrize(("begun", "left"), [(True, 0), (False, 1)])
def test_what_a_stack_was_making_goes_and_what_was_there_before_stays(tmp_path: Path, begun: bool, left: int) -> None:
    assert asyncio.run(interrupted_while_making(tmp_path, begun=begun)) == ("ROLLBACK_COMPLETE", left)


def test_that_a_resource_is_being_made_is_noted_with_the_first_thing_that_is_written(tmp_path: Path) -> None:
    async def run() -> tuple[str, bool]:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process")
        await cloud.start()
        ctx = cloud.context(account="000000000000", region="us-east-1")
        tables = cloud.cloudformation.tables
        await cloud.cloudformation.create_stack(ctx, StackName="shop", TemplateBody=NAMED)
        while not (await ctx.call(cloud.logs.describe_log_groups))["logGroups"]:
            await asyncio.sleep(0)
        ((_, resource),) = tables.resources.scan()
        seen = resource.status, resource.begun
        await status(cloud)
        await cloud.stop()
        return seen

    assert asyncio.run(run()) == ("CREATE_IN_PROGRESS", True)
