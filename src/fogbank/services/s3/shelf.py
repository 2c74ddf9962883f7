"""Which version of an object is the latest, and what becomes of the one before.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from fogbank.services.s3.bodies import Bodies
from fogbank.services.s3.records import NULL_VERSION, Bucket, ObjectVersion, S3Tables
from fogbank.services.s3.version_ids import new_version_id, place_of

ENABLED = "Enabled"


class Shelf:
    """Adds, finds and removes versions; all in the caller's transaction."""

    def __init__(self, tables: S3Tables, bodies: Bodies) -> None:
        self._tables = tables
        self._bodies = bodies

    def new_version_id(self, bucket: Bucket) -> str:
        return new_version_id(self._tables.latest_sequence() + 1) if bucket.versioning == ENABLED else NULL_VERSION

    def put(self, bucket: Bucket, key: str, version: ObjectVersion) -> None:
        """Make `version` the latest."""
        self._make_room(bucket, key)
        if version.delete_marker:
            self._tables.versions.put((bucket.name, key, -version.sequence), version)
        else:
            self._tables.objects.put((bucket.name, key), version)

    def find(self, bucket: str, key: str, version_id: str | None) -> ObjectVersion | None:
        current = self._tables.objects.get((bucket, key))
        if version_id is None:
            if current is not None:
                return current
            newest = self._tables.versions.first((bucket, key))
            return newest[1] if newest is not None else None
        if current is not None and current.version_id == version_id:
            return current
        place = place_of(version_id)
        if place is not None:
            there = self._tables.versions.get((bucket, key, -place))
            if there is not None and there.version_id == version_id:
                return there
        for _, version in self._tables.versions.scan((bucket, key)):  # Null versions, and ids of older data folders.
            if version.version_id == version_id:
                return version
        return None

    def remove(self, bucket: str, key: str) -> ObjectVersion | None:
        """Remove the object of a bucket that never had versioning."""
        current = self._tables.objects.get((bucket, key))
        if current is not None:
            self._bodies.drop(current.body)
            self._tables.objects.delete((bucket, key))
        return current

    def remove_version(self, bucket: str, key: str, version_id: str) -> ObjectVersion | None:
        """Remove that version for good; the next one becomes the latest."""
        version = self.find(bucket, key, version_id)
        if version is None:
            return None
        self._bodies.drop(version.body)
        if not self._tables.versions.delete((bucket, key, -version.sequence)):
            self._tables.objects.delete((bucket, key))
        self._promote(bucket, key)
        return version

    def replace(self, bucket: str, key: str, version: ObjectVersion) -> None:
        """Store a changed version where it lies."""
        current = self._tables.objects.get((bucket, key))
        if current is not None and current.sequence == version.sequence:
            self._tables.objects.put((bucket, key), version)
        else:
            self._tables.versions.put((bucket, key, -version.sequence), version)

    def _make_room(self, bucket: Bucket, key: str) -> None:
        if not bucket.versioning:
            self.remove(bucket.name, key)
            return
        current = self._tables.objects.get((bucket.name, key))
        if current is not None:
            self._tables.objects.delete((bucket.name, key))
            self._tables.versions.put((bucket.name, key, -current.sequence), current)
        if bucket.versioning != ENABLED:
            # Suspended: there is one null version at most, and the new one is it.
            for place, version in list(self._tables.versions.scan((bucket.name, key))):
                if version.version_id == NULL_VERSION:
                    self._bodies.drop(version.body)
                    self._tables.versions.delete(place)

    def _promote(self, bucket: str, key: str) -> None:
        if self._tables.objects.get((bucket, key)) is not None:
            return
        newest = self._tables.versions.first((bucket, key))
        if newest is not None and not newest[1].delete_marker:
            self._tables.versions.delete(newest[0])
            self._tables.objects.put((bucket, key), newest[1])
