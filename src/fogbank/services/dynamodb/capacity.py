"""Consumed capacity, and the token buckets that make provisioned tables throttle.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/provisioned-capacity-mode.html
"""

from collections import defaultdict
from typing import Any

from fogbank.services.dynamodb.records import TableRecord

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
# DynamoDB keeps up to five minutes of unused capacity for bursts.
BURST_S = 300
# A new table gathers capacity while AWS creates it, which takes some ten seconds; here it is ready at once.
FRESH_S = 10


def read_units(size: int, *, consistent: bool) -> float:
    units = max(-(-size // READ_UNIT_BYTES), 1)
    return float(units) if consistent else units * 0.5


def write_units(size: int) -> float:
    return float(max(-(-size // WRITE_UNIT_BYTES), 1))


class Bucket:
    """Tokens that come back with time. A request runs while any is left and may overdraw, as DynamoDB's do."""

    __slots__ = ("at_ms", "rate", "tokens")

    def __init__(self, rate: int, now_ms: int) -> None:
        self.rate = rate
        self.tokens = float(rate * FRESH_S)
        self.at_ms = now_ms

    def refill(self, rate: int, now_ms: int) -> None:
        if rate != self.rate:
            self.rate, self.tokens = rate, min(self.tokens, float(rate))
        self.tokens = min(self.tokens + (now_ms - self.at_ms) / 1000 * rate, float(rate * BURST_S))
        self.at_ms = now_ms


class Throttle:
    """The buckets of all provisioned tables and indexes. They are kept in memory: a restart fills them anew."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, bool], Bucket] = {}

    def bucket(self, owner: int, rate: int, *, write: bool, now_ms: int) -> Bucket:
        """The bucket to draw from, as full as it is now."""
        bucket = self._buckets.get((owner, write))
        if bucket is None:
            bucket = self._buckets[owner, write] = Bucket(rate, now_ms)
        bucket.refill(rate, now_ms)
        return bucket


class Consumed:
    """What one request consumes, by table, and by index within it."""

    def __init__(self) -> None:
        self.read: dict[str, float] = defaultdict(float)
        self.write: dict[str, float] = defaultdict(float)
        self.index_read: dict[str, dict[str, float]] = {}
        self.index_write: dict[str, dict[str, float]] = {}
        self.tables: dict[str, TableRecord] = {}

    def add(self, table: TableRecord, units: float, *, write: bool, index: str | None = None) -> None:
        self.tables[table.name] = table
        if index is None:
            (self.write if write else self.read)[table.name] += units
        else:
            held = (self.index_write if write else self.index_read).setdefault(table.name, {})
            held[index] = held.get(index, 0.0) + units

    def answer(self, wanted: str | None, *, transactional: bool = False) -> list[dict[str, Any]]:
        """ConsumedCapacity as AWS shapes it, one entry a table; empty for `NONE`."""
        if wanted not in ("TOTAL", "INDEXES"):
            return []
        return [self._entry(table, wanted, transactional=transactional) for table in self.tables.values()]

    def only(self, wanted: str | None) -> dict[str, Any]:
        """The ConsumedCapacity member of an operation on one table; nothing for `NONE`."""
        entries = self.answer(wanted)
        return {"ConsumedCapacity": entries[0]} if entries else {}

    def _entry(self, table: TableRecord, wanted: str, *, transactional: bool) -> dict[str, Any]:
        name = table.name
        indexes = {**self.index_read.get(name, {}), **self.index_write.get(name, {})}
        own = self.read.get(name, 0.0) + self.write.get(name, 0.0)
        entry: dict[str, Any] = {"TableName": name, "CapacityUnits": own + sum(indexes.values())}
        if transactional:
            if self.write.get(name):
                entry["WriteCapacityUnits"] = entry["CapacityUnits"]
            else:
                entry["ReadCapacityUnits"] = entry["CapacityUnits"]
        if wanted == "INDEXES":
            entry["Table"] = {"CapacityUnits": own}
            for kind, local in (("GlobalSecondaryIndexes", False), ("LocalSecondaryIndexes", True)):
                held = {
                    i.name: {"CapacityUnits": indexes[i.name]}
                    for i in table.indexes
                    if i.local == local and i.name in indexes
                }
                if held:
                    entry[kind] = held
        return entry
