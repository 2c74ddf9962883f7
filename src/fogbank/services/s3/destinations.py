"""Where notifications go: whether a destination can be one, and whether its policy lets S3 in.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
"""

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.targets import queue_url
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.records import Bucket

PRINCIPAL = "s3.amazonaws.com"
_SERVICES = {"Queue": "sqs", "Topic": "sns", "CloudFunction": "lambda"}
"""By the elements of the configuration that name them."""


def parsed(element: str, text: str, bucket: Bucket) -> Arn:
    """The ARN in that element of the configuration; raises what is wrong with it, whether it is there or not."""
    members = {"ArgumentName": element, "ArgumentValue": text}
    arn = parse_arn(text)
    if arn is None:
        raise InvalidArgument("The ARN could not be parsed", members=members)
    if arn.service != _SERVICES[element]:
        raise InvalidArgument(
            "A specified destination ARN does not exist or is not well-formed. Verify the destination ARN.",
            members=members,
        )
    if arn.region != bucket.region:
        raise InvalidArgument(
            "The notification destination service region is not valid for the bucket location constraint",
            members=members,
        )
    return arn


def reason_against(ctx: Context, arn: Arn, bucket: Bucket) -> tuple[str, str] | None:
    """Why the destination cannot get the bucket's events, as an argument's name and value; None if it can."""
    there = ctx.at(account=arn.account, region=arn.region)
    match arn.service:
        case "sqs":
            if arn.resource.endswith(".fifo"):
                return str(arn), "FIFO SQS queues are not supported"
            try:
                url = queue_url(there, arn.account, arn.resource)
                answer = ctx.cloud.sqs.get_queue_attributes(there, QueueUrl=url, AttributeNames=["Policy"])
            except AwsError:
                return str(arn), "The destination queue does not exist"
            document = ((answer or {}).get("Attributes") or {}).get("Policy")
            if not _lets_in(document, "sqs:SendMessage", arn, bucket):
                return str(arn), (
                    "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
                )
        case "sns":
            if arn.resource.endswith(".fifo"):
                return str(arn), "FIFO SNS topics are not supported"
            try:
                attributes = ctx.cloud.sns.get_topic_attributes(there, TopicArn=str(arn))["Attributes"]
            except AwsError:
                return str(arn), "The destination topic does not exist"
            if not _lets_in(attributes.get("Policy"), "sns:Publish", arn, bucket):
                return str(arn), (
                    "Permissions on the destination topic do not allow S3 to publish notifications from this bucket"
                )
        case _:
            try:
                document = ctx.cloud.lambda_.get_policy(there, FunctionName=str(arn))["Policy"]
            except AwsError:
                document = None
            if not _lets_in(document, "lambda:InvokeFunction", arn, bucket):
                return f"{arn}, null", f"Not authorized to invoke function [{arn}]"
    return None


def _lets_in(document: str | None, action: str, arn: Arn, bucket: Bucket) -> bool:
    """Whether a resource's policy allows S3 the action on behalf of the bucket."""
    context = {"aws:sourcearn": f"arn:aws:s3:::{bucket.name}", "aws:sourceaccount": bucket.account}
    request = Request(PRINCIPAL, action, str(arn), context)
    return document is not None and read_policy(document).decide(request) is Effect.ALLOW
