"""What DynamoDB stores.

An item lies in `items` under (table id, partition key, sort key), the keys in the bytes of `values.key_bytes`; every
index has a projected copy under (index id, its partition key, its sort key, the item's two keys), written in the same
transaction. A stream's records lie in `stream_records` under (stream id, sequence).
Of tables under a key of KMS, attributes lie sealed (`encryption.py`): in the record's place for them is an extension.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core.cloud import AccessKey
from fogbank.core.store import Extension, Record, Store
from fogbank.services.dynamodb.values import Item, item_size

KEY_ARN = "KeyArn"

if TYPE_CHECKING:
    Attributes = Item
else:
    # An extension takes the place of what is sealed, which only `Any` lets msgspec read.
    Attributes = Any


class Index(Record):
    """A secondary index; `keys` are its attributes, those of the partition key first."""

    id: int
    name: str
    keys: list[str]
    projection: str
    non_key_attributes: list[str]
    local: bool
    read_units: int = 0
    write_units: int = 0
    warm_read_units: int = 0
    warm_write_units: int = 0
    backfilling: bool = False
    """It does not hold all items yet that were there before it."""
    max_read_units: int = 0
    max_write_units: int = 0
    partition_parts: int = 1
    """So many of the keys are the partition key; the others are the sort key."""


class Stream(Record):
    """The change stream of a table, now or earlier."""

    id: int
    label: str
    view_type: str
    created_ms: int
    enabled: bool = True


class Insights(Record):
    """Contributor insights of a table or an index, where they are on."""

    mode: str
    since_ms: int


class Replica(Record):
    """Another region that has the same table; `active` once it holds what the table held when it was added."""

    since_ms: int
    active: bool = False
    kms_key: str | None = None
    table_class: str | None = None


class Restore(Record):
    """What a table was restored from."""

    source_table: str
    source_backup: str
    at_ms: int
    in_progress: bool = True


class Destination(Record):
    """A Kinesis stream that gets a table's changes."""

    precision: str = ""
    active: bool = True


class TableRecord(Record):
    """A table. `keys` are its partition and sort attributes; `types` the types of all key attributes."""

    id: int
    uuid: str
    name: str
    account: str
    region: str
    created_ms: int
    keys: list[str]
    types: dict[str, str]
    on_demand: bool
    read_units: int
    write_units: int
    indexes: list[Index] = []
    stream: Stream | None = None
    ttl_attribute: str = ""
    tags: dict[str, str] = {}
    deletion_protection: bool = False
    table_class: str = "STANDARD"
    sse: dict[str, Any] | None = None
    """The SSESpecification, and under `KEY_ARN` the key that it means."""
    point_in_time_recovery: bool = False
    warm_read_units: int = 0
    warm_write_units: int = 0
    on_demand_since_ms: int = 0
    insights: dict[str, Insights] = {}
    """Contributor insights that are on, by index name; the table's own under the empty name."""
    replicas: dict[str, Replica] = {}
    """The other regions of a global table."""
    recovery_since_ms: int = 0
    recovery_days: int = 35
    copies_running: int = 0
    """Backups, restores and exports that read the table now."""
    restore: Restore | None = None
    expiry_id: int = 0
    """Where the times lie at which items expire; 0: under the table's own id, as they once did."""
    expiry_filling: bool = False
    max_read_units: int = 0
    max_write_units: int = 0
    """The maximum throughput on demand; 0: as much as is asked for."""
    has_maximum: bool = False
    """Whether the table or one of its indexes has a maximum throughput."""
    ttl_changed_ms: int = 0
    destinations: dict[str, Destination] = {}
    """By the ARN of the Kinesis stream."""
    data_key: int = 0
    """The number of the `TableKey` that attributes are sealed with; 0: they are not."""
    hides_partitions: bool = False
    """Whether partition keys lie as digests: in tables that were under a key of KMS when they were made."""
    sealing: bool = False
    """What was there before the table's key is not all sealed yet."""

    @property
    def arn(self) -> str:
        return f"arn:aws:dynamodb:{self.region}:{self.account}:table/{self.name}"

    @property
    def stream_arn(self) -> str:
        assert self.stream is not None
        return f"{self.arn}/stream/{self.stream.label}"

    def key_types(self) -> dict[str, str]:
        return {name: self.types[name] for name in self.keys}

    def index(self, name: str) -> Index | None:
        return next((index for index in self.indexes if index.name == name), None)


