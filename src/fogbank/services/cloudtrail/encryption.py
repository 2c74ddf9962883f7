"""Trails whose files are encrypted under a key of KMS: S3 does it, in an encryption context that names the trail.

https://docs.aws.amazon.com/awscloudtrail/latest/userguide/how-kms-works-with-cloudtrail.html
"""

import base64
import json
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.delegation import in_name_of, permit
from fogbank.core.errors import AwsError
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.services.cloudtrail.destinations import PRINCIPAL
from fogbank.services.cloudtrail.errors import (
    InsufficientEncryptionPolicy,
    InvalidKmsKeyId,
    KmsKeyDisabled,
    KmsKeyNotFound,
)

_CONTEXT = "aws:cloudtrail:arn"
_FACT = f"kms:EncryptionContext:{_CONTEXT}"


def checked_key(ctx: Context, trail_arn: str, bucket: str, bucket_region: str, key_id: str) -> str:
    """The ARN of the key of that id, ARN or alias, which must be where the bucket is and let CloudTrail encrypt.

    The sentences are not published, but for that about the policy.
    """
    place = parse_arn(key_id)
    if key_id.startswith("arn:") and (place is None or place.service != "kms"):
        raise InvalidKmsKeyId(f"Invalid KMS key: {key_id}")
    there = ctx.at(region=place.region) if place is not None else ctx
    if there.region != bucket_region:
        raise InvalidKmsKeyId(f"The KMS key {key_id} must be in {bucket_region}, the region of the bucket {bucket}.")
    try:
        found = ctx.cloud.kms.describe_key(there, KeyId=key_id)["KeyMetadata"]
    except AwsError:
        raise KmsKeyNotFound(f"KMS key not found: {key_id}") from None
    arn: str = found["Arn"]
    if not found["Enabled"]:
        raise KmsKeyDisabled(f"KMS key is disabled: {arn}")
    policy = read_policy(ctx.cloud.kms.resource_policy(there, arn))
    facts = {"aws:sourcearn": trail_arn, "aws:sourceaccount": ctx.account, _FACT.lower(): trail_arn}
    if policy.decide(Request(PRINCIPAL, "kms:GenerateDataKey", arn, facts)) is not Effect.ALLOW:
        raise InsufficientEncryptionPolicy(f"Insufficient permissions to access S3 bucket {bucket} or KMS key {arn}.")
    return arn


def check_encrypting(ctx: Context, trail_arn: str, key_arn: str) -> None:
    """Raises NotPermitted unless the key's policy still lets CloudTrail encrypt."""
    if key_arn:
        permit(in_name_of(ctx, PRINCIPAL, trail_arn), "kms:GenerateDataKey", key_arn, {_FACT: trail_arn})


def encryption_of(trail_arn: str, key_arn: str) -> dict[str, Any]:
    """What PutObject is told of a file."""
    if not key_arn:
        return {}
    context = base64.b64encode(json.dumps({_CONTEXT: trail_arn}).encode()).decode()
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_arn, "SSEKMSEncryptionContext": context}
