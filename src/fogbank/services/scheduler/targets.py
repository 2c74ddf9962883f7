"""What a schedule may invoke, and how it is invoked once.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets.html
"""

from collections.abc import Awaitable
from typing import Any

from fogbank.core import json_text
from fogbank.core.api import ApiOperation
from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import acting_as, permit_sending
from fogbank.core.errors import AwsError, NotImplementedInFogbank
from fogbank.core.moments import iso_seconds
from fogbank.core.targets import as_text, deliver
from fogbank.services.scheduler.errors import Invalid
from fogbank.services.scheduler.records import Firing

_PRINCIPAL = "scheduler.amazonaws.com"
_HONOURED = frozenset(
    {
        "Arn",
        "RoleArn",
        "DeadLetterConfig",
        "RetryPolicy",
        "Input",
        "EventBridgeParameters",
        "KinesisParameters",
        "SqsParameters",
    }
)
_TEMPLATED = frozenset({"sqs", "sns", "lambda", "events", "kinesis", "firehose"})
_TAKE_JSON_ONLY = frozenset({"lambda", "events"})
_UNIVERSAL = "aws-sdk:"
# "EventBridge Scheduler does not support read-only API actions" that begin so.
_READ_ONLY = (
    *("get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup"),
    *("discover", "validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList"),
    *("testMigration", "retrieve", "testConnection", "translateDocument", "isAuthorized", "invokeModel"),
)


class TargetRefused(AwsError):
    """The call was accepted, but the event was not."""

    code = "InternalFailure"
    status = 500


def check_target(ctx: Context, target: dict[str, Any]) -> None:
    """Refuse what could never be invoked. The sentences are ours where they name a parameter."""
    arn = parse_arn(target["Arn"])
    if arn is None:
        raise Invalid("Provided Arn is not in correct format.")
    for member in target:
        if member not in _HONOURED:
            raise NotImplementedInFogbank(f"The target parameter {member} is not implemented in Fogbank.")
    if is_universal(arn):
        _find(ctx, arn)
        if not isinstance(json_text.parse(target.get("Input", "{}")), dict):
            raise Invalid("The Input of a universal target must be a JSON object with the parameters of its action.")
        return
    if arn.service not in _TEMPLATED:
        raise NotImplementedInFogbank(
            f"Targets of service {arn.service} are not implemented in Fogbank: {target['Arn']}"
        )
    if arn.service in _TAKE_JSON_ONLY and json_text.parse(target.get("Input", "{}")) is json_text.NOT_JSON:
        raise Invalid(f"The Input for a target of service {arn.service} must be well-formed JSON.")
    if (arn.service == "events") != ("EventBridgeParameters" in target):
        raise Invalid("EventBridgeParameters must be given for an event bus, and for nothing else.")
    if (arn.service == "kinesis") != ("KinesisParameters" in target):
        raise Invalid("KinesisParameters must be given for a Kinesis stream, and for nothing else.")
    if "SqsParameters" in target and arn.service != "sqs":
        raise Invalid("SqsParameters must be given for a queue only.")
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and "SqsParameters" not in target:
        raise Invalid("SqsParameters with a MessageGroupId must be given for a FIFO queue.")


def is_universal(arn: Arn) -> bool:
    return arn.service == "scheduler" and arn.resource.startswith(_UNIVERSAL)


def waits(ctx: Context, target: dict[str, Any]) -> bool:
    """Whether the target's operation waits, so that it cannot run in a transaction."""
    arn = _arn(target)
    return is_universal(arn) and _find(ctx, arn).waits


def invoke(ctx: Context, firing: Firing) -> Awaitable[Any] | None:
    """Invoke the target once, in the current transaction; what waits is given back. Raises AwsError."""
    arn = _arn(firing.target)
    text = input_of(ctx, firing)
    ctx = acting_for(ctx, firing)
    if is_universal(arn):
        document = json_text.parse(text)
        if not isinstance(document, dict):
            raise Invalid("The Input of a universal target must be a JSON object with the parameters of its action.")
        operation = _find(ctx, arn)
        answer = operation.call(ctx, document)
        return answer if operation.waits else None
    if arn.service == "events":
        permit_sending(ctx, firing.target["Arn"])
        _put_event(ctx, firing, text)
    else:
        group = firing.target.get("SqsParameters", {}).get("MessageGroupId")
        key = firing.target.get("KinesisParameters", {}).get("PartitionKey")
        deliver(ctx, firing.target["Arn"], text, message_group_id=group, partition_key=key)
    return None


def acting_for(ctx: Context, firing: Firing) -> Context:
    """The context as the schedule's role has it. Raises NotPermitted."""
    return acting_as(ctx, firing.target["RoleArn"], _PRINCIPAL)


def _put_event(ctx: Context, firing: Firing, text: str) -> None:
    arn = _arn(firing.target)
    parameters = firing.target["EventBridgeParameters"]
    entry = {
        "EventBusName": firing.target["Arn"],
        "Source": parameters["Source"],
        "DetailType": parameters["DetailType"],
        "Detail": text,
        "Resources": [firing.schedule_arn],
        "Time": firing.scheduled_ms / 1000,
    }
    there = ctx.at(account=arn.account, region=arn.region)
    (result,) = there.cloud.events.put_events(there, Entries=[entry])["Entries"]
    if "ErrorCode" in result:
        raise TargetRefused(f"{result['ErrorCode']}: {result['ErrorMessage']}")


def input_of(ctx: Context, firing: Firing) -> str:
    """The input with the context attributes filled in; without one, the notification that AWS sends."""
    text: str | None = firing.target.get("Input")
    moment = iso_seconds(firing.scheduled_ms)
    if text is None:
        return as_text(
            {
                "version": "0",
                "id": firing.execution_id,
                "detail-type": "Scheduled Event",
                "source": "aws.scheduler",
                "account": ctx.account,
                "time": moment,
                "region": ctx.region,
                "resources": [firing.schedule_arn],
                "detail": "{}",
            }
        )
    attributes = {
        "schedule-arn": firing.schedule_arn,
        "scheduled-time": moment,
        "execution-id": firing.execution_id,
        "attempt-number": str(firing.attempt),
    }
    for name, value in attributes.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _find(ctx: Context, arn: Arn) -> ApiOperation:
    service, _, action = arn.resource.removeprefix(_UNIVERSAL).partition(":")
    if not action or action.startswith(_READ_ONLY):
        raise Invalid(f"{arn} is not a supported target: read-only actions cannot be scheduled.")
    return ctx.cloud.apis.find(service, action)


def _arn(target: dict[str, Any]) -> Arn:
    arn = parse_arn(target["Arn"])
    assert arn is not None, "the ARN was checked when the schedule was made"
    return arn
