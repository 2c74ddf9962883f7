"""What is told about an event: the record for queues, topics and functions, and the detail for EventBridge.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
"""

import hashlib
from typing import Any
from urllib.parse import quote_plus

from fogbank.core.context import Context
from fogbank.core.ids import host_id
from fogbank.core.moments import iso_milliseconds, iso_seconds
from fogbank.services.s3.events import CREATED, Details, Event
from fogbank.services.s3.fields import storage
from fogbank.services.s3.records import NULL_VERSION, Bucket, ObjectVersion

_S3 = "s3.amazonaws.com"
_EMPTY_ETAG = "d41d8cd98f00b204e9800998ecf8427e"
"""What a delete marker's event says, although a marker has no content."""

_REMOVED = frozenset((Event.DELETE, Event.EXPIRED))
_MARKED = frozenset((Event.DELETE_MARKER_CREATED, Event.EXPIRED_BY_MARKER))
_RESTORED = frozenset((Event.RESTORE_INITIATED, Event.RESTORE_COMPLETED))
_SEQUENCED = CREATED | _REMOVED | _MARKED
_BY_S3 = frozenset(
    (
        Event.EXPIRED,
        Event.EXPIRED_BY_MARKER,
        Event.TRANSITION,
        Event.INTELLIGENT_TIERING,
        Event.RESTORE_COMPLETED,
        Event.RESTORE_EXPIRED,
    )
)

# AWS's page tells of one version for all events, since 2.4; the recorded answers have those of before.
_VERSION = dict.fromkeys(CREATED | _RESTORED | {Event.DELETE, Event.DELETE_MARKER_CREATED}, "2.1")
_REPLICATION_VERSION = "2.2"
_LATER_VERSION = "2.3"

_DETAIL_TYPES = {
    **dict.fromkeys(CREATED, "Object Created"),
    **dict.fromkeys(_REMOVED | _MARKED, "Object Deleted"),
    Event.RESTORE_INITIATED: "Object Restore Initiated",
    Event.RESTORE_COMPLETED: "Object Restore Completed",
    Event.RESTORE_EXPIRED: "Object Restore Expired",
    Event.TAGGING_PUT: "Object Tags Added",
    Event.TAGGING_DELETE: "Object Tags Deleted",
    Event.ACL_PUT: "Object ACL Updated",
    Event.TRANSITION: "Object Storage Class Changed",
    Event.INTELLIGENT_TIERING: "Object Access Tier Changed",
}
_REASONS = {
    Event.PUT: "PutObject",
    Event.POST: "POST Object",
    Event.COPY: "CopyObject",
    Event.COMPLETE_MULTIPART_UPLOAD: "CompleteMultipartUpload",
    Event.DELETE: "DeleteObject",
    Event.DELETE_MARKER_CREATED: "DeleteObject",
    Event.EXPIRED: "Lifecycle Expiration",
    Event.EXPIRED_BY_MARKER: "Lifecycle Expiration",
}


def owner_principal(account: str) -> str:
    """An owner's id as event records name it: opaque, and the account's own."""
    return "A" + hashlib.sha256(account.encode()).hexdigest()[:13].upper()


def record(
    ctx: Context,
    bucket: Bucket,
    event: Event,
    key: str,
    version: ObjectVersion,
    details: Details,
    *,
    sequencer: str,
    configuration_id: str,
) -> dict[str, Any]:
    """An entry of the `Records` that queues, topics and functions get."""
    told: dict[str, Any] = {"key": quote_plus(key, safe="/*")}
    if event in CREATED or event in _RESTORED:
        told["size"] = version.size
    if event in _MARKED:
        told["eTag"] = _EMPTY_ETAG
    elif event not in _REMOVED:
        told["eTag"] = version.etag
    if version.version_id != NULL_VERSION:
        told["versionId"] = version.version_id
    if event in _SEQUENCED or event in _RESTORED:
        told["sequencer"] = sequencer
    found: dict[str, Any] = {
        "eventVersion": _version_of(event),
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": iso_milliseconds(ctx.now_ms),
        "eventName": event.value,
        "userIdentity": {"principalId": _principal(ctx, bucket, event)},
        "requestParameters": {"sourceIPAddress": ctx.peer or _S3},
        "responseElements": {"x-amz-request-id": ctx.request_id, "x-amz-id-2": host_id(ctx.request_id)},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": owner_principal(bucket.account)},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": told,
        },
    }
    return found | _event_data(event, version, details)


def detail(
    ctx: Context, bucket: Bucket, event: Event, key: str, version: ObjectVersion, details: Details, *, sequencer: str
) -> tuple[str, dict[str, Any]] | None:
    """EventBridge's detail type and detail; None for what is not sent there."""
    detail_type = _DETAIL_TYPES.get(event)
    if detail_type is None:
        return None
    told: dict[str, Any] = {"key": key}
    if event in CREATED or event in _RESTORED or event in (Event.TRANSITION, Event.INTELLIGENT_TIERING):
        told["size"] = version.size
    if event in _MARKED:
        told["etag"] = _EMPTY_ETAG
    elif event not in _REMOVED:
        told["etag"] = version.etag
    if version.version_id != NULL_VERSION:
        told["version-id"] = version.version_id
    if event in _SEQUENCED:
        told["sequencer"] = sequencer
    found: dict[str, Any] = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": told,
        "request-id": ctx.request_id,
        "requester": _S3 if event in _BY_S3 else ctx.account,
    }
    if event not in _BY_S3:
        found["source-ip-address"] = ctx.peer or _S3
    if event in _REASONS:
        found["reason"] = _REASONS[event]
    if event in _REMOVED:
        found["deletion-type"] = "Permanently Deleted"
    elif event in _MARKED:
        found["deletion-type"] = "Delete Marker Created"
    elif event in _RESTORED:
        found["source-storage-class"] = storage(version)
        if "restore_until_ms" in details:
            found["restore-expiry-time"] = iso_seconds(details["restore_until_ms"])
    elif event is Event.TRANSITION:
        found["destination-storage-class"] = storage(version)
    elif event is Event.INTELLIGENT_TIERING:
        found["destination-access-tier"] = details["access_tier"]
    return detail_type, found


def _version_of(event: Event) -> str:
    if event.startswith("Replication:"):
        return _REPLICATION_VERSION
    return _VERSION.get(event, _LATER_VERSION)


def _principal(ctx: Context, bucket: Bucket, event: Event) -> str:
    if event is Event.RESTORE_COMPLETED:
        return f"AmazonCustomer:{owner_principal(bucket.account)}"
    if event in _BY_S3 or event.startswith("Replication:"):
        return _S3
    return f"AWS:{ctx.user_id}"


def _event_data(event: Event, version: ObjectVersion, details: Details) -> dict[str, Any]:
    if event is Event.RESTORE_COMPLETED:
        restored = {
            "lifecycleRestorationExpiryTime": iso_milliseconds(details["restore_until_ms"]),
            "lifecycleRestoreStorageClass": storage(version),
        }
        return {"glacierEventData": {"restoreEventData": restored}}
    if event is Event.TRANSITION:
        return {"lifecycleEventData": {"transitionEventData": {"destinationStorageClass": storage(version)}}}
    if event is Event.INTELLIGENT_TIERING:
        return {"intelligentTieringEventData": {"destinationAccessTier": details["access_tier"]}}
    if "replication" in details:
        return {"replicationEventData": details["replication"]}
    return {}
