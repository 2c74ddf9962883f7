"""How parts become an object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html"""

import hashlib
import itertools
from collections.abc import Mapping
from typing import Any, Unpack

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import checksums, upload_checksums
from fogbank.services.s3.addresses import object_url
from fogbank.services.s3.conditions import WriteCondition
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.encryption import ENCRYPTION_HEADERS
from fogbank.services.s3.errors import (
    EntityTooLarge,
    EntityTooSmall,
    InvalidPart,
    InvalidPartOrder,
    InvalidRequest,
    MalformedXML,
    NoSuchUpload,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import PART_NUMBER_MAX
from fogbank.services.s3.multipart import MultipartUploads, begun
from fogbank.services.s3.parameters import ChecksumParameters, CustomerKeyParameters
from fogbank.services.s3.records import Body as StoredPieces
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import CompletedUpload, ObjectVersion, Part, Upload

PART_BYTES_MIN = 5 * 1024**2  # every part but the last
OBJECT_BYTES_MAX = 5 * 1024**4
# How long a completion may be repeated. AWS does not tell for how long it may.
REPEATABLE_MS = 24 * 3600 * 1000
_FORGOTTEN_AT_ONCE = 2


class CompletionParameters(ChecksumParameters, CustomerKeyParameters, total=False):
    pass


class MultipartCompletions(MultipartUploads):
    """CompleteMultipartUpload of `S3Service`."""

    def complete_multipart_upload(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MultipartUpload: dict[str, Any] | None = None,
        ChecksumType: str | None = None,
        MpuObjectSize: int | None = None,
        IfMatch: str | None = None,
        IfNoneMatch: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[CompletionParameters],
    ) -> Answer:
        """A client that has not heard the answer may ask again, and hears it as long as the object is there."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        named = (MultipartUpload or {}).get("Parts") or []
        repeated = self._repeated(bucket, Key, UploadId, named)
        if repeated is not None:
            return self._completed(ctx, bucket, Key, repeated) | charged
        upload = self._upload(Bucket, Key, UploadId)
        condition = WriteCondition(IfMatch, IfNoneMatch)
        condition.check_form()
        self._check_write(bucket, Key, condition, since=begun(UploadId), deleted=upload.overtaken)
        upload_checksums.check_type(upload, ChecksumType)
        self._check_key(upload, given)
        parts = self._parts(upload, UploadId, named)
        _check_sizes(parts, MpuObjectSize)
        whole = upload_checksums.of_whole(upload, [part for _, part in parts])
        upload_checksums.check_whole(upload, whole, checksums.given(given), ChecksumType)
        version = self._joined(ctx, bucket, upload, [part for _, part in parts], whole)
        self._forget(Bucket, Key, UploadId, kept={number for number, _ in parts})
        self._place(ctx, bucket, Key, version, Event.COMPLETE_MULTIPART_UPLOAD)
        self._remember(ctx, UploadId, Bucket, Key, version, named)
        return self._completed(ctx, bucket, Key, version) | charged

    # ---- steps ---------------------------------------------------------------------------------------------

    def _parts(self, upload: Upload, upload_id: str, named: list[dict[str, Any]]) -> list[tuple[int, Part]]:
        """The parts that the request names, with their numbers."""
        if not named:
            raise InvalidRequest("You must specify at least one part")
        if len(named) > PART_NUMBER_MAX or any("PartNumber" not in part or "ETag" not in part for part in named):
            raise MalformedXML()
        if any(later["PartNumber"] <= earlier["PartNumber"] for earlier, later in itertools.pairwise(named)):
            raise InvalidPartOrder(members={"UploadId": upload_id})
        parts = []
        for wanted in named:
            number, etag = wanted["PartNumber"], wanted["ETag"].strip('"')
            part = self._tables.parts.get((upload_id, number))
            if part is None or part.etag != etag:
                raise InvalidPart(members={"ETag": etag, "PartNumber": str(number), "UploadId": upload_id})
            upload_checksums.check_part(upload, upload_id, number, part, wanted)
            parts.append((number, part))
        return parts

    def _check_key(self, upload: Upload, given: Mapping[str, Any]) -> None:
        """A key of the customer's need not be given again; if it is, it has to be the same."""
        key = CustomerKey.given(given)
        if key is not None and not (upload.key_verifier and key.made(upload.key_verifier)):
            raise InvalidRequest("The provided encryption parameters did not match the ones used originally.")

    def _joined(
        self, ctx: Context, bucket: BucketRecord, upload: Upload, parts: list[Part], whole: upload_checksums.Whole
    ) -> ObjectVersion:
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
        return ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            size=sum(part.size for part in parts),
            etag=f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}",
            body=StoredPieces.joined([part.body for part in parts]),
            headers=upload.headers,
            metadata=upload.metadata,
            tags=upload.tags,
            checksums=whole.checksums,
            checksum_type=whole.checksum_type,
            part_sizes=[part.size for part in parts],
            part_checksums=whole.part_checksums,
            lock=upload.lock,
            acl=upload.acl,
            key_verifier=upload.key_verifier,
            data_key=upload.data_key,
        )

    def _completed(self, ctx: Context, bucket: BucketRecord, key: str, version: ObjectVersion) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "Location": object_url(ctx.endpoint, bucket.name, key),
            "Bucket": bucket.name,
            "Key": key,
            "ETag": f'"{version.etag}"',
            **{name: value for name, value in version.headers.items() if name in ENCRYPTION_HEADERS},
            **self._expiration(bucket, key, version),
        }
        # Of objects under KMS keys only checksums that were asked for are told, as AWS was recorded to do.
        if version.checksums and (
            checksums.DEFAULT not in version.checksums or version.headers.get("ServerSideEncryption") == "AES256"
        ):
            answer |= {**checksums.members(version.checksums), "ChecksumType": version.checksum_type}
        return answer | ({"VersionId": version.version_id} if bucket.versioning else {})

    # ---- repeated requests -----------------------------------------------------------------------------------

    def _remember(
        self, ctx: Context, upload_id: str, bucket: str, key: str, version: ObjectVersion, named: list[dict[str, Any]]
    ) -> None:
        completed = CompletedUpload(bucket, key, version.version_id, version.sequence, _signature(named), ctx.now_ms)
        self._tables.completed_uploads.put((upload_id,), completed)
        # Uploads are ordered by their beginnings, and so about by their ends: what is overdue is in front.
        for place, old in list(self._tables.completed_uploads.scan(limit=_FORGOTTEN_AT_ONCE)):
            if old.at_ms < ctx.now_ms - REPEATABLE_MS:
                self._tables.completed_uploads.delete(place)

    def _repeated(
        self, bucket: BucketRecord, key: str, upload_id: str, named: list[dict[str, Any]]
    ) -> ObjectVersion | None:
        """The object that this very request has made already."""
        before = self._tables.completed_uploads.get((upload_id,))
        if before is None or (before.bucket, before.key, before.parts) != (bucket.name, key, _signature(named)):
            return None
        version = self._shelf.find(bucket.name, key, before.version_id)
        if version is None or version.sequence != before.sequence:
            raise NoSuchUpload(members={"UploadId": upload_id})
        return version


def _signature(named: list[dict[str, Any]]) -> str:
    parts = ",".join(f"{part.get('PartNumber')}:{part.get('ETag', '').strip(chr(34))}" for part in named)
    return hashlib.sha256(parts.encode()).hexdigest()


def _check_sizes(parts: list[tuple[int, Part]], promised: int | None) -> None:
    for number, part in parts[:-1]:
        if part.size < PART_BYTES_MIN:
            raise EntityTooSmall(
                members={
                    "ETag": part.etag,
                    "MinSizeAllowed": str(PART_BYTES_MIN),
                    "PartNumber": str(number),
                    "ProposedSize": str(part.size),
                }
            )
    size = sum(part.size for _, part in parts)
    if size > OBJECT_BYTES_MAX:
        raise EntityTooLarge(members={"ProposedSize": str(size), "MaxSizeAllowed": str(OBJECT_BYTES_MAX)})
    if promised is not None and promised != size:
        raise InvalidRequest(
            f"The provided 'x-amz-mp-object-size' header value {promised} does not match what was computed: {size}"
        )
