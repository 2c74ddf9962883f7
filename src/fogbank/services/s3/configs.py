"""A bucket's configurations: stored as they are given, and given back.

Versioning is honoured; encryption, lifecycle, ownership, public access block and policy are kept and not
enforced (there is no authorization, and lifecycle rules do not run yet).
"""

import json
from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer, Tagged
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import (
    IllegalVersioningConfiguration,
    MalformedPolicy,
    NoSuchBucketPolicy,
    NoSuchLifecycle,
    NoSuchPublicAccessBlock,
    NoSuchTagSet,
    OwnershipControlsNotFound,
)
from fogbank.services.s3.records import BucketConfig
from fogbank.services.s3.tags import tag_list, tag_map

_DEFAULT_ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}
_DEFAULT_OWNERSHIP = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
_DEFAULT_PUBLIC_ACCESS_BLOCK = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


class BucketConfigs(S3Base):
    """The configuration operations of `S3Service`."""

    def _set_defaults(self, bucket: str, ownership: str | None) -> None:
        # Since April 2023 new buckets block public access and have no ACLs.
        rules = {"Rules": [{"ObjectOwnership": ownership}]} if ownership else _DEFAULT_OWNERSHIP
        self._tables.configs.put((bucket, "ownership"), BucketConfig(rules))
        self._tables.configs.put((bucket, "public_access_block"), BucketConfig(_DEFAULT_PUBLIC_ACCESS_BLOCK))

    def _read(self, ctx: Context, bucket: str, owner: str | None, kind: str, absent: type[AwsError]) -> Any:
        self._bucket(ctx, bucket, owner)
        config = self._tables.configs.get((bucket, kind))
        if config is None:
            raise absent(members={"BucketName": bucket})
        return config.value

    def _write(self, ctx: Context, bucket: str, owner: str | None, kind: str, value: Any) -> None:
        self._bucket(ctx, bucket, owner)
        self._tables.configs.put((bucket, kind), BucketConfig(value))

    def _clear(self, ctx: Context, bucket: str, owner: str | None, kind: str) -> None:
        self._bucket(ctx, bucket, owner)
        self._tables.configs.delete((bucket, kind))

    # ---- operations ----------------------------------------------------------------------------------------

    def delete_bucket_encryption(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "encryption")
        return None

    def delete_bucket_lifecycle(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "lifecycle")
        return None

    def delete_bucket_ownership_controls(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "ownership")
        return None

    def delete_bucket_policy(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "policy")
        return None

    def delete_bucket_tagging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "tagging")
        return None

    def delete_public_access_block(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "public_access_block")
        return None

    def get_bucket_encryption(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        config = self._tables.configs.get((Bucket, "encryption"))
        return {"ServerSideEncryptionConfiguration": config.value if config is not None else _DEFAULT_ENCRYPTION}

    def get_bucket_lifecycle_configuration(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        rules: dict[str, Any] = self._read(ctx, Bucket, ExpectedBucketOwner, "lifecycle", NoSuchLifecycle)
        return rules

    def get_bucket_ownership_controls(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        controls = self._read(ctx, Bucket, ExpectedBucketOwner, "ownership", OwnershipControlsNotFound)
        return {"OwnershipControls": controls}

    def get_bucket_policy(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"Policy": self._read(ctx, Bucket, ExpectedBucketOwner, "policy", NoSuchBucketPolicy)}

    def get_bucket_tagging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"TagSet": tag_list(self._read(ctx, Bucket, ExpectedBucketOwner, "tagging", NoSuchTagSet))}

    def get_bucket_versioning(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        versioning = self._bucket(ctx, Bucket, ExpectedBucketOwner).versioning
        return {"Status": versioning} if versioning else None

    def get_public_access_block(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        block = self._read(ctx, Bucket, ExpectedBucketOwner, "public_access_block", NoSuchPublicAccessBlock)
        return {"PublicAccessBlockConfiguration": block}

    def put_bucket_encryption(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ServerSideEncryptionConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._write(ctx, Bucket, ExpectedBucketOwner, "encryption", ServerSideEncryptionConfiguration)
        return None

    def put_bucket_lifecycle_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        LifecycleConfiguration: dict[str, Any] | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._write(ctx, Bucket, ExpectedBucketOwner, "lifecycle", LifecycleConfiguration or {"Rules": []})
        return None

    def put_bucket_ownership_controls(
        self,
        ctx: Context,
        *,
        Bucket: str,
        OwnershipControls: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._write(ctx, Bucket, ExpectedBucketOwner, "ownership", OwnershipControls)
        return None

    def put_bucket_policy(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Policy: str | bytes,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ConfirmRemoveSelfBucketAccess: bool | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        text = Policy.decode() if isinstance(Policy, bytes) else Policy
        try:
            document = json.loads(text)
        except ValueError:
            raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'") from None
        if not isinstance(document, dict):
            raise MalformedPolicy("Policies must be valid JSON and the first byte must be '{'")
        if not document.get("Statement"):
            raise MalformedPolicy("Missing required field Statement")
        self._write(ctx, Bucket, ExpectedBucketOwner, "policy", text)
        return None

    def put_bucket_tagging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Tagging: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._write(ctx, Bucket, ExpectedBucketOwner, "tagging", tag_map(Tagging["TagSet"]))
        return None

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, bucket in self._tables.buckets.scan():
            if (bucket.account, bucket.region) == (ctx.account, ctx.region):
                yield Tagged(f"arn:aws:s3:::{bucket.name}", "s3:bucket", self._tags(bucket.name))

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        bucket = arn.removeprefix("arn:aws:s3:::")
        self._write(ctx, bucket, None, "tagging", self._tags(bucket) | tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        bucket = arn.removeprefix("arn:aws:s3:::")
        kept = {key: value for key, value in self._tags(bucket).items() if key not in keys}
        self._write(ctx, bucket, None, "tagging", kept)

    def _tags(self, bucket: str) -> dict[str, str]:
        config = self._tables.configs.get((bucket, "tagging"))
        return dict(config.value) if config is not None else {}

    def put_bucket_versioning(
        self,
        ctx: Context,
        *,
        Bucket: str,
        VersioningConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        status = VersioningConfiguration.get("Status")
        if status is None:
            raise IllegalVersioningConfiguration()
        bucket.versioning = status
        self._tables.buckets.put((bucket.name,), bucket)
        return None

    def put_public_access_block(
        self,
        ctx: Context,
        *,
        Bucket: str,
        PublicAccessBlockConfiguration: dict[str, Any],
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        block = dict.fromkeys(_DEFAULT_PUBLIC_ACCESS_BLOCK, False) | PublicAccessBlockConfiguration
        self._write(ctx, Bucket, ExpectedBucketOwner, "public_access_block", block)
        return None
