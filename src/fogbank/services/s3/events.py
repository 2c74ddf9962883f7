"""Where it is said that something happened to an object.

Operations call `happened` in the transaction of the change; notifications, EventBridge and replication hear it there
and write what they have to deliver into the same transaction.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
"""

from collections.abc import Callable
from enum import StrEnum
from typing import Any, TypedDict, Unpack

from fogbank.core.context import Context
from fogbank.services.s3.records import Bucket, ObjectVersion


class Event(StrEnum):
    """What can happen to an object, in the words of its event records. (Configurations say `s3:` before them.)"""

    PUT = "ObjectCreated:Put"
    POST = "ObjectCreated:Post"
    COPY = "ObjectCreated:Copy"
    COMPLETE_MULTIPART_UPLOAD = "ObjectCreated:CompleteMultipartUpload"
    DELETE = "ObjectRemoved:Delete"
    DELETE_MARKER_CREATED = "ObjectRemoved:DeleteMarkerCreated"
    RESTORE_INITIATED = "ObjectRestore:Post"
    RESTORE_COMPLETED = "ObjectRestore:Completed"
    RESTORE_EXPIRED = "ObjectRestore:Delete"
    TAGGING_PUT = "ObjectTagging:Put"
    TAGGING_DELETE = "ObjectTagging:Delete"
    ACL_PUT = "ObjectAcl:Put"
    EXPIRED = "LifecycleExpiration:Delete"
    EXPIRED_BY_MARKER = "LifecycleExpiration:DeleteMarkerCreated"
    TRANSITION = "LifecycleTransition"
    INTELLIGENT_TIERING = "IntelligentTiering"
    RETENTION_PUT = "ObjectRetention:Put"
    LEGAL_HOLD_PUT = "ObjectLegalHold:Put"
    """S3 has no notification of it; replication listens."""
    REPLICATION_FAILED = "Replication:OperationFailedReplication"
    REPLICATION_MISSED_THRESHOLD = "Replication:OperationMissedThreshold"
    REPLICATION_AFTER_THRESHOLD = "Replication:OperationReplicatedAfterThreshold"
    REPLICATION_NOT_TRACKED = "Replication:OperationNotTracked"


CREATED = frozenset((Event.PUT, Event.POST, Event.COPY, Event.COMPLETE_MULTIPART_UPLOAD))


class Details(TypedDict, total=False):
    """What an event tells beyond the version itself."""

    restore_until_ms: int
    """When a restored copy expires, of RESTORE_COMPLETED."""
    access_tier: str
    """Of INTELLIGENT_TIERING."""
    replication: dict[str, Any]
    """The `replicationEventData` of the REPLICATION events."""


Listener = Callable[[Context, Bucket, Event, str, ObjectVersion, Details], None]


class ObjectEvents:
    """Tells those who listen what happens to the objects of the buckets that they care for."""

    def __init__(self) -> None:
        self._listeners: list[tuple[Callable[[Bucket], bool], Listener]] = []

    def listen(self, cares: Callable[[Bucket], bool], listener: Listener) -> None:
        """`listener` hears of the buckets for which `cares` is true; it is asked of the record alone, as it is asked
        at every change.
        """
        self._listeners.append((cares, listener))

    def happened(
        self,
        ctx: Context,
        bucket: Bucket,
        event: Event,
        key: str,
        version: ObjectVersion,
        **details: Unpack[Details],
    ) -> None:
        """Say that `event` happened to that version: the one that was made, changed or removed."""
        for cares, listener in self._listeners:
            if cares(bucket):
                listener(ctx, bucket, event, key, version, details)
