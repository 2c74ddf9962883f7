"""What SQS's operations ask of IAM.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsqs.html
"""

from fogbank.core.arn import PARTITION
from fogbank.core.authorization import Authorization, Parameters, need
from fogbank.core.context import Context
from fogbank.services.sqs.move_tasks import read_handle
from fogbank.services.sqs.urls import parse_queue_url

_NEW_QUEUE = "arn:{partition}:sqs:{region}:{account}:{QueueName}"


def _queue(ctx: Context, parameters: Parameters) -> str:
    address = parse_queue_url(str(parameters.get("QueueUrl", "*")))
    return f"arn:{PARTITION}:sqs:{address.region or ctx.region}:{address.account or ctx.account}:{address.name}"


def _named_queue(ctx: Context, parameters: Parameters) -> str:
    owner = parameters.get("QueueOwnerAWSAccountId")
    return ctx.at(account=owner).arn("sqs", str(parameters.get("QueueName", "*")))


def _source_of_task(ctx: Context, parameters: Parameters) -> str:
    return read_handle(str(parameters.get("TaskHandle", "")))[0]


AUTHORIZATION = Authorization(
    "sqs",
    anonymous=True,
    operations={
        "AddPermission": need(_queue),
        "CancelMessageMoveTask": need(_source_of_task),
        "ChangeMessageVisibility": need(_queue),
        "ChangeMessageVisibilityBatch": need(_queue, action="ChangeMessageVisibility"),
        "CreateQueue": (need(_NEW_QUEUE, tags="tags"), need(_NEW_QUEUE, action="TagQueue", when="tags", tags="tags")),
        "DeleteMessage": need(_queue),
        "DeleteMessageBatch": need(_queue, action="DeleteMessage"),
        "DeleteQueue": need(_queue),
        "GetQueueAttributes": need(_queue),
        "GetQueueUrl": need(_named_queue),
        "ListDeadLetterSourceQueues": need(_queue),
        "ListMessageMoveTasks": need("{SourceArn}"),
        "ListQueueTags": need(_queue),
        "ListQueues": need("arn:{partition}:sqs:{region}:{account}:"),
        "PurgeQueue": need(_queue),
        "ReceiveMessage": need(_queue),
        "RemovePermission": need(_queue),
        "SendMessage": need(_queue),
        "SendMessageBatch": need(_queue, action="SendMessage"),
        "SetQueueAttributes": need(_queue),
        # Whoever moves messages needs to take them from the one queue and put them into the other.
        "StartMessageMoveTask": (
            need("{SourceArn}"),
            need("{SourceArn}", action="ReceiveMessage"),
            need("{SourceArn}", action="DeleteMessage"),
            need("{SourceArn}", action="GetQueueAttributes"),
            need("{DestinationArn}", action="SendMessage", when="DestinationArn"),
        ),
        "TagQueue": need(_queue, tags="Tags"),
        "UntagQueue": need(_queue, tag_keys="TagKeys"),
    },
)
