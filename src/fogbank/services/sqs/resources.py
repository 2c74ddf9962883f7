"""CloudFormation: AWS::SQS::Queue, AWS::SQS::QueuePolicy and AWS::SQS::QueueInlinePolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SQS.html
"""

import json
from collections.abc import Iterable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.sqs.attributes import SETTABLE
from fogbank.services.sqs.errors import QueueDoesNotExist

_JSON = frozenset(("RedrivePolicy", "RedriveAllowPolicy"))
# What CloudFormation sets when a template no longer has the property. Of the others, policies and keys go, and
# DeduplicationScope, FifoThroughputLimit and SqsManagedSseEnabled stay as they are, as recorded from AWS.
_RESETS = {
    "ContentBasedDeduplication": "false",
    "DelaySeconds": "0",
    "KmsDataKeyReusePeriodSeconds": "",
    "KmsMasterKeyId": "",
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "VisibilityTimeout": "30",
}
_PROPERTIES = (SETTABLE - {"Policy"}) | {"QueueName", "Tags"}


def _text(name: str, value: Any) -> str:
    if name in _JSON and not isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def _attributes(properties: dict[str, Any]) -> dict[str, str]:
    return {name: _text(name, properties[name]) for name in SETTABLE if name in properties}


class QueueResource(ResourceType):
    """Ref is the queue's URL."""

    type_name = "AWS::SQS::Queue"
    supported = frozenset(_PROPERTIES)
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        wanted = _attributes(request.properties)
        suffix = ".fifo" if wanted.get("FifoQueue") == "true" else ""
        name = request.properties.get("QueueName") or request.generated_name(length_max=80, suffix=suffix)
        answer = await ctx.call(ctx.cloud.sqs.create_queue, QueueName=name, Attributes=wanted, tags=request.tags())
        return self._state(ctx, answer["QueueUrl"], name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        url = request.physical_id
        before, after = _attributes(request.previous), _attributes(request.properties)
        reset = {name: _RESETS[name] for name in before.keys() - after.keys() if name in _RESETS}
        changed = reset | {name: value for name, value in after.items() if name != "FifoQueue"}
        if changed:
            await ctx.call(ctx.cloud.sqs.set_queue_attributes, QueueUrl=url, Attributes=changed)
        tags = (await ctx.call(ctx.cloud.sqs.list_queue_tags, QueueUrl=url) or {}).get("Tags", {})
        gone = [key for key in tags if key not in request.tags()]
        if gone:
            await ctx.call(ctx.cloud.sqs.untag_queue, QueueUrl=url, TagKeys=gone)
        if request.tags():
            await ctx.call(ctx.cloud.sqs.tag_queue, QueueUrl=url, Tags=request.tags())
        return self._state(ctx, url, url.rpartition("/")[2])

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.sqs.delete_queue, QueueUrl=request.physical_id)
        except QueueDoesNotExist:
            return

    def _state(self, ctx: Context, url: str, name: str) -> ResourceState:
        return ResourceState(
            physical_id=url, attributes={"Arn": ctx.arn("sqs", name), "QueueName": name, "QueueUrl": url}
        )


class QueuePolicyResource(ResourceType):
    """Sets the `Policy` attribute of each of its queues."""

    type_name = "AWS::SQS::QueuePolicy"
    supported = frozenset(("PolicyDocument", "Queues"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await _set_policy(ctx, request.properties["Queues"], request.properties["PolicyDocument"])
        physical_id = request.physical_id or request.generated_name(length_max=128)
        return ResourceState(physical_id=physical_id, attributes={"Id": physical_id})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await _clear_policy(ctx, set(request.previous["Queues"]) - set(request.properties["Queues"]))
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _clear_policy(ctx, request.properties["Queues"])


class QueueInlinePolicyResource(ResourceType):
    """Sets the `Policy` attribute of one queue, whose URL is its identity."""

    type_name = "AWS::SQS::QueueInlinePolicy"
    supported = frozenset(("PolicyDocument", "Queue"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        url = request.properties["Queue"]
        await _set_policy(ctx, [url], request.properties["PolicyDocument"])
        return ResourceState(physical_id=url)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await _clear_policy(ctx, [request.physical_id])


async def _set_policy(ctx: Context, urls: Iterable[str], document: Any) -> None:
    text = document if isinstance(document, str) else json.dumps(document)
    for url in urls:
        await ctx.call(ctx.cloud.sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": text})


async def _clear_policy(ctx: Context, urls: Iterable[str]) -> None:
    for url in urls:
        try:
            await ctx.call(ctx.cloud.sqs.set_queue_attributes, QueueUrl=url, Attributes={"Policy": ""})
        except QueueDoesNotExist:
            continue


RESOURCES: list[type[ResourceType]] = [QueueResource, QueuePolicyResource, QueueInlinePolicyResource]
