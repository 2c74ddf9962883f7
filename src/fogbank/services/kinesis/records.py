"""What Kinesis stores.

- `streams`, key (account, region, name).
- `shards`, key (stream id, number): open ones, and closed ones until their last record is too old.
- `chunks`, key (stream id, shard's number, last sequence): what one request put into one shard. The key has the last
  sequence so that a scan from any position begins with the chunk that holds it.
- `consumers`, key (stream id, name).
- `commitments`, key (account, region).
"""

import re

from fogbank.core.store import Record, Store

_SHARD_ID = re.compile(r"shardId-(\d{12})")


class Shard(Record):
    """A range of hash keys, 16 bytes each, both included. `opened` and `closed` are sequences; 0 is still open."""

    number: int
    first_hash: bytes
    last_hash: bytes
    opened: int
    closed: int = 0
    parents: list[int] = []

    @property
    def id(self) -> str:
        return shard_id(self.number)


class Stream(Record):
    """A stream. `open` are its open shards in the order of their ranges: (number, first hash)."""

    id: int
    name: str
    account: str
    region: str
    created_ms: int
    open: list[tuple[int, bytes]]
    shards_made: int
    on_demand: bool = False
    retention_h: int = 24
    key_id: str = ""
    shard_metrics: list[str] = []
    tags: dict[str, str] = {}
    policy: str = ""
    record_kib_max: int = 1024
    scaled_ms: list[int] = []
    """When UpdateShardCount was called in the last day."""
    mode_changed_ms: list[int] = []
    """When UpdateStreamMode changed the mode in the last day."""
    peaks: list[tuple[int, float]] = []
    """Of a stream on demand: see `demand.Peak`."""
    warm_mibps: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:kinesis:{self.region}:{self.account}:stream/{self.name}"


class Chunk(Record):
    """Records of one shard that were put together; their sequences follow each other without gaps."""

    arrived_ms: int
    keys: list[str]
    data: list[bytes]
    encrypted: bool = False
    sealed: bytes = b""
    """The data, encrypted, in place of `data`."""


class Consumer(Record):
    """A consumer with throughput of its own."""

    name: str
    created_ms: int
    tags: dict[str, str] = {}
    policy: str = ""


class Commitment(Record):
    """An account's minimum throughput billing commitment; it may have an end that is still to come."""

    began_ms: int = 0
    ends_ms: int = 0


class KinesisTables:
    def __init__(self, store: Store) -> None:
        self.streams = store.table("kinesis.streams", key=(str, str, str), value=Stream)
        self.shards = store.table("kinesis.shards", key=(int, int), value=Shard)
        self.chunks = store.table("kinesis.chunks", key=(int, int, int), value=Chunk)
        self.commitments = store.table("kinesis.commitments", key=(str, str), value=Commitment)
        self.consumers = store.table("kinesis.consumers", key=(int, str), value=Consumer)


def shard_id(number: int) -> str:
    return f"shardId-{number:012d}"


def shard_number(shard: str) -> int | None:
    """The number of the shard of that id; None if it is no shard's id."""
    match = _SHARD_ID.fullmatch(shard)
    return int(match[1]) if match is not None else None
