"""Stack events, told to the SNS topics of NotificationARNs.

A topic that is not there (any more), or that may not be told with the rights of the stack's operation, fails nothing:
AWS, too, goes on with the stack.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (NotificationARNs)
"""

from functools import partial
from typing import TYPE_CHECKING

from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, permit
from fogbank.core.moments import iso_milliseconds
from fogbank.core.store import Record
from fogbank.services.cloudformation import rights
from fogbank.services.cloudformation.errors import ValidationError
from fogbank.services.cloudformation.records import Event, Stack

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud

KIND = "cloudformation.notification"
SUBJECT = "AWS CloudFormation Notification"
ARNS_MAX = 5  # NotificationARNs: "Array Members: Maximum number of 5 items"


class Notification(Record):
    topic_arn: str
    text: str


def register(cloud: "Cloud") -> None:
    cloud.outbox.handler(KIND, _publish, payload=Notification)


def check(arns: list[str]) -> None:
    for arn in arns:
        parts = arn.split(":")
        if len(parts) != 6 or parts[0] != "arn" or parts[2] != "sns":
            raise ValidationError(f"Invalid Amazon SNS topic ARN: {arn}")


def put(ctx: Context, stack: Stack, event: Event) -> None:
    """Tell the stack's topics about an event, in the current transaction."""
    text = _text(stack, event)
    for arn in filter(partial(_may_tell, ctx, stack), stack.notification_arns):
        ctx.cloud.outbox.put(ctx, KIND, lane=arn, payload=Notification(topic_arn=arn, text=text))


def _may_tell(ctx: Context, stack: Stack, arn: str) -> bool:
    try:
        permit(rights.of_stack(ctx, stack), "sns:Publish", arn)
    except (NotPermitted, ValidationError):  # The latter: the stack's role cannot be assumed.
        return False
    return True


async def _publish(ctx: Context, notification: Notification) -> None:
    region, account = notification.topic_arn.split(":")[3:5]
    at = ctx.at(account=account, region=region)
    await at.call(at.cloud.sns.publish, TopicArn=notification.topic_arn, Message=notification.text, Subject=SUBJECT)


def _text(stack: Stack, event: Event) -> str:
    lines = {
        "StackId": stack.id,
        "Timestamp": iso_milliseconds(event.at_ms),
        "EventId": event.id,
        "LogicalResourceId": event.logical_id,
        "Namespace": stack.account,
        "PhysicalResourceId": event.physical_id,
        "PrincipalId": stack.account,
        "ResourceProperties": event.properties or "null",
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
        "ResourceType": event.type,
        "StackName": stack.name,
        "ClientRequestToken": event.token or "null",
    }
    return "".join(f"{name}='{value}'\n" for name, value in lines.items())
