"""Processing: what happens to a batch of source records until they gather for their destination.

The steps have the order that Firehose gives them: unpacking, taking apart, the function, partition keys.
https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import NamedTuple

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.services.firehose.batches import Batches, Hints
from fogbank.services.firehose.deaggregation import Split, SplitFailed
from fogbank.services.firehose.decompression import NotCompressed, messages, unpacked
from fogbank.services.firehose.destination import Destination
from fogbank.services.firehose.failures import DECOMPRESSION_FAILED, PROCESSING_FAILED, ErrorLog, error_output
from fogbank.services.firehose.lambda_transform import LambdaTransform
from fogbank.services.firehose.object_names import QUERY, read_prefix
from fogbank.services.firehose.partitioning import ExtractionFailed, Query
from fogbank.services.firehose.processors import Function, Processing
from fogbank.services.firehose.records import DELIVERY, FAILED, Chunk, DeliveryStream, Item, items_of
from fogbank.services.firehose.s3_destination import is_partitioned
from fogbank.services.firehose.stream_metrics import StreamMetrics

PARTITIONS_MAX = 500  # Quota: active partitions of a stream; what is beyond is error output.

_encode = msgspec.json.Encoder().encode


class Failed(NamedTuple):
    """A record that could not be processed, and the type of error output that it belongs to."""

    item: Item
    code: str
    message: str
    attempts: int = 1
    error_type: str = PROCESSING_FAILED
    function: str = ""


class Processor:
    """Processes batches of the stage SOURCE."""

    def __init__(self, cloud: Cloud, batches: Batches, metrics: StreamMetrics, error_log: ErrorLog) -> None:
        self._cloud = cloud
        self._batches = batches
        self._metrics = metrics
        self._error_log = error_log
        self._functions = LambdaTransform(cloud, metrics)

    async def process(
        self, ctx: Context, stream: DeliveryStream, processing: Processing, destination: Destination, batch_id: int
    ) -> None:
        """What becomes of the batch's records is written in the transaction that removes it."""
        in_thread = self._cloud.blobs.in_thread
        arrived = [item for chunk in self._batches.chunks(batch_id) for item in items_of(chunk)]
        failed: list[Failed] = []
        items = await in_thread(_prepared, processing, arrived, failed)
        if processing.function is not None:
            items = await self._transformed(ctx, stream, processing.function, items, failed)
        if is_partitioned(stream.settings):
            began_ms = self._cloud.clock.now_ms()
            names = read_prefix(stream.settings["Prefix"]).keys
            items = await in_thread(_keyed, processing.query, names, items, failed)
            if processing.query is not None:
                self._metrics.add(stream, "JQProcessing.Duration", self._cloud.clock.now_ms() - began_ms)
        await ctx.run(self._settle, ctx, stream, destination, batch_id, items, failed)

    async def _transformed(
        self, ctx: Context, stream: DeliveryStream, function: Function, items: list[Item], failed: list[Failed]
    ) -> list[Item]:
        kept: list[Item] = []
        for part in _parts(items, function.hints.size_max):
            transformed = await self._functions.transform(ctx, stream, function, part)
            kept += transformed.items
            failed += (
                Failed(item, code, why, attempts, function=function.arn)
                for item, code, why, attempts in transformed.refused
            )
            refused = {id(each.item) for each in transformed.refused}
            self._metrics.add(stream, "SucceedProcessing.Records", len(part) - len(refused))
            size = sum(len(item.data) for item in part if id(item) not in refused)
            self._metrics.add(stream, "SucceedProcessing.Bytes", size)
        return kept

    def _settle(
        self,
        ctx: Context,
        stream: DeliveryStream,
        destination: Destination,
        batch_id: int,
        items: list[Item],
        failed: list[Failed],
    ) -> None:
        if not self._batches.is_there(stream.id, batch_id):
            return
        hints = destination.hints(stream.settings)
        if is_partitioned(stream.settings):
            failed += self._gather_partitions(stream, hints, items)
        elif items:
            self._batches.append(stream, DELIVERY, _chunk(items), hints)
        self._tell(ctx, stream, destination, failed)
        self._batches.remove(stream.id, batch_id)

    def _gather_partitions(self, stream: DeliveryStream, hints: Hints, items: list[Item]) -> list[Failed]:
        """Put the records into the batches of their partitions; those for which there are too many partitions."""
        by_keys: dict[tuple[tuple[str, str], ...], list[Item]] = defaultdict(list)
        for item in items:
            by_keys[tuple(item.keys.items())].append(item)
        active = self._batches.active(stream, DELIVERY)
        surplus: list[Failed] = []
        for keys, found in by_keys.items():
            partition = _encode([value for _, value in keys]).decode()
            if partition not in active and len(active) >= PARTITIONS_MAX:
                why = f"The number of active partitions exceeds the limit of {PARTITIONS_MAX}."
                surplus += (Failed(item, "DynamicPartitioning.ActivePartitionsLimitExceeded", why) for item in found)
                continue
            active.add(partition)
            self._batches.append(stream, DELIVERY, _chunk(found), hints, partition=partition, partition_keys=dict(keys))
        self._metrics.add(stream, "PartitionCount", len(active))
        self._metrics.add(stream, "PartitionCountExceeded", 1 if surplus else 0)
        return surplus

    def _tell(self, ctx: Context, stream: DeliveryStream, destination: Destination, failed: Iterable[Failed]) -> None:
        """Error output and a line of log for each failure of its own kind."""
        now_ms = self._cloud.clock.now_ms()
        by_type: dict[str, list[Failed]] = defaultdict(list)
        for each in failed:
            by_type[each.error_type].append(each)
        hints = Hints.of(destination.errors(stream.settings)["BufferingHints"])
        for error_type, found in by_type.items():
            lines = [
                error_output(
                    each.item,
                    each.code,
                    each.message,
                    attempts=each.attempts,
                    ended_ms=now_ms,
                    more={"lambdaArn": each.function} if each.function else None,
                )
                for each in found
            ]
            arrived_ms = min(each.item.arrived_ms for each in found)
            self._batches.append(stream, FAILED, Chunk(arrived_ms, lines), hints, partition=error_type)
            where = destination.arn(stream.settings)
            for code, message, function in dict.fromkeys((each.code, each.message, each.function) for each in found):
                self._error_log.write(
                    ctx, stream, stream.settings, code, message, destination=where, processor=function
                )