class StoredItem(Record):
    """An item and its size in bytes as DynamoDB counts it, so that reading an item needs no counting."""

    size: int
    item: Attributes

    @classmethod
    def of(cls, item: Item) -> "StoredItem":
        return cls(item_size(item), item)


class StreamEntry(Record):
    """A stream that can be read, also after its table is gone."""

    table: str
    stream: Stream
    keys: list[str]
    types: dict[str, str]
    data_key: int = 0


class StreamRecord(Record):
    """One change of one item."""

    event: str
    keys: Attributes
    new: Attributes | None
    old: Attributes | None
    created_ms: int
    size: int
    by_ttl: bool = False


class Version(Record):
    """Which write an item of a global table was left by, deletions included: a later one has a higher number."""

    number: int


class Past(Record):
    """What an item was until a write changed it (None: there was none), and when that was."""

    item: StoredItem | None
    changed_ms: int


class StoredSize(Record):
    """What can be told of a `StoredItem` without its key."""

    size: int


class StreamTime(Record):
    """What can be told of a `StreamRecord` without its key."""

    event: str
    keys: msgspec.Raw
    new: msgspec.Raw
    old: msgspec.Raw
    created_ms: int


class PastTime(Record):
    """What can be told of a `Past` without its key."""

    item: msgspec.Raw
    changed_ms: int


class TableKey(Record):
    """A data key of a table or a backup, encrypted by the key of KMS or, where it has none, by the folder's master key.

    It is never removed: a deleted table's stream can be read for a day, and what it sends may be under way for longer.
    """

    account: str
    region: str
    table: str
    blob: bytes
    key_arn: str = ""
    grant: str = ""
    """The grant by which DynamoDB uses the key of KMS for what it does by itself."""


class Backup(Record):
    """An on-demand backup: the table's definition then; its items lie in `backup_items`."""

    id: int
    name: str
    arn: str
    table: TableRecord
    created_ms: int
    available: bool = False
    items: int = 0
    size: int = 0
    restores_running: int = 0
    data_key: int = 0


class Job(Record):
    """What exports and imports have in common."""

    arn: str
    table_uuid: str
    token: str
    digest: bytes
    started_ms: int
    bucket: str
    prefix: str | None
    bucket_owner: str | None
    status: str = "IN_PROGRESS"
    ended_ms: int = 0
    failure_code: str = ""
    failure_message: str = ""
    caller: AccessKey | None = None
    """Who asked for it: S3 is asked on their behalf. None where nothing is authorized."""


class DataFile(Record):
    """A file of an export that is written."""

    key: str
    items: int
    md5: str
    etag: str


class Export(Record):
    """An export of a table as it was at a moment or, with `view`, of what changed in it between two times."""

    job: Job
    at_ms: int
    moment_number: int
    moment_ms: int
    from_ms: int = 0
    to_ms: int = 0
    view: str = ""
    items: int = 0
    size: int = 0
    files: list[DataFile] = []
    after: tuple[bytes, bytes] | None = None
    """The key of the last item in these files."""
    sse_algorithm: str = "AES256"
    sse_key: str = ""


class Import(Record):
    """An import into a table, which lies in `restoring` until the import ends."""

    job: Job
    parameters: dict[str, Any]
    """The TableCreationParameters."""
    format: str
    options: dict[str, Any]
    compression: str
    log_group: str
    errors: int = 0
    size: int = 0
    processed: int = 0
    imported: int = 0
    object_key: str = ""
    object_records: int = 0
    """How many records of that object are processed."""
    object_done: bool = False


