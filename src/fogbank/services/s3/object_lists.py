"""Lists of objects and versions."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import listing
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.fields import owner_id, storage
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import ObjectVersion


class ObjectLists(S3Base):
    """The list operations of `S3Service`."""

    def list_object_versions(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        KeyMarker: str = "",
        VersionIdMarker: str | None = None,
        MaxKeys: int = listing.PAGE_MAX,
        EncodingType: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        limit = min(MaxKeys, listing.PAGE_MAX)
        named = listing.url_encoded if EncodingType == "url" else str
        versions: list[dict[str, Any]] = []
        markers: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"Name": Bucket, "Prefix": named(Prefix), "KeyMarker": named(KeyMarker)}
        answer |= {"MaxKeys": MaxKeys, "IsTruncated": False}
        skipping = VersionIdMarker is not None
        last: tuple[str, str] = ("", "")
        rows = listing.all_versions(self._tables.objects, self._tables.versions, Bucket, prefix=Prefix)
        for key, version, latest in rows:
            if key < KeyMarker or (key == KeyMarker and (VersionIdMarker is None or skipping) and KeyMarker):
                skipping = skipping and version.version_id != VersionIdMarker
                continue
            if len(versions) + len(markers) == limit:
                answer |= {
                    "IsTruncated": True,
                    "NextKeyMarker": named(last[0]),
                    "NextVersionIdMarker": last[1],
                }
                break
            last = (key, version.version_id)
            row: dict[str, Any] = {
                "Key": named(key),
                "VersionId": version.version_id,
                "IsLatest": latest,
                "LastModified": version.modified_ms / 1000,
                "Owner": {"ID": owner_id(bucket.account)},
            }
            if version.delete_marker:
                markers.append(row)
            else:
                versions.append(
                    row | {"ETag": f'"{version.etag}"', "Size": version.size, "StorageClass": storage(version)}
                )
        if versions:
            answer["Versions"] = versions
        if markers:
            answer["DeleteMarkers"] = markers
        return answer | ({"EncodingType": EncodingType} if EncodingType else {})

    def list_objects(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        Marker: str = "",
        MaxKeys: int = listing.PAGE_MAX,
        EncodingType: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        answer, page = self._page(bucket, Prefix, Delimiter, Marker, MaxKeys, EncodingType, owner=True)
        named = listing.url_encoded if EncodingType == "url" else str
        answer["Marker"] = named(Marker)
        if page.truncated and Delimiter:
            answer["NextMarker"] = named(page.last)
        return answer

    def list_objects_v2(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        StartAfter: str | None = None,
        ContinuationToken: str | None = None,
        MaxKeys: int = listing.PAGE_MAX,
        EncodingType: str | None = None,
        FetchOwner: bool = False,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        after = listing.untoken(ContinuationToken) if ContinuationToken is not None else StartAfter or ""
        answer, page = self._page(bucket, Prefix, Delimiter, after, MaxKeys, EncodingType, owner=FetchOwner)
        answer["KeyCount"] = len(page.objects) + len(page.prefixes)
        if ContinuationToken is not None:
            answer["ContinuationToken"] = ContinuationToken
        if StartAfter is not None:
            answer["StartAfter"] = listing.url_encoded(StartAfter) if EncodingType == "url" else StartAfter
        if page.truncated:
            answer["NextContinuationToken"] = listing.token(page.last)
        return answer

    # ---- steps -----------------------------------------------------------------------------------------------

    def _page(
        self,
        bucket: BucketRecord,
        prefix: str,
        delimiter: str,
        after: str,
        max_keys: int,
        encoding: str | None,
        *,
        owner: bool,
    ) -> tuple[dict[str, Any], listing.Page]:
        if max_keys < 0:
            raise InvalidArgument("max-keys cannot be negative")
        if encoding not in (None, "url"):
            raise InvalidArgument("Invalid Encoding Method specified in Request")
        limit = min(max_keys, listing.PAGE_MAX)
        page = listing.page(
            self._tables.objects, bucket.name, prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )
        named = listing.url_encoded if encoding == "url" else str
        answer: dict[str, Any] = {
            "Name": bucket.name,
            "Prefix": named(prefix),
            "MaxKeys": limit,
            "IsTruncated": page.truncated,
        }
        if delimiter:
            answer["Delimiter"] = named(delimiter)
        if encoding:
            answer["EncodingType"] = encoding
        if page.objects:
            answer["Contents"] = [_row(bucket, named(key), version, owner=owner) for key, version in page.objects]
        if page.prefixes:
            answer["CommonPrefixes"] = [{"Prefix": named(shared)} for shared in page.prefixes]
        return answer, page


def _row(bucket: BucketRecord, key: str, version: ObjectVersion, *, owner: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Key": key,
        "LastModified": version.modified_ms / 1000,
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": storage(version),
    }
    if version.checksums:
        row |= {"ChecksumAlgorithm": list(version.checksums), "ChecksumType": version.checksum_type}
    if owner:
        row["Owner"] = {"ID": owner_id(bucket.account)}
    return row
