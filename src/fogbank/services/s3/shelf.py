"""Which version of an object is the latest, and what becomes of the one before.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/versioning-workflows.html
"""

from fogbank.services.s3.bodies import Bodies
from fogbank.services.s3.fields import storage
from fogbank.services.s3.records import NULL_VERSION, Bucket, Counter, ObjectVersion, Place, S3Tables
from fogbank.services.s3.usage import Usages
from fogbank.services.s3.version_ids import new_version_id, place_of

ENABLED = "Enabled"

_TAKEN_OVER = "places"


class Shelf:
    """Adds, finds and removes versions; all in the caller's transaction."""

    def __init__(self, tables: S3Tables, bodies: Bodies, usages: Usages) -> None:
        self._tables = tables
        self._bodies = bodies
        self._usages = usages

    def take_over(self) -> None:
        """Note where versions of older data folders lie, whose ids do not say it. To be done once."""
        if self._tables.counters.get((_TAKEN_OVER,)) is None:
            untold = [(key, version) for key, version in self._tables.versions.scan() if not _tells(version)]
            for (bucket, key, _), version in untold:
                self._tables.places.put((bucket, key, version.version_id), Place(version.sequence))
            self._tables.counters.put((_TAKEN_OVER,), Counter(1))

    def new_version_id(self, bucket: Bucket) -> str:
        return new_version_id(self._tables.latest_sequence() + 1) if bucket.versioning == ENABLED else NULL_VERSION

    def put(self, bucket: Bucket, key: str, version: ObjectVersion) -> None:
        """Make `version` the latest."""
        if not bucket.versioning:
            self._overwrite(bucket.name, key, version)
            return
        self._make_room(bucket, key)
        self._usages.add(bucket.name, storage(version), version.size)
        if version.delete_marker:
            self._lay(bucket.name, key, version)
        else:
            self._tables.objects.put((bucket.name, key), version)

    def insert(self, bucket: Bucket, key: str, version: ObjectVersion) -> None:
        """Put a version where its sequence says: behind newer ones, if there are any."""
        latest = self.find(bucket.name, key, None)
        if latest is not None and latest.sequence > version.sequence:
            self._usages.add(bucket.name, storage(version), version.size)
            self._lay(bucket.name, key, version)
        else:
            self.put(bucket, key, version)

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
        if place is None:
            noted = self._tables.places.get((bucket, key, version_id))
            if noted is None:
                return None
            place = noted.sequence
        there = self._tables.versions.get((bucket, key, -place))
        return there if there is not None and there.version_id == version_id else None

    def remove(self, bucket: str, key: str) -> ObjectVersion | None:
        """Remove the object of a bucket that never had versioning."""
        current = self._tables.objects.get((bucket, key))
        if current is not None:
            self._let_go(bucket, current)
            self._tables.objects.delete((bucket, key))
        return current

    def remove_version(self, bucket: str, key: str, version_id: str) -> ObjectVersion | None:
        """Remove that version for good; the next one becomes the latest."""
        version = self._take_out(bucket, key, version_id)
        if version is not None:
            self._promote(bucket, key)
        return version

    def replace(self, bucket: str, key: str, version: ObjectVersion) -> None:
        """Store a changed version where it lies."""
        current = self._tables.objects.get((bucket, key))
        if current is not None and current.sequence == version.sequence:
            self._tables.objects.put((bucket, key), version)
        else:
            self._tables.versions.put((bucket, key, -version.sequence), version)

    def move(self, bucket: str, key: str, version: ObjectVersion, storage_class: str) -> None:
        """Give a version another storage class."""
        self._usages.remove(bucket, storage(version), version.size)
        version.headers = {**version.headers, "StorageClass": storage_class}
        self._usages.add(bucket, storage_class, version.size)
        self.replace(bucket, key, version)

    def _let_go(self, bucket: str, version: ObjectVersion) -> None:
        self._bodies.drop(version.body)
        self._usages.remove(bucket, storage(version), version.size)

    def _overwrite(self, bucket: str, key: str, version: ObjectVersion) -> None:
        """Put the object of a bucket that never had versioning, and let go of the one that was there."""
        old = self._tables.objects.get((bucket, key))
        if old is None:
            self._usages.add(bucket, storage(version), version.size)
        elif storage(old) == storage(version):
            self._bodies.drop(old.body)
            self._usages.resize(bucket, storage(version), version.size - old.size)
        else:
            self._let_go(bucket, old)
            self._usages.add(bucket, storage(version), version.size)
        self._tables.objects.put((bucket, key), version)

    def _make_room(self, bucket: Bucket, key: str) -> None:
        """Of a bucket that has or had versioning."""
        if bucket.versioning != ENABLED:
            # Suspended: there is one null version at most, and the new one is it.
            self._take_out(bucket.name, key, NULL_VERSION)
        current = self._tables.objects.get((bucket.name, key))
        if current is not None:
            self._tables.objects.delete((bucket.name, key))
            self._lay(bucket.name, key, current)

    def _take_out(self, bucket: str, key: str, version_id: str) -> ObjectVersion | None:
        version = self.find(bucket, key, version_id)
        if version is not None:
            self._let_go(bucket, version)
            if not self._lift(bucket, key, version):
                self._tables.objects.delete((bucket, key))
        return version

    def _promote(self, bucket: str, key: str) -> None:
        if self._tables.objects.get((bucket, key)) is not None:
            return
        newest = self._tables.versions.first((bucket, key))
        if newest is not None and not newest[1].delete_marker:
            self._lift(bucket, key, newest[1])
            self._tables.objects.put((bucket, key), newest[1])

    def _lay(self, bucket: str, key: str, version: ObjectVersion) -> None:
        self._tables.versions.put((bucket, key, -version.sequence), version)
        if not _tells(version):
            self._tables.places.put((bucket, key, version.version_id), Place(version.sequence))

    def _lift(self, bucket: str, key: str, version: ObjectVersion) -> bool:
        if not _tells(version):
            self._tables.places.delete((bucket, key, version.version_id))
        return self._tables.versions.delete((bucket, key, -version.sequence))


def _tells(version: ObjectVersion) -> bool:
    """Whether its id says where the version lies."""
    return place_of(version.version_id) == version.sequence
