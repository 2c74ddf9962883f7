"""Reading the shards of a stream, which is a list of answers here."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError
from fogbank.core.sources.stream_reader import Checkpoint, StreamReader
from fogbank.core.sources.streams import Event, Shard, StreamRecord


class Refused(AwsError):
    code = "ProvisionedThroughputExceededException"
    message = "Rate exceeded for shard."


class Answers:
    """A stream of one shard; each read takes the next answer, and after the last one the shard has ended."""

    poll_s: ClassVar[float] = 0.001
    page_max: ClassVar[int] = 100
    retention_s = 86_400

    def __init__(self, *answers: list[str] | AwsError) -> None:
        self._answers: Iterator[list[str] | AwsError] = iter(answers)
        self.iterators = 0

    async def shards(self) -> list[Shard]:
        return [Shard("shard", ())]

    async def iterator(self, shard_id: str, *, after: str, since_ms: int) -> str:
        self.iterators += 1
        return "iterator"

    async def read(self, iterator: str, limit: int) -> tuple[list[StreamRecord], str | None]:
        answer = next(self._answers, None)
        if isinstance(answer, AwsError):
            raise answer
        return [StreamRecord(name, 0.0, b"", {}, 1) for name in answer or ()], iterator if answer is not None else None

    def is_since(self, record: StreamRecord, since_ms: int) -> bool:
        return True

    def view(self, record: StreamRecord) -> Event:
        return record.event

    def flat_event(self, record: StreamRecord) -> Event:
        return record.event

    def batch_info(self, shard_id: str, records: list[StreamRecord]) -> dict[str, Any]:
        return {}


@pytest.mark.parametrize(
    ("window_s", "answers", "batches"),
    [
        (0, [Refused(), ["a"], Refused(), Refused(), ["b"]], [["a"], ["b"]]),
        (60, [Refused(), ["a"], ["b"], Refused(), Refused(), ["c"]], [["a", "b"], ["c"]]),
    ],
)
def test_a_reader_that_is_refused_for_a_moment_goes_on_where_it_was(
    window_s: int,
    answers: list[list[str] | AwsError],
    batches: list[list[str]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stream, seen = Answers(*answers), []

    async def settle(_shard: str, records: list[StreamRecord]) -> None:
        seen.append([record.sequence for record in records])

    async def work() -> None:
        cloud = Cloud(tmp_path, services={}, sync="process")
        checkpoints = cloud.store.table("checkpoints", key=(str, str), value=Checkpoint)
        reader = StreamReader(
            cloud.context(account="1" * 12, region="us-east-1"),
            stream,
            reader="reader",
            checkpoints=checkpoints,
            batch_size=10,
            limit=10,
            window_s=window_s,
            since_ms=0,
            settle=settle,
        )
        running = cloud.tasks.spawn("reader", reader.run())
        while not (kept := checkpoints.get(("reader", "shard"))) or not kept.closed:
            await asyncio.sleep(0.001)
        running.cancel()
        await cloud.stop()

    with caplog.at_level(logging.WARNING):
        asyncio.run(asyncio.wait_for(work(), 20))
    assert seen == batches
    assert stream.iterators == 1
    assert caplog.records == []
