"""The metrics of streams. https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html"""

from fogbank.core.metrics import Meter, Meters, Metrics
from fogbank.services.firehose.records import DeliveryStream

_UNITS = {
    "Bytes": "Bytes",
    "DataFreshness": "Seconds",
    "Duration": "Milliseconds",
    "Latency": "Milliseconds",
    "KinesisMillisBehindLatest": "Milliseconds",
}


class StreamMetrics:
    """Counts into AWS/Firehose by stream."""

    def __init__(self, metrics: Metrics) -> None:
        self._meters = Meters(metrics, "AWS/Firehose")

    def add(self, stream: DeliveryStream, name: str, value: float) -> None:
        """Record one value of the metric of that name."""
        (self._meters.find(stream.id, name) or self._make(stream, name)).add(value)

    def put(self, stream: DeliveryStream, operation: str, records: int, size: int) -> None:
        """A request that has put records."""
        self.add(stream, "IncomingRecords", records)
        self.add(stream, "IncomingBytes", size)
        self.add(stream, "IncomingPutRequests", 1)
        self.add(stream, f"{operation}.Bytes", size)
        self.add(stream, f"{operation}.Requests", 1)
        if operation == "PutRecordBatch":
            self.add(stream, "PutRecordBatch.Records", records)

    def delivered(self, stream: DeliveryStream, where: str, records: int, size: int, age_ms: int) -> None:
        """A delivery to `where`, such as `DeliveryToS3`, whose oldest record is that old."""
        self.add(stream, f"{where}.Records", records)
        self.add(stream, f"{where}.Bytes", size)
        self.add(stream, f"{where}.DataFreshness", age_ms // 1000)
        self.add(stream, f"{where}.Success", 1)

    def _make(self, stream: DeliveryStream, name: str) -> Meter:
        unit = next((unit for ending, unit in _UNITS.items() if name.endswith(ending)), "Count")
        dimensions = {"DeliveryStreamName": stream.name}
        return self._meters.make(stream.id, stream.account, stream.region, name, dimensions, unit)
