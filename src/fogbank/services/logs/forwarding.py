"""New events on their way to those who subscribed: packed, sent in the transaction of the events, tried again.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

import base64
import contextlib
import gzip
import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, acting_as, in_name_of, permit_sending
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.outbox import Outbox, RetryPolicy
from fogbank.core.targets import PARTITION_KEY_MAX
from fogbank.services.logs.errors import InvalidParameter, ResourceNotFound
from fogbank.services.logs.filter_pattern import Match, compile_filter
from fogbank.services.logs.permissions import principals
from fogbank.services.logs.policy_selection import SUBSCRIPTION, policies_for
from fogbank.services.logs.records import Arrived, Group, LogsTables, Stream, SubscriptionFilter
from fogbank.services.logs.transformers import Arrivals

# An asynchronous invocation takes 1 MB; the events of one are kept well below it before they are compressed.
PART_BYTES_MAX = 700_000
# What fails for the destination's trouble, or because it has no room just now, is tried again for a day.
RETRY = RetryPolicy(attempts_max=200, first_delay_s=1, delay_max_s=600, age_max_s=86_400)
FORWARD = "logs.forward"
BY_STREAM = "ByLogStream"

_VENDORS = {"kinesis": "Kinesis", "firehose": "Firehose", "lambda": "Lambda"}
_BUSY = "ProvisionedThroughputExceededException"  # A shard's, for a second: not the caller's mistake.


class Part(msgspec.Struct):
    """A packed document, and what is told of it in CloudWatch."""

    target_arn: str
    partition_key: str
    data: bytes
    events: int
    group: str
    filter: str
    role_arn: str = ""
    """The subscription's, or the destination's; a function needs none."""


def take_part(outbox: Outbox) -> None:
    """Let the outbox deliver what could not be sent at once."""
    outbox.handler(FORWARD, _send_part, payload=Part, retry=RETRY, on_exhausted=_lost)


def forward(ctx: Context, tables: LogsTables, group: Group, stream: Stream, arrivals: Arrivals) -> bool:
    """Send new events that match to the group's subscribers, in the current transaction; whether there are any."""
    subscriptions = list(_subscriptions(ctx, tables, group))
    for found in subscriptions:
        target_arn, role_arn = _target(tables, found)
        matches = compile_filter(found.pattern)
        tried = ((event, matches(event[2])) for event in arrivals.of(found.transformed))
        for events in _parts([_event(event, match) for event, match in tried if match is not None]):
            document = {
                "messageType": "DATA_MESSAGE",
                "owner": ctx.account,
                "logGroup": group.name,
                "logStream": stream.name,
                "subscriptionFilters": [found.name],
                "logEvents": events,
            }
            part = Part(
                target_arn=target_arn,
                partition_key=stream.name if found.distribution == BY_STREAM else new_id(),
                data=_packed(document),
                events=len(events),
                group=group.name,
                filter=found.name,
                role_arn=role_arn,
            )
            _forward_part(ctx, part)
    return bool(subscriptions)


def try_out(ctx: Context, target_arn: str, role_arn: str) -> None:
    """AWS puts a message into a stream before it takes it for a destination."""
    vendor = "Firehose" if ":firehose:" in target_arn else "Kinesis"
    text = f"CWL CONTROL MESSAGE: Checking health of destination {vendor} stream."
    document = {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": ctx.now_ms, "message": text}],
    }
    try:
        with ctx.cloud.store.transaction():
            own = _sender(ctx, target_arn, role_arn, ctx.arn("logs", "*"))
            _send(own, target_arn, _packed(document), new_id())
    except AwsError:
        raise InvalidParameter(
            f"Could not deliver test message to specified {vendor} stream. Check if the given {vendor.lower()} stream "
            "is in ACTIVE state."
        ) from None


def _sender(ctx: Context, target_arn: str, role_arn: str, source_arn: str) -> Context:
    """The context as CloudWatch Logs has it to send something there. Raises NotPermitted."""
    *others, last = principals(ctx)
    for principal in others:
        with contextlib.suppress(NotPermitted):
            return _sender_called(ctx, principal, target_arn, role_arn, source_arn)
    return _sender_called(ctx, last, target_arn, role_arn, source_arn)


def _sender_called(ctx: Context, principal: str, target_arn: str, role_arn: str, source_arn: str) -> Context:
    if role_arn:
        conditions = {"aws:sourcearn": source_arn, "aws:sourceaccount": ctx.account}
        own = acting_as(ctx, role_arn, principal, conditions)
    else:
        own = in_name_of(ctx, principal, source_arn)
    permit_sending(own, target_arn)
    return own


