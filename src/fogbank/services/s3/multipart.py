"""Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""

import secrets
from collections.abc import Awaitable, Container, Iterator, Mapping
from typing import Any, Unpack

from fogbank.core.body import BodyStream
from fogbank.core.context import Context
from fogbank.core.envelope import DataKey
from fogbank.core.service import Answer
from fogbank.services.s3 import checksums, listing, upload_checksums
from fogbank.services.s3.bodies import Received
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.encryption import ENCRYPTION_HEADERS, Encryption
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidRequest,
    NoSuchUpload,
)
from fogbank.services.s3.fields import check_key, check_part_number, owner_id, storage
from fogbank.services.s3.integrity import Promises
from fogbank.services.s3.new_objects import NewObjects
from fogbank.services.s3.parameters import ObjectParameters, PartParameters
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import Part, Upload, UploadRef


class MultipartUploads(NewObjects):
    """The multipart operations of `S3Service`."""

    def abort_multipart_upload(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        self._upload(Bucket, Key, UploadId)
        self._forget(Bucket, Key, UploadId)
        return charged

    def create_multipart_upload(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        ChecksumAlgorithm: str | None = None,
        ChecksumType: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[ObjectParameters],
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        check_key(Key)
        algorithm, checksum_type = upload_checksums.settled(ChecksumAlgorithm, ChecksumType)
        made = self._new_object(ctx, bucket, Key, given)
        # Uploads of one key are listed in the order of their creation, which is that of their ids.
        upload_id = f"{self._tables.next_sequence():016x}{secrets.token_hex(40)}"  # See `begun`.
        upload = Upload(
            bucket=Bucket,
            key=Key,
            initiated_ms=ctx.now_ms,
            headers=made.stored_headers,
            metadata=made.metadata,
            tags=made.tags,
            checksum_algorithm=algorithm,
            checksum_type=checksum_type,
            lock=made.lock,
            acl=made.acl,
            key_verifier=made.key_verifier,
            data_key=made.data_key,
            initiator=self._principal(ctx),
        )
        self._tables.uploads.put((upload_id,), upload)
        self._tables.uploads_of.put((Bucket, Key, upload_id), UploadRef(ctx.now_ms))
        answer = {"Bucket": Bucket, "Key": Key, "UploadId": upload_id, **made.encryption.members(), **charged}
        answer |= self._abort_notice(bucket, Key, ctx.now_ms)
        return answer | ({"ChecksumAlgorithm": algorithm, "ChecksumType": checksum_type} if algorithm else {})

    def list_multipart_uploads(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        KeyMarker: str = "",
        UploadIdMarker: str = "",
        EncodingType: str | None = None,
        MaxUploads: int = listing.PAGE_MAX,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """Uploads of one key are in the order of their creation. An UploadIdMarker counts only beside a KeyMarker."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        named = listing.namer(EncodingType)
        limit = listing.page_size("max-uploads", MaxUploads)
        uploads = self._tables.uploads_of
        marked = bool(KeyMarker and UploadIdMarker)
        if marked:
            self._check_upload_marker(KeyMarker, UploadIdMarker)
        start = listing.first_key(Prefix, Delimiter, KeyMarker)
        if marked and start == KeyMarker + "\0":  # A key of the list, and not below a common prefix.
            start = KeyMarker

        def rows_from(start: str) -> Iterator[tuple[str, str]]:
            within = (
                {"after": (Bucket, start, UploadIdMarker)}
                if marked and start == KeyMarker
                else {"start": (Bucket, start)}
            )
            return ((key, upload_id) for (_, key, upload_id), _ in uploads.scan((Bucket,), **within))

        page = listing.page_from(rows_from, start, prefix=Prefix, delimiter=Delimiter, limit=limit)
        last_key, last_upload = page.rows[-1] if page.rows else ("", "")
        answer: dict[str, Any] = {
            "Bucket": Bucket,
            "KeyMarker": named(KeyMarker),
            "UploadIdMarker": UploadIdMarker if KeyMarker else "",
            "NextKeyMarker": named(last_key),
            "NextUploadIdMarker": last_upload,
            "MaxUploads": limit,
            "IsTruncated": page.truncated,
        }
        answer |= {"Prefix": named(Prefix)} if Prefix else {}
        answer |= listing.members(page, named, Delimiter, EncodingType)
        if page.rows:
            answer["Uploads"] = [self._upload_row(bucket, named(key), upload_id) for key, upload_id in page.rows]
        return answer | charged

    def list_parts(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MaxParts: int = listing.PAGE_MAX,
        PartNumberMarker: int = 0,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        upload = self._upload(Bucket, Key, UploadId)
        limit = listing.page_size("max-parts", MaxParts)
        found = list(self._tables.parts.scan((UploadId,), after=(UploadId, PartNumberMarker), limit=limit + 1))
        rows = [
            {
                "PartNumber": number,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                "LastModified": part.modified_ms // 1000,
                **_told_checksums(upload, part),
            }
            for (_, number), part in found[:limit]
        ]
        answer: dict[str, Any] = {
            "Bucket": Bucket,
            "Key": Key,
            "UploadId": UploadId,
            "MaxParts": limit,
            "PartNumberMarker": PartNumberMarker,
            "NextPartNumberMarker": rows[-1]["PartNumber"] if rows else 0,
            "IsTruncated": len(found) > limit > 0,
            **self._described(bucket, upload),
            **self._abort_notice(bucket, Key, upload.initiated_ms),
        }
        return answer | ({"Parts": rows} if rows else {}) | charged

    def upload_part(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        PartNumber: int,
        UploadId: str,
        Body: bytes | BodyStream = b"",
        ContentLength: int | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
        **given: Unpack[PartParameters],
    ) -> Answer | Awaitable[Answer]:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        upload = self._upload(Bucket, Key, UploadId)
        check_part_number(PartNumber)
        encryption = self._part_encryption(ctx, bucket, upload, given)
        promises = Promises(ctx.headers, content_md5=ContentMD5, given=checksums.given(given))
        upload_checksums.check_part_sent(upload, promises.algorithm or ChecksumAlgorithm or "")
        told = promises.algorithm or ChecksumAlgorithm or upload.checksum_algorithm
        kept = upload.checksum_algorithm or checksums.DEFAULT

        def finish(received: Received) -> Answer:
            part = self._keep_part(Bucket, Key, UploadId, PartNumber, received)
            answer = {"ETag": f'"{part.etag}"', **encryption.members(), **charged}
            return answer | (checksums.members({told: part.checksums[told]}) if told else {})

        return self._bodies.take(ctx, Body, promises, encryption, finish, checksums={kept, told or kept})

    # ---- steps ---------------------------------------------------------------------------------------------

    def _upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        upload = self._tables.uploads.get((upload_id,))
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise NoSuchUpload(members={"UploadId": upload_id})
        return upload

    def _upload_encryption(self, upload: Upload) -> dict[str, Any]:
        return {name: value for name, value in upload.headers.items() if name in ENCRYPTION_HEADERS}

    def _part_encryption(
        self, ctx: Context, bucket: BucketRecord, upload: Upload, given: Mapping[str, Any]
    ) -> Encryption:
        """How a part is kept: as its upload was begun, under the same key if there is one."""
        key = CustomerKey.given(given)
        if (key is not None) != bool(upload.key_verifier):
            raise InvalidRequest(
                "The multipart upload initiate requested encryption. Subsequent part requests must include the "
                "appropriate encryption parameters."
            )
        if key is not None and not key.made(upload.key_verifier):
            raise InvalidRequest("The provided encryption parameters did not match the ones used originally.")
        headers = self._upload_encryption(upload)
        body_key = self._kms_keys.of(ctx, bucket, upload.key, upload)
        data_key = DataKey(body_key.key, upload.data_key, headers["SSEKMSKeyId"]) if body_key is not None else None
        return Encryption(headers, key, data_key)

    def _keep_part(self, bucket: str, key: str, upload_id: str, number: int, received: Received) -> Part:
        storage_class = storage(self._upload(bucket, key, upload_id))
        before = self._tables.parts.get((upload_id, number))
        if before is not None:
            self._bodies.drop(before.body)
            self._usages.remove(bucket, storage_class, before.size)
        self._usages.add(bucket, storage_class, received.size)
        part = Part(
            etag=received.etag,
            size=received.size,
            modified_ms=self.cloud.clock.now_ms(),
            body=self._bodies.keep(received),
            checksums=received.checksums,
        )
        self._tables.parts.put((upload_id, number), part)
        return part

    def _check_upload_marker(self, key: str, upload_id: str) -> None:
        upload = self._tables.uploads.get((upload_id,))
        if upload is not None and upload.key != key:
            raise InvalidArgument(
                "Invalid uploadId marker",
                members={"ArgumentName": "upload-id-marker", "ArgumentValue": upload_id},
            )

    def _upload_row(self, bucket: BucketRecord, key: str, upload_id: str) -> dict[str, Any]:
        upload = self._tables.uploads.get((upload_id,))
        assert upload is not None, f"upload {upload_id} is listed and not there"
        return {
            "Key": key,
            "UploadId": upload_id,
            "Initiated": upload.initiated_ms // 1000,
            **self._described(bucket, upload),
        }

    def _described(self, bucket: BucketRecord, upload: Upload) -> dict[str, Any]:
        owner = owner_id(bucket.account)
        answer: dict[str, Any] = {
            "Owner": {"ID": owner},
            "Initiator": {
                "ID": upload.initiator or owner,
                "DisplayName": upload.initiator.rpartition("/")[2] or bucket.account,
            },
            "StorageClass": upload.headers.get("StorageClass", "STANDARD"),
        }
        if upload.checksum_algorithm:
            answer |= {"ChecksumAlgorithm": upload.checksum_algorithm, "ChecksumType": upload.checksum_type}
        return answer

    def _principal(self, ctx: Context) -> str:
        """The ARN of whom the request is signed by; empty for the account itself."""
        key = self.cloud.access_keys.peek((ctx.access_key,)) if ctx.access_key else None
        return key.principal_arn if key is not None else ""

    def _forget(self, bucket: str, key: str, upload_id: str, *, kept: Container[int] = ()) -> None:
        """Remove an upload and its parts, but not the bodies of those parts that are `kept`."""
        storage_class = storage(self._upload(bucket, key, upload_id))
        for place, part in list(self._tables.parts.scan((upload_id,))):
            self._usages.remove(bucket, storage_class, part.size)
            if place[1] not in kept:
                self._bodies.drop(part.body)
            self._tables.parts.delete(place)
        self._tables.uploads.delete((upload_id,))
        self._tables.uploads_of.delete((bucket, key, upload_id))

    def _abort_all(self, bucket: str) -> None:
        for (_, key, upload_id), _ref in list(self._tables.uploads_of.scan((bucket,))):
            self._forget(bucket, key, upload_id)


def _told_checksums(upload: Upload, part: Part) -> dict[str, str]:
    """The checksum that the upload asked for; what else is computed is not told."""
    name = upload.checksum_algorithm
    return checksums.members({name: part.checksums[name]}) if name in part.checksums else {}


def begun(upload_id: str) -> int | None:
    """Where in the sequence of changes an upload began; None for one of an older data folder."""
    try:
        return int(upload_id[:16], 16)
    except ValueError:
        return None
