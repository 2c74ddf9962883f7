"""Where a trail delivers to, and whether it may.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html
"""

import json

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import in_name_of, permit
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.core.roles import may_assume
from fogbank.services.cloudtrail.errors import (
    InsufficientBucketPolicy,
    InsufficientTopicPolicy,
    InvalidLogGroup,
    InvalidLogsRole,
    InvalidPrefix,
    NoSuchBucket,
)

PRINCIPAL = "cloudtrail.amazonaws.com"
_PREFIX_MAX = 200


def folder(prefix: str, account: str) -> str:
    return f"{prefix}/AWSLogs/{account}/" if prefix else f"AWSLogs/{account}/"


async def check_bucket(ctx: Context, trail_arn: str, bucket: str, prefix: str) -> str:
    """The bucket must be there, and its policy must let CloudTrail write into the account's folder. Its region."""
    if len(prefix) > _PREFIX_MAX:
        raise InvalidPrefix(f"The prefix must have {_PREFIX_MAX} characters at most.")
    s3 = ctx.cloud.s3
    try:
        region: str = (await ctx.call(s3.head_bucket, Bucket=bucket))["BucketRegion"]
    except AwsError:
        raise NoSuchBucket(f"S3 bucket {bucket} does not exist!") from None
    try:
        policy = read_policy((await ctx.call(s3.get_bucket_policy, Bucket=bucket))["Policy"])
    except AwsError:
        policy = read_policy("{}")
    facts = {
        "aws:sourcearn": trail_arn,
        "aws:sourceaccount": ctx.account,
        "s3:x-amz-acl": "bucket-owner-full-control",
    }
    place = f"arn:aws:s3:::{bucket}"
    for action, resource in (("GetBucketAcl", place), ("PutObject", f"{place}/{folder(prefix, ctx.account)}file")):
        if policy.decide(Request(PRINCIPAL, f"s3:{action}", resource, facts)) is not Effect.ALLOW:
            raise InsufficientBucketPolicy(f"Incorrect S3 bucket policy is detected for bucket: {bucket}")
    return region


def check_writing(ctx: Context, trail_arn: str, bucket: str, object_key: str) -> None:
    """Raises NotPermitted unless the bucket's policy still lets CloudTrail write that file."""
    own, acl = in_name_of(ctx, PRINCIPAL, trail_arn), {"s3:x-amz-acl": "bucket-owner-full-control"}
    permit(own, "s3:PutObject", f"arn:aws:s3:::{bucket}/{object_key}", acl)


async def topic_arn(ctx: Context, trail_arn: str, name: str) -> str:
    """The ARN of a topic of this region that CloudTrail may publish to."""
    arn = name if name.startswith("arn:") else ctx.arn("sns", name)
    try:
        attributes = (await ctx.call(ctx.cloud.sns.get_topic_attributes, TopicArn=arn))["Attributes"]
    except AwsError:
        raise InsufficientTopicPolicy from None
    facts = {"aws:sourcearn": trail_arn, "aws:sourceaccount": ctx.account}
    policy = read_policy(attributes.get("Policy", "{}"))
    if policy.decide(Request(PRINCIPAL, "sns:Publish", arn, facts)) is not Effect.ALLOW:
        raise InsufficientTopicPolicy
    return arn


def check_logs(ctx: Context, group_arn: str, role: str) -> None:
    """The sentences of AWS's are these, as far as they are known."""
    if bool(group_arn) != bool(role):
        raise InvalidLogsRole("You must specify both a log group and a role.")
    if not group_arn:
        return
    group = log_group(group_arn)
    found = ctx.cloud.logs.describe_log_groups(ctx, logGroupNamePrefix=group)["logGroups"]
    if not any(row["logGroupName"] == group for row in found):
        raise InvalidLogGroup("CloudTrail cannot validate the specified log group ARN.")
    if not may_assume(ctx, PRINCIPAL, role):
        raise InvalidLogsRole("Access denied. Check the trust relationships for your role.")


def log_group(arn: str) -> str:
    """The name in a log group's ARN, which ends with `:*`."""
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "logs" or not parsed.resource.startswith("log-group:"):
        raise InvalidLogGroup("CloudTrail cannot validate the specified log group ARN.")
    return parsed.resource.split(":")[1]


def notice(bucket: str, keys: list[str]) -> str:
    """What a topic is told about new files."""
    return json.dumps({"s3Bucket": bucket, "s3ObjectKey": keys}, separators=(",", ":"))
