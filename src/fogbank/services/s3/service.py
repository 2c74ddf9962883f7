"""Amazon S3. https://docs.aws.amazon.com/AmazonS3/latest/API/Welcome.html"""

from typing import Any

from fogbank.core.body import BodyStream
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Answer
from fogbank.services.s3 import conditions
from fogbank.services.s3.aws_chunked import without_aws_chunked
from fogbank.services.s3.bodies import Bodies, Received, StoredBody, Wanted
from fogbank.services.s3.configs import tag_map
from fogbank.services.s3.errors import (
    BucketAlreadyExists,
    BucketAlreadyOwnedByYou,
    BucketNotEmpty,
    IllegalLocationConstraint,
    InvalidArgument,
    InvalidBucketName,
    InvalidRequest,
    MalformedXML,
    MethodNotAllowed,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
)
from fogbank.services.s3.fields import check_key, checked_metadata, copy_source, given_headers, parsed_tags
from fogbank.services.s3.multipart import PART_NUMBER_MAX, MultipartUploads
from fogbank.services.s3.names import is_bucket_name
from fogbank.services.s3.object_lists import ObjectLists
from fogbank.services.s3.records import Body as StoredPieces
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import ObjectVersion, S3Tables
from fogbank.services.s3.shelf import ENABLED, Shelf

DELETE_MAX = 1000
_CLASSIC_REGION = "us-east-1"


