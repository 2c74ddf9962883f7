"""Copies of objects, whole or as parts of an upload.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from collections.abc import Awaitable, Mapping
from typing import Any, NamedTuple, Unpack

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import checksums, conditions, restores
from fogbank.services.s3.bodies import Contents, Received
from fogbank.services.s3.body_keys import BodyKey
from fogbank.services.s3.conditions import WriteCondition
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.errors import InvalidArgument, InvalidRequest, ObjectNotInActiveTier
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import check_key, check_part_number, copy_source
from fogbank.services.s3.integrity import Promises
from fogbank.services.s3.multipart import MultipartUploads
from fogbank.services.s3.new_objects import NewObject
from fogbank.services.s3.parameters import CopySourceParameters, CustomerKeyParameters, ObjectParameters
from fogbank.services.s3.records import NULL_VERSION, ObjectVersion
from fogbank.services.s3.records import Bucket as BucketRecord

SOURCE_BYTES_MAX = 5 * 1024**3  # of a copy at once; larger objects are copied in parts.
# With any of these, a copy of an object to itself changes it; whether to what it is already does not matter.
_CHANGES = ("StorageClass", "WebsiteRedirectLocation", "ServerSideEncryption", "SSECustomerAlgorithm")


class CopyParameters(ObjectParameters, CopySourceParameters, total=False):
    pass


class PartCopyParameters(CustomerKeyParameters, CopySourceParameters, total=False):
    pass


class Source(NamedTuple):
    """What is copied, the keys that open it (the customer's, and what its body is encrypted with), and whether the
    request names its version.
    """

    bucket: str
    key: str
    version: ObjectVersion
    customer_key: CustomerKey | None
    body_key: BodyKey | None
    version_named: bool

    def members(self) -> dict[str, str]:
        version_id = self.version.version_id
        return {} if version_id == NULL_VERSION else {"CopySourceVersionId": version_id}


class Copies(MultipartUploads):
    """The copy operations of `S3Service`."""

    def copy_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        CopySource: str,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        MetadataDirective: str = "COPY",
        TaggingDirective: str = "COPY",
        ChecksumAlgorithm: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[CopyParameters],
    ) -> Answer | Awaitable[Answer]:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        check_key(Key)
        condition = WriteCondition(IfMatch, IfNoneMatch)
        condition.check_form()
        replaces_metadata = _replaces("metadata", MetadataDirective)
        replaces_tags = _replaces("tagging", TaggingDirective)
        source = self._source(ctx, CopySource, given, RequestPayer)
        if restores.is_archived(source.version, ctx.now_ms):
            raise ObjectNotInActiveTier()
        if source.version.size > SOURCE_BYTES_MAX:
            raise InvalidRequest(
                "The specified copy source is larger than the maximum allowable size for a copy source: "
                f"{SOURCE_BYTES_MAX}"
            )
        if not replaces_metadata and not any(name in given for name in _CHANGES):
            self._check_not_itself(bucket, Key, source)
        made = _made_of(source.version, self._new_object(ctx, bucket, Key, given), replaces_metadata, replaces_tags)
        self._check_write(bucket, Key, condition)
        since = self._tables.latest_sequence()
        algorithm = ChecksumAlgorithm or next(iter(source.version.checksums), checksums.DEFAULT)

        def finish(received: Received) -> Answer:
            now = self._bucket(ctx, Bucket)
            self._check_write(now, Key, condition, since=since)
            version = self._add(ctx.refreshed(), now, Key, received, made, event=Event.COPY)
            answer: dict[str, Any] = {
                "CopyObjectResult": {
                    "ETag": f'"{version.etag}"',
                    "LastModified": version.modified_ms // 1000,
                    **checksums.members(version.checksums),
                    "ChecksumType": version.checksum_type,
                },
                **made.encryption.members(),
                **source.members(),
                **self._expiration(now, Key, version),
                **charged,
            }
            if now.versioning:
                answer["VersionId"] = version.version_id
            return answer

        contents = self._contents(source, 0, source.version.size)
        return self._bodies.take(ctx, contents, Promises({}), made.encryption, finish, checksums=[algorithm])

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
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[PartCopyParameters],
    ) -> Answer | Awaitable[Answer]:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        upload = self._upload(Bucket, Key, UploadId)
        check_part_number(PartNumber)
        encryption = self._part_encryption(ctx, bucket, upload, given)
        source = self._source(ctx, CopySource, given, RequestPayer)
        restores.check_readable(source.version, ctx.now_ms)
        first, length = conditions.copied_range(CopySourceRange, source.version.size)

        def finish(received: Received) -> Answer:
            part = self._keep_part(Bucket, Key, UploadId, PartNumber, received)
            result: dict[str, Any] = {"ETag": f'"{part.etag}"', "LastModified": part.modified_ms // 1000}
            if upload.checksum_algorithm:
                result |= checksums.members(part.checksums)
            return {"CopyPartResult": result, **encryption.members(), **source.members(), **charged}

        algorithm = upload.checksum_algorithm or checksums.DEFAULT
        contents = self._contents(source, first, length)
        return self._bodies.take(ctx, contents, Promises({}), encryption, finish, checksums=[algorithm])

    # ---- steps ---------------------------------------------------------------------------------------------

    def _source(self, ctx: Context, text: str, given: Mapping[str, Any], payer: str | None) -> Source:
        name, key, version_id = copy_source(text)
        bucket = self._bucket(ctx, name, given.get("ExpectedSourceBucketOwner"))
        self._charged(ctx, bucket, payer)
        found = self._shelf.find(name, key, version_id)
        if found is not None and found.delete_marker and version_id is not None:
            raise InvalidRequest(
                "The source of a copy request may not specifically refer to a delete marker by version id."
            )
        version = self._find(ctx, name, key, version_id)
        customer_key = CustomerKey.to_read(given, version.key_verifier, source=True)
        conditions.check_source(version, given, now_ms=ctx.now_ms)
        body_key = self._body_key(ctx, name, key, version, customer_key)
        return Source(name, key, version, customer_key, body_key, version_named=version_id is not None)

    def _contents(self, source: Source, first: int, length: int) -> bytes | Contents:
        assert source.version.body is not None
        return self._bodies.open(source.version.body, first=first, length=length, key=source.body_key)

    def _check_not_itself(self, bucket: BucketRecord, key: str, source: Source) -> None:
        """A copy to itself has to change something. A version that is named becomes another one; so does what is
        encrypted with other keys.
        """
        if (source.bucket, source.key) != (bucket.name, key):
            return
        if source.version_named and bucket.versioning:
            return
        current = self._tables.objects.get((bucket.name, key))
        if current is None or current.sequence != source.version.sequence:
            return
        method = source.version.headers.get("ServerSideEncryption", "AES256")
        encrypted_otherwise = source.customer_key is not None or method != "AES256"
        if encrypted_otherwise or self._tables.configs.peek((bucket.name, "encryption")) is not None:
            return
        raise InvalidRequest(
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes."
        )


def _made_of(source: ObjectVersion, made: NewObject, replaces_metadata: bool, replaces_tags: bool) -> NewObject:
    """The new object, with what it takes from its source."""
    if not replaces_metadata:
        made = made.with_contents_of(source)
    return made if replaces_tags else made._replace(tags=source.tags)


def _replaces(what: str, directive: str) -> bool:
    if directive not in ("COPY", "REPLACE"):
        raise InvalidArgument(
            f"Unknown {what} directive.",
            members={"ArgumentName": f"x-amz-{what}-directive", "ArgumentValue": directive},
        )
    return directive == "REPLACE"
