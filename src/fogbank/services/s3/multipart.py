"""Multipart uploads. https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""

import hashlib
import itertools
import secrets
from typing import Any

from fogbank.core.body import BodyStream
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import listing
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.bodies import Received, Wanted
from fogbank.services.s3.errors import (
    EntityTooSmall,
    InvalidArgument,
    InvalidPart,
    InvalidPartOrder,
    MalformedXML,
    NoSuchUpload,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import check_key, checked_metadata, given_headers, parsed_tags
from fogbank.services.s3.records import Body as StoredPieces
from fogbank.services.s3.records import ObjectVersion, Part, Upload, UploadRef

PART_BYTES_MIN = 5 * 1024**2  # every part but the last
PART_NUMBER_MAX = 10_000
PAGE_MAX = 1000


class MultipartUploads(S3Base):
    """The multipart operations of `S3Service`."""

    def abort_multipart_upload(
        self, ctx: Context, *, Bucket: str, Key: str, UploadId: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._upload(Bucket, Key, UploadId)
        self._forget(Bucket, Key, UploadId, drop=True)
        return None

    def complete_multipart_upload(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MultipartUpload: dict[str, Any] | None = None,
        ChecksumType: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        upload = self._upload(Bucket, Key, UploadId)
        wanted = (MultipartUpload or {}).get("Parts") or []
        if not wanted:
            raise MalformedXML()
        numbers = [part.get("PartNumber", 0) for part in wanted]
        if any(later <= earlier for earlier, later in itertools.pairwise(numbers)):
            raise InvalidPartOrder(members={"UploadId": UploadId})
        parts = [self._chosen(UploadId, part) for part in wanted]
        for number, part in zip(numbers[:-1], parts[:-1], strict=True):
            if part.size < PART_BYTES_MIN:
                raise EntityTooSmall(
                    members={
                        "ETag": part.etag,
                        "MinSizeAllowed": str(PART_BYTES_MIN),
                        "PartNumber": str(number),
                        "ProposedSize": str(part.size),
                    }
                )
        digests = b"".join(bytes.fromhex(part.etag) for part in parts)
        version = ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            size=sum(part.size for part in parts),
            etag=f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}",
            body=StoredPieces([piece for part in parts for piece in part.body.pieces]),
            headers=upload.headers,
            metadata=upload.metadata,
            tags=upload.tags,
            part_sizes=[part.size for part in parts],
        )
        for (_, number), part in list(self._tables.parts.scan((UploadId,))):
            if number not in numbers:
                self._bodies.drop(part.body)
        self._forget(Bucket, Key, UploadId, drop=False)
        self._place(ctx, bucket, Key, version, Event.COMPLETE_MULTIPART_UPLOAD)
        answer = {
            "Location": f"{ctx.endpoint}/{Bucket}/{Key}",
            "Bucket": Bucket,
            "Key": Key,
            "ETag": f'"{version.etag}"',
            "ServerSideEncryption": "AES256",
        }
        return answer | ({"VersionId": version.version_id} if bucket.versioning else {})

    def create_multipart_upload(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        CacheControl: str | None = None,
        ContentDisposition: str | None = None,
        ContentEncoding: str | None = None,
        ContentLanguage: str | None = None,
        ContentType: str | None = None,
        Expires: float | str | None = None,
        Metadata: dict[str, str] | None = None,
        StorageClass: str | None = None,
        ServerSideEncryption: str | None = None,
        Tagging: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ChecksumType: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        check_key(Key)
        upload_id = secrets.token_urlsafe(48)
        upload = Upload(
            bucket=Bucket,
            key=Key,
            initiated_ms=ctx.now_ms,
            headers=given_headers(
                CacheControl=CacheControl,
                ContentDisposition=ContentDisposition,
                ContentEncoding=ContentEncoding,
                ContentLanguage=ContentLanguage,
                ContentType=ContentType or "binary/octet-stream",
                Expires=Expires,
                StorageClass=StorageClass,
                ServerSideEncryption=ServerSideEncryption,
            ),
            metadata=checked_metadata(Metadata),
            tags=parsed_tags(Tagging),
            checksum_algorithm=ChecksumAlgorithm or "",
            checksum_type=ChecksumType or "",
        )
        self._tables.uploads.put((upload_id,), upload)
        self._tables.uploads_of.put((Bucket, Key, upload_id), UploadRef(ctx.now_ms))
        answer = {"Bucket": Bucket, "Key": Key, "UploadId": upload_id, "ServerSideEncryption": "AES256"}
        return answer | ({"ChecksumAlgorithm": ChecksumAlgorithm} if ChecksumAlgorithm else {})

    def list_multipart_uploads(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        KeyMarker: str = "",
        UploadIdMarker: str = "",
        EncodingType: str | None = None,
        MaxUploads: int = PAGE_MAX,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """Uploads of one key are in the order of their ids. An UploadIdMarker counts only beside a KeyMarker."""
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        limit = min(MaxUploads, PAGE_MAX)
        named = listing.url_encoded if EncodingType == "url" else str
        after = (Bucket, KeyMarker, *([UploadIdMarker] if UploadIdMarker else ())) if KeyMarker else None
        start = (Bucket, Prefix) if KeyMarker < Prefix else None
        rows: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"Bucket": Bucket, "MaxUploads": MaxUploads, "IsTruncated": False}
        for (_, key, upload_id), ref in self._tables.uploads_of.scan((Bucket,), start=start, after=after):
            if not key.startswith(Prefix):
                break
            if len(rows) == limit:
                answer["IsTruncated"] = True
                break
            rows.append({"Key": key, "UploadId": upload_id, "Initiated": ref.initiated_ms / 1000})
        if answer["IsTruncated"] and rows:
            answer |= {"NextKeyMarker": named(rows[-1]["Key"]), "NextUploadIdMarker": rows[-1]["UploadId"]}
        answer |= {"KeyMarker": named(KeyMarker), "UploadIdMarker": UploadIdMarker, "Prefix": named(Prefix)}
        answer |= {"EncodingType": EncodingType} if EncodingType else {}
        return answer | ({"Uploads": [{**row, "Key": named(row["Key"])} for row in rows]} if rows else {})

    def list_parts(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        UploadId: str,
        MaxParts: int = PAGE_MAX,
        PartNumberMarker: int = 0,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._upload(Bucket, Key, UploadId)
        limit = min(MaxParts, PAGE_MAX)
        found = list(self._tables.parts.scan((UploadId,), after=(UploadId, PartNumberMarker), limit=limit + 1))
        rows = [
            {
                "PartNumber": number,
                "ETag": f'"{part.etag}"',
                "Size": part.size,
                "LastModified": part.modified_ms / 1000,
            }
            for (_, number), part in found[:limit]
        ]
        answer: dict[str, Any] = {
            "Bucket": Bucket,
            "Key": Key,
            "UploadId": UploadId,
            "StorageClass": "STANDARD",
        }
        answer |= {"MaxParts": limit, "PartNumberMarker": PartNumberMarker, "IsTruncated": len(found) > limit}
        answer["NextPartNumberMarker"] = rows[-1]["PartNumber"] if rows else 0
        return answer | ({"Parts": rows} if rows else {})

    async def upload_part(
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
        ChecksumCRC32: str | None = None,
        ChecksumCRC32C: str | None = None,
        ChecksumCRC64NVME: str | None = None,
        ChecksumSHA1: str | None = None,
        ChecksumSHA256: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        self._bucket(ctx, Bucket, ExpectedBucketOwner)
        self._upload(Bucket, Key, UploadId)
        if not 1 <= PartNumber <= PART_NUMBER_MAX:
            raise InvalidArgument("Part number must be an integer between 1 and 10000, inclusive")
        given = {
            "CRC32": ChecksumCRC32,
            "CRC32C": ChecksumCRC32C,
            "CRC64NVME": ChecksumCRC64NVME,
            "SHA1": ChecksumSHA1,
            "SHA256": ChecksumSHA256,
        }
        wanted = Wanted(given, content_md5=ContentMD5, algorithm=ChecksumAlgorithm)
        received = await self._bodies.receive(ctx, Body, wanted)

        await ctx.run(self._keep_part, Bucket, Key, UploadId, PartNumber, received)
        answer = {"ETag": f'"{received.etag}"', "ServerSideEncryption": "AES256"}
        return answer | {f"Checksum{name}": value for name, value in received.checksums.items()}

    # ---- steps ---------------------------------------------------------------------------------------------

    def _upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        upload = self._tables.uploads.get((upload_id,))
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise NoSuchUpload(members={"UploadId": upload_id})
        return upload

    def _keep_part(self, bucket: str, key: str, upload_id: str, number: int, received: Received) -> Part:
        self._upload(bucket, key, upload_id)
        before = self._tables.parts.get((upload_id, number))
        if before is not None:
            self._bodies.drop(before.body)
        part = Part(
            etag=received.etag,
            size=received.size,
            modified_ms=self.cloud.clock.now_ms(),
            body=self._bodies.keep(received),
            checksums=received.checksums,
        )
        self._tables.parts.put((upload_id, number), part)
        return part

    def _chosen(self, upload_id: str, wanted: dict[str, Any]) -> Part:
        part = self._tables.parts.get((upload_id, wanted.get("PartNumber", 0)))
        etag = (wanted.get("ETag") or "").strip('"')
        if part is None or part.etag != etag:
            number = str(wanted.get("PartNumber", 0))
            raise InvalidPart(members={"ETag": etag, "PartNumber": number, "UploadId": upload_id})
        return part

    def _forget(self, bucket: str, key: str, upload_id: str, *, drop: bool) -> None:
        for place, part in list(self._tables.parts.scan((upload_id,))):
            if drop:
                self._bodies.drop(part.body)
            self._tables.parts.delete(place)
        self._tables.uploads.delete((upload_id,))
        self._tables.uploads_of.delete((bucket, key, upload_id))

    def _abort_all(self, bucket: str) -> None:
        for (_, key, upload_id), _ref in list(self._tables.uploads_of.scan((bucket,))):
            self._forget(bucket, key, upload_id, drop=True)