class ResourcePolicy(Record):
    """The policy of a table or a stream."""

    document: str
    revision: str


class Token(Record):
    """A TransactWriteItems that was done, by its client token."""

    digest: bytes
    until_ms: int


class Counter(Record):
    next: int


class DynamoDBTables:
    """The tables of DynamoDB."""

    def __init__(self, store: Store, unseal: Extension | None = None) -> None:
        place, index_place = (int, bytes, bytes), (int, bytes, bytes, bytes, bytes)
        items, index_items = "dynamodb.sized_items", "dynamodb.sized_index_items"
        stream_records, journal = "dynamodb.stream_records", "dynamodb.journal"
        self.tables = store.table("dynamodb.tables", key=(str, str, str), value=TableRecord)
        self.items = store.table(items, key=place, value=StoredItem, extension=unseal)
        self.item_sizes = store.table(items, key=place, value=StoredSize)
        self.index_items = store.table(index_items, key=index_place, value=StoredItem, extension=unseal)
        self.index_item_sizes = store.table(index_items, key=index_place, value=StoredSize)
        self.expiring = store.table("dynamodb.expiring", key=(int, int, bytes, bytes), value=Counter)
        self.streams = store.table("dynamodb.streams", key=(str, str, str, str), value=StreamEntry)
        self.stream_records = store.table(stream_records, key=(int, int), value=StreamRecord, extension=unseal)
        self.stream_times = store.table(stream_records, key=(int, int), value=StreamTime)
        self.tokens = store.table("dynamodb.tokens", key=(str, str, str), value=Token)
        self.versions = store.table("dynamodb.versions", key=place, value=Version)
        self.journal = store.table(journal, key=(*place, int), value=Past, extension=unseal)
        self.journal_times = store.table(journal, key=(*place, int), value=PastTime)
        self.backups = store.table("dynamodb.backups", key=(str, str, str, str), value=Backup)
        self.backup_items = store.table("dynamodb.backup_items", key=place, value=StoredItem, extension=unseal)
        self.restoring = store.table("dynamodb.restoring", key=(str, str, str), value=TableRecord)
        self.policies = store.table("dynamodb.policies", key=(str, str, str, str), value=ResourcePolicy)
        self.exports = store.table("dynamodb.exports", key=(str, str, str, str), value=Export)
        self.imports = store.table("dynamodb.imports", key=(str, str, str, str), value=Import)
        self.counters = store.table("dynamodb.counters", key=(str,), value=Counter)

    def size_items(self, store: Store) -> None:
        """Items that were stored before their sizes were: they get one, once."""
        for old, new in (
            (store.table("dynamodb.items", key=(int, bytes, bytes), value=dict[str, Any]), self.items),
            (
                store.table("dynamodb.index_items", key=(int, bytes, bytes, bytes, bytes), value=dict[str, Any]),
                self.index_items,
            ),
        ):
            for key, item in list(old.scan()):
                new.put(key, StoredItem.of(item))
                old.delete(key)

    def streams_of(self, table: TableRecord) -> Iterator[tuple[tuple[Any, ...], StreamEntry]]:
        """The table's streams, those that have ended included, with their keys. Streams of a former table of its name
        are none of them: they are older than the table.
        """
        for key, entry in self.streams.scan((table.account, table.region, table.name)):
            if entry.stream.id > table.id:
                yield key, entry

    def count_copies(self, key: tuple[str, str, str], by: int) -> None:
        """Count what reads the table now: while there is any, the table is not deleted and its journal is kept."""
        table = self.tables.get(key)
        assert table is not None, "a table that is copied cannot be deleted"
        table.copies_running += by
        self.tables.put(key, table)

    def next_id(self) -> int:
        counter = self.counters.get(("id",)) or Counter(1)
        self.counters.put(("id",), Counter(counter.next + 1))
        return counter.next
