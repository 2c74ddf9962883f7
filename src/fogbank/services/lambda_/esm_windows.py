"""Tumbling windows: what a function makes of records is handed on from batch to batch until the window is over.

https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
Each lane of a shard has windows of its own. A record belongs to the window of its time. A window is over when something
later was read from its shard, or when the shard was found to have nothing more after the window's end: AWS waits for
stragglers up to two minutes, and here there are none. What the records came to is kept in the store after every
invocation, together with the last record that is in it, so that a crash adds no record twice.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from itertools import groupby
from typing import Any, Protocol

import msgspec

from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.sources.stream_batches import (
    Attempt,
    Batches,
    Processor,
    Throttled,
    lanes_of,
    retry_pause_s,
    throttle_pause_s,
)
from fogbank.core.sources.stream_reader import END_OF_TIME_MS
from fogbank.core.sources.streams import StreamRecord
from fogbank.core.store import Table
from fogbank.services.lambda_.invoke import Result
from fogbank.services.lambda_.records import Mapping, Window

log = logging.getLogger("fogbank.lambda")

STATE_BYTES_MAX = 1 << 20  # A window whose state is larger is ended early.

Key = tuple[str, str, int]


class Source(Protocol):
    """The mapping that the windows are of."""

    @property
    def retention_s(self) -> int:
        """How long its stream keeps records."""

    async def call(self, event: dict[str, Any]) -> Result:
        """Invoke the function. Raises Throttled."""

    def count_age(self, record: StreamRecord) -> None:
        """Publish how old the last record of a batch was."""

    def failed_from(self, records: list[StreamRecord], result: Result) -> int | None:
        """The index of the first record to be tried again; None if all are done."""

    async def give_up(
        self, shard_id: str, records: list[StreamRecord], condition: str, attempts: int, detail: Result | None
    ) -> None:
        """The records are skipped."""


class Windows:
    """All lanes of one mapping."""

    def __init__(
        self,
        ctx: Context,
        source: Source,
        mapping: Mapping,
        table: Table[Window],
        batches: Callable[[Processor], Batches],
    ) -> None:
        self._mapping = mapping
        self._new_lane = partial(_Lane, ctx, source, mapping, table, batches)
        self._lanes = {key: self._new_lane(key, window) for key, window in table.scan((mapping.uuid,))}

    async def settle(self, shard_id: str, records: list[StreamRecord]) -> None:
        """See that every record is processed or given up, the lanes beside each other."""
        async with asyncio.TaskGroup() as group:
            for number, own in lanes_of(records, self._mapping.parallelization).items():
                key = (self._mapping.uuid, shard_id, number)
                lane = self._lanes.get(key)
                if lane is None:
                    lane = self._lanes[key] = self._new_lane(key, None)
                group.create_task(lane.settle(own))

    async def read_until(self, shard_id: str, moment_ms: int) -> None:
        """Everything in the shard from before that moment has been settled: end the windows that end by then."""
        async with asyncio.TaskGroup() as group:
            for key, lane in self._lanes.items():
                if key[1] == shard_id:
                    group.create_task(lane.end_by(moment_ms))


class _Lane:
    """One lane of a shard with its last window; the processor of its batches."""

    def __init__(
        self,
        ctx: Context,
        source: Source,
        mapping: Mapping,
        table: Table[Window],
        batches: Callable[[Processor], Batches],
        key: Key,
        window: Window | None,
    ) -> None:
        self._ctx = ctx
        self._source = source
        self._mapping = mapping
        self._table = table
        self._batches = batches(self)
        self._key = key
        self._window = window

    async def settle(self, records: list[StreamRecord]) -> None:
        for start_ms, group in groupby(self._not_counted(records), key=self._start_ms):
            await self.end_by(start_ms)
            await self._batches.settle(self._key[1], list(group))

    async def end_by(self, moment_ms: int) -> None:
        window = self._window
        if window is not None and not window.ended and window.end_ms <= moment_ms:
            await self._end(window, early=False)
        if window is not None and moment_ms == END_OF_TIME_MS:
            await self._ctx.run(self._table.delete, self._key)
            self._window = None

    async def attempt(self, records: list[StreamRecord]) -> Attempt:
        window = self._window
        if window is None or window.ended:
            window = self._opened_by(records[0])
        result = await self._source.call(self._event(window, records, final=False, early=False))
        self._source.count_age(records[-1])
        state = _state_of(result)
        failed = self._source.failed_from(records, result) if state is not None else 0
        if state is None or failed == 0:
            return Attempt(0, result)
        done = records if failed is None else records[:failed]
        window.state, window.sequence = state, done[-1].sequence
        await self._ctx.run(self._table.put, self._key, window)
        self._window = window
        if len(state) > STATE_BYTES_MAX:
            await self._end(window, early=True)
        return Attempt(failed, result)

    async def give_up(
        self, shard_id: str, records: list[StreamRecord], condition: str, attempts: int, detail: Result | None
    ) -> None:
        await self._source.give_up(shard_id, records, condition, attempts, detail)

    # ---- steps -----------------------------------------------------------------------------------------------------

    def _not_counted(self, records: list[StreamRecord]) -> list[StreamRecord]:
        if self._window is None:
            return records
        last = int(self._window.sequence)
        return [record for record in records if int(record.sequence) > last]

    def _start_ms(self, record: StreamRecord) -> int:
        """Windows are counted from the beginning of Unix time."""
        moment_ms, length_ms = int(record.created_s * 1000), self._mapping.tumbling_s * 1000
        return moment_ms - moment_ms % length_ms

    def _opened_by(self, record: StreamRecord) -> Window:
        start_ms = self._start_ms(record)
        return Window(start_ms, start_ms + self._mapping.tumbling_s * 1000)

    def _event(self, window: Window, records: list[StreamRecord], *, final: bool, early: bool) -> dict[str, Any]:
        return {
            "Records": [record.event for record in records],
            "window": {"start": iso_seconds(window.start_ms), "end": iso_seconds(window.end_ms)},
            "state": msgspec.Raw(window.state),
            "shardId": self._key[1],
            "eventSourceARN": self._mapping.source_arn,
            "isFinalInvokeForWindow": final,
            "isWindowTerminatedEarly": early,
        }

    async def _end(self, window: Window, *, early: bool) -> None:
        """The final invocation of a window, tried as often as a batch would be; then its state is gone."""
        clock = self._ctx.cloud.clock
        event = self._event(window, [], final=True, early=early)
        age_max_s = self._mapping.age_max_s if self._mapping.age_max_s > 0 else self._source.retention_s
        attempts = throttled = 0
        while True:
            try:
                result = await self._source.call(event)
            except Throttled:
                throttled += 1
                pause_s = throttle_pause_s(throttled)
            else:
                if not result.error:
                    break
                attempts, throttled = attempts + 1, 0
                pause_s = retry_pause_s(attempts)
            exhausted = 0 <= self._mapping.retries_max < attempts
            if exhausted or clock.now_ms() > window.end_ms + age_max_s * 1000:
                log.warning("mapping %s gives up the window %s", self._mapping.uuid, event["window"])
                break
            await clock.sleep(pause_s)
        window.state, window.ended = b"{}", True
        await self._ctx.run(self._table.put, self._key, window)


def _state_of(result: Result) -> bytes | None:
    """The state that the function handed back, as JSON; without one the invocation has failed."""
    if result.error:
        return None
    try:
        answer = msgspec.json.decode(result.payload)
    except msgspec.DecodeError:
        return None
    return msgspec.json.encode(answer["state"]) if isinstance(answer, dict) and "state" in answer else None
