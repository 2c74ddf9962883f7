"""Sending a message to whatever an ARN names: the targets that events, notifications and dead letters share."""

import json
from typing import TYPE_CHECKING, Any

from fogbank.core.arn import parse_arn
from fogbank.core.delegation import permit_sending
from fogbank.core.errors import NotImplementedInFogbank, ValidationError
from fogbank.core.ids import new_id

if TYPE_CHECKING:
    from fogbank.core.context import Context

PARTITION_KEY_MAX = 256


def deliver(
    ctx: "Context",
    arn: str,
    body: str,
    *,
    message_attributes: dict[str, Any] | None = None,
    message_group_id: str | None = None,
    subject: str | None = None,
    partition_key: str | None = None,
) -> None:
    """Send `body` to the queue, topic, function, Kinesis or Firehose stream of that ARN in the current transaction.

    `message_attributes` are in SQS's form; they, the `subject` and the `partition_key` (by default a random one) are
    dropped where the target has none. Raises the target's AwsError, NotImplemented for a target that Fogbank does
    not have, and NotPermitted where the context acts for somebody who may not (see `delegation`).
    """
    target = parse_arn(arn)
    if target is None:
        raise ValidationError(f"Invalid ARN: {arn}")
    permit_sending(ctx, arn)
    there = ctx.at(account=target.account or ctx.account, region=target.region or ctx.region)
    extra: dict[str, Any] = {}
    if message_attributes:
        extra["MessageAttributes"] = message_attributes
    if message_group_id is not None:
        extra["MessageGroupId"] = message_group_id
    match target.service:
        case "sqs":
            url = queue_url(there, target.account, target.resource)
            ctx.cloud.sqs.send_message(there, QueueUrl=url, MessageBody=body, **extra)
        case "sns":
            ctx.cloud.sns.publish(
                there, TopicArn=arn, Message=body, **extra, **({"Subject": subject} if subject else {})
            )
        case "lambda":
            ctx.cloud.lambda_.invoke_async_in_transaction(there, arn, body.encode())
        case "kinesis":
            key = partition_key or new_id()
            ctx.cloud.kinesis.put_record(there, StreamARN=arn, Data=body.encode(), PartitionKey=key)
        case "firehose":
            name = target.resource.removeprefix("deliverystream/")
            ctx.cloud.firehose.put_record(there, DeliveryStreamName=name, Record={"Data": body.encode()})
        case _:
            raise NotImplementedInFogbank(f"Targets of service {target.service} are not implemented in Fogbank: {arn}")


def queue_url(ctx: "Context", account: str, name: str) -> str:
    """A queue's URL for calls within the cloud, where the context says which region is meant."""
    return f"{ctx.cloud.endpoint}/{account}/{name}"


def as_text(value: object) -> str:
    """JSON as AWS writes it in messages: compact, and not escaped beyond need."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