class S3Service(MultipartUploads, ObjectLists):
    """Buckets, objects, versions and multipart uploads.

    Notifications, replication, object lock, ACLs, website hosting, SSE-C and SSE-KMS answer NotImplemented.
    """

    name = "s3"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = S3Tables(cloud.store)
        self._bodies = Bodies(self._tables, cloud.blobs)
        self._shelf = Shelf(self._tables, self._bodies)

    # ---- operations ----------------------------------------------------------------------------------------

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
        ExpectedBucketOwner: str | None = None,
        ExpectedSourceBucketOwner: str | None = None,
    ) -> Any:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
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
                ctx.refreshed(), bucket.name, Key, received, headers=headers, metadata=metadata, tags=tags
            )
            answer: dict[str, Any] = {
                "CopyObjectResult": {"ETag": f'"{version.etag}"', "LastModified": version.modified_ms / 1000}
            }
            if bucket.versioning:
                answer["VersionId"] = version.version_id
            if self._tables.buckets.get((source_bucket,)) and source.version_id != "null":
                answer["CopySourceVersionId"] = source.version_id
            return answer

        return self._copy(ctx, content, finish)

    async def _copy(self, ctx: Context, content: bytes | StoredBody, finish: Any) -> Answer:
        received = await self._bodies.receive_copy(content)
        answer: Answer = await ctx.run(finish, received)
        return answer

    def create_bucket(
        self,
        ctx: Context,
        *,
        Bucket: str,
        CreateBucketConfiguration: dict[str, Any] | None = None,
        ObjectOwnership: str | None = None,
    ) -> Answer:
        location = (CreateBucketConfiguration or {}).get("LocationConstraint")
        if not is_bucket_name(Bucket):
            raise InvalidBucketName(members={"BucketName": Bucket})
        if location is None and ctx.region != _CLASSIC_REGION:
            raise IllegalLocationConstraint(
                "The unspecified location constraint is incompatible for the region specific endpoint "
                "this request was sent to."
            )
        if location is not None and ctx.region not in (location, _CLASSIC_REGION):
            raise IllegalLocationConstraint(
                f"The {location} location constraint is incompatible for the region specific endpoint "
                "this request was sent to."
            )
        region = location or ctx.region
        known = self._tables.buckets.get((Bucket,))
        if known is not None:
            if known.account != ctx.account:
                raise BucketAlreadyExists(members={"BucketName": Bucket})
            if known.region != _CLASSIC_REGION or region != _CLASSIC_REGION:
                raise BucketAlreadyOwnedByYou(members={"BucketName": Bucket})
        else:
            self._tables.buckets.put((Bucket,), BucketRecord(Bucket, ctx.account, region, ctx.now_ms))
            self._set_defaults(Bucket, ObjectOwnership)
            tags = (CreateBucketConfiguration or {}).get("Tags")
            if tags:
                self._write(ctx, Bucket, None, "tagging", tag_map(tags))
        return {"Location": f"/{Bucket}" if region == _CLASSIC_REGION else f"{ctx.endpoint}/{Bucket}"}

    def delete_bucket(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if self._tables.objects.first((Bucket,)) is not None:
            raise BucketNotEmpty(members={"BucketName": Bucket})
        if self._tables.versions.first((Bucket,)) is not None:
            raise BucketNotEmpty(
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                members={"BucketName": Bucket},
            )
        self._abort_all(Bucket)
        self._tables.configs.delete_all((Bucket,))
        self._tables.buckets.delete((Bucket,))
        return None

    def delete_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        IfMatch: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if IfMatch is not None:
            self._check_write(bucket, Key, if_match=IfMatch, if_none_match=None)
        return self._delete(ctx, bucket, Key, VersionId)

    def delete_objects(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Delete: dict[str, Any],
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if not 1 <= len(Delete["Objects"]) <= DELETE_MAX:
            raise MalformedXML()
        deleted: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for wanted in Delete["Objects"]:
            key, version_id = wanted["Key"], wanted.get("VersionId")
            named = {"Key": key} if version_id is None else {"Key": key, "VersionId": version_id}
            try:
                result = self._delete(ctx, bucket, key, version_id)
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

    def get_bucket_location(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        region = self._bucket(ctx, Bucket, ExpectedBucketOwner).region
        return None if region == _CLASSIC_REGION else {"LocationConstraint": region}

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

    def head_bucket(self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None) -> Answer:
        return {"BucketRegion": self._bucket(ctx, Bucket, ExpectedBucketOwner).region}

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

    async def put_object(
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
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        check_key(Key)
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
        received = await self._bodies.receive(ctx, Body, wanted)

        def finish() -> ObjectVersion:
            now = self._bucket(ctx, Bucket)
            self._check_write(now, Key, if_match=IfMatch, if_none_match=IfNoneMatch)
            return self._add(ctx.refreshed(), Bucket, Key, received, headers=headers, metadata=metadata, tags=tags)

        version = await ctx.run(finish)
        answer: dict[str, Any] = {
            "ETag": f'"{version.etag}"',
            "ServerSideEncryption": headers.get("ServerSideEncryption", "AES256"),
        }
        if version.checksums:
            answer |= {f"Checksum{name}": value for name, value in version.checksums.items()}
            answer["ChecksumType"] = "FULL_OBJECT"
        if bucket.versioning == ENABLED:
            answer["VersionId"] = version.version_id
        return answer

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
        version.tags = tag_map(Tagging["TagSet"])
        self._shelf.replace(Bucket, Key, version)
        return {"VersionId": version.version_id} if bucket.versioning else None

    async def upload_part_copy(
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
    ) -> Answer:
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
        received = await self._bodies.receive_copy(self._bodies.open(source.body, first=first, length=length))
        part = await ctx.run(self._keep_part, Bucket, Key, UploadId, PartNumber, received)
        return {"CopyPartResult": {"ETag": f'"{part.etag}"', "LastModified": part.modified_ms / 1000}}

    # ---- steps ---------------------------------------------------------------------------------------------

    def _find(self, bucket: str, key: str, version_id: str | None) -> ObjectVersion:
        version = self._shelf.find(bucket, key, version_id)
        if version is None:
            if version_id is not None:
                raise NoSuchVersion(members={"Key": key, "VersionId": version_id})
            raise NoSuchKey(members={"Key": key})
        if version.delete_marker:
            if version_id is not None:
                raise MethodNotAllowed(members={"Method": "GET", "ResourceType": "DeleteMarker"})
            raise NoSuchKey(members={"Key": key})
        return version

    def _add(
        self,
        ctx: Context,
        bucket_name: str,
        key: str,
        received: Received,
        *,
        headers: dict[str, Any],
        metadata: dict[str, str],
        tags: dict[str, str],
    ) -> ObjectVersion:
        bucket = self._bucket(ctx, bucket_name)
        check_key(key)
        version = ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            size=received.size,
            etag=received.etag,
            body=self._bodies.keep(received),
            headers=headers,
            metadata=metadata,
            tags=tags,
            checksums=received.checksums,
            checksum_type="FULL_OBJECT" if received.checksums else "",
        )
        self._shelf.put(bucket, key, version)
        return version

    def _delete(self, ctx: Context, bucket: BucketRecord, key: str, version_id: str | None) -> dict[str, Any]:
        if version_id is not None:
            gone = self._shelf.remove_version(bucket.name, key, version_id)
            marker = {"DeleteMarker": True} if gone is not None and gone.delete_marker else {}
            return {"VersionId": version_id, **marker}
        if not bucket.versioning:
            self._shelf.remove(bucket.name, key)
            return {}
        marker_version = ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            body=StoredPieces([]),
            delete_marker=True,
        )
        self._shelf.put(bucket, key, marker_version)
        return {"DeleteMarker": True, "VersionId": marker_version.version_id}

    def _check_write(self, bucket: BucketRecord, key: str, *, if_match: str | None, if_none_match: str | None) -> None:
        if if_match is None and if_none_match is None:
            return
        current = self._tables.objects.get((bucket.name, key))
        if if_none_match is not None and current is not None:
            raise PreconditionFailed(members={"Condition": "If-None-Match"})
        if if_match is not None:
            if current is None:
                raise NoSuchKey(members={"Key": key})
            if not conditions.etag_matches(if_match, current.etag):
                raise PreconditionFailed(members={"Condition": "If-Match"})

    def _span(self, version: ObjectVersion, header: str | None, part: int | None) -> tuple[int, int] | None:
        if part is not None and version.part_sizes:
            if header is not None:
                raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
            if part > len(version.part_sizes):
                raise InvalidArgument("The requested partnumber is not satisfiable")
            first = sum(version.part_sizes[: part - 1])
            return first, first + version.part_sizes[part - 1] - 1
        return None if header is None else conditions.byte_range(header, version.size)
