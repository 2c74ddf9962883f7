"""What Firehose stores.

- `streams`, key (account, region, name).
- `batches`, key (stream's id, batch's id): records that leave together: to a processor, or as one object or request.
- `open`, key (stream's id, stage, partition): the batch that takes what comes next. It is gone from here once the batch
  is sealed; a sealed batch is complete, and is there until it is delivered.
- `chunks`, key (batch's id, sequence): what one request, or one step of processing, has put into a batch.
"""

from typing import Any

from fogbank.core.store import Record, Store

StreamKey = tuple[str, str, str]

DELIVERY = "delivery"
"""The stage of records on their way to the destination."""

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

    @property
    def arn(self) -> str:
        return f"arn:aws:firehose:{self.region}:{self.account}:deliverystream/{self.name}"

    @property
    def key(self) -> StreamKey:
        return (self.account, self.region, self.name)


class Batch(Record):
    """Records of one stage and partition. `opened_ms` is when the oldest of them arrived."""

    stream: StreamKey
    stage: str
    opened_ms: int
    uuid: str
    partition_keys: dict[str, str] = {}
    sealed_ms: int = 0
    attempts: int = 0
    failing_ms: int = 0
    """When the first attempt to deliver it failed."""


class OpenBatch(Record):
    id: int


class Chunk(Record):
    """Records that were put together."""

    arrived_ms: int
    data: list[bytes]


class FirehoseTables:
    def __init__(self, store: Store) -> None:
        self.streams = store.table("firehose.streams", key=(str, str, str), value=DeliveryStream)
        self.batches = store.table("firehose.batches", key=(int, int), value=Batch)
        self.open = store.table("firehose.open", key=(int, str, str), value=OpenBatch)
        self.chunks = store.table("firehose.chunks", key=(int, int), value=Chunk)
