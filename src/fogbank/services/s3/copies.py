"""Copies of objects, whole or as parts of an upload."""

from collections.abc import Awaitable
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import conditions, object_lock
from fogbank.services.s3.bodies import Received
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidRequest,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import checked_metadata, copy_source, given_headers, parsed_tags
from fogbank.services.s3.multipart import PART_NUMBER_MAX, MultipartUploads


class Copies(MultipartUploads):
    """The copy operations of `S3Service`."""

    def copy_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        CopySource: str,
        CopySourceIfMatch: str | None = None,
        CopySourceIfModifiedSince: float | None = None,
        CopySourceIfNoneMatch: str | None = None,
        CopySourceIfUnmodifiedSince: float | None = None,
        MetadataDirective: str = "COPY",
        TaggingDirective: str = "COPY",
        Metadata: dict[str, str] | None = None,
        Tagging: str | None = None,
        CacheControl: str | None = None,
        ContentDisposition: str | None = None,
        ContentEncoding: str | None = None,
        ContentLanguage: str | None = None,
        ContentType: str | None = None,
        Expires: float | str | None = None,
        StorageClass: str | None = None,
        ServerSideEncryption: str | None = None,
        ObjectLockMode: str | None = None,
        ObjectLockRetainUntilDate: float | None = None,
        ObjectLockLegalHoldStatus: str | None = None,
        ExpectedBucketOwner: str | None = None,
        ExpectedSourceBucketOwner: str | None = None,
    ) -> Awaitable[Answer]:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        lock = object_lock.given(
            bucket,
            ctx.now_ms,
            mode=ObjectLockMode,
            until=ObjectLockRetainUntilDate,
            legal_hold=ObjectLockLegalHoldStatus,
        )
        source_bucket, source_key, source_version = copy_source(CopySource)
        self._bucket(ctx, source_bucket, ExpectedSourceBucketOwner)
        source = self._find(source_bucket, source_key, source_version)
        conditions.check_read(
            source.etag,
            source.modified_ms,
            if_match=CopySourceIfMatch,
            if_none_match=CopySourceIfNoneMatch,
            if_modified_since=CopySourceIfModifiedSince,
            if_unmodified_since=CopySourceIfUnmodifiedSince,
            not_modified_is_an_error=True,
        )
        headers, metadata = dict(source.headers), source.metadata
        if MetadataDirective == "REPLACE":
            headers = given_headers(
                CacheControl=CacheControl,
                ContentDisposition=ContentDisposition,
                ContentEncoding=ContentEncoding,
                ContentLanguage=ContentLanguage,
                ContentType=ContentType or "binary/octet-stream",
                Expires=Expires,
            )
            metadata = checked_metadata(Metadata)
        elif (source_bucket, source_key, source_version) == (Bucket, Key, None) and not (
            StorageClass or ServerSideEncryption
        ):
            raise InvalidRequest(
                "This copy request is illegal because it is trying to copy an object to itself without "
                "changing the object's metadata, storage class, website redirect location or encryption attributes."
            )
        headers.pop("StorageClass", None)
        headers |= given_headers(StorageClass=StorageClass, ServerSideEncryption=ServerSideEncryption)
        tags = parsed_tags(Tagging) if TaggingDirective == "REPLACE" else source.tags
        assert source.body is not None
        content = self._bodies.open(source.body, first=0, length=source.size)

        def finish(received: Received) -> Answer:
            version = self._add(
                ctx.refreshed(),
                bucket.name,
                Key,
                received,
                event=Event.COPY,
                headers=headers,
                metadata=metadata,
                tags=tags,
                lock=lock,
            )
            answer: dict[str, Any] = {
                "CopyObjectResult": {"ETag": f'"{version.etag}"', "LastModified": version.modified_ms / 1000}
            }
            if bucket.versioning:
                answer["VersionId"] = version.version_id
            if self._tables.buckets.get((source_bucket,)) and source.version_id != "null":
                answer["CopySourceVersionId"] = source.version_id
            return answer

        return self._bodies.take_copy(ctx, content, finish)

    def upload_part_copy(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        PartNumber: int,
        UploadId: str,
        CopySource: str,
        CopySourceRange: str | None = None,
        CopySourceIfMatch: str | None = None,
        CopySourceIfModifiedSince: float | None = None,
        CopySourceIfNoneMatch: str | None = None,
        CopySourceIfUnmodifiedSince: float | None = None,
        ExpectedBucketOwner: str | None = None,
        ExpectedSourceBucketOwner: str | None = None,
    ) -> Awaitable[Answer]:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._upload(Bucket, Key, UploadId)
        if not 1 <= PartNumber <= PART_NUMBER_MAX:
            raise InvalidArgument("Part number must be an integer between 1 and 10000, inclusive")
        source_bucket, source_key, source_version = copy_source(CopySource)
        self._bucket(ctx, source_bucket, ExpectedSourceBucketOwner)
        source = self._find(source_bucket, source_key, source_version)
        conditions.check_read(
            source.etag,
            source.modified_ms,
            if_match=CopySourceIfMatch,
            if_none_match=CopySourceIfNoneMatch,
            if_modified_since=CopySourceIfModifiedSince,
            if_unmodified_since=CopySourceIfUnmodifiedSince,
            not_modified_is_an_error=True,
        )
        span = None if CopySourceRange is None else conditions.byte_range(CopySourceRange, source.size)
        first, length = (0, source.size) if span is None else (span[0], span[1] - span[0] + 1)
        assert source.body is not None
        content = self._bodies.open(source.body, first=first, length=length)

        def finish(received: Received) -> Answer:
            part = self._keep_part(Bucket, Key, UploadId, PartNumber, received)
            return {"CopyPartResult": {"ETag": f'"{part.etag}"', "LastModified": part.modified_ms / 1000}}

        return self._bodies.take_copy(ctx, content, finish)
