"""Delivery status logs: what became of deliveries, for topics whose attributes ask for it.

https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html
"""

import hashlib
import random
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.targets import as_text

_NAMES = {
    "application": "Application",
    "firehose": "Firehose",
    "http": "HTTP",
    "https": "HTTP",
    "lambda": "Lambda",
    "sqs": "SQS",
}
# AWS names its streams at random; one a topic is enough to find everything.
_STREAM = "delivery-status"


class Delivered(msgspec.Struct):
    """One delivery: of what, where to, and what the receiver said."""

    topic_arn: str
    message_id: str
    message_md5: str
    published_ms: int
    protocol: str
    destination: str
    status_code: int
    response: dict[str, Any]
    success: bool


def digest(message: str) -> str:
    return hashlib.md5(message.encode(), usedforsecurity=False).hexdigest()


def asked_for(attributes: Mapping[str, str]) -> bool:
    """Whether a topic has any delivery logged."""
    return any(value and name.endswith("FeedbackRoleArn") for name, value in attributes.items())


def log_delivery(ctx: Context, attributes: Mapping[str, str], delivered: Delivered) -> None:
    """Log the delivery if the topic's attributes ask for it."""
    if _is_wanted(attributes, delivered.protocol, success=delivered.success):
        _write(ctx, delivered)


def _is_wanted(attributes: Mapping[str, str], protocol: str, *, success: bool) -> bool:
    """Whether this delivery is logged: every failure, and of the successes as many of a hundred as the topic says."""
    name = _NAMES.get(protocol)
    if name is None:
        return False
    if not success:
        return bool(attributes.get(f"{name}FailureFeedbackRoleArn"))
    if not attributes.get(f"{name}SuccessFeedbackRoleArn"):
        return False
    return random.randrange(100) < int(attributes.get(f"{name}SuccessFeedbackSampleRate") or 0)


def _write(ctx: Context, delivered: Delivered) -> None:
    """Under `sns/region/account/topic`, a failed one under its `/Failure`."""
    _, _, _, region, account, name = delivered.topic_arn.split(":")
    there = ctx.at(account=account, region=region)
    published = datetime.fromtimestamp(delivered.published_ms // 1000, UTC)
    entry = {
        "notification": {
            "messageMD5Sum": delivered.message_md5,
            "messageId": delivered.message_id,
            "topicArn": delivered.topic_arn,
            "timestamp": f"{published:%Y-%m-%d %H:%M:%S}.{delivered.published_ms % 1000:03d}",
        },
        "delivery": {
            "deliveryId": new_id(),
            "destination": delivered.destination,
            "providerResponse": as_text(delivered.response),
            "dwellTimeMs": ctx.now_ms - delivered.published_ms,
            "statusCode": delivered.status_code,
        },
        "status": "SUCCESS" if delivered.success else "FAILURE",
    }
    group = f"sns/{region}/{account}/{name}" + ("" if delivered.success else "/Failure")
    event = {"timestamp": ctx.now_ms, "message": as_text(entry)}
    try:
        _put(there, group, event)
    except AwsError:
        _create(there, group)
        _put(there, group, event)


def _put(ctx: Context, group: str, event: dict[str, Any]) -> None:
    with ctx.cloud.store.transaction():
        ctx.cloud.logs.put_log_events(ctx, logGroupName=group, logStreamName=_STREAM, logEvents=[event])


def _create(ctx: Context, group: str) -> None:
    """Whatever of the group and its stream is missing."""
    logs, named = ctx.cloud.logs, {"logGroupName": group}
    steps = ((logs.create_log_group, named), (logs.create_log_stream, named | {"logStreamName": _STREAM}))
    for create, parameters in steps:
        try:
            with ctx.cloud.store.transaction():
                create(ctx, **parameters)
        except AwsError:
            continue
