"""What Lambda does as a function's execution role: reads its sources, and sends what becomes of its events.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
Where requests are not authorized (see `core.delegation`) roles are not asked for, and need not be there.
"""

from fogbank.core.arn import Arn
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, Permission, acting_as, permission_of, permit, permit_sending
from fogbank.services.lambda_.errors import InvalidParameterValue
from fogbank.services.lambda_.failure_records import is_bucket

_SERVICE = "lambda.amazonaws.com"
_QUEUE = ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
_STREAMS = {
    "kinesis": ("GetRecords", "GetShardIterator", "DescribeStreamSummary", "ListShards"),
    "dynamodb": ("GetRecords", "GetShardIterator", "DescribeStream"),
}


def as_role(ctx: Context, role_arn: str, destination: str) -> Context:
    """The context as the role has it, to send something to that destination. Raises NotPermitted."""
    there = acting_as(ctx, role_arn, _SERVICE)
    if is_bucket(destination):
        permit(there, "s3:PutObject", f"{destination}/*")
    else:
        permit_sending(there, destination)
    return there


def reading_as(role_arn: str) -> Permission:
    """What is asked before each look at a stream."""
    return permission_of(role_arn, _SERVICE)


def check_role(ctx: Context, role_arn: str) -> Context:
    """The context as the role has it. Raises InvalidParameterValue if Lambda may not act as it."""
    try:
        return acting_as(ctx, role_arn, _SERVICE)
    except NotPermitted as error:
        raise InvalidParameterValue("The role defined for the function cannot be assumed by Lambda.") from error


def check_reading(ctx: Context, role_arn: str, source: Arn) -> None:
    """Raises InvalidParameterValue, unless the role may read the queue or the stream."""
    there = check_role(ctx, role_arn)
    if source.service == "sqs":
        for action in _QUEUE:
            try:
                permit(there, f"sqs:{action}", str(source))
            except NotPermitted as error:
                raise InvalidParameterValue(
                    f"The function execution role does not have permissions to call {action} on SQS"
                ) from error
        return
    stream = str(source).partition("/consumer/")[0]
    actions = _STREAMS[source.service]
    try:
        for action in actions:
            permit(there, f"{source.service}:{action}", stream)
    except NotPermitted as error:
        raise InvalidParameterValue(
            f"Cannot access stream {stream}. "
            f"Please ensure the role can perform the {', '.join(actions)} Actions on your stream in IAM."
        ) from error