def _prepared(processing: Processing, items: list[Item], failed: list[Failed]) -> list[Item]:
    """The records unpacked and taken apart; on a thread."""
    if processing.decompresses:
        items = list(_unpacked(items, processing.takes_messages, failed))
    if processing.split is not None:
        items = list(_taken_apart(items, processing.split, failed))
    return items


def _unpacked(items: list[Item], takes_messages: bool, failed: list[Failed]) -> Iterator[Item]:
    for item in items:
        try:
            data = unpacked(item.data)
        except NotCompressed as error:
            failed.append(Failed(item, "Decompression.Failed", str(error), error_type=DECOMPRESSION_FAILED))
            continue
        for record in messages(data) if takes_messages else (data,):
            yield item._replace(data=record, raw=item.data)


def _taken_apart(items: list[Item], split: Split, failed: list[Failed]) -> Iterator[Item]:
    for item in items:
        try:
            for record in split(item.data):
                yield item._replace(data=record)
        except SplitFailed as error:
            failed.append(Failed(item, "DynamicPartitioning.DeaggregationFailed", str(error)))


def _keyed(query: Query | None, names: list[str], items: list[Item], failed: list[Failed]) -> list[Item]:
    """The records with the partition keys that the prefix names; on a thread."""
    kept: list[Item] = []
    queried = query.keys([item.data for item in items]) if query is not None else repeat({}, len(items))
    for item, found in zip(items, queried, strict=True):
        if isinstance(found, ExtractionFailed):
            failed.append(Failed(item, found.code, str(found)))
            continue
        keys = item.keys | {f"{QUERY}:{name}": value for name, value in found.items()}
        missing = next((name for name in names if not keys.get(name)), None)
        if missing is not None:
            why = f"The partition key {missing} is missing or empty."
            failed.append(Failed(item, ExtractionFailed.code, why))
            continue
        kept.append(item._replace(keys={name: keys[name] for name in names}))
    return kept


def _chunk(items: list[Item]) -> Chunk:
    origins = [item.origin for item in items if item.origin is not None]
    arrivals = [item.arrived_ms for item in items]
    return Chunk(min(arrivals), [item.data for item in items], arrivals, origins if len(origins) == len(items) else [])


def _parts(items: list[Item], size_max: int) -> Iterator[list[Item]]:
    """The records in parts of that size; one that is larger is a part by itself."""
    part: list[Item] = []
    size = 0
    for item in items:
        if part and size + len(item.data) > size_max:
            yield part
            part, size = [], 0
        part.append(item)
        size += len(item.data)
    if part:
        yield part
