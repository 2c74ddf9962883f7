"""What Firehose stores.

- `streams`, key (account, region, name).
- `batches`, key (stream's id, batch's id): records that leave together: to a function, or as one object or request.
- `open`, key (stream's id, stage, partition): the batch that takes what comes next. It is gone from here once the batch
  is sealed; a sealed batch is complete, and is there until it is delivered or given up.
- `chunks`, key (batch's id, sequence): what one request, or one step of processing, has put into a batch.
- `checkpoints`, key (stream's id as text, shard): how far the shards of a source are read.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fogbank.core.sources.stream_reader import Checkpoint
from fogbank.core.store import Record, Store

StreamKey = tuple[str, str, str]

# The stages of a batch.
SOURCE = "source"
"""Records that are still to be processed."""
DELIVERY = "delivery"
"""Records on their way to the destination."""
BACKUP = "backup"
"""Records as they came, on their way to the backup bucket."""
FAILED = "failed"
"""JSON that tells of records which could not be processed or delivered, for the error output in S3. The partition is
the type of the error.
"""

MB = 1024 * 1024


class DeliveryStream(Record):
    """A Firehose stream. `settings` are the destination's configuration with every default filled in."""

    id: int
    name: str
    account: str
    region: str
    type: str
    created_ms: int
    active_ms: int
    """When it is done being created."""
    destination: str
    """Such as `ExtendedS3`; the name of its configuration begins so."""
    settings: dict[str, Any]
    version: int = 1
    updated_ms: int = 0
    source: dict[str, Any] = {}
    tags: dict[str, str] = {}
    encryption: dict[str, Any] = {}
    """As it is described; empty if it is not encrypted."""
    encryption_calls_ms: list[int] = []
    """When it was turned on or off in the last day."""
    throughput_hint_mb: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:firehose:{self.region}:{self.account}:deliverystream/{self.name}"

    @property
    def key(self) -> StreamKey:
        return (self.account, self.region, self.name)


class Batch(Record):
    """Records of one stage and partition. `opened_ms` is when the first of them arrived."""

    stream: StreamKey
    stage: str
    partition: str
    opened_ms: int
    uuid: str
    partition_keys: dict[str, str] = {}
    """By `namespace:name`, as prefixes have them."""
    sealed_ms: int = 0
    attempts: int = 0
    failing_ms: int = 0
    """When the first attempt to deliver it failed."""


class OpenBatch(Record):
    id: int


class Origin(Record):
    """Where a record of a Kinesis stream comes from."""

    shard_id: str
    partition_key: str
    sequence: str
    subsequence: int = 0


class Chunk(Record):
    """Records that were put together. `arrivals` and `origins` are empty where there is nothing to tell them apart."""

    arrived_ms: int
    data: list[bytes]
    arrivals: list[int] = []
    origins: list[Origin] = []
    sealed: bytes = b""
    """The data, encrypted, in place of `data`; and the stream that they were encrypted for."""
    sealed_for: StreamKey | None = None


class Item(NamedTuple):
    """A record on its way."""

    data: bytes
    arrived_ms: int
    origin: Origin | None = None
    raw: bytes = b""
    """What came, where it was unpacked on the way: that is what error output tells of."""
    keys: dict[str, str] = {}
    """Partition keys by `namespace:name`."""


def items_of(chunk: Chunk) -> Iterator[Item]:
    arrivals = chunk.arrivals or [chunk.arrived_ms] * len(chunk.data)
    origins: list[Origin] | list[None] = chunk.origins or [None] * len(chunk.data)
    return map(Item, chunk.data, arrivals, origins)


class FirehoseTables:
    def __init__(self, store: Store) -> None:
        self.streams = store.table("firehose.streams", key=(str, str, str), value=DeliveryStream)
        self.batches = store.table("firehose.batches", key=(int, int), value=Batch)
        self.open = store.table("firehose.open", key=(int, str, str), value=OpenBatch)
        self.chunks = store.table("firehose.chunks", key=(int, int), value=Chunk)
        self.checkpoints = store.table("firehose.checkpoints", key=(str, str), value=Checkpoint)
