"""Objects: put, read and deleted."""

from collections.abc import Awaitable
from typing import Any

from fogbank.core.body import BodyStream
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.core.stored_body import StoredBody
from fogbank.services.s3 import conditions, object_lock
from fogbank.services.s3.aws_chunked import without_aws_chunked
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.bodies import Received, Wanted
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidRequest,
    MalformedXML,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import check_key, checked_metadata, given_headers, parsed_tags
from fogbank.services.s3.records import ObjectVersion
from fogbank.services.s3.shelf import ENABLED

DELETE_MAX = 1000


class Objects(S3Base):
    """The operations on single objects of `S3Service`."""

    def delete_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        BypassGovernanceRetention: bool | None = None,
        IfMatch: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        bypass = self._bypass(bucket, BypassGovernanceRetention)
        if IfMatch is not None:
            self._check_write(bucket, Key, if_match=IfMatch, if_none_match=None)
        return self._delete(ctx, bucket, Key, VersionId, bypass=bypass)

    def delete_objects(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Delete: dict[str, Any],
        BypassGovernanceRetention: bool | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        bypass = self._bypass(bucket, BypassGovernanceRetention)
        if not 1 <= len(Delete["Objects"]) <= DELETE_MAX:
            raise MalformedXML()
        deleted: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for wanted in Delete["Objects"]:
            key, version_id = wanted["Key"], wanted.get("VersionId")
            named = {"Key": key} if version_id is None else {"Key": key, "VersionId": version_id}
            try:
                result = self._delete(ctx, bucket, key, version_id, bypass=bypass)
            except AwsError as error:
                errors.append({**named, "Code": error.code, "Message": error.message})
                continue
            entry = dict(named)
            if result.get("DeleteMarker"):
                entry |= {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]}
            deleted.append(entry)
        answer: dict[str, Any] = {"Errors": errors} if errors else {}
        if deleted and not Delete.get("Quiet"):
            answer["Deleted"] = deleted
        return answer

    def get_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        Range: str | None = None,
        PartNumber: int | None = None,
        IfMatch: str | None = None,
        IfModifiedSince: float | None = None,
        IfNoneMatch: str | None = None,
        IfUnmodifiedSince: float | None = None,
        ResponseCacheControl: str | None = None,
        ResponseContentDisposition: str | None = None,
        ResponseContentEncoding: str | None = None,
        ResponseContentLanguage: str | None = None,
        ResponseContentType: str | None = None,
        ResponseExpires: float | str | None = None,
        ChecksumMode: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """`Body` is bytes, or a `StoredBody` (async iterable, with `read`) for a large object."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        version = self._find(Bucket, Key, VersionId)
        conditions.check_read(
            version.etag,
            version.modified_ms,
            if_match=IfMatch,
            if_none_match=IfNoneMatch,
            if_modified_since=IfModifiedSince,
            if_unmodified_since=IfUnmodifiedSince,
        )
        answer: dict[str, Any] = {
            "AcceptRanges": "bytes",
            "ETag": f'"{version.etag}"',
            "LastModified": version.modified_ms / 1000,
            "ServerSideEncryption": "AES256",
            **version.headers,
            "Metadata": version.metadata,
            **object_lock.headers(version.lock),
        }
        answer |= given_headers(
            CacheControl=ResponseCacheControl,
            ContentDisposition=ResponseContentDisposition,
            ContentEncoding=ResponseContentEncoding,
            ContentLanguage=ResponseContentLanguage,
            ContentType=ResponseContentType,
            Expires=ResponseExpires,
        )
        if version.tags:
            answer["TagCount"] = len(version.tags)
        if bucket.versioning:
            answer["VersionId"] = version.version_id
        span = self._span(version, Range, PartNumber)
        first, length = (0, version.size) if span is None else (span[0], span[1] - span[0] + 1)
        if span is not None:
            answer["ContentRange"] = f"bytes {span[0]}-{span[1]}/{version.size}"
        elif ChecksumMode == "ENABLED" and version.checksums:
            answer |= {f"Checksum{name}": value for name, value in version.checksums.items()}
            answer["ChecksumType"] = version.checksum_type or "FULL_OBJECT"
        if PartNumber is not None and version.part_sizes:
            answer["PartsCount"] = len(version.part_sizes)
        answer["ContentLength"] = length
        assert version.body is not None
        answer["Body"] = self._bodies.open(version.body, first=first, length=length)
        return answer

    def head_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        Range: str | None = None,
        PartNumber: int | None = None,
        IfMatch: str | None = None,
        IfModifiedSince: float | None = None,
        IfNoneMatch: str | None = None,
        IfUnmodifiedSince: float | None = None,
        ChecksumMode: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        answer = self.get_object(
            ctx,
            Bucket=Bucket,
            Key=Key,
            VersionId=VersionId,
            Range=Range,
            PartNumber=PartNumber,
            IfMatch=IfMatch,
            IfModifiedSince=IfModifiedSince,
            IfNoneMatch=IfNoneMatch,
            IfUnmodifiedSince=IfUnmodifiedSince,
            ChecksumMode=ChecksumMode,
            ExpectedBucketOwner=ExpectedBucketOwner,
        )
        assert answer is not None
        body = answer.pop("Body")
        if isinstance(body, StoredBody):
            body.close()
        return answer

    def put_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        Body: bytes | BodyStream = b"",
        CacheControl: str | None = None,
        ContentDisposition: str | None = None,
        ContentEncoding: str | None = None,
        ContentLanguage: str | None = None,
        ContentLength: int | None = None,
        ContentMD5: str | None = None,
        ContentType: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ChecksumCRC32: str | None = None,
        ChecksumCRC32C: str | None = None,
        ChecksumCRC64NVME: str | None = None,
        ChecksumSHA1: str | None = None,
        ChecksumSHA256: str | None = None,
        Expires: float | str | None = None,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        Metadata: dict[str, str] | None = None,
        StorageClass: str | None = None,
        ServerSideEncryption: str | None = None,
        Tagging: str | None = None,
        ObjectLockMode: str | None = None,
        ObjectLockRetainUntilDate: float | None = None,
        ObjectLockLegalHoldStatus: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer | Awaitable[Answer]:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        check_key(Key)
        lock = object_lock.given(
            bucket,
            ctx.now_ms,
            mode=ObjectLockMode,
            until=ObjectLockRetainUntilDate,
            legal_hold=ObjectLockLegalHoldStatus,
        )
        headers = given_headers(
            CacheControl=CacheControl,
            ContentDisposition=ContentDisposition,
            ContentEncoding=without_aws_chunked(ContentEncoding or "") or None,
            ContentLanguage=ContentLanguage,
            ContentType=ContentType or "binary/octet-stream",
            Expires=Expires,
            StorageClass=StorageClass,
            ServerSideEncryption=ServerSideEncryption,
        )
        metadata, tags = checked_metadata(Metadata), parsed_tags(Tagging)
        self._check_write(bucket, Key, if_match=IfMatch, if_none_match=IfNoneMatch)
        given = {
            "CRC32": ChecksumCRC32,
            "CRC32C": ChecksumCRC32C,
            "CRC64NVME": ChecksumCRC64NVME,
            "SHA1": ChecksumSHA1,
            "SHA256": ChecksumSHA256,
        }
        wanted = Wanted(given, content_md5=ContentMD5, algorithm=ChecksumAlgorithm)

        def finish(received: Received) -> Answer:
            now = self._bucket(ctx, Bucket)
            self._check_write(now, Key, if_match=IfMatch, if_none_match=IfNoneMatch)
            version = self._add(
                ctx.refreshed(),
                Bucket,
                Key,
                received,
                event=Event.PUT,
                headers=headers,
                metadata=metadata,
                tags=tags,
                lock=lock,
            )
            answer: dict[str, Any] = {
                "ETag": f'"{version.etag}"',
                "ServerSideEncryption": headers.get("ServerSideEncryption", "AES256"),
            }
            if version.checksums:
                answer |= {f"Checksum{name}": value for name, value in version.checksums.items()}
                answer["ChecksumType"] = "FULL_OBJECT"
            if now.versioning == ENABLED:
                answer["VersionId"] = version.version_id
            return answer

        return self._bodies.take(ctx, Body, wanted, finish)

    def _span(self, version: ObjectVersion, header: str | None, part: int | None) -> tuple[int, int] | None:
        if part is not None and version.part_sizes:
            if header is not None:
                raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
            if part > len(version.part_sizes):
                raise InvalidArgument("The requested partnumber is not satisfiable")
            first = sum(version.part_sizes[: part - 1])
            return first, first + version.part_sizes[part - 1] - 1
        return None if header is None else conditions.byte_range(header, version.size)