def _send(ctx: Context, target_arn: str, data: bytes, partition_key: str) -> None:
    """Hand the bytes over to a stream or a function, in the current transaction."""
    arn = parse_arn(target_arn)
    assert arn is not None, "an ARN is checked before it is kept"
    there = ctx.at(account=arn.account, region=arn.region)
    if arn.service == "kinesis":
        key = partition_key[:PARTITION_KEY_MAX]
        ctx.cloud.kinesis.put_record(there, StreamARN=target_arn, Data=data, PartitionKey=key)
    elif arn.service == "firehose":
        name = arn.resource.partition("/")[2]
        ctx.cloud.firehose.put_record_batch(there, DeliveryStreamName=name, Records=[{"Data": data}])
    else:
        payload = {"awslogs": {"data": base64.b64encode(data).decode()}}
        ctx.cloud.lambda_.invoke_async_in_transaction(there, target_arn, json.dumps(payload).encode())


def _subscriptions(ctx: Context, tables: LogsTables, group: Group) -> Iterator[SubscriptionFilter]:
    """The group's own filters and its account's."""
    yield from tables.subscriptions.values((group.id,))
    for policy in policies_for(ctx, tables, SUBSCRIPTION, group):
        given = json.loads(policy.document)
        yield SubscriptionFilter(
            name=policy.name,
            pattern=given.get("FilterPattern", ""),
            created_ms=policy.updated_ms,
            destination_arn=given["DestinationArn"],
            distribution=given.get("Distribution", BY_STREAM),
            role_arn=given.get("RoleArn", ""),
        )


def _target(tables: LogsTables, found: SubscriptionFilter) -> tuple[str, str]:
    """Where a subscription leads, and whose role sends: a destination's target and role are those that it has now."""
    arn = parse_arn(found.destination_arn)
    if arn is None or arn.service != "logs":
        return found.destination_arn, found.role_arn
    destination = tables.destinations.get((arn.account, arn.region, arn.resource.partition(":")[2]))
    return (destination.target_arn, destination.role_arn) if destination is not None else ("", "")


def _forward_part(ctx: Context, part: Part) -> None:
    try:
        with ctx.cloud.store.transaction():
            _send_part(ctx, part)
    except AwsError as error:
        if error.passing or error.code == _BUSY:
            _count(ctx, part, "DeliveryThrottling", part.events)
            ctx.cloud.outbox.put(ctx, FORWARD, lane=part.target_arn, payload=part, delay_s=RETRY.first_delay_s)
        else:
            _lost(ctx, part, error)


def _send_part(ctx: Context, part: Part) -> None:
    if not part.target_arn:
        raise ResourceNotFound("The destination of the subscription filter does not exist.")
    own = _sender(ctx, part.target_arn, part.role_arn, ctx.arn("logs", f"log-group:{part.group}:*"))
    _send(own, part.target_arn, part.data, part.partition_key)
    _count(ctx, part, "ForwardedLogEvents", part.events)
    _count(ctx, part, "ForwardedBytes", len(part.data), "Bytes")


def _lost(ctx: Context, part: Part, error: Exception) -> None:
    """As on AWS, what a destination refuses for good is dropped and counted, and the events are kept."""
    _count(ctx, part, "DeliveryErrors", part.events)


def _count(ctx: Context, part: Part, metric: str, value: float, unit: str = "None") -> None:
    arn = parse_arn(part.target_arn)
    dimensions = {
        "LogGroupName": part.group,
        "DestinationType": _VENDORS[arn.service] if arn is not None else "Unknown",
        "FilterName": part.filter,
    }
    ctx.cloud.metrics.add(ctx.account, ctx.region, "AWS/Logs", metric, dimensions, value, unit)


def event_id(at_ms: int, number: int) -> str:
    """What an event is called in all answers and documents."""
    return f"{at_ms:020d}{number:036d}"


def _event(event: Arrived, match: Match) -> dict[str, Any]:
    number, at_ms, message = event
    row: dict[str, Any] = {"id": event_id(at_ms, number), "timestamp": at_ms, "message": message}
    fields = {name.removeprefix("$"): value for name, value in match.extracted.items()}
    return row | ({"extractedFields": fields} if fields and match.document is None else {})


def _parts(events: list[dict[str, Any]]) -> Iterable[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for event in events:
        length = len(event["message"].encode())
        if part and size + length > PART_BYTES_MAX:
            yield part
            part, size = [], 0
        part.append(event)
        size += length
    if part:
        yield part


def _packed(document: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)
