"""Restoring archived objects. https://docs.aws.amazon.com/AmazonS3/latest/userguide/restoring-objects.html

An archived object can be read while there is a restored copy of it: from when the restore is ready until the copy
expires, at the midnight (UTC) that follows the days it was asked for. Which it is follows from the time, so that
nothing has to happen for it; an alarm only tells of it.
"""

from email.utils import formatdate
from typing import Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import STATUS, Answer
from fogbank.services.s3.base import S3Base
from fogbank.services.s3.errors import (
    InvalidArgument,
    InvalidObjectState,
    MalformedXML,
    RestoreAlreadyInProgress,
)
from fogbank.services.s3.events import Event
from fogbank.services.s3.fields import storage
from fogbank.services.s3.new_objects import ARCHIVED
from fogbank.services.s3.records import ObjectVersion, Restore

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
# By when AWS says that a restore is usually done.
_DURATIONS_MS = {
    ("GLACIER", "Expedited"): 5 * _MINUTE_MS,
    ("GLACIER", "Standard"): 5 * _HOUR_MS,
    ("GLACIER", "Bulk"): 12 * _HOUR_MS,
    ("DEEP_ARCHIVE", "Standard"): 12 * _HOUR_MS,
    ("DEEP_ARCHIVE", "Bulk"): 48 * _HOUR_MS,
}
_FASTEST_FIRST = ("Expedited", "Standard", "Bulk")


def is_archived(version: ObjectVersion, now_ms: int) -> bool:
    """Whether there is no copy of it that can be read."""
    restore = version.restore
    restored = restore is not None and restore.ready_ms <= now_ms < restore.until_ms
    return storage(version) in ARCHIVED and not restored


def check_readable(version: ObjectVersion, now_ms: int) -> None:
    if is_archived(version, now_ms):
        raise InvalidObjectState(members={"StorageClass": storage(version)})


def status(version: ObjectVersion, now_ms: int) -> dict[str, Any]:
    """RestoreStatus, as lists tell it of archived objects."""
    restore = version.restore
    if restore is None or now_ms >= restore.until_ms:
        return {"IsRestoreInProgress": False}
    if now_ms < restore.ready_ms:
        return {"IsRestoreInProgress": True}
    return {"IsRestoreInProgress": False, "RestoreExpiryDate": restore.until_ms // 1000}


def header(version: ObjectVersion, now_ms: int) -> str:
    """The x-amz-restore header; empty if there is neither a restored copy nor one to come."""
    restore = version.restore
    if restore is None or now_ms >= restore.until_ms:
        return ""
    if now_ms < restore.ready_ms:
        return 'ongoing-request="true"'
    return f'ongoing-request="false", expiry-date="{formatdate(restore.until_ms // 1000, usegmt=True)}"'


class Restores(S3Base):
    """RestoreObject of `S3Service`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._restore_alarms = Alarms(cloud, "s3.restores", key=(str, str, str), ring=self._restore_due)

    async def start(self) -> None:
        await super().start()
        self._restore_alarms.resume()

    def restore_object(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        VersionId: str | None = None,
        RestoreRequest: dict[str, Any] | None = None,
        ChecksumAlgorithm: str | None = None,
        RequestPayer: str | None = None,
        ExpectedBucketOwner: str | None = None,
    ) -> Answer:
        bucket = self._bucket(ctx, Bucket, ExpectedBucketOwner)
        answer: dict[str, Any] = {**self._charged(ctx, bucket, RequestPayer)}
        version = self._find(ctx, Bucket, Key, VersionId)
        request = RestoreRequest or {}
        days, tier = _days_and_tier(request)
        if storage(version) not in ARCHIVED:
            raise InvalidObjectState(
                "Restore is not allowed for the object's current storage class",
                members={"StorageClass": storage(version)},
            )
        duration_ms = _DURATIONS_MS.get((storage(version), tier))
        if duration_ms is None:
            raise InvalidArgument("Retrieval option is not supported by this storage class")
        restore = version.restore
        if restore is not None and restore.ready_ms <= ctx.now_ms < restore.until_ms:
            # There is a copy already: it stays for so many days from now.
            version.restore = Restore(restore.ready_ms, _expiry_ms(ctx.now_ms, days), restore.tier)
        else:
            underway = restore.tier if restore is not None and ctx.now_ms < restore.ready_ms else None
            if underway is not None and _FASTEST_FIRST.index(tier) >= _FASTEST_FIRST.index(underway):
                raise RestoreAlreadyInProgress()
            ready_ms = ctx.now_ms + duration_ms
            version.restore = Restore(ready_ms, _expiry_ms(ready_ms, days), tier)
            answer[STATUS] = 202
        self._shelf.replace(Bucket, Key, version)
        self._set_restore_alarm(Bucket, Key, version, ctx.now_ms)
        if STATUS in answer:
            self._events.happened(ctx, bucket, Event.RESTORE_INITIATED, Key, version)
        return answer

    def _set_restore_alarm(self, bucket: str, key: str, version: ObjectVersion, now_ms: int) -> None:
        assert version.restore is not None
        at_ms = version.restore.ready_ms if now_ms < version.restore.ready_ms else version.restore.until_ms
        self._restore_alarms.set((bucket, key, version.version_id), at_ms)

    def _restore_due(self, place: tuple[str, str, str], alarm: Alarm) -> None:
        bucket_name, key, version_id = place
        bucket = self._tables.buckets.get((bucket_name,))
        version = self._shelf.find(bucket_name, key, version_id) if bucket is not None else None
        if bucket is None or version is None or version.restore is None:
            return  # It is gone, or was replaced.
        now_ms = self.cloud.clock.now_ms()
        ctx = self.cloud.context(account=bucket.account, region=bucket.region)
        if now_ms < version.restore.until_ms:
            until_ms = version.restore.until_ms
            self._events.happened(ctx, bucket, Event.RESTORE_COMPLETED, key, version, restore_until_ms=until_ms)
            self._set_restore_alarm(bucket_name, key, version, now_ms)
        else:
            version.restore = None
            self._shelf.replace(bucket_name, key, version)
            self._events.happened(ctx, bucket, Event.RESTORE_EXPIRED, key, version)


def _days_and_tier(request: dict[str, Any]) -> tuple[int, str]:
    if request.get("Type") == "SELECT" or "SelectParameters" in request or "OutputLocation" in request:
        raise NotImplementedInFogbank("Fogbank's RestoreObject of s3 does not implement requests of the type SELECT.")
    days = request.get("Days")
    if days is None or days < 1:
        raise MalformedXML()
    tier: str = request.get("GlacierJobParameters", {}).get("Tier") or request.get("Tier") or "Standard"
    return days, tier


def _expiry_ms(from_ms: int, days: int) -> int:
    """The midnight that follows `days` days after `from_ms`."""
    return (from_ms // _DAY_MS + days + 1) * _DAY_MS
