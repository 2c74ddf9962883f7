"""Kinesis streams as sources. https://docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html

As on AWS, a shard is asked once a second while its reader keeps up with it. How far a shard is read is kept after its
records are: a crash between the two reads them once more.
"""

import asyncio
import base64
from functools import partial
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.sources.stream_reader import StreamReader
from fogbank.core.sources.streams import StreamRecord, stream_of
from fogbank.services.firehose.base import FirehoseBase
from fogbank.services.firehose.kpl import user_records
from fogbank.services.firehose.records import Chunk, DeliveryStream, Origin, StreamKey
from fogbank.services.firehose.roles import reading_as

_RECORDS_MAX = 10_000  # of one read


class Sources(FirehoseBase):
    """Reads the Kinesis streams that are sources of Firehose streams."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._readers: dict[int, asyncio.Task[None]] = {}

    def _start_readers(self) -> None:
        """Go on with every source of the store."""
        for _, stream in list(self._tables.streams.scan()):
            if stream.source:
                self._start_reader(stream)

    def _start_reader(self, stream: DeliveryStream) -> None:
        if stream.id in self._readers:
            return
        arn = parse_arn(stream.source["KinesisStreamARN"])
        assert arn is not None, "the source was checked when the stream was made"
        ctx = self.cloud.context(account=stream.account, region=stream.region)
        role = stream.source["RoleARN"]
        reader = StreamReader(
            ctx,
            stream_of(ctx, arn, reading_as(role, stream), role=role),
            reader=str(stream.id),
            checkpoints=self._tables.checkpoints,
            batch_size=_RECORDS_MAX,
            limit=_RECORDS_MAX,
            window_s=0,
            since_ms=stream.created_ms,
            settle=partial(self._read, ctx, stream.key),
            paced=True,
        )
        self._readers[stream.id] = self.cloud.tasks.spawn(f"firehose source {stream.arn}", reader.run())

    def _end_reader(self, stream_id: int) -> None:
        task = self._readers.pop(stream_id, None)
        if task is not None:
            task.cancel()

    async def _read(self, ctx: Context, key: StreamKey, shard_id: str, records: list[StreamRecord]) -> None:
        if records:
            await ctx.run(self._take_read, key, shard_id, [record.event["kinesis"] for record in records])

    def _take_read(self, key: StreamKey, shard_id: str, records: list[dict[str, Any]]) -> None:
        stream = self._tables.streams.peek(key)
        if stream is None:
            return
        chunk = Chunk(int(records[0]["approximateArrivalTimestamp"] * 1000), [])
        size = 0
        for record in records:
            data = base64.b64decode(record["data"])
            size += len(data)
            arrived_ms = int(record["approximateArrivalTimestamp"] * 1000)
            for number, found in enumerate(user_records(data, record["partitionKey"])):
                chunk.data.append(found.data)
                chunk.arrivals.append(arrived_ms)
                chunk.origins.append(Origin(shard_id, found.partition_key, record["sequenceNumber"], number))
        if chunk.data:
            self._gather(stream, chunk)
        self._metrics.add(stream, "DataReadFromKinesisStream.Records", len(records))
        self._metrics.add(stream, "DataReadFromKinesisStream.Bytes", size)
        behind_ms = max(self.cloud.clock.now_ms() - int(records[-1]["approximateArrivalTimestamp"] * 1000), 0)
        self._metrics.add(stream, "KinesisMillisBehindLatest", behind_ms)
