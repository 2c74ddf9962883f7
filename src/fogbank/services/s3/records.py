"""What S3 stores.

- `objects`, key (bucket, object key): the latest version, unless that is a delete marker or nothing.
- `versions`, key (bucket, object key, -sequence): every other version and all delete markers, newest first.
  Only buckets that have or had versioning have any.
- `places`, key (bucket, object key, version id): where in `versions` those lie whose id does not say it, null versions
  above all.
- `bodies`, key (body id): bodies up to `INLINE_MAX`. Larger ones are blobs of the same id.
- `parts`, key (upload id, part number): the parts of the uploads in progress.
"""

from collections.abc import Sequence
from typing import Any

from fogbank.core.store import Record, Store

INLINE_MAX = 16 * 1024
NULL_VERSION = "null"
_RESERVED = 1_000


class Bucket(Record):
    """Every request reads its bucket with `peek`: change a copy."""

    name: str
    account: str
    region: str
    created_ms: int
    versioning: str = ""
    object_lock: bool = False
    notifies: bool = False
    """Whether it has a notification configuration with any destination."""
    replicates: bool = False
    """Whether it has a replication configuration."""
    location: str = ""
    """The location constraint it was made with, where that is not the region's name (`EU`)."""
    has_lifecycle: bool = False
    logged: bool = False
    """Whether it has an access log."""
    metered: bool = False
    """Whether it has metrics configurations."""
    counted: bool = False
    """Whether its usage has been kept from the beginning; older buckets are counted at start."""


class BucketConfig(Record):
    """One of a bucket's configurations, as the API takes it."""

    value: Any


class Body(Record):
    """Where the bytes are: one or (after a multipart upload) several pieces, each (id, size).

    `salts`, one for each piece, is empty unless the bytes are encrypted under a customer's key.
    """

    pieces: list[tuple[str, int]]
    salts: list[str] = []

    @classmethod
    def joined(cls, bodies: "Sequence[Body]") -> "Body":
        return cls(
            [piece for body in bodies for piece in body.pieces], [salt for body in bodies for salt in body.salts]
        )

    @property
    def size(self) -> int:
        return sum(size for _, size in self.pieces)


class InlineBody(Record):
    data: bytes


class ObjectLock(Record):
    """What keeps a version from being removed: a retention, a legal hold, or both."""

    mode: str = ""
    until_ms: int = 0
    legal_hold: str = ""


class Grant(Record):
    """Who may do what: `kind` is the grantee's type, `grantee` a canonical id or a group's URI."""

    permission: str
    kind: str
    grantee: str


class Acl(Record):
    """An access control list; `owner` is the account that the bucket or object belongs to."""

    owner: str
    grants: list[Grant]


class Restore(Record):
    """A copy of an archived object, that was asked for, is there from `ready_ms` on and stays until `until_ms`."""

    ready_ms: int
    until_ms: int
    tier: str


class ObjectVersion(Record):
    """One version of an object, or a delete marker. `headers` are parameters that come back as given."""

    version_id: str
    sequence: int
    modified_ms: int
    size: int = 0
    etag: str = ""
    body: Body | None = None
    headers: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    checksums: dict[str, str] = {}
    checksum_type: str = ""
    part_sizes: list[int] = []
    delete_marker: bool = False
    lock: ObjectLock | None = None
    replication: str = ""
    """PENDING, COMPLETED or FAILED for one that is replicated; REPLICA for what came so."""
    acl: Acl | None = None
    """None: it is the bucket owner's, and private."""
    part_checksums: list[str] = []
    """Beside `part_sizes`, if the parts of the upload had checksums: of the algorithm in `checksums`."""
    key_verifier: str = ""
    """What tells the customer's key that it is encrypted with (see `customer_keys`)."""
    restore: Restore | None = None
    replicated_to: dict[str, str] = {}
    """The buckets that it is to be replicated to, and how far that is."""
    data_key: bytes = b""
    """What it is encrypted with if that is a key of KMS, as KMS encrypted it (see `kms_keys`)."""


class Upload(Record):
    """A multipart upload in progress."""

    bucket: str
    key: str
    initiated_ms: int
    headers: dict[str, Any] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    checksum_algorithm: str = ""
    checksum_type: str = ""
    initiator: str = ""
    lock: ObjectLock | None = None
    acl: Acl | None = None
    key_verifier: str = ""
    overtaken: bool = False
    """Whether the object was deleted since the upload began."""
    data_key: bytes = b""


class Part(Record):
    etag: str
    size: int
    modified_ms: int
    body: Body
    checksums: dict[str, str] = {}


class UploadRef(Record):
    initiated_ms: int


class LogLine(Record):
    """A line of a bucket's access log on its way into the target bucket."""

    text: str
    at_ms: int = 0


class Usage(Record):
    """How many objects there are, and how many bytes they have."""

    objects: int = 0
    size: int = 0


class CompletedUpload(Record):
    """What an upload became: version and sequence of the object, and a hash of the parts that were named."""

    bucket: str
    key: str
    version_id: str
    sequence: int
    parts: str
    at_ms: int


class LifecycleRun(Record):
    """How far the run of a bucket's lifecycle rules has come: everything up to the key, version or upload is done."""

    at_ms: int
    phase: int = 0
    key: str = ""
    place: int = 0
    upload_id: str = ""
    newer: int = 0
    """Noncurrent versions of the key that are newer than the next one."""
    since_ms: int = 0
    """When the next version of the key became noncurrent; 0 for one that is the latest."""


class Place(Record):
    sequence: int


class Counter(Record):
    next: int


class S3Tables:
    """The tables of S3. Bucket names are global, as they are on AWS."""

    def __init__(self, store: Store) -> None:
        self.buckets = store.table("s3.buckets", key=(str,), value=Bucket)
        self.configs = store.table("s3.configs", key=(str, str), value=BucketConfig)
        self.objects = store.table("s3.objects", key=(str, str), value=ObjectVersion)
        self.versions = store.table("s3.versions", key=(str, str, int), value=ObjectVersion)
        self.places = store.table("s3.places", key=(str, str, str), value=Place)
        self.bodies = store.table("s3.bodies", key=(str,), value=InlineBody)
        self.uploads = store.table("s3.uploads", key=(str,), value=Upload)
        self.uploads_of = store.table("s3.uploads_of", key=(str, str, str), value=UploadRef)
        self.parts = store.table("s3.parts", key=(str, int), value=Part)
        self.acls = store.table("s3.acls", key=(str,), value=Acl)
        self.log_lines = store.table("s3.log_lines", key=(str, int), value=LogLine)
        self.lifecycle_runs = store.table("s3.lifecycle_runs", key=(str,), value=LifecycleRun)
        self.completed_uploads = store.table("s3.completed_uploads", key=(str,), value=CompletedUpload)
        self.counters = store.table("s3.counters", key=(str,), value=Counter)
        self._store = store
        self._latest_sequence = (self.counters.get(("sequence",)) or Counter(1)).next - 1
        self._last_reserved = self._latest_sequence

    def next_sequence(self) -> int:
        """The number of a change, in its transaction. A thousand are reserved by one write, so there may be gaps."""
        self._latest_sequence += 1
        if self._latest_sequence > self._last_reserved:
            last = self._latest_sequence + _RESERVED
            self.counters.put(("sequence",), Counter(last + 1))
            self._store.after_commit(lambda: self._reserve(last))
        return self._latest_sequence

    def latest_sequence(self) -> int:
        return self._latest_sequence

    def _reserve(self, last: int) -> None:
        self._last_reserved = max(self._last_reserved, last)
