"""Lists of objects and versions."""

import heapq
from collections.abc import Callable, Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.s3 import listing, restores
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.fields import owner_id, storage
from fogbank.services.s3.new_objects import ARCHIVED
from fogbank.services.s3.records import NULL_VERSION, ObjectVersion
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.version_ids import place_of

_Rows = Iterator[tuple[str, ObjectVersion]]


class ObjectLists(S3Base):
    """The list operations of `S3Service`."""

    def list_object_versions(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Prefix: str = "",
        Delimiter: str = "",
        KeyMarker: str = "",
        VersionIdMarker: str | None = None,
        MaxKeys: int = listing.PAGE_MAX,
        EncodingType: str | None = None,
        OptionalObjectAttributes: list[str] | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """Newest first within a key. Without a VersionIdMarker all versions of the KeyMarker are left behind."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        restores_at = _restores_at(ctx, OptionalObjectAttributes)
        named = listing.namer(EncodingType)
        limit = listing.page_size("maxKeys", MaxKeys)
        place = self._marked_place(Bucket, KeyMarker, VersionIdMarker)
        start = listing.first_key(Prefix, Delimiter, KeyMarker)
        if place is not None and start == KeyMarker + "\0":  # A key of the list, and not below a common prefix.
            start = KeyMarker

        def rows_from(start: str) -> Iterator[tuple[str, tuple[ObjectVersion, bool]]]:
            return self._versions_from(Bucket, start, below=place if start == KeyMarker else None)

        page = listing.page_from(rows_from, start, prefix=Prefix, delimiter=Delimiter, limit=limit)
        answer: dict[str, Any] = {
            "Name": Bucket,
            "Prefix": named(Prefix),
            "KeyMarker": named(KeyMarker),
            "VersionIdMarker": VersionIdMarker or "",
            "MaxKeys": limit,
            "IsTruncated": page.truncated,
        }
        answer |= listing.members(page, named, Delimiter, EncodingType)
        if page.truncated:
            answer["NextKeyMarker"] = named(page.last)
            if page.rows and page.rows[-1][0] == page.last:
                answer["NextVersionIdMarker"] = page.rows[-1][1][0].version_id
        for key, (version, latest) in page.rows:
            if version.delete_marker:
                row = {"Key": named(key), "LastModified": _modified(version), "Owner": _owner(bucket)}
                answer.setdefault("DeleteMarkers", []).append(row)
            else:
                row = _row(bucket, named(key), version, owner=True, restores_at=restores_at)
                answer.setdefault("Versions", []).append(row)
            row |= {"VersionId": version.version_id, "IsLatest": latest}
        return answer | charged

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
        OptionalObjectAttributes: list[str] | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        restores_at = _restores_at(ctx, OptionalObjectAttributes)
        named = listing.namer(EncodingType)
        limit = listing.page_size("maxKeys", MaxKeys)
        page = listing.page(self._objects_of(Bucket), prefix=Prefix, delimiter=Delimiter, after=Marker, limit=limit)
        answer: dict[str, Any] = {
            "Name": Bucket,
            "Prefix": named(Prefix),
            "Marker": named(Marker),
            "MaxKeys": limit,
            "IsTruncated": page.truncated,
        }
        answer |= listing.members(page, named, Delimiter, EncodingType)
        if page.rows:
            answer["Contents"] = [_row(bucket, named(k), v, owner=True, restores_at=restores_at) for k, v in page.rows]
        if page.truncated and Delimiter:  # Without one, the marker is the last key.
            answer["NextMarker"] = named(page.last)
        return answer | charged

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
        OptionalObjectAttributes: list[str] | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        charged = self._charged(ctx, bucket, RequestPayer)
        restores_at = _restores_at(ctx, OptionalObjectAttributes)
        named = listing.namer(EncodingType)
        limit = listing.page_size("maxKeys", MaxKeys)
        after = listing.untoken(ContinuationToken) if ContinuationToken is not None else StartAfter or ""
        page = listing.page(self._objects_of(Bucket), prefix=Prefix, delimiter=Delimiter, after=after, limit=limit)
        answer: dict[str, Any] = {
            "Name": Bucket,
            "Prefix": named(Prefix),
            "MaxKeys": limit,
            "KeyCount": len(page),
            "IsTruncated": page.truncated,
        }
        answer |= listing.members(page, named, Delimiter, EncodingType)
        if page.rows:
            answer["Contents"] = [
                _row(bucket, named(k), v, owner=FetchOwner, restores_at=restores_at) for k, v in page.rows
            ]
        if ContinuationToken is not None:
            answer["ContinuationToken"] = ContinuationToken
        elif StartAfter is not None:
            answer["StartAfter"] = named(StartAfter)
        if page.truncated:
            answer["NextContinuationToken"] = listing.token(page.last)
        return answer | charged

    # ---- steps -----------------------------------------------------------------------------------------------

    def _objects_of(self, bucket: str) -> Callable[[str], _Rows]:
        objects = self._tables.objects
        return lambda start: ((key, version) for (_, key), version in objects.scan((bucket,), start=(bucket, start)))

    def _versions_from(
        self, bucket: str, start: str, *, below: int | None
    ) -> Iterator[tuple[str, tuple[ObjectVersion, bool]]]:
        """The versions of the keys from `start` on, newest first within a key, and whether each is its key's latest.

        Of the key `start` itself only those whose sequence is smaller than `below`, if that is given.
        """
        before = None
        if below is not None:
            newest = self._shelf.find(bucket, start, None)
            before = start if newest is not None and newest.sequence >= below else None
        others = self._tables.versions.scan(
            (bucket,), start=(bucket, start) if below is None else (bucket, start, 1 - below)
        )
        rows = heapq.merge(
            (
                (key, -version.sequence, version)
                for key, version in self._objects_of(bucket)(start)
                if below is None or key != start or version.sequence < below
            ),
            ((key, place, version) for (_, key, place), version in others),
        )
        for key, _, version in rows:
            yield key, (version, key != before)
            before = key

    def _marked_place(self, bucket: str, key: str, version_id: str | None) -> int | None:
        """Versions of `key` below this place are behind the marker; None if all of its versions are to be left out."""
        if version_id is None:
            return None
        problem = {"ArgumentName": "version-id-marker", "ArgumentValue": version_id}
        if not version_id:
            raise InvalidArgument("A version-id marker cannot be empty.", members=problem)
        if not key:
            raise InvalidArgument("A version-id marker cannot be specified without a key marker.", members=problem)
        marked = self._shelf.find(bucket, key, version_id)
        place = place_of(version_id) if marked is None else marked.sequence
        if place is None and version_id != NULL_VERSION:
            raise InvalidArgument("Invalid version id specified", members=problem)
        return place


def _modified(version: ObjectVersion) -> int:
    return version.modified_ms // 1000  # S3 knows no fractions of a second.


def _owner(bucket: BucketRecord) -> dict[str, str]:
    return {"ID": owner_id(bucket.account)}


def _restores_at(ctx: Context, attributes: list[str] | None) -> int | None:
    """The time at which a list tells how restores stand, if it is asked to."""
    for name in attributes or ():
        if name != "RestoreStatus":
            raise InvalidArgument(
                "Invalid attribute name specified.",
                members={"ArgumentName": "x-amz-optional-object-attributes", "ArgumentValue": name},
            )
    return ctx.now_ms if attributes else None


def _row(
    bucket: BucketRecord, key: str, version: ObjectVersion, *, owner: bool, restores_at: int | None
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "Key": key,
        "LastModified": _modified(version),
        "ETag": f'"{version.etag}"',
        "Size": version.size,
        "StorageClass": storage(version),
    }
    if version.checksums:
        row |= {"ChecksumAlgorithm": list(version.checksums), "ChecksumType": version.checksum_type}
    if owner:
        row["Owner"] = _owner(bucket)
    if restores_at is not None and row["StorageClass"] in ARCHIVED:
        row["RestoreStatus"] = restores.status(version, restores_at)
    return row
