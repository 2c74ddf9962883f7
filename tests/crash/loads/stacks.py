"""Stacks created, updated and deleted: each ends in a defined state, and what it made agrees with it."""

import asyncio
import json
import random
from typing import Any

from tests.crash.drain import PATIENCE_S
from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_allowed
from tests.crash.wire import Wire

THERE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
NOT_THERE = frozenset({"ROLLBACK_COMPLETE", "DELETE_COMPLETE"})
QUEUE = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": {"Ref": "Delay"}}}
NAMED = {"Fn::Sub": "${AWS::StackName}-named"}
# Names are generated and given: of what is made again to be found, and of what is there already if that is tried.
TEMPLATE = json.dumps(
    {
        "Parameters": {"Delay": {"Type": "String"}},
        "Resources": {
            "First": QUEUE,
            "Second": {**QUEUE, "DependsOn": "First"},
            "Group": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": NAMED}},
        },
    }
)


async def deploy(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """The value of a stack is the delay of its queues; None: it has none."""
    for number in range(1_000_000):
        stack = f"{name}-{number}".replace(".", "-")
        ledger.stacks[stack] = {None, "0"}
        answer = await wire.query("cloudformation", "CreateStack", **_deployment(stack, "0"))
        ledger.stack_ids[stack] = answer.partition("<StackId>")[2].partition("</StackId>")[0]
        await _until(wire, ledger, stack, "CREATE_COMPLETE", value="0")
        ledger.stacks[stack] = {"0", "5"}
        await wire.query("cloudformation", "UpdateStack", **_deployment(stack, "5"))
        await _until(wire, ledger, stack, "UPDATE_COMPLETE", value="5")
        if rng.random() < 0.5:
            ledger.stacks[stack] = {"5", None}
            await wire.query("cloudformation", "DeleteStack", StackName=stack)
            ledger.stacks[stack] = {None}  # A creation or an update may still go back; a deletion may not.
            await _until(wire, ledger, stack, "DELETE_COMPLETE", value=None)


def _deployment(stack: str, delay: str) -> dict[str, str]:
    parameter = "Parameters.member.1"
    return {
        "StackName": stack,
        "TemplateBody": TEMPLATE,
        f"{parameter}.ParameterKey": "Delay",
        f"{parameter}.ParameterValue": delay,
    }


async def _until(wire: Wire, ledger: Ledger, stack: str, status: str, *, value: str | None) -> None:
    """Wait for the status that makes the value certain."""
    ledger.acknowledged += 1
    while f"<StackStatus>{status}<" not in await wire.query(
        "cloudformation", "DescribeStacks", StackName=ledger.stack_ids[stack]
    ):
        await asyncio.sleep(0.05)
    ledger.stacks[stack] = {value}


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    broken: list[str] = []
    values: dict[str, str | None] = {}
    for stack, allowed in ledger.stacks.items():
        value = await _ended(client("cloudformation"), stack, ledger.stack_ids.get(stack), broken)
        values[stack], made = value, _made(client, stack)
        if made != ([] if value is None else [value] * 2):
            broken.append(f"stack {stack} is at {value}, its queues are at {made}; allowed was {allowed}")
        groups = client("logs").describe_log_groups(logGroupNamePrefix=f"{stack}-named")["logGroups"]
        if len(groups) != (value is not None):
            broken.append(f"stack {stack} is at {value}, its log groups are {groups}")
    return broken + check_allowed("stack", ledger.stacks, values)


async def _ended(cloudformation: Any, stack: str, stack_id: str | None, broken: list[str]) -> str | None:
    """The parameter of the stack once nothing is under way any more; None if it has no resources."""
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while True:
        try:
            (described,) = cloudformation.describe_stacks(StackName=stack_id or stack)["Stacks"]
        except cloudformation.exceptions.ClientError:
            if stack_id:
                broken.append(f"stack {stack} was acknowledged and is lost")
            return None
        status = described["StackStatus"]
        if not status.endswith("_IN_PROGRESS") or now() > deadline:
            break
        await asyncio.sleep(0.1)
    if status not in THERE | NOT_THERE:
        broken.append(f"stack {stack} ended as {status}: {described.get('StackStatusReason')}")
    value: str = described["Parameters"][0]["ParameterValue"]
    return value if status in THERE else None


def _made(client: Client, stack: str) -> list[str]:
    """The delays of its queues."""
    sqs = client("sqs")
    return [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]["DelaySeconds"]
        for url in sqs.list_queues(QueueNamePrefix=f"{stack}-").get("QueueUrls", ())
    ]


KIND = Kind(workers=(deploy,), check=check)
