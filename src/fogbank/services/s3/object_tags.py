"""Tags of objects. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import MethodNotAllowed, NoSuchKey
from fogbank.services.s3.events import Event
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import ObjectVersion
from fogbank.services.s3.tags import object_tag_map, tag_list


class ObjectTags(S3Base):
    """The tagging operations of `S3Service`."""

    def delete_object_tagging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        return self._tag(
            ctx, bucket, Key, self._tagged(ctx, Bucket, Key, VersionId, "DELETE"), {}, Event.TAGGING_DELETE
        )

    def get_object_tagging(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        try:
            version = self._tagged(ctx, Bucket, Key, VersionId, "GET")
        except NoSuchKey as error:
            # AWS names the bucket, too, and only here.
            raise NoSuchKey(members={"Key": f"{Bucket}/{Key}"}, headers=error.headers) from None
        return {"TagSet": tag_list(version.tags), **_version_id(bucket, version), **charged}

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
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        version = self._tagged(ctx, Bucket, Key, VersionId, "PUT")
        tags = object_tag_map(Tagging.get("TagSet", ()))
        return self._tag(ctx, bucket, Key, version, tags, Event.TAGGING_PUT) | charged

    # ---- steps ---------------------------------------------------------------------------------------------

    def _tagged(self, ctx: Context, bucket: str, key: str, version_id: str | None, method: str) -> ObjectVersion:
        """The version whose tags are meant. That a delete marker has none is said also of the latest one."""
        version = self._shelf.find(bucket, key, version_id)
        if version is not None and version.delete_marker:
            raise MethodNotAllowed(
                members={"Method": method, "ResourceType": "DeleteMarker"},
                headers={"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id},
            )
        return self._find(ctx, bucket, key, version_id)

    def _tag(
        self, ctx: Context, bucket: BucketRecord, key: str, version: ObjectVersion, tags: dict[str, str], event: Event
    ) -> dict[str, Any]:
        version.tags = tags
        self._shelf.replace(bucket.name, key, version)
        self._events.happened(ctx, bucket, event, key, version)
        return _version_id(bucket, version)


def _version_id(bucket: BucketRecord, version: ObjectVersion) -> dict[str, str]:
    return {"VersionId": version.version_id} if bucket.versioning else {}
