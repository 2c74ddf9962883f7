"""Subscription filters: new events that match are sent to a function or a Kinesis stream as they arrive.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

import base64
import gzip
import json
from collections.abc import Iterable
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.service import Answer
from fogbank.core.targets import PARTITION_KEY_MAX
from fogbank.services.logs.errors import AccessDenied, InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.filter_pattern import Match, compile_filter
from fogbank.services.logs.groups import Groups, only_standard
from fogbank.services.logs.pages import page
from fogbank.services.logs.records import Group, LogsTables, Stream, SubscriptionFilter

FILTERS_MAX = 2  # subscription filters of one log group
# An asynchronous invocation takes 1 MB; the events of one are kept well below it before they are compressed.
PART_BYTES_MAX = 700_000

_CONTROL_MESSAGE = "CWL CONTROL MESSAGE: Checking health of destination Kinesis stream."

Arrived = tuple[str, int, str]
"""A new event: its id, time and message."""


class Subscriptions(Groups):
    """The operations on subscription filters of `LogsService`."""

    def delete_subscription_filter(self, ctx: Context, *, logGroupName: str, filterName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if not self._tables.subscriptions.delete((group.id, filterName)):
            raise ResourceNotFound("The specified subscription filter does not exist.")
        return None

    def describe_subscription_filters(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        filterNamePrefix: str = "",
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        rows = [
            {
                "filterName": found.name,
                "logGroupName": group.name,
                "filterPattern": found.pattern,
                "destinationArn": found.destination_arn,
                "distribution": found.distribution,
                "applyOnTransformedLogs": False,
                "creationTime": found.created_ms,
                **({"roleArn": found.role_arn} if found.role_arn else {}),
            }
            for _, found in self._tables.subscriptions.scan((group.id,))
            if found.name.startswith(filterNamePrefix)
        ]
        return page("subscriptionFilters", rows, nextToken, limit)

    def put_subscription_filter(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        filterName: str,
        filterPattern: str,
        destinationArn: str,
        roleArn: str | None = None,
        distribution: str | None = None,
    ) -> Answer:
        _check_destination(ctx, destinationArn, roleArn, distribution)
        group = self._group(ctx, logGroupName)
        only_standard(group, "PutSubscriptionFilter")
        compile_filter(filterPattern)
        key = (group.id, filterName)
        known = self._tables.subscriptions.get(key)
        if known is None and self._tables.subscriptions.count((group.id,)) >= FILTERS_MAX:
            raise LimitExceeded()
        if ":kinesis:" in destinationArn:
            _try_out_stream(ctx, destinationArn)
        else:
            _check_permission(ctx, destinationArn, group)
        created_ms = known.created_ms if known is not None else ctx.now_ms
        subscription = SubscriptionFilter(
            filterName, filterPattern, created_ms, destinationArn, distribution or "ByLogStream", roleArn or ""
        )
        self._tables.subscriptions.put(key, subscription)
        return None


def forward(ctx: Context, tables: LogsTables, group: Group, stream: Stream, arrived: Iterable[Arrived]) -> None:
    """Send new events that match to the group's subscribers, in the current transaction."""
    for _, found in tables.subscriptions.scan((group.id,)):
        matches = compile_filter(found.pattern)
        tried = ((event, matches(event[2])) for event in arrived)
        for part in _parts([_event(event, match) for event, match in tried if match is not None]):
            document = {
                "messageType": "DATA_MESSAGE",
                "owner": ctx.account,
                "logGroup": group.name,
                "logStream": stream.name,
                "subscriptionFilters": [found.name],
                "logEvents": part,
            }
            data = _packed(document)
            try:
                _send(ctx, found, stream, data)
            except AwsError:
                continue  # The destination is gone or full: AWS drops the events too, and PutLogEvents succeeds.


def _send(ctx: Context, subscription: SubscriptionFilter, stream: Stream, data: bytes) -> None:
    arn = subscription.destination_arn
    if ":kinesis:" in arn:
        key = stream.name if subscription.distribution == "ByLogStream" else new_id()
        ctx.cloud.kinesis.put_record(ctx, StreamARN=arn, Data=data, PartitionKey=key[:PARTITION_KEY_MAX])
        return
    payload = {"awslogs": {"data": base64.b64encode(data).decode()}}
    ctx.cloud.lambda_.invoke_async_in_transaction(ctx, arn, json.dumps(payload).encode())


def _event(event: Arrived, match: Match) -> dict[str, Any]:
    event_id, at_ms, message = event
    row: dict[str, Any] = {"id": event_id, "timestamp": at_ms, "message": message}
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


def _check_destination(ctx: Context, destination_arn: str, role_arn: str | None, distribution: str | None) -> None:
    arn = parse_arn(destination_arn)
    if arn is None:
        raise InvalidParameter("Invalid destinationArn.")
    if arn.service in ("kinesis", "firehose"):
        if role_arn is None:
            raise InvalidParameter(f"destinationArn for vendor {arn.service} cannot be used without roleArn")
        if arn.service == "firehose":
            raise NotImplementedInFogbank("Fogbank's subscription filters do not deliver to firehose yet.")
        return
    if arn.service == "logs":
        raise NotImplementedInFogbank("Fogbank's CloudWatch Logs does not have destinations yet.")
    if arn.service != "lambda":
        raise InvalidParameter(f"Unsupported vendor in destinationArn: {arn.service}")
    if arn.account != ctx.account:
        raise AccessDenied(
            "Cross-account lambda invocation passing is not allowed. "
            "You must use DestinationPolicies to create cross account lambda triggers."
        )
    if role_arn is not None:
        raise InvalidParameter("destinationArn for vendor lambda cannot be used with roleArn")
    if distribution is not None:
        raise InvalidParameter("distribution cannot be set for a destinationArn of vendor lambda")


def _check_permission(ctx: Context, function_arn: str, group: Group) -> None:
    """The function must exist, and its policy must let CloudWatch Logs invoke it: AWS tries it out here."""
    try:
        policy = read_policy(ctx.cloud.lambda_.get_policy(ctx, FunctionName=function_arn)["Policy"])
    except AwsError:
        policy = read_policy("{}")
    context = {"aws:sourcearn": f"{ctx.arn('logs', f'log-group:{group.name}')}:*", "aws:sourceaccount": ctx.account}
    for principal in ("logs.amazonaws.com", f"logs.{ctx.region}.amazonaws.com"):
        request = Request(principal, "lambda:InvokeFunction", function_arn, context)
        if policy.decide(request) is Effect.ALLOW:
            return
    raise InvalidParameter(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute "
        "your function."
    )


def _try_out_stream(ctx: Context, arn: str) -> None:
    """AWS puts a message into the stream before it takes it for a destination."""
    event = {"id": "", "timestamp": ctx.now_ms, "message": _CONTROL_MESSAGE}
    document = {
        "messageType": "CONTROL_MESSAGE",
        "owner": "CloudwatchLogs",
        "logGroup": "",
        "logStream": "",
        "subscriptionFilters": [],
        "logEvents": [event],
    }
    try:
        ctx.cloud.kinesis.put_record(ctx, StreamARN=arn, Data=_packed(document), PartitionKey=new_id())
    except AwsError:
        raise InvalidParameter(
            "Could not deliver test message to specified Kinesis stream. Check if the given kinesis stream is in "
            "ACTIVE state."
        ) from None


def _packed(document: dict[str, Any]) -> bytes:
    return gzip.compress(json.dumps(document, separators=(",", ":")).encode(), mtime=0)
