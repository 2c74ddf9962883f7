"""AWS managed keys: one for each service that encrypts by itself, made when it is first used.

https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#aws-managed-cmk
"""

from typing import Any, NamedTuple

from fogbank.core.context import Context
from fogbank.services.kms.base import ALIAS, new_key_id
from fogbank.services.kms.key_material import generate
from fogbank.services.kms.key_policies import policy_text
from fogbank.services.kms.key_specs import ENCRYPT, SYMMETRIC
from fogbank.services.kms.records import Alias, Key
from fogbank.services.kms.rotation import YEAR_DAYS, Rotation

_PREFIX = ALIAS + "aws/"
_USES = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
_GRANTS = ["kms:CreateGrant"]


class _Managed(NamedTuple):
    """What a service's key protects, in AWS's words; the service's name in policies, and what it may do there."""

    protects: str
    service: str
    title: str
    actions: list[str] = _USES


_MANAGED = {
    "dynamodb": _Managed("my DynamoDB data", "dynamodb", "Amazon DynamoDB", [*_USES, *_GRANTS]),
    "kinesis": _Managed("my Kinesis data", "kinesis", "Kinesis", _USES),
    "lambda": _Managed("my Lambda functions", "lambda", "AWS Lambda", [*_USES, *_GRANTS]),
    "s3": _Managed("my S3 objects", "s3", "S3"),
    "secretsmanager": _Managed("my Secrets Manager data", "secretsmanager", "AWS Secrets Manager", [*_USES, *_GRANTS]),
    "sns": _Managed("my SNS data", "sns", "SNS"),
    "sqs": _Managed("my SQS data", "sqs", "SQS"),
    "ssm": _Managed("my SSM parameters", "ssm", "SSM", [*_USES, *_GRANTS]),
}


class ManagedKeys(Rotation):
    """The AWS managed keys of `KmsService`."""

    def _aliased(self, ctx: Context, account: str, name: str) -> Key:
        """As of any alias; that of a managed key which is not there yet makes it."""
        managed = _MANAGED.get(name.removeprefix(_PREFIX)) if name.startswith(_PREFIX) else None
        if managed is not None and account == ctx.account:
            place = (account, ctx.region, name)
            if self._tables.aliases.peek(place) is None:
                with self.cloud.store.transaction():
                    self._make_managed(ctx, name, managed)
        return super()._aliased(ctx, account, name)

    def _make_managed(self, ctx: Context, alias: str, managed: _Managed) -> None:
        key = Key(
            id=new_key_id(multi_region=False),
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            spec=SYMMETRIC,
            usage=ENCRYPT,
            origin="AWS_KMS",
            policy=_policy(ctx, managed),
            description=f"Default key that protects {managed.protects} when no other key is defined",
            managed=True,
        )
        self._first_material(ctx, key, generate(SYMMETRIC))
        self._set_rotation(key, YEAR_DAYS, from_ms=ctx.now_ms)
        self._save(key)
        self._tables.aliases.put((*key.place[:2], alias), Alias(key.id, created_ms=ctx.now_ms, updated_ms=ctx.now_ms))


def _policy(ctx: Context, managed: _Managed) -> str:
    via: dict[str, Any] = {
        "StringEquals": {
            "kms:ViaService": f"{managed.service}.{ctx.region}.amazonaws.com",
            "kms:CallerAccount": ctx.account,
        }
    }
    title = managed.title
    return policy_text(
        f"auto-{managed.service}-2",
        [
            {
                "Sid": f"Allow access through {title} for all principals in the account that are authorized to use "
                f"{title}",
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": managed.actions,
                "Resource": "*",
                "Condition": via,
            },
            {
                "Sid": "Allow direct access to key metadata to the account",
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ctx.account}:root"},
                "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant"],
                "Resource": "*",
            },
        ],
    )
