"""The policy of a bucket: kept, checked, and told whether it is public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
What it allows and denies is not asked for while authorization is off.
"""

from fogbank.core import named_principals
from fogbank.core.context import Context
from fogbank.core.public_policies import is_public
from fogbank.core.service import Answer
from fogbank.services.s3 import policy_documents
from fogbank.services.s3.acl import Acls
from fogbank.services.s3.errors import AccessDenied, InvalidPrincipal, NoSuchBucketPolicy


class BucketPolicies(Acls):
    """The policy operations of `S3Service`."""

    def delete_bucket_policy(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "policy")
        return None

    def get_bucket_policy(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        policy = self._read(ctx, Bucket, ExpectedBucketOwner, "policy", NoSuchBucketPolicy)
        return {"Policy": named_principals.shown(ctx, policy)}

    def get_bucket_policy_status(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        policy = self._read(ctx, Bucket, ExpectedBucketOwner, "policy", NoSuchBucketPolicy)
        document = policy_documents.parsed(policy, Bucket)
        return {"PolicyStatus": {"IsPublic": is_public(document)}}

    def put_bucket_policy(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Policy: str,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        document = policy_documents.parsed(Policy, Bucket)
        if is_public(document) and self._blocks_public(Bucket, "BlockPublicPolicy"):
            raise AccessDenied()
        self._set(Bucket, "policy", _kept(ctx, Policy))
        return None


def _kept(ctx: Context, policy: str) -> str:
    try:
        return named_principals.kept(ctx, policy)
    except named_principals.NoSuchPrincipal as fault:
        raise InvalidPrincipal("AWS", fault.name) from None
