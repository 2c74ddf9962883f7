"""Who else may use a bucket and its objects: bucket policies and ACLs as authorization asks for them.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/how-s3-evaluates-access-control.html
An ACL is told as statements of a policy beside the bucket's. The objects that another account owns in a bucket count as
the bucket owner's.
"""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from fogbank.core.context import Context
from fogbank.core.policy_evaluation import Kind
from fogbank.core.public_policies import is_public
from fogbank.services.s3 import grants, policy_documents
from fogbank.services.s3.fields import owner_id
from fogbank.services.s3.policy import BucketPolicies
from fogbank.services.s3.records import Acl
from fogbank.services.s3.records import Bucket as BucketRecord

_ARN = "arn:aws:s3:::"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#permissions
_OF_BUCKET: Mapping[str, tuple[str, ...]] = {
    "READ": ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
    "WRITE": ("PutObject", "DeleteObject", "DeleteObjectVersion"),
    "READ_ACP": ("GetBucketAcl",),
    "WRITE_ACP": ("PutBucketAcl",),
}
_OF_OBJECT: Mapping[str, tuple[str, ...]] = {
    "READ": ("GetObject", "GetObjectVersion", "GetObjectTorrent"),
    "READ_ACP": ("GetObjectAcl", "GetObjectVersionAcl"),
    "WRITE_ACP": ("PutObjectAcl", "PutObjectVersionAcl"),
}
_SIGNED = {"StringNotEquals": {"aws:PrincipalType": "Anonymous"}}


class Access(BucketPolicies):
    """What `S3Service` tells of its resources where requests are authorized."""

    def resource_policy(self, ctx: Context, arn: str) -> str | None:
        name, _, key = arn.removeprefix(_ARN).partition("/")
        bucket = self._tables.buckets.peek((name,))
        if bucket is None:
            return None
        policy = self._policy_for(ctx, bucket)
        statements = tuple(self._granted(ctx, bucket, key))
        return policy if not statements else _with_statements(policy or "", statements)

    def resource_owner(self, ctx: Context, arn: str) -> str:
        bucket = self._tables.buckets.peek((arn.removeprefix(_ARN).partition("/")[0],))
        return bucket.account if bucket is not None else ""

    def object_tags(self, bucket: str, key: str, version_id: str | None) -> Mapping[str, str]:
        found = self._shelf.find(bucket, key, version_id)
        return found.tags if found is not None else {}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _policy_for(self, ctx: Context, bucket: BucketRecord) -> str | None:
        """The bucket's policy; none where it is public and the bucket is restricted to its account and to services."""
        policy: str | None = self._known(bucket.name, "policy")
        identity = ctx.identity
        if policy is None or identity is None or identity.account == bucket.account or identity.kind is Kind.SERVICE:
            return policy
        if self._blocks_public(bucket.name, "RestrictPublicBuckets") and _is_public(policy, bucket.name):
            return None
        return policy

    def _granted(self, ctx: Context, bucket: BucketRecord, key: str) -> Iterator[str]:
        """The statements that the ACL comes to for whoever asks."""
        arn = f"{_ARN}{bucket.name}"
        acl = self._tables.acls.peek((bucket.name,))
        if acl is not None and self._ownership(bucket.name) != "BucketOwnerEnforced":
            on = f"{arn}/*" if key else arn
            actions = {name: granted for name, granted in _OF_BUCKET.items() if (name == "WRITE") == bool(key)}
            yield from self._statements(ctx, bucket, acl, actions, on)
        if key and self._ownership(bucket.name) != "BucketOwnerEnforced":
            version = self._tables.objects.peek((bucket.name, key))
            if version is not None and version.acl is not None:
                yield from self._statements(ctx, bucket, version.acl, _OF_OBJECT, f"{arn}/{_literal(key)}")

    def _statements(
        self, ctx: Context, bucket: BucketRecord, acl: Acl, actions: Mapping[str, tuple[str, ...]], resource: str
    ) -> Iterator[str]:
        caller = ctx.identity.account if ctx.identity is not None else ""
        ignores_groups = self._blocks_public(bucket.name, "IgnorePublicAcls")
        for grant in acl.grants:
            wanted = actions if grant.permission == "FULL_CONTROL" else {grant.permission}
            named = [f"s3:{action}" for permission in wanted for action in actions.get(permission, ())]
            statement: dict[str, Any] = {"Effect": "Allow", "Action": named, "Resource": resource}
            if grant.kind == "Group" and ignores_groups:
                continue
            if grant.grantee == grants.ALL_USERS:
                statement["Principal"] = "*"
            elif grant.grantee == grants.AUTHENTICATED_USERS:
                statement |= {"Principal": "*", "Condition": _SIGNED}
            elif caller and grant.grantee == owner_id(caller):
                statement["Principal"] = {"AWS": caller}
            elif grant.grantee == grants.LOG_DELIVERY:
                statement["Principal"] = {"Service": "logging.s3.amazonaws.com"}
            else:
                continue
            if named:
                yield json.dumps(statement)


def _literal(key: str) -> str:
    """A key as a policy's resource has it: what would be a wildcard or a variable stands for itself."""
    return "".join(f"${{{char}}}" if char in "*?$" else char for char in key)


@lru_cache(256)
def _with_statements(policy: str, statements: tuple[str, ...]) -> str:
    document = json.loads(policy) if policy else {"Version": "2012-10-17", "Statement": []}
    known = document.get("Statement", [])
    document["Statement"] = [*(known if isinstance(known, list) else [known]), *map(json.loads, statements)]
    return json.dumps(document)


@lru_cache(256)
def _is_public(policy: str, bucket: str) -> bool:
    return is_public(policy_documents.parsed(policy, bucket))
