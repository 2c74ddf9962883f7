"""Tags of objects. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.events import Event
from fogbank.services.s3.tags import tag_map


class ObjectTags(S3Base):
    """The tagging operations of `S3Service`."""

    def get_object_tagging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        version = self._find(Bucket, Key, VersionId)
        answer: dict[str, Any] = {"TagSet": [{"Key": key, "Value": value} for key, value in version.tags.items()]}
        return answer | ({"VersionId": version.version_id} if bucket.versioning else {})

    def put_object_tagging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        Tagging: dict[str, Any],
        VersionId: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        version = self._find(Bucket, Key, VersionId)
        version.tags = tag_map(Tagging.get("TagSet", ()))
        self._shelf.replace(Bucket, Key, version)
        self._events.happened(ctx, bucket, Event.TAGGING_PUT, Key, version)
        return {"VersionId": version.version_id} if bucket.versioning else None
