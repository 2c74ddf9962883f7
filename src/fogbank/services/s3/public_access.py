"""Who owns objects, and what keeps a bucket from being public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidBucketAclWithObjectOwnership,
    InvalidRequest,
    MalformedXML,
    NoSuchPublicAccessBlock,
    OwnershipControlsNotFound,
)
from fogbank.services.s3.grants import private

OWNER_ENFORCED = "BucketOwnerEnforced"
OWNER_PREFERRED = "BucketOwnerPreferred"
_OWNERSHIPS = (OWNER_PREFERRED, "ObjectWriter", OWNER_ENFORCED)
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class PublicAccess(BucketConfigs):
    """Ownership controls and the public access block."""

    def delete_bucket_ownership_controls(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "ownership")
        return None

    def get_bucket_ownership_controls(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        controls = self._read(ctx, Bucket, ExpectedBucketOwner, "ownership", OwnershipControlsNotFound)
        return {"OwnershipControls": controls}

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
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        rules = OwnershipControls["Rules"]
        if len(rules) != 1 or rules[0]["ObjectOwnership"] not in _OWNERSHIPS:
            raise MalformedXML()
        if rules[0]["ObjectOwnership"] == OWNER_ENFORCED:
            acl = self._tables.acls.get((Bucket,))
            if acl is not None and acl != private(bucket.account):
                raise InvalidBucketAclWithObjectOwnership()
        self._write(ctx, Bucket, None, "ownership", OwnershipControls)
        return None

    def delete_public_access_block(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "public_access_block")
        return None

    def get_public_access_block(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        block = self._read(ctx, Bucket, ExpectedBucketOwner, "public_access_block", NoSuchPublicAccessBlock)
        return {"PublicAccessBlockConfiguration": block}

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
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if not PublicAccessBlockConfiguration:
            raise InvalidRequest("Must specify at least one configuration.")
        block = dict.fromkeys(_BLOCKS, False) | PublicAccessBlockConfiguration
        self._write(ctx, Bucket, None, "public_access_block", block)
        return None

    # ---- for others -------------------------------------------------------------------------------------------

    def _set_defaults(self, bucket: str, ownership: str | None) -> None:
        """Since April 2023 new buckets block public access and have no ACLs."""
        if ownership is not None and ownership not in _OWNERSHIPS:
            raise InvalidArgument(
                f"Invalid x-amz-object-ownership header: {ownership}",
                members={"ArgumentName": "x-amz-object-ownership"},
            )
        self._set(bucket, "ownership", {"Rules": [{"ObjectOwnership": ownership or OWNER_ENFORCED}]})
        self._set(bucket, "public_access_block", dict.fromkeys(_BLOCKS, True))

    def _ownership(self, bucket: str) -> str:
        """The rule of object ownership in force; without one, whoever writes an object owns it."""
        controls = self._known(bucket, "ownership")
        return str(controls["Rules"][0]["ObjectOwnership"]) if controls is not None else "ObjectWriter"

    def _blocks_public(self, bucket: str, setting: str) -> bool:
        block = self._known(bucket, "public_access_block")
        return block is not None and bool(block[setting])
