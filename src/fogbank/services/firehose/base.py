"""What every operation of Firehose stands on: finding streams, and taking in records."""

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.firehose.deliveries import Deliveries
from fogbank.services.firehose.errors import ResourceInUse, ResourceNotFound
from fogbank.services.firehose.records import BACKUP, Chunk, DeliveryStream, FirehoseTables
from fogbank.services.firehose.stream_metrics import StreamMetrics


class FirehoseBase(Service):
    """The common steps of the operations of `FirehoseService`; all in the caller's transaction."""

    name = "firehose"
    data_operations = frozenset(("PutRecord", "PutRecordBatch"))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = FirehoseTables(cloud.store)
        self._metrics = StreamMetrics(cloud.metrics)
        self._deliveries = Deliveries(cloud, self._tables, self._metrics)
        self._batches = self._deliveries.batches

    def _stream(self, ctx: Context, name: str, *, shared: bool = False) -> DeliveryStream:
        """The stream of that name. A `shared` one must not be changed."""
        key = (ctx.account, ctx.region, name)
        stream = self._tables.streams.peek(key) if shared else self._tables.streams.get(key)
        if stream is None:
            raise ResourceNotFound(f"Firehose {name} under account {ctx.account} not found.")
        return stream

    def _stream_of_arn(self, ctx: Context, arn: str) -> DeliveryStream:
        parsed = parse_arn(arn)
        if parsed is None or not parsed.resource.startswith("deliverystream/"):
            raise ResourceNotFound(f"{arn} is no Firehose stream.")
        return self._stream(ctx, parsed.resource.removeprefix("deliverystream/"))

    def _active(self, ctx: Context, name: str) -> DeliveryStream:
        """The stream, to be changed; it must be done being created."""
        stream = self._stream(ctx, name)
        if stream.active_ms > ctx.now_ms:
            raise ResourceInUse(f"Firehose {name} under accountId {ctx.account} is not in ACTIVE state.")
        return stream

    def _save(self, stream: DeliveryStream) -> None:
        self._tables.streams.put(stream.key, stream)

    def _gather(self, stream: DeliveryStream, chunk: Chunk) -> None:
        """Take records in: to be processed or delivered, and backed up if they are to be."""
        plan = self._deliveries.plans.of(stream)
        self._batches.append(stream, plan.stage, chunk, plan.hints)
        if plan.backup is not None:
            self._batches.append(stream, BACKUP, Chunk(chunk.arrived_ms, chunk.data), plan.backup)
