"""Tags of buckets. https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import given, reserved
from fogbank.services.s3.configs import BucketConfigs
from fogbank.services.s3.errors import BadRequest, InvalidTag, NoSuchTagSet
from fogbank.services.s3.tags import tag_list, tag_map

TAGS_MAX = 50
_ARN = "arn:aws:s3:::"
_ADDED = "System tags cannot be added/updated by requester"
_REMOVED = "System tags cannot be removed by requester"


class BucketTags(BucketConfigs):
    """The tagging operations on buckets, and what the tagging API asks."""

    def delete_bucket_tagging(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if not ctx.makes_stacks:
            _check_kept(self._tags(Bucket), {})
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
        rows = Tagging.get("TagSet", ())
        there = self._tags(Bucket)
        system = _of_stack(ctx, rows) if ctx.makes_stacks else there
        tags = tag_map(rows, reserved=_ADDED, system=system)
        if not ctx.makes_stacks:
            _check_kept(there, tags)
        self._set_tags(Bucket, tags)
        return None

    # ---- for others -------------------------------------------------------------------------------------------

    def _set_tags(self, bucket: str, tags: dict[str, str]) -> None:
        """Give the bucket these tags and no others; to have none is to have no tag set."""
        if len(given(tags)) > TAGS_MAX:
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


def _of_stack(ctx: Context, rows: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The tags among these that CloudFormation may give."""
    return {row["Key"]: row["Value"] for row in rows if reserved(ctx, (row["Key"],)) is None}


def _check_kept(there: Mapping[str, str], tags: Mapping[str, str]) -> None:
    if any(key not in tags for key in there.keys() - given(there).keys()):
        raise InvalidTag(_REMOVED)
