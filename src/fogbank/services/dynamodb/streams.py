"""Reading change streams: shards, iterators, records. One shard a stream; its id is made from the stream's label.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB_Streams.html
"""

import base64
import binascii
from typing import Any

import msgspec

from fogbank.core.context import Context
from fogbank.core.numerals import whole_number
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import ExpiredIterator, ResourceNotFound, TrimmedDataAccess, Validation
from fogbank.services.dynamodb.records import DynamoDBTables, StreamEntry, StreamRecord
from fogbank.services.dynamodb.tables import key_schema

RETENTION_MS = 24 * 3600 * 1000
ITERATOR_MS = 15 * 60 * 1000
PAGE_BYTES_MAX = 1_048_576
_TRIM_PER_CALL = 500


class Iterator(msgspec.Struct, array_like=True):
    """A position in a shard: the next record is the first one at or behind `sequence`."""

    arn: str
    sequence: int
    made_ms: int


class Streams:
    """The streams of all tables."""

    def __init__(self, tables: DynamoDBTables, encryption: TableEncryption) -> None:
        self._tables = tables
        self._encryption = encryption

    def entry(self, arn: str) -> StreamEntry:
        parts = arn.split(":", 5)
        pieces = parts[5].split("/") if len(parts) == 6 else []
        if len(pieces) == 4 and pieces[0] == "table" and pieces[2] == "stream":
            found = self._tables.streams.get((parts[4], parts[3], pieces[1], pieces[3]))
            if found is not None:
                return found
        raise ResourceNotFound(f"Requested resource not found: Stream: {arn} not found")

    def trim_all(self, now_ms: int) -> bool:
        """Forget old records also where nobody reads; whether some are left for another turn."""
        streams = [entry for _, entry in self._tables.streams.scan()]
        return max((self.trim(entry.stream.id, now_ms) for entry in streams), default=False)

    def trim(self, stream_id: int, now_ms: int) -> bool:
        """Forget records older than a day, some at a time; whether there may be more of them."""
        old = []
        for key, record in self._tables.stream_times.scan((stream_id,), limit=_TRIM_PER_CALL):
            if record.created_ms >= now_ms - RETENTION_MS:
                break
            old.append(key)
        for key in old:
            self._tables.stream_records.delete(key)
        return len(old) == _TRIM_PER_CALL

    def describe(self, arn: str) -> dict[str, Any]:
        entry = self.entry(arn)
        first = self._tables.stream_times.first((entry.stream.id,))
        start = first[0][1] if first is not None else entry.stream.created_ms << 20
        sequences = {"StartingSequenceNumber": sequence_text(start)}
        if not entry.stream.enabled:
            last = next(self._tables.stream_times.scan((entry.stream.id,), reverse=True, limit=1), None)
            sequences["EndingSequenceNumber"] = sequence_text(last[0][1] if last else start)
        return {
            "StreamArn": arn,
            "StreamLabel": entry.stream.label,
            "StreamStatus": "ENABLED" if entry.stream.enabled else "DISABLED",
            "StreamViewType": entry.stream.view_type,
            "CreationRequestDateTime": entry.stream.created_ms / 1000,
            "TableName": entry.table,
            "KeySchema": key_schema(entry.keys),
            "Shards": [{"ShardId": shard_id(entry), "SequenceNumberRange": sequences}],
        }

    def iterator(self, ctx: Context, arn: str, shard: str, kind: str, sequence: str | None) -> str:
        entry = self.entry(arn)
        if shard != shard_id(entry):
            raise ResourceNotFound(f"Requested resource not found: Shard: {shard} in Stream: {arn} not found")
        if kind in ("AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER"):
            position = whole_number(sequence or "")
            if position is None:
                raise Validation(f"Invalid SequenceNumber for ShardIteratorType {kind}")
            first = self._tables.stream_times.first((entry.stream.id,))
            if position < entry.stream.created_ms << 20 or (
                first is not None and position < first[0][1] and kind == "AT_SEQUENCE_NUMBER"
            ):
                raise TrimmedDataAccess("The operation tried to read past the oldest sequence number in a shard.")
            position += kind == "AFTER_SEQUENCE_NUMBER"
        elif kind == "TRIM_HORIZON":
            position = 0
        else:
            last = next(self._tables.stream_times.scan((entry.stream.id,), reverse=True, limit=1), None)
            position = last[0][1] + 1 if last is not None else 0
        return _encode(Iterator(arn, position, ctx.now_ms))

    def of_iterator(self, token: str) -> str:
        """The ARN of the stream that an iterator reads."""
        return _decode(token).arn

    def records(self, ctx: Context, token: str, limit: int) -> dict[str, Any]:
        iterator = _decode(token)
        if ctx.now_ms - iterator.made_ms > ITERATOR_MS:
            raise ExpiredIterator()
        entry = self.entry(iterator.arn)
        if entry.data_key:
            self._encryption.check_key(ctx, entry.data_key)
        self.trim(entry.stream.id, ctx.now_ms)
        found: list[dict[str, Any]] = []
        position, size = iterator.sequence, 0
        for (_, sequence), record in self._tables.stream_records.scan(
            (entry.stream.id,), start=(entry.stream.id, position), limit=limit
        ):
            found.append(_answer(ctx, entry, sequence, record))
            position, size = sequence + 1, size + record.size
            if size >= PAGE_BYTES_MAX:
                break
        answer: dict[str, Any] = {"Records": found}
        if entry.stream.enabled or found:
            answer["NextShardIterator"] = _encode(Iterator(iterator.arn, position, ctx.now_ms))
        return answer

    def list(self, ctx: Context, table: str | None) -> list[dict[str, str]]:
        prefix = (ctx.account, ctx.region) if table is None else (ctx.account, ctx.region, table)
        return [
            {
                "StreamArn": ctx.arn("dynamodb", f"table/{key[2]}/stream/{key[3]}"),
                "TableName": key[2],
                "StreamLabel": key[3],
            }
            for key, _ in self._tables.streams.scan(prefix)
        ]


def shard_id(entry: StreamEntry) -> str:
    return f"shardId-{entry.stream.created_ms:020d}-{entry.stream.id:08x}"


def sequence_text(sequence: int) -> str:
    return f"{sequence:021d}"


def _answer(ctx: Context, entry: StreamEntry, sequence: int, record: StreamRecord) -> dict[str, Any]:
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": record.created_ms // 1000,
        "Keys": record.keys,
        "SequenceNumber": sequence_text(sequence),
        "SizeBytes": record.size,
        "StreamViewType": entry.stream.view_type,
    }
    if record.new is not None:
        change["NewImage"] = record.new
    if record.old is not None:
        change["OldImage"] = record.old
    answer: dict[str, Any] = {
        "eventID": f"{entry.stream.id:08x}{sequence:024x}",
        "eventName": record.event,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": ctx.region,
        "dynamodb": change,
    }
    if record.by_ttl:
        answer["userIdentity"] = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    return answer


def _encode(iterator: Iterator) -> str:
    text = base64.b64encode(msgspec.msgpack.encode(iterator)).decode()
    return f"{iterator.arn}|1|{text}"


def _decode(token: str) -> Iterator:
    try:
        return msgspec.msgpack.decode(base64.b64decode(token.rpartition("|")[2], validate=True), type=Iterator)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise Validation("Invalid ShardIterator") from None
