"""Objects: put, read and deleted."""

import re
from collections.abc import AsyncIterable, Awaitable, Mapping
from typing import Any, Unpack

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import http_date
from fogbank.core.service import Answer
from fogbank.services.s3 import checksums, conditions, encryption, metadata, object_lock, restores
from fogbank.services.s3.bodies import Received
from fogbank.services.s3.conditions import WriteCondition
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.demands import demand
from fogbank.services.s3.errors import (
    HeaderNotImplemented,
    InvalidArgument,
    InvalidPartNumber,
    InvalidRequest,
    MalformedXML,
    NoSuchKey,
    NoSuchVersion,
    PreconditionFailed,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import check_key, check_part_number, over_http
from fogbank.services.s3.integrity import Promises
from fogbank.services.s3.new_objects import CONTENT_HEADERS, NewObjects
from fogbank.services.s3.parameters import PutParameters, ReadParameters
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import ObjectVersion
from fogbank.services.s3.shelf import ENABLED

DELETE_MAX = 1000
_CAPITAL = re.compile("[A-Z]")


class Objects(NewObjects):
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
        IfMatchLastModifiedTime: float | None = None,
        IfMatchSize: int | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        bypass = self._bypass(bucket, BypassGovernanceRetention)
        _check_directory_conditions(IfMatchLastModifiedTime, IfMatchSize)
        check_key(Key)
        self._check_delete(Bucket, Key, IfMatch)
        return self._delete(ctx, bucket, Key, VersionId, bypass=bypass) | charged

    def delete_objects(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Delete: dict[str, Any],
        BypassGovernanceRetention: bool | None = None,
        ChecksumAlgorithm: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        answer: dict[str, Any] = {**self._charged(ctx, bucket, RequestPayer)}
        bypass = self._bypass(bucket, BypassGovernanceRetention)
        if not 1 <= len(Delete["Objects"]) <= DELETE_MAX:
            raise MalformedXML()
        deleted: list[dict[str, Any]] = []
        errors: list[dict[str, Any]] = []
        for wanted in Delete["Objects"]:
            key, version_id = wanted["Key"], wanted.get("VersionId")
            named = {"Key": key} if version_id is None else {"Key": key, "VersionId": version_id}
            try:
                if over_http(ctx):
                    action = "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"
                    demand(self, ctx, action, {"Bucket": Bucket, **named})
                    if bypass:
                        demand(self, ctx, "s3:BypassGovernanceRetention", {"Bucket": Bucket, **named})
                _check_directory_conditions(wanted.get("LastModifiedTime"), wanted.get("Size"))
                check_key(key)
                self._check_delete(Bucket, key, wanted.get("ETag"))
                result = self._delete(ctx, bucket, key, version_id, bypass=bypass)
            except AwsError as refused:
                # One of many is told of a version that cannot be what one alone is told of its id.
                error = NoSuchVersion() if isinstance(refused, InvalidArgument) else refused
                errors.append({**named, "Code": error.code, "Message": error.message})
                continue
            entry = dict(named)
            if result.get("DeleteMarker"):
                entry |= {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]}
            deleted.append(entry)
        answer |= {"Errors": errors} if errors else {}
        if deleted and not Delete.get("Quiet"):
            answer["Deleted"] = deleted
        return answer

    def get_object(
        self, ctx: Context, *, Bucket: str, Key: str, VersionId: str | None = None, **given: Unpack[ReadParameters]
    ) -> Answer:
        """`Body` is bytes, or `Contents` (async iterable, with `read`) of a large object."""
        version, customer_key, answer = self._whole(ctx, Bucket, Key, VersionId, given)
        restores.check_readable(version, ctx.now_ms)
        first, length = self._span(version, given, answer)
        assert version.body is not None
        key = self._body_key(ctx, Bucket, Key, version, customer_key)
        answer["Body"] = self._bodies.open(version.body, first=first, length=length, key=key)
        return answer

    def head_object(
        self, ctx: Context, *, Bucket: str, Key: str, VersionId: str | None = None, **given: Unpack[ReadParameters]
    ) -> Answer:
        version, _, answer = self._whole(ctx, Bucket, Key, VersionId, given)
        self._span(version, given, answer)
        return answer

    def put_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        Body: bytes | AsyncIterable[bytes] = b"",
        ContentLength: int | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[PutParameters],
    ) -> Answer | Awaitable[Answer]:
        return self._put(
            ctx,
            Event.PUT,
            self._bucket(ctx, Bucket, ExpectedBucketOwner),
            Key,
            Body,
            given,
            content_md5=ContentMD5,
            algorithm=ChecksumAlgorithm,
            condition=WriteCondition(IfMatch, IfNoneMatch),
            payer=RequestPayer,
        )

    # ---- steps ---------------------------------------------------------------------------------------------

    def _put(
        self,
        ctx: Context,
        event: Event,
        bucket: BucketRecord,
        key: str,
        body: bytes | AsyncIterable[bytes],
        given: Mapping[str, Any],
        *,
        content_md5: str | None,
        algorithm: str | None,
        condition: WriteCondition,
        payer: str | None,
    ) -> Answer | Awaitable[Answer]:
        """Make an object of a body, by `event`; `given` has what `PutParameters` has."""
        charged = self._charged(ctx, bucket, payer)
        check_key(key)
        condition.check_form()
        made = self._new_object(ctx, bucket, key, given)
        # AWS tells the MD5 that was promised to this operation in hex, and in Base64 elsewhere.
        promises = Promises(ctx.headers, content_md5=content_md5, given=checksums.given(given), hex_digests=True)
        if made.lock is not None and over_http(ctx) and content_md5 is None and not promises.algorithm:
            raise InvalidRequest(
                "Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock "
                "parameters"
            )
        self._check_write(bucket, key, condition)
        since = self._tables.latest_sequence()

        def finish(received: Received) -> Answer:
            now = self._bucket(ctx, bucket.name)
            self._check_write(now, key, condition, since=since)
            version = self._add(ctx.refreshed(), now, key, received, made, event=event)
            answer: dict[str, Any] = {
                "ETag": f'"{version.etag}"',
                **made.encryption.members(),
                **checksums.members(version.checksums),
                "ChecksumType": version.checksum_type,
                **self._expiration(now, key, version),
                **charged,
            }
            if now.versioning == ENABLED:
                answer["VersionId"] = version.version_id
            return answer

        computed = [promises.algorithm or algorithm or checksums.DEFAULT]
        return self._bodies.take(ctx, body, promises, made.encryption, finish, checksums=computed)

    def _whole(
        self, ctx: Context, name: str, object_key: str, version_id: str | None, given: Mapping[str, Any]
    ) -> tuple[ObjectVersion, CustomerKey | None, dict[str, Any]]:
        """The version that a read means, the key that opens it, and what the answer's head tells of the whole of it."""
        bucket = self._bucket(ctx, name, given.get("ExpectedBucketOwner"))
        charged = self._charged(ctx, bucket, given.get("RequestPayer"))
        overrides = _overrides(ctx, given)
        version = self._find(ctx, name, object_key, version_id)
        key = CustomerKey.to_read(given, version.key_verifier)
        conditions.check_read(version, given, now_ms=ctx.now_ms)
        answer: dict[str, Any] = {
            "AcceptRanges": "bytes",
            "ETag": f'"{version.etag}"',
            "LastModified": version.modified_ms // 1000,
            # Objects of older data folders do not say it.
            **({} if version.key_verifier else {"ServerSideEncryption": "AES256"}),
            **version.headers,
            **overrides,
            **encryption.key_members(key),
            **charged,
            "Metadata": metadata.as_headers(version.metadata),
            **object_lock.headers(version.lock),
        }
        answer.pop("SSEKMSEncryptionContext", None)
        if version.replication:
            answer["ReplicationStatus"] = version.replication
        restored = restores.header(version, ctx.now_ms)
        if restored:
            answer["Restore"] = restored
        if version_id is None:
            answer |= self._expiration(bucket, object_key, version)
        if version.tags:
            answer["TagCount"] = len(version.tags)
        if bucket.versioning:
            answer["VersionId"] = version.version_id
        return version, key, answer

    def _span(self, version: ObjectVersion, given: Mapping[str, Any], answer: dict[str, Any]) -> tuple[int, int]:
        """First byte and length of what a read asks for; what the answer tells of it is added there."""
        number = given.get("PartNumber")
        span = _part_span(version, number, given) if number is not None else None
        if number is None and given.get("Range") is not None:
            span = conditions.byte_range(given["Range"], version.size)
        first, last = (0, version.size - 1) if span is None else span
        length = last - first + 1
        answer["ContentLength"] = length
        if span is not None:
            answer["ContentRange"] = f"bytes {first}-{last}/{version.size}"
        if number is not None and version.part_sizes:
            answer["PartsCount"] = len(version.part_sizes)
        if given.get("ChecksumMode", "").upper() == "ENABLED" and version.checksums:
            answer |= self._checksums_of(version, number, whole=length == version.size)
        return first, length

    def _checksums_of(self, version: ObjectVersion, number: int | None, *, whole: bool) -> dict[str, Any]:
        """Of a part, if the object's is made of those of its parts; else only a read of the whole has one to verify."""
        if number is not None and version.part_checksums and version.checksum_type == checksums.COMPOSITE:
            found = {next(iter(version.checksums)): version.part_checksums[number - 1]}
        elif whole:
            found = version.checksums
        else:
            return {}
        return {**checksums.members(found), "ChecksumType": version.checksum_type or checksums.FULL_OBJECT}

    def _check_delete(self, bucket: str, key: str, if_match: str | None) -> None:
        """A condition is on the current version, whichever is to be deleted; `*` stands for any."""
        if if_match is None:
            return
        current = self._shelf.find(bucket, key, None)
        if current is None:
            raise NoSuchKey(members={"Key": key})
        if current.delete_marker or not conditions.etag_matches(if_match, current.etag):
            raise PreconditionFailed(members={"Condition": "If-Match"})


