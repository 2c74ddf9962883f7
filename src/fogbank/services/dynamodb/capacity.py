"""Consumed capacity, and the token buckets that make provisioned tables throttle.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/provisioned-capacity-mode.html
"""

from typing import Any

from fogbank.services.dynamodb.records import TableRecord

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
# DynamoDB keeps up to five minutes of unused capacity for bursts.
BURST_S = 300
# A new table has capacity for a burst in its first second already, as recordings of AWS show: more than one second's
# worth is needed for what they write at once, and two are enough. More would hide throttling from who looks for it.
FRESH_S = 2
# An index takes writes behind its table's, and has taken ten at once where it had one unit.
FRESH_INDEX_S = 10


def read_units(size: int, *, consistent: bool) -> float:
    units = max(-(-size // READ_UNIT_BYTES), 1)
    return float(units) if consistent else units * 0.5


def write_units(size: int) -> float:
    return float(max(-(-size // WRITE_UNIT_BYTES), 1))


class Bucket:
    """Tokens that come back with time. A request runs while any is left and may overdraw, as DynamoDB's do."""

    __slots__ = ("at_ms", "rate", "tokens")

    def __init__(self, rate: int, now_ms: int, *, fresh_s: int) -> None:
        self.rate = rate
        self.tokens = float(rate * fresh_s)
        self.at_ms = now_ms

    def refill(self, rate: int, now_ms: int) -> None:
        if rate != self.rate:
            self.rate, self.tokens = rate, min(self.tokens, float(rate))
        self.tokens = min(self.tokens + (now_ms - self.at_ms) / 1000 * rate, float(rate * BURST_S))
        self.at_ms = now_ms


class Throttle:
    """The buckets of what has limited throughput. They are kept in memory: a restart fills them anew."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[int, bool], Bucket] = {}

    def bucket(self, owner: int, rate: int, *, write: bool, of_index: bool, now_ms: int) -> Bucket:
        """The bucket to draw from, as full as it is now."""
        bucket = self._buckets.get((owner, write))
        if bucket is None:
            fresh_s = FRESH_INDEX_S if of_index else FRESH_S
            bucket = self._buckets[owner, write] = Bucket(rate, now_ms, fresh_s=fresh_s)
        bucket.refill(rate, now_ms)
        return bucket

    def forget(self, owner: int) -> None:
        for write in (False, True):
            self._buckets.pop((owner, write), None)


class Consumed:
    """What one request consumes, by table, and by index within it."""

    __slots__ = ("_draws",)

    def __init__(self) -> None:
        self._draws: list[tuple[TableRecord, float, bool, str | None]] = []

    def add(self, table: TableRecord, units: float, *, write: bool, index: str | None = None) -> None:
        self._draws.append((table, units, write, index))

    def answer(self, wanted: str | None, *, transactional: bool = False) -> list[dict[str, Any]]:
        """ConsumedCapacity as AWS shapes it, one entry a table; empty for `NONE`."""
        if wanted not in ("TOTAL", "INDEXES"):
            return []
        tables = {table.name: table for table, _, _, _ in self._draws}
        return [self._entry(table, wanted, transactional=transactional) for table in tables.values()]

    def only(self, wanted: str | None) -> dict[str, Any]:
        """The ConsumedCapacity member of an operation on one table; nothing for `NONE`."""
        entries = self.answer(wanted)
        return {"ConsumedCapacity": entries[0]} if entries else {}

    def _entry(self, table: TableRecord, wanted: str, *, transactional: bool) -> dict[str, Any]:
        own, writes = 0.0, False
        indexes: dict[str, float] = {}
        for drawn, units, write, index in self._draws:
            if drawn.name != table.name:
                continue
            if index is None:
                own += units
                writes = writes or write
            else:
                indexes[index] = indexes.get(index, 0.0) + units
        entry: dict[str, Any] = {"TableName": table.name, "CapacityUnits": own + sum(indexes.values())}
        if transactional:
            entry["WriteCapacityUnits" if writes else "ReadCapacityUnits"] = entry["CapacityUnits"]
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
