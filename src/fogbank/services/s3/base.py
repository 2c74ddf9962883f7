"""What every operation of S3 stands on: finding buckets and versions, adding and deleting versions."""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import http_date
from fogbank.core.service import Service
from fogbank.services.s3 import object_lock
from fogbank.services.s3.bodies import Bodies
from fogbank.services.s3.body_keys import BodyKey
from fogbank.services.s3.conditions import WriteCondition
from fogbank.services.s3.customer_keys import CustomerKey
from fogbank.services.s3.demands import permit_to_miss
from fogbank.services.s3.errors import (
    AccessDenied,
    InvalidArgument,
    InvalidBucketOwner,
    MethodNotAllowed,
    NoSuchBucket,
    NoSuchKey,
    NoSuchVersion,
)
from fogbank.services.s3.events import Event, ObjectEvents
from fogbank.services.s3.fields import check_key, check_version_id, over_http
from fogbank.services.s3.kms_keys import KmsKeys
from fogbank.services.s3.records import NULL_VERSION, ObjectVersion, S3Tables
from fogbank.services.s3.records import Body as StoredPieces
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.shelf import Shelf
from fogbank.services.s3.usage import Usages


class S3Base(Service):
    """The common steps of the operations of `S3Service`; all in the caller's transaction."""

    name = "s3"
    is_for_pages = True
    data_operations = frozenset(
        ("AbortMultipartUpload", "CompleteMultipartUpload", "CopyObject", "CreateMultipartUpload", "DeleteObject",
         "DeleteObjectTagging", "DeleteObjects", "GetObject", "GetObjectAcl", "GetObjectAttributes",
         "GetObjectLegalHold", "GetObjectRetention", "GetObjectTagging", "HeadBucket", "HeadObject",
         "ListMultipartUploads", "ListObjectVersions", "ListObjects", "ListObjectsV2", "ListParts", "PutObject",
         "PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging", "RestoreObject",
         "SelectObjectContent", "UploadPart", "UploadPartCopy")
    )  # fmt: skip
    raw_shapes = frozenset(
        (
            "AccessControlPolicy",
            "BucketAccelerateStatus",
            "BucketCannedACL",
            "BucketLocationConstraint",
            "BucketLogsPermission",
            "ChecksumAlgorithm",
            "ChecksumMode",
            "CompressionType",
            "CopySource",
            "EncodingType",
            "Event",
            "ExpressionType",
            "FileHeaderInfo",
            "FilterRuleName",
            "JSONType",
            "MaxBuckets",
            "MetadataDirective",
            "ObjectAttributes",
            "ObjectCannedACL",
            "ObjectLockMode",
            "ObjectOwnership",
            "OptionalObjectAttributes",
            "Protocol",
            "QuoteFields",
            "ServerSideEncryption",
            "StorageClass",
            "Tagging",
            "TaggingDirective",
            "TransitionDefaultMinimumObjectSize",
        )
    )
    """Enumerations and documents whose refusals have sentences of their own."""

    _LOCK_CONFIG = "object_lock"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = S3Tables(cloud.store)
        self._bodies = Bodies(self._tables, cloud.blobs)
        self._usages = Usages(cloud.store)
        self._shelf = Shelf(self._tables, self._bodies, self._usages)
        self._events = ObjectEvents()
        self._kms_keys = KmsKeys(cloud)
        with cloud.store.transaction():
            self._shelf.take_over()

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> AwsError | None:
        """A bucket that is not there is said before anything about what was to be done to it."""
        name = parameters.get("Bucket")
        if name and "CreateBucketConfiguration" not in parameters and self._tables.buckets.peek((name,)) is None:
            return NoSuchBucket(members={"BucketName": name})
        return None

    def _bucket(self, ctx: Context, name: str, owner: str | None = None) -> BucketRecord:
        bucket = self._tables.buckets.peek((name,))
        if bucket is None:
            raise NoSuchBucket(members={"BucketName": name})
        if owner is not None and owner != bucket.account:
            if len(owner) != 12 or not owner.isdecimal():
                sentence = f"The value of the expected bucket owner parameter must be an AWS Account ID... [{owner}]"
                raise InvalidBucketOwner(sentence)
            raise AccessDenied()
        return bucket

    def _charged(self, ctx: Context, bucket: BucketRecord, payer: str | None) -> dict[str, Any]:
        """What the answer tells a requester who pays; AccessDenied for one who did not agree to."""
        if ctx.account == bucket.account:
            return {}
        config = self._tables.configs.peek((bucket.name, "request_payment"))
        if config is None or config.value != "Requester":
            return {}
        if payer != "requester":
            raise AccessDenied()
        return {"RequestCharged": "requester"}

    def _body_key(
        self, ctx: Context, bucket: str, key: str, version: ObjectVersion, customer_key: CustomerKey | None
    ) -> BodyKey | None:
        """What the version's body is encrypted with, for who has the customer's key and may use that of KMS."""
        if customer_key is not None:
            return customer_key.body_key
        if not version.data_key:
            return None
        owner = self._tables.buckets.peek((bucket,))
        assert owner is not None, f"bucket {bucket} has an object and is not there"
        return self._kms_keys.of(ctx, owner, key, version)

    def _find(
        self, ctx: Context, bucket: str, key: str, version_id: str | None, *, method: str = "GET"
    ) -> ObjectVersion:
        check_key(key)
        version = self._shelf.find(bucket, key, version_id)
        if version_id is None and (version is None or version.delete_marker) and over_http(ctx):
            permit_to_miss(self, ctx, bucket)
        if version is None:
            if version_id is not None:
                check_version_id(version_id)
                raise NoSuchVersion(members={"Key": key, "VersionId": version_id})
            raise NoSuchKey(members={"Key": key})
        if version.delete_marker:
            marked = {"x-amz-delete-marker": "true", "x-amz-version-id": version.version_id}
            if version_id is None:
                raise NoSuchKey(members={"Key": key}, headers=marked)
            raise MethodNotAllowed(
                members={"Method": method, "ResourceType": "DeleteMarker"},
                headers={**marked, "Allow": "DELETE", "Last-Modified": http_date(version.modified_ms)},
            )
        return version

    def _place(self, ctx: Context, bucket: BucketRecord, key: str, version: ObjectVersion, event: Event) -> None:
        """Make a new version the latest, by `event`."""
        if bucket.object_lock and not version.delete_marker:
            version.lock = object_lock.retention(self._default_retention(bucket), version.lock, ctx.now_ms)
        self._shelf.put(bucket, key, version)
        self._events.happened(ctx, bucket, event, key, version)

    def _delete(
        self,
        ctx: Context,
        bucket: BucketRecord,
        key: str,
        version_id: str | None,
        *,
        bypass: bool = False,
        removed: Event = Event.DELETE,
        marked: Event = Event.DELETE_MARKER_CREATED,
    ) -> dict[str, Any]:
        """Delete as DeleteObject does. `bypass` overrides a retention in governance mode; `removed` and `marked` are
        what is said to have happened.
        """
        if version_id is not None:
            if bucket.object_lock:
                found = self._shelf.find(bucket.name, key, version_id)
                if found is not None:
                    object_lock.check_removal(found.lock, ctx.now_ms, bypass=bypass)
            gone = self._shelf.remove_version(bucket.name, key, version_id)
            if gone is None:
                check_version_id(version_id)
                return {"VersionId": version_id}
            self._events.happened(ctx, bucket, removed, key, gone)
            return {"VersionId": version_id} | ({"DeleteMarker": True} if gone.delete_marker else {})
        self._tell_uploads(bucket.name, key)
        if not bucket.versioning:
            gone = self._shelf.remove(bucket.name, key)
            # AWS tells also of the deletion of what was not there.
            self._events.happened(ctx, bucket, removed, key, gone or ObjectVersion(NULL_VERSION, 0, ctx.now_ms))
            return {}
        marker_version = ObjectVersion(
            version_id=self._shelf.new_version_id(bucket),
            sequence=self._tables.next_sequence(),
            modified_ms=ctx.now_ms,
            body=StoredPieces([]),
            delete_marker=True,
        )
        self._place(ctx, bucket, key, marker_version, marked)
        return {"DeleteMarker": True, "VersionId": marker_version.version_id}

    def _tell_uploads(self, bucket: str, key: str) -> None:
        """The object is deleted: uploads in progress that may only create it come too late."""
        for (_, _, upload_id), _ref in list(self._tables.uploads_of.scan((bucket, key))):
            upload = self._tables.uploads.get((upload_id,))
            if upload is not None and not upload.overtaken:
                upload.overtaken = True
                self._tables.uploads.put((upload_id,), upload)

    def _default_retention(self, bucket: BucketRecord) -> dict[str, Any] | None:
        """The Object Lock configuration of a bucket that has Object Lock."""
        config = self._tables.configs.peek((bucket.name, self._LOCK_CONFIG))
        return config.value if config is not None else None

    def _bypass(self, bucket: BucketRecord, given: bool | None) -> bool:
        """Whether a request overrides governance mode; where nothing can be locked, it may not even say that it does
        not.
        """
        if given is not None and not bucket.object_lock:
            raise InvalidArgument(
                "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
                members={"ArgumentName": "x-amz-bypass-governance-retention"},
            )
        return bool(given)

    def _check_write(
        self,
        bucket: BucketRecord,
        key: str,
        condition: WriteCondition,
        *,
        since: int | None = None,
        deleted: bool = False,
    ) -> None:
        """Raises unless what the write demands of the present object holds (see `WriteCondition.check`)."""
        if condition.if_match is not None or condition.if_none_match is not None:
            current = self._tables.objects.get((bucket.name, key))
            condition.check(key, current, since=since, deleted=deleted)