def _overrides(ctx: Context, given: Mapping[str, Any]) -> dict[str, Any]:
    """Headers that the request wants in place of the object's own."""
    found = {name: given[f"Response{name}"] for name in CONTENT_HEADERS if f"Response{name}" in given}
    if found and ctx.access_key is None and over_http(ctx):
        raise InvalidRequest("Request specific response headers cannot be used for anonymous GET requests.")
    if isinstance(found.get("Expires"), int | float):
        found["Expires"] = http_date(int(found["Expires"]) * 1000)
    for name, value in found.items():
        if any(character > "\xff" for character in value):
            argument = "response" + _CAPITAL.sub(lambda letter: f"-{letter[0].lower()}", name)
            raise InvalidArgument(
                "Header value cannot be represented using ISO-8859-1.",
                members={"ArgumentName": argument, "ArgumentValue": value},
            )
    return found


def _part_span(version: ObjectVersion, number: int, given: Mapping[str, Any]) -> tuple[int, int] | None:
    if given.get("Range") is not None:
        raise InvalidRequest("Cannot specify both Range header and partNumber query parameter")
    check_part_number(number)
    sizes = version.part_sizes or [version.size]
    if not 1 <= number <= len(sizes):
        raise InvalidPartNumber(members={"PartNumberRequested": str(number), "ActualPartCount": str(len(sizes))})
    first = sum(sizes[: number - 1])
    return (first, first + sizes[number - 1] - 1) if sizes[number - 1] else None


def _check_directory_conditions(modified: float | None, size: int | None) -> None:
    """Two conditions that AWS has for directory buckets alone."""
    if modified is not None:
        raise HeaderNotImplemented(members={"Header": "x-amz-if-match-last-modified-time"})
    if size is not None:
        raise HeaderNotImplemented(members={"Header": "x-amz-if-match-size"})
