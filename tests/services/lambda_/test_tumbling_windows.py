"""Tumbling windows over a stream of our own: what is handed on, when a window ends, what a restart keeps."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from fogbank.core.arn import parse_arn
from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.services.lambda_.esm_streams import StreamSource
from fogbank.services.lambda_.invoke import Result
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Mapping, Tables

STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/t/stream/2026-01-01T00:00:00.000"
Handle = Callable[[dict[str, Any]], Any]


class Stream:
    """One shard, open until `closed`; a record's number is its sequence number and, by default, its key."""

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []
        self.closed = False

    def add(self, at_ms: int, *keys: int) -> None:
        for key in keys:
            number = str(len(self.records) + 1)
            change = {
                "ApproximateCreationDateTime": at_ms // 1000,
                "Keys": {"id": {"N": str(key)}},
                "SequenceNumber": number,
            }
            self.records.append({"eventID": number, "eventName": "INSERT", "dynamodb": change})

    def describe_stream(self, ctx: Context, *, StreamArn: str) -> dict[str, Any]:
        return {"StreamDescription": {"Shards": [{"ShardId": "shard"}]}}

    def get_shard_iterator(self, ctx: Context, *, SequenceNumber: str = "0", **_: str) -> dict[str, Any]:
        return {"ShardIterator": SequenceNumber}

    def get_records(self, ctx: Context, *, ShardIterator: str, Limit: int) -> dict[str, Any]:
        first = int(ShardIterator)
        found = self.records[first : first + Limit]
        answer: dict[str, Any] = {"Records": found}
        if not self.closed:
            answer["NextShardIterator"] = str(first + len(found))
        return answer


class World:
    """A mapping with windows of a minute, and whatever its function was called with."""

    def __init__(self, folder: Path, handle: Handle, settings: dict[str, Any]) -> None:
        self._handle = handle
        self.clock = Clock(virtual=True)
        self.clock.advance(60_000 - self.clock.now_ms() % 60_000)
        self.start_ms = self.clock.now_ms()
        self.events: list[dict[str, Any]] = []
        self.stream = Stream()
        self.cloud = Cloud(folder, services={}, sync="process", clock=self.clock)
        self.cloud._services["dynamodbstreams"] = self.stream  # type: ignore[assignment]
        self.cloud._registry = {"dynamodbstreams": None}  # type: ignore[dict-item]
        self.tables = Tables(self.cloud.store)
        wanted = {"batch_size": 100, "starting_position": "TRIM_HORIZON", "tumbling_s": 60, **settings}
        self.mapping = Mapping("u", STREAM, "f", "", "Enabled", created_ms=0, modified_ms=0, **wanted)
        self._task: asyncio.Task[None] | None = None

    async def invoke(self, ctx: Context, name: FunctionName, payload: bytes, *, synchronous: bool) -> Result:
        event = json.loads(payload)
        self.events.append(event)
        answer = self._handle(event)
        error = "Unhandled" if answer is None else ""
        return Result(json.dumps(answer).encode(), error, "$LATEST", "r", "", 1.0)

    def start(self) -> None:
        arn = parse_arn(STREAM)
        assert arn is not None
        source = StreamSource(self.cloud, self.tables, self, "0" * 12, "us-east-1", self.mapping, arn)  # type: ignore[arg-type]
        self._task = asyncio.create_task(source.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def later(self, seconds: float) -> None:
        for _ in range(int(seconds * 10)):
            self.clock.advance(100)
            for _ in range(4):
                await asyncio.sleep(0)

    @property
    def told(self) -> list[tuple[list[int], Any, bool]]:
        """Per invocation: the records, the state that was handed on, whether it was a window's last."""
        return [
            (
                [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]],
                event["state"],
                event["isFinalInvokeForWindow"],
            )
            for event in self.events
        ]


def counting(event: dict[str, Any]) -> Any:
    return {"state": {"count": event["state"].get("count", 0) + len(event["Records"])}}


def run(folder: Path, handle: Handle, story: Callable[[World], Coroutine[Any, Any, None]], **settings: Any) -> World:
    async def scene() -> World:
        world = World(folder, handle, settings)
        world.start()
        try:
            await story(world)
        finally:
            await world.stop()
            await world.cloud.tasks.stop()
        return world

    return asyncio.run(scene())


def test_state_is_handed_on_within_a_window_and_the_clock_ends_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1, 2)
        await world.later(10)
        world.stream.add(world.clock.now_ms(), 3)
        await world.later(40)
        assert len(world.events) == 2
        await world.later(20)

    world = run(tmp_path, counting, story)
    assert world.told == [([1, 2], {}, False), ([3], {"count": 2}, False), ([], {"count": 3}, True)]
    last = world.events[-1]
    assert last["window"] == {"start": iso_seconds(world.start_ms), "end": iso_seconds(world.start_ms + 60_000)}
    assert (last["shardId"], last["eventSourceARN"], last["isWindowTerminatedEarly"]) == ("shard", STREAM, False)


