"""The metrics of streams. https://docs.aws.amazon.com/streams/latest/dev/monitoring-with-cloudwatch.html"""

from fogbank.core.metrics import Meter, Meters, Metrics
from fogbank.services.kinesis.records import Stream, shard_id

SHARD_METRICS = (
    "IncomingBytes",
    "IncomingRecords",
    "IteratorAgeMilliseconds",
    "OutgoingBytes",
    "OutgoingRecords",
    "ReadProvisionedThroughputExceeded",
    "WriteProvisionedThroughputExceeded",
)
_UNITS = {"Bytes": "Bytes", "Milliseconds": "Milliseconds", "MillisBehindLatest": "Milliseconds"}


class StreamMetrics:
    """Counts into AWS/Kinesis by stream, and by shard those that EnableEnhancedMonitoring has enabled."""

    def __init__(self, metrics: Metrics) -> None:
        self._meters = Meters(metrics, "AWS/Kinesis")

    def put(self, stream: Stream, operation: str, records: int, size: int, *, total: int) -> None:
        """Records and bytes that a request has put, of a `total` of records; none, if every shard refused."""
        self._of(stream, "IncomingRecords").add(records)
        self._of(stream, "IncomingBytes").add(size)
        self._of(stream, f"{operation}.Bytes").add(size)
        if operation == "PutRecords":
            self._of(stream, "PutRecords.TotalRecords").add(total)
            self._of(stream, "PutRecords.SuccessfulRecords").add(records)
        self._of(stream, f"{operation}.Success").add(1 if records else 0)

    def put_into_shard(self, stream: Stream, number: int, records: int, size: int) -> None:
        self._of_shard(stream, number, "IncomingRecords", records)
        self._of_shard(stream, number, "IncomingBytes", size)

    def throttled(self, stream: Stream, operation: str, number: int, records: int) -> None:
        """Records that a shard did not take."""
        self._of(stream, "WriteProvisionedThroughputExceeded").add(records)
        if operation == "PutRecords":
            self._of(stream, "PutRecords.ThrottledRecords").add(records)
        else:
            self._of(stream, "PutRecord.Success").add(0)
        self._of_shard(stream, number, "WriteProvisionedThroughputExceeded", records)

    def got(self, stream: Stream, number: int, records: int, size: int, age_ms: int) -> None:
        """What a call of GetRecords gave, and how old the last of it was."""
        self._of(stream, "GetRecords.Records").add(records)
        self._of(stream, "GetRecords.Bytes").add(size)
        self._of(stream, "GetRecords.Success").add(1)
        self._of(stream, "GetRecords.IteratorAgeMilliseconds").add(age_ms)
        if stream.shard_metrics:
            self._of_shard(stream, number, "OutgoingRecords", records)
            self._of_shard(stream, number, "OutgoingBytes", size)
            self._of_shard(stream, number, "IteratorAgeMilliseconds", age_ms)

    def subscribed(self, stream: Stream, consumer: str, *, accepted: bool) -> None:
        self._of_consumer(stream, consumer, "SubscribeToShard.Success").add(1 if accepted else 0)
        if not accepted:
            self._of_consumer(stream, consumer, "SubscribeToShard.RateExceeded").add(1)

    def pushed(self, stream: Stream, consumer: str, records: int, size: int, behind_ms: int) -> None:
        """What an event brought to a consumer, and how far behind the newest record it is."""
        self._of_consumer(stream, consumer, "SubscribeToShardEvent.Success").add(1)
        self._of_consumer(stream, consumer, "SubscribeToShardEvent.Records").add(records)
        self._of_consumer(stream, consumer, "SubscribeToShardEvent.Bytes").add(size)
        self._of_consumer(stream, consumer, "SubscribeToShardEvent.MillisBehindLatest").add(behind_ms)

    def read_throttled(self, stream: Stream, number: int) -> None:
        self._of(stream, "ReadProvisionedThroughputExceeded").add(1)
        self._of_shard(stream, number, "ReadProvisionedThroughputExceeded", 1)

    def _of(self, stream: Stream, name: str) -> Meter:
        return self._meters.find(stream.id, name) or self._make(stream, stream.id, name, {"StreamName": stream.name})

    def _of_consumer(self, stream: Stream, consumer: str, name: str) -> Meter:
        owner = (stream.id, consumer)
        dimensions = {"StreamName": stream.name, "ConsumerName": consumer}
        return self._meters.find(owner, name) or self._make(stream, owner, name, dimensions)

    def _of_shard(self, stream: Stream, number: int, name: str, value: float) -> None:
        if name in stream.shard_metrics:
            dimensions = {"StreamName": stream.name, "ShardId": shard_id(number)}
            owner = (stream.id, number)
            (self._meters.find(owner, name) or self._make(stream, owner, name, dimensions)).add(value)

    def _make(self, stream: Stream, owner: object, name: str, dimensions: dict[str, str]) -> Meter:
        unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "Count")
        return self._meters.make(owner, stream.account, stream.region, name, dimensions, unit)
