"""The operations of Object Lock."""

from typing import Any

from msgspec.structs import replace

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.s3 import object_lock
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import (
    InvalidBucketState,
    MalformedXML,
    MissingObjectLock,
    MissingRequestBody,
    NoSuchObjectLock,
    ObjectLockConfigurationNotFound,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.records import Bucket as BucketRecord
from fogbank.services.s3.records import BucketConfig, ObjectLock, ObjectVersion
from fogbank.services.s3.shelf import ENABLED


class ObjectLocks(S3Base):
    """The Object Lock operations of `S3Service`."""

    def get_object_legal_hold(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        _, version = self._lockable(ctx, Bucket, Key, VersionId, ExpectedBucketOwner, method="GET")
        if version.lock is None or not version.lock.legal_hold:
            raise NoSuchObjectLock()
        return {"LegalHold": {"Status": version.lock.legal_hold}}

    def get_object_lock_configuration(
        self, ctx: Context, *, Bucket: str, ExpectedBucketOwner: str | None = None
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if not bucket.object_lock:
            raise ObjectLockConfigurationNotFound(members={"BucketName": Bucket})
        config = self._tables.configs.get((Bucket, self._LOCK_CONFIG))
        value = config.value if config is not None else {"ObjectLockEnabled": "Enabled"}
        return {"ObjectLockConfiguration": value}

    def get_object_retention(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        _, version = self._lockable(ctx, Bucket, Key, VersionId, ExpectedBucketOwner, method="GET")
        if version.lock is None or not version.lock.mode:
            raise NoSuchObjectLock()
        return {"Retention": {"Mode": version.lock.mode, "RetainUntilDate": version.lock.until_ms / 1000}}

    def put_object_legal_hold(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        LegalHold: dict[str, Any] | None = None,
        VersionId: str | None = None,
        RequestPayer: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        status = (LegalHold or {}).get("Status")
        if status is None:
            raise MalformedXML()
        bucket, version = self._lockable(ctx, Bucket, Key, VersionId, ExpectedBucketOwner, method="PUT")
        lock = version.lock or ObjectLock()
        version.lock = ObjectLock(lock.mode, lock.until_ms, status)
        self._shelf.replace(Bucket, Key, version)
        self._events.happened(ctx, bucket, Event.LEGAL_HOLD_PUT, Key, version)
        return None

    def put_object_lock_configuration(
        self,
        ctx: Context,
        *,
        Bucket: str,
        ObjectLockConfiguration: dict[str, Any] | None = None,
        RequestPayer: str | None = None,
        Token: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        """`Token` was AWS's permission for buckets that exist; since 2023 none is needed and any is accepted."""
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        if ObjectLockConfiguration is None:
            raise MissingRequestBody()
        config = ObjectLockConfiguration
        object_lock.check_configuration(config)
        if "DefaultEventHold" in (config.get("Rule") or {}).get("DefaultRetention", {}):
            raise NotImplementedInFogbank("Fogbank's S3 does not implement event holds.")
        if bucket.versioning != ENABLED:
            raise InvalidBucketState("Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
        self._tables.configs.put((Bucket, self._LOCK_CONFIG), BucketConfig(config))
        self._tables.buckets.put((Bucket,), replace(bucket, object_lock=True))
        return None

    def put_object_retention(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        Retention: dict[str, Any] | None = None,
        VersionId: str | None = None,
        BypassGovernanceRetention: bool = False,
        RequestPayer: str | None = None,
        ContentMD5: str | None = None,
        ChecksumAlgorithm: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket, version = self._lockable(ctx, Bucket, Key, VersionId, ExpectedBucketOwner, method="PUT")
        wanted = Retention or {}
        if "EventHold" in wanted or "EventHoldDuration" in wanted:
            raise NotImplementedInFogbank("Fogbank's S3 does not implement event holds.")
        version.lock = object_lock.retained(version.lock, wanted, ctx.now_ms, bypass=BypassGovernanceRetention)
        self._shelf.replace(Bucket, Key, version)
        self._events.happened(ctx, bucket, Event.RETENTION_PUT, Key, version)
        return None

    def _lockable(
        self, ctx: Context, name: str, key: str, version_id: str | None, owner: str | None, *, method: str
    ) -> tuple[BucketRecord, ObjectVersion]:
        bucket = self._bucket(ctx, name, owner)
        if not bucket.object_lock:
            raise MissingObjectLock()
        return bucket, self._find(ctx, name, key, version_id, method=method)