def test_a_record_of_the_next_window_ends_the_one_before(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        world.stream.add(world.clock.now_ms() + 60_000, 2)
        await world.later(1)

    assert run(tmp_path, counting, story).told == [([1], {}, False), ([], {"count": 1}, True), ([2], {}, False)]


def test_the_end_of_a_shard_ends_its_window(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        world.stream.closed = True
        await world.later(1)

    assert run(tmp_path, counting, story).told == [([1], {}, False), ([], {"count": 1}, True)]


def test_lanes_have_windows_of_their_own(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), *range(20))
        await world.later(61)

    world = run(tmp_path, counting, story, parallelization=4)
    finals = [state["count"] for _, state, final in world.told if final]
    assert len(finals) > 1
    assert sum(finals) == 20


def test_a_restart_keeps_the_state_and_counts_nothing_twice(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1, 2)
        await world.later(1)
        await world.stop()
        with world.cloud.store.transaction():
            # As after a crash between the invocation and the checkpoint of its batch.
            world.tables.checkpoints.delete_all(("u",))
        world.stream.add(world.clock.now_ms(), 3)
        world.start()
        await world.later(60)

    assert run(tmp_path, counting, story).told == [
        ([1, 2], {}, False),
        ([3], {"count": 2}, False),
        ([], {"count": 3}, True),
    ]


def test_a_window_that_has_ended_is_not_repeated_by_a_restart(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        world.stream.add(world.clock.now_ms() + 60_000, 2)
        await world.later(1)
        await world.stop()
        with world.cloud.store.transaction():
            world.tables.checkpoints.delete_all(("u",))
        world.start()
        await world.later(1)
        world.stream.closed = True
        await world.later(1)
        assert not list(world.tables.windows.scan())

    told = run(tmp_path, counting, story).told
    assert told == [([1], {}, False), ([], {"count": 1}, True), ([2], {}, False), ([], {"count": 1}, True)]


def test_a_window_that_ended_early_is_not_repeated_by_a_restart(tmp_path: Path) -> None:
    large = "x" * (1 << 20)

    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        await world.later(1)
        await world.stop()
        with world.cloud.store.transaction():
            world.tables.checkpoints.delete_all(("u",))
        world.start()
        await world.later(61)

    world = run(tmp_path, lambda event: {"state": large}, story)
    assert [(records, final) for records, _, final in world.told] == [([1], False), ([], True)]


@pytest.mark.parametrize("failure", [None, {"other": 1}, "text"])
def test_an_invocation_without_state_has_failed_and_is_repeated_with_the_same_state(
    tmp_path: Path, failure: Any
) -> None:
    answers = iter([{"state": "first"}, failure])

    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        await world.later(1)
        world.stream.add(world.clock.now_ms(), 2)
        await world.later(2)

    world = run(tmp_path, lambda event: next(answers, {"state": "second"}), story)
    assert world.told == [([1], {}, False), ([2], "first", False), ([2], "first", False)]


def test_a_partial_failure_keeps_the_state_of_what_was_done(tmp_path: Path) -> None:
    answers = iter([{"state": "one", "batchItemFailures": [{"itemIdentifier": "2"}]}])

    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1, 2)
        await world.later(2)

    settings = {"response_types": ["ReportBatchItemFailures"]}
    world = run(tmp_path, lambda event: next(answers, {"state": "all"}), story, **settings)
    assert world.told == [([1, 2], {}, False), ([2], "one", False)]


def test_a_window_whose_state_grows_too_large_ends_early(tmp_path: Path) -> None:
    large = "x" * (1 << 20)

    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1, 2)
        await world.later(1)
        world.stream.add(world.clock.now_ms(), 3)
        await world.later(1)

    world = run(tmp_path, lambda event: {"state": large if event["Records"][:1] else "small"}, story)
    assert [(records, final) for records, _, final in world.told][:3] == [([1, 2], False), ([], True), ([3], False)]
    assert world.events[1]["isWindowTerminatedEarly"]
    assert world.events[1]["state"] == large
    assert world.events[2]["state"] == {}


def test_a_final_invocation_is_repeated_as_often_as_a_batch(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        world.stream.add(world.clock.now_ms(), 1)
        await world.later(1)
        world.stream.add(world.clock.now_ms() + 60_000, 2)
        await world.later(5)

    def handle(event: dict[str, Any]) -> Any:
        return None if event["isFinalInvokeForWindow"] else counting(event)

    told = run(tmp_path, handle, story, retries_max=1).told
    assert told == [([1], {}, False), ([], {"count": 1}, True), ([], {"count": 1}, True), ([2], {}, False)]


def test_the_mapping_says_how_its_last_invocation_ended(tmp_path: Path) -> None:
    results = []

    async def story(world: World) -> None:
        key = ("0" * 12, "us-east-1", "u")
        with world.cloud.store.transaction():
            world.tables.mappings.put(key, world.mapping)
        for moment in range(2):
            world.stream.add(world.clock.now_ms() + moment, moment)
            await world.later(0.3)
            results.append(getattr(world.tables.mappings.get(key), "last_result", None))

    def handle(event: dict[str, Any]) -> Any:
        return counting(event) if len(event["Records"]) == 1 and not event["state"] else None

    run(tmp_path, handle, story)
    assert results == ["OK", "PROBLEM: Function call failed"]
