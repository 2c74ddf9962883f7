"""The changes of tables as records of Kinesis streams.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/kds.html
A change is a row of the outbox in its own transaction; the stream may refuse it for a while and gets it later, each
table's changes in their order.
"""

import uuid
from typing import Any

import msgspec

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.outbox import RetryPolicy
from fogbank.core.service import Answer
from fogbank.core.targets import PARTITION_KEY_MAX
from fogbank.services.dynamodb.encryption import TableEncryption
from fogbank.services.dynamodb.errors import ResourceNotFound, Validation
from fogbank.services.dynamodb.records import Destination, StoredItem, TableRecord
from fogbank.services.dynamodb.table_access import TableAccess

DESTINATIONS_MAX = 2
_KIND = "dynamodb.kinesis"
_STATE = "Table is not in a valid state to {verb} Kinesis Streaming Destination: "
_encode = msgspec.json.Encoder().encode
_encode_in_order = msgspec.json.Encoder(order="deterministic").encode


class StreamedChange(msgspec.Struct, array_like=True):
    """A change on its way to a stream."""

    stream: str
    key: str
    data: bytes
    sealed: bytes = b""
    """Key and data, of a table that is under a key of KMS."""


class KinesisDestinations(TableAccess):
    """The operations on Kinesis destinations of `DynamoDBService`. They are done when they are answered."""

    def describe_kinesis_streaming_destination(self, ctx: Context, *, TableName: str) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        destinations = []
        for arn, destination in table.destinations.items():
            shown = {"StreamArn": arn, "DestinationStatus": "ACTIVE" if destination.active else "DISABLED"}
            if destination.precision:
                shown["ApproximateCreationDateTimePrecision"] = destination.precision
            destinations.append(shown)
        return {"TableName": table.name, "KinesisDataStreamDestinations": destinations}

    def enable_kinesis_streaming_destination(
        self,
        ctx: Context,
        *,
        TableName: str,
        StreamArn: str,
        EnableKinesisStreamingConfiguration: dict[str, str] | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        _check_stream(ctx, StreamArn)
        known = table.destinations.get(StreamArn)
        if known is not None and known.active:
            raise Validation(
                _STATE.format(verb="enable")
                + "KinesisStreamingDestination must be DISABLED to perform ENABLE operation."
            )
        if sum(each.active for each in table.destinations.values()) >= DESTINATIONS_MAX:
            raise Validation(
                _STATE.format(verb="enable")
                + f"a table can have {DESTINATIONS_MAX} destinations that are not disabled."
            )
        precision = (EnableKinesisStreamingConfiguration or {}).get("ApproximateCreationDateTimePrecision", "")
        table.destinations[StreamArn] = Destination(precision)
        self._save(table)
        configuration = {"ApproximateCreationDateTimePrecision": precision} if precision else {}
        return _answer(table, StreamArn, "ENABLING") | {"EnableKinesisStreamingConfiguration": configuration}

    def disable_kinesis_streaming_destination(
        self,
        ctx: Context,
        *,
        TableName: str,
        StreamArn: str,
        EnableKinesisStreamingConfiguration: dict[str, str] | None = None,
    ) -> Answer:
        """The configuration, which the API lets callers send here, is for destinations that are enabled."""
        table = self._table(ctx, TableName, wording="Table")
        if EnableKinesisStreamingConfiguration:
            raise Validation("EnableKinesisStreamingConfiguration cannot be given to disable a destination")
        known = table.destinations.get(StreamArn)
        if known is None or not known.active:
            raise Validation(
                _STATE.format(verb="disable")
                + "KinesisStreamingDestination must be ACTIVE to perform DISABLE operation."
            )
        known.active = False
        self._save(table)
        return _answer(table, StreamArn, "DISABLING")

    def update_kinesis_streaming_destination(
        self,
        ctx: Context,
        *,
        TableName: str,
        StreamArn: str,
        UpdateKinesisStreamingConfiguration: dict[str, str] | None = None,
    ) -> Answer:
        table = self._table(ctx, TableName, wording="Table")
        precision = (UpdateKinesisStreamingConfiguration or {}).get("ApproximateCreationDateTimePrecision")
        if precision is None:
            raise Validation(
                "Streaming destination cannot be updated with given parameters: "
                "UpdateKinesisStreamingConfiguration cannot be null or contain only null values"
            )
        known = table.destinations.get(StreamArn)
        if known is None or not known.active:
            raise Validation(
                _STATE.format(verb="enable")
                + f"No streaming destination with streamArn: {StreamArn} found for table with tableName: {table.name}"
            )
        if known.precision == precision:
            raise Validation(
                f"Invalid Request: Precision is already set to the desired value of {precision} for tableId: "
                f"{table.uuid}, kdsArn: {StreamArn}"
            )
        known.precision = precision
        self._save(table)
        return _answer(table, StreamArn, "UPDATING") | {
            "UpdateKinesisStreamingConfiguration": {"ApproximateCreationDateTimePrecision": precision}
        }


class KinesisChanges:
    """Writes the changes of tables with destinations into the outbox, and delivers them."""

    def __init__(self, cloud: Cloud, encryption: TableEncryption) -> None:
        self._cloud = cloud
        self._encryption = encryption
        day = RetryPolicy(attempts_max=1_000_000, first_delay_s=0.5, delay_max_s=30)
        cloud.outbox.handler(_KIND, self._deliver, payload=StreamedChange, retry=day)

    def note(
        self, ctx: Context, table: TableRecord, old: StoredItem | None, new: StoredItem | None, by_ttl: bool
    ) -> None:
        """An item was changed; in the transaction of the change."""
        for arn, destination in table.destinations.items():
            if destination.active:
                fine = destination.precision == "MICROSECOND"
                change = _change(ctx, table, old, new, microseconds=fine, by_ttl=by_ttl)
                key = _encode_in_order(change["dynamodb"]["Keys"]).decode()[:PARTITION_KEY_MAX]
                payload = StreamedChange(arn, key, _encode(change))
                if table.data_key:
                    sealed = self._encryption.seal(table.data_key, (payload.key, payload.data))
                    payload = StreamedChange(arn, "", b"", sealed)
                self._cloud.outbox.put(ctx, _KIND, lane=f"{table.id}", payload=payload)

    def _deliver(self, ctx: Context, change: StreamedChange) -> None:
        key, data = self._encryption.open(change.sealed) if change.sealed else (change.key, change.data)
        ctx.cloud.kinesis.put_record(ctx, StreamARN=change.stream, PartitionKey=key, Data=data)


def _change(
    ctx: Context,
    table: TableRecord,
    old: StoredItem | None,
    new: StoredItem | None,
    *,
    microseconds: bool,
    by_ttl: bool,
) -> dict[str, Any]:
    item = (new or old or StoredItem(0, {})).item
    change: dict[str, Any] = {
        "ApproximateCreationDateTime": ctx.now_ms * 1000 if microseconds else ctx.now_ms,
        "Keys": {name: item[name] for name in table.keys},
    }
    if microseconds:
        change["ApproximateCreationDateTimePrecision"] = "MICROSECOND"
    if new is not None:
        change["NewImage"] = new.item
    if old is not None:
        change["OldImage"] = old.item
    change["SizeBytes"] = sum(stored.size for stored in (old, new) if stored is not None)
    return {
        "awsRegion": table.region,
        "eventID": str(uuid.uuid4()),
        "eventName": "INSERT" if old is None else "REMOVE" if new is None else "MODIFY",
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"} if by_ttl else None,
        "recordFormat": "application/json",
        "tableName": table.name,
        "dynamodb": change,
        "eventSource": "aws:dynamodb",
    }


def _check_stream(ctx: Context, arn: str) -> None:
    parsed = parse_arn(arn)
    if parsed is None or parsed.service != "kinesis" or (parsed.account, parsed.region) != (ctx.account, ctx.region):
        raise Validation(f"Invalid Kinesis stream ARN: {arn}. The stream must be in the table's account and region")
    try:
        ctx.cloud.kinesis.describe_stream_summary(ctx, StreamARN=arn)
    except AwsError:
        raise ResourceNotFound(f"Requested resource not found: Kinesis stream: {arn} not found") from None


def _answer(table: TableRecord, stream: str, status: str) -> dict[str, Any]:
    return {"TableName": table.name, "StreamArn": stream, "DestinationStatus": status}
