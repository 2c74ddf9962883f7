"""Tags of buckets. https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import BadRequest, NoSuchTagSet
from fogbank.services.s3.tags import tag_list, tag_map

TAGS_MAX = 50
_ARN = "arn:aws:s3:::"
_RESERVED = "System tags cannot be added/updated by requester"


class BucketTags(BucketConfigs):
    """The tagging operations on buckets, and what the tagging API asks."""

    def delete_bucket_tagging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._clear(ctx, Bucket, ExpectedBucketOwner, "tagging")
        return None

    def get_bucket_tagging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"TagSet": tag_list(self._read(ctx, Bucket, ExpectedBucketOwner, "tagging", NoSuchTagSet))}

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
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._set_tags(Bucket, tag_map(Tagging.get("TagSet", ()), reserved=_RESERVED))
        return None

    # ---- for others -------------------------------------------------------------------------------------------

    def _set_tags(self, bucket: str, tags: dict[str, str]) -> None:
        """Give the bucket these tags and no others; to have none is to have no tag set."""
        if len(tags) > TAGS_MAX:
            raise BadRequest(f"Bucket tag count cannot be greater than {TAGS_MAX}")
        if tags:
            self._set(bucket, "tagging", tags)
        else:
            self._tables.configs.delete((bucket, "tagging"))

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, bucket in self._tables.buckets.scan():
            if (bucket.account, bucket.region) == (ctx.account, ctx.region):
                yield Tagged(_ARN + bucket.name, "s3:bucket", self._tags(bucket.name))

    def resource_tags(self, ctx: Context, arn: str) -> dict[str, str]:
        bucket, _, key = arn.removeprefix(_ARN).partition("/")
        return {} if key else self._tags(bucket)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        bucket = arn.removeprefix(_ARN)
        self._set_tags(bucket, self._tags(bucket) | tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        bucket = arn.removeprefix(_ARN)
        self._set_tags(bucket, {key: value for key, value in self._tags(bucket).items() if key not in keys})

    def _tags(self, bucket: str) -> dict[str, str]:
        return dict(self._known(bucket, "tagging") or {})
