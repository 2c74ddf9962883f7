"""Single records, and the fields that records of a group have.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogRecord.html
"""

import asyncio
from collections import Counter
from contextlib import aclosing
from functools import partial

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter, ResourceNotFound
from fogbank.services.logs.groups import Groups, horizon_ms
from fogbank.services.logs.insights.formats import discovered
from fogbank.services.logs.insights.pointers import pointer
from fogbank.services.logs.insights.reading import Reader, Searched

EVENTS_MAX = 10_000  # in which fields are looked for
_MINUTE_MS = 60_000
_RECENT_MS = 15 * _MINUTE_MS
_AROUND_MS = 8 * _MINUTE_MS
_EVENTS_A_TURN = 50
_SYSTEM_FIELDS = ("@ingestionTime", "@log", "@logStream", "@message", "@timestamp")


class LogRecords(Groups):
    """The operations of `LogsService` on records and their fields."""

    def get_log_record(self, ctx: Context, *, logRecordPointer: str, unmask: bool = False) -> Answer:
        """Nothing is masked, since there are no data protection policies."""
        place = pointer(logRecordPointer)
        if place is None:
            raise InvalidParameter("The specified log record pointer is invalid.")
        group = self._tables.groups.get((ctx.account, ctx.region, place.group))
        event = self._tables.events.get((place.group_id, place.stream_id, place.time_ms, place.number))
        if (
            group is None
            or group.id != place.group_id
            or event is None
            or place.time_ms < horizon_ms(group, ctx.now_ms)
        ):
            raise ResourceNotFound("The specified log record does not exist.")
        streams = (stream.name for _, stream in self._tables.streams.scan((group.id,)) if stream.id == place.stream_id)
        ((_, event),) = self._event_encryption.opened(ctx, group, [(place, event)])
        record = {
            "@ingestionTime": str(event.ingested_ms),
            "@log": f"{ctx.account}:{group.name}",
            "@logStream": next(streams, ""),
            "@message": event.message,
            "@ptr": logRecordPointer,
            "@timestamp": str(place.time_ms),
        }
        return {"logRecord": {**discovered(event.message), **record}}

    async def get_log_group_fields(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        time: int | None = None,
    ) -> Answer:
        """`time` is in seconds."""
        group = self._named(ctx, logGroupName, logGroupIdentifier)
        if time is None:
            start_ms, end_ms = ctx.now_ms - _RECENT_MS, ctx.now_ms
        else:
            start_ms, end_ms = time * 1000 - _AROUND_MS, time * 1000 + _AROUND_MS
        start_ms = max(start_ms, horizon_ms(group, ctx.now_ms), 0)
        counts: Counter[str] = Counter()
        events = 0
        searched = [Searched(group, "", start_ms, end_ms)]
        reader = Reader(self._tables, searched, partial(self._event_encryption.opened, ctx))
        async with aclosing(reader.batches()) as batches:
            async for batch in batches:
                for message in batch.columns["message"]:
                    counts.update({*discovered(message), *_SYSTEM_FIELDS})
                    events += 1
                    if events % _EVENTS_A_TURN == 0:
                        await asyncio.sleep(0)
                if events >= EVENTS_MAX:
                    break
        shares = sorted((-round(100 * count / events), name) for name, count in counts.items())
        return {"logGroupFields": [{"name": name, "percent": -share} for share, name in shares]}
