"""Where notifications go: whether a destination can be one, and whether its policy lets S3 in.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/grant-destinations-permissions-to-s3.html
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.targets import queue_url
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.records import Bucket

_PRINCIPAL = "s3.amazonaws.com"
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
            policy = ((answer or {}).get("Attributes") or {}).get("Policy")
            if not _lets_in(policy, "sqs:sendmessage", bucket):
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
            if not _lets_in(attributes.get("Policy"), "sns:publish", bucket):
                return str(arn), (
                    "Permissions on the destination topic do not allow S3 to publish notifications from this bucket"
                )
        case _:
            try:
                policy = ctx.cloud.lambda_.get_policy(there, FunctionName=str(arn))["Policy"]
            except AwsError:
                policy = None
            if not _lets_in(policy, "lambda:invokefunction", bucket):
                return f"{arn}, null", f"Not authorized to invoke function [{arn}]"
    return None


def _lets_in(policy: str | None, action: str, bucket: Bucket) -> bool:
    """Whether a resource's policy allows S3 the action on behalf of the bucket."""
    known = {"aws:sourcearn": f"arn:aws:s3:::{bucket.name}", "aws:sourceaccount": bucket.account}
    allowed = False
    for statement in _listed(json.loads(policy)["Statement"]) if policy else ():
        if (
            not _names_s3(statement.get("Principal"))
            or not any(_glob(pattern.lower(), action) for pattern in _listed(statement.get("Action", [])))
            or not _holds(statement.get("Condition") or {}, known)
        ):
            continue
        if statement.get("Effect") == "Deny":
            return False
        allowed = True
    return allowed


def _names_s3(principal: Any) -> bool:
    if isinstance(principal, Mapping):
        return "*" in _listed(principal.get("AWS", [])) or _PRINCIPAL in _listed(principal.get("Service", []))
    return bool(principal == "*")


def _holds(conditions: Mapping[str, Mapping[str, Any]], known: Mapping[str, str]) -> bool:
    """Whether all conditions hold. S3 brings the source along and nothing else: what asks for more does not hold."""
    for operator, wanted in conditions.items():
        negated = "Not" in operator
        exact = "Equals" in operator and not operator.startswith("Arn")
        for name, values in wanted.items():
            value = known.get(name.lower())
            if value is None:
                if negated or operator.endswith("IfExists"):
                    continue
                return False
            met = any(value == one if exact else _glob(str(one), value) for one in _listed(values))
            if met == negated:
                return False
    return True


def _glob(pattern: str, text: str) -> bool:
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text, re.DOTALL) is not None


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
