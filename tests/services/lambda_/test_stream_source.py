"""The reader of DynamoDB streams against a stream of our own: order, retries, checkpoints."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.sources.stream_reader import Checkpoint
from fogbank.services.lambda_.esm_streams import StreamSource
from fogbank.services.lambda_.invoke import Result
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Mapping, Tables

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
Handle = Callable[[list[int]], bytes | None]


class Stream:
    """A closed parent shard with records 1 to 3 and its open child with 4 to 6."""

    SHARDS = {"parent": [1, 2, 3], "child": [4, 5, 6]}

    def __init__(self, now_ms: int) -> None:
        self._created_s = now_ms / 1000

    def describe_stream(self, ctx: Context, *, StreamArn: str) -> dict[str, Any]:
        shards = [{"ShardId": "parent"}, {"ShardId": "child", "ParentShardId": "parent"}]
        return {"StreamDescription": {"Shards": shards}}

    def get_shard_iterator(
        self,
        ctx: Context,
        *,
        StreamArn: str,
        ShardId: str,
        ShardIteratorType: str,
        SequenceNumber: str | None = None,
    ) -> dict[str, Any]:
        return {"ShardIterator": f"{ShardId}:{SequenceNumber or 0}"}

    def get_records(self, ctx: Context, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        shard, _, after = ShardIterator.partition(":")
        numbers = [number for number in self.SHARDS[shard] if number > int(after)][:Limit]
        last = numbers[-1] if numbers else int(after)
        answer: dict[str, Any] = {"Records": [self._record(number) for number in numbers]}
        if shard == "child" or last < self.SHARDS[shard][-1]:
            answer["NextShardIterator"] = f"{shard}:{last}"
        return answer

    def _record(self, number: int) -> dict[str, Any]:
        change = {
            "ApproximateCreationDateTime": self._created_s,
            "Keys": {"id": {"N": str(number)}},
            "SequenceNumber": str(number),
        }
        return {"eventID": str(number), "eventName": "INSERT", "dynamodb": change}


class Functions:
    """Stands in for the invoker: what `handle` gives is the answer, None an error."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle
        self.batches: list[list[int]] = []

    async def invoke(self, ctx: Context, name: FunctionName, payload: bytes, *, synchronous: bool) -> Result:
        batch = [int(record["dynamodb"]["SequenceNumber"]) for record in json.loads(payload)["Records"]]
        self.batches.append(batch)
        answer = self._handle(batch)
        return Result(answer or b"", "" if answer is not None else "Unhandled", "$LATEST", "r", "", 1.0)


def read(tmp_path: Path, handle: Handle, *, start: dict[str, Checkpoint] | None = None, **settings: Any) -> Any:
    """Run a mapping until record 6 is checkpointed; the batches in the order in which they were invoked."""

    async def run() -> list[list[int]]:
        clock = Clock(virtual=True)
        cloud = Cloud(tmp_path, services={}, sync="process", clock=clock)
        tables = Tables(cloud.store)
        functions = Functions(handle)
        now_ms = clock.now_ms()
        wanted = {"batch_size": 100, "starting_position": "TRIM_HORIZON", **settings}
        mapping = Mapping("u", STREAM, "f", "", "Enabled", created_ms=now_ms, modified_ms=now_ms, **wanted)
        with cloud.store.transaction():
            for shard, checkpoint in (start or {}).items():
                tables.checkpoints.put(("u", shard), checkpoint)
        cloud._services["dynamodbstreams"] = Stream(now_ms)  # type: ignore[assignment]
        cloud._registry = {"dynamodbstreams": None}  # type: ignore[dict-item]
        arn = parse_arn(STREAM)
        assert arn is not None
        source = StreamSource(cloud, tables, functions, "0" * 12, "us-east-1", mapping, arn)  # type: ignore[arg-type]
        task = asyncio.create_task(source.run())
        try:
            for _ in range(2000):
                checkpoint = tables.checkpoints.get(("u", "child"))
                if checkpoint is not None and checkpoint.sequence == "6":
                    return functions.batches
                clock.advance(100)
                for _ in range(3):
                    await asyncio.sleep(0)
            raise AssertionError(f"not read to the end: {functions.batches}")
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await cloud.tasks.stop()
            cloud.store.close()

    return asyncio.run(run())


def test_a_child_shard_is_read_after_its_parent(tmp_path: Path) -> None:
    assert read(tmp_path, lambda batch: b"null") == [[1, 2, 3], [4, 5, 6]]


def test_a_mapping_goes_on_behind_its_checkpoint(tmp_path: Path) -> None:
    start = {"parent": Checkpoint("2")}
    assert read(tmp_path, lambda batch: b"null", start=start) == [[3], [4, 5, 6]]


def test_a_failed_batch_is_tried_again_before_the_next(tmp_path: Path) -> None:
    failures = iter([None, None])
    assert read(tmp_path, lambda batch: next(failures, b"null")) == [[1, 2, 3]] * 3 + [[4, 5, 6]]


def test_a_batch_is_given_up_after_its_retries(tmp_path: Path) -> None:
    batches = read(tmp_path, lambda batch: None if 2 in batch else b"null", retries_max=1)
    assert batches == [[1, 2, 3], [1, 2, 3], [4, 5, 6]]


def test_bisecting_isolates_the_bad_record(tmp_path: Path) -> None:
    batches = read(tmp_path, lambda batch: None if 2 in batch else b"null", retries_max=0, bisect=True)
    assert batches == [[1, 2, 3], [1], [2, 3], [2], [3], [4, 5, 6]]


def test_a_partial_failure_goes_on_at_the_first_failed_record(tmp_path: Path) -> None:
    reports = iter([b'{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}'])
    batches = read(tmp_path, lambda batch: next(reports, b"null"), response_types=["ReportBatchItemFailures"])
    assert batches == [[1, 2, 3], [2, 3], [4, 5, 6]]


def test_filtered_records_are_passed_over(tmp_path: Path) -> None:
    pattern = '{"dynamodb": {"Keys": {"id": {"N": ["2", "5"]}}}}'
    assert read(tmp_path, lambda batch: b"null", filters=[pattern]) == [[2], [5]]
