"""Amazon CloudWatch Logs. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html"""

import base64
import binascii
import heapq
import itertools
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.services.logs.errors import (
    GroupNotFound,
    InvalidParameter,
    ResourceAlreadyExists,
    StreamNotFound,
)
from fogbank.services.logs.filter_pattern import compile_filter
from fogbank.services.logs.records import Event, Group, LogsTables, Stream

DAY_MS = 86_400_000
BATCH_BYTES_MAX = 1_048_576
EVENT_OVERHEAD_BYTES = 26  # Counted for each event of a batch (PutLogEvents).
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000
PAGE_EVENTS_MAX = 10_000


class LogsService(Service):
    """Groups, streams, events, retention and tags.

    JSON and space-delimited filter patterns, queries (Insights), subscriptions and metric filters answer
    NotImplemented. Expired events are hidden, and not yet removed.
    """

    name = "logs"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = LogsTables(cloud.store)

    def ensure_stream(self, ctx: Context, group: str, stream: str) -> None:
        """Make the group and the stream unless they are there; in the current transaction."""
        if self._tables.groups.get((ctx.account, ctx.region, group)) is None:
            self.create_log_group(ctx, logGroupName=group)
        if self._tables.streams.get((self._group(ctx, group).id, stream)) is None:
            self.create_log_stream(ctx, logGroupName=group, logStreamName=stream)

    # ---- operations ----------------------------------------------------------------------------------------

    def create_log_group(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        tags: dict[str, str] | None = None,
        logGroupClass: str = "STANDARD",
    ) -> Answer:
        place = (ctx.account, ctx.region, logGroupName)
        if self._tables.groups.get(place) is not None:
            raise ResourceAlreadyExists("The specified log group already exists")
        number = self._tables.next_number()
        self._tables.groups.put(
            place, Group(number, logGroupName, ctx.now_ms, tags=dict(tags or {}), log_class=logGroupClass)
        )
        return None

    def create_log_stream(self, ctx: Context, *, logGroupName: str, logStreamName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if self._tables.streams.get((group.id, logStreamName)) is not None:
            raise ResourceAlreadyExists("The specified log stream already exists")
        stream = Stream(self._tables.next_number(), logStreamName, ctx.now_ms)
        self._tables.streams.put((group.id, logStreamName), stream)
        return None

    def delete_log_group(self, ctx: Context, *, logGroupName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        self._tables.events.delete_all((group.id,))
        self._tables.streams.delete_all((group.id,))
        self._tables.groups.delete((ctx.account, ctx.region, logGroupName))
        return None

    def delete_log_stream(self, ctx: Context, *, logGroupName: str, logStreamName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        stream = self._stream(group, logStreamName)
        self._tables.events.delete_all((group.id, stream.id))
        self._tables.streams.delete((group.id, logStreamName))
        return None

    def delete_retention_policy(self, ctx: Context, *, logGroupName: str) -> Answer:
        return self.put_retention_policy(ctx, logGroupName=logGroupName, retentionInDays=0)

    def describe_log_groups(
        self, ctx: Context, *, logGroupNamePrefix: str = "", nextToken: str | None = None, limit: int = 50
    ) -> Answer:
        after = _untoken(nextToken) if nextToken else ""
        rows: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"logGroups": rows}
        place = (ctx.account, ctx.region)
        for (_, _, name), group in self._tables.groups.scan(place, start=(*place, max(after, logGroupNamePrefix))):
            if not name.startswith(logGroupNamePrefix):
                break
            if name <= after:
                continue
            if len(rows) == limit:
                answer["nextToken"] = _token(rows[-1]["logGroupName"])
                break
            arn = ctx.arn("logs", f"log-group:{name}")
            row = {
                "logGroupName": name,
                "creationTime": group.created_ms,
                "metricFilterCount": 0,
                "arn": f"{arn}:*",
                "logGroupArn": arn,
                "logGroupClass": group.log_class,
                "storedBytes": 0,
            }
            rows.append(row | ({"retentionInDays": group.retention_days} if group.retention_days else {}))
        return answer

    def describe_log_streams(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        logStreamNamePrefix: str = "",
        orderBy: str = "LogStreamName",
        descending: bool = False,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        if orderBy == "LastEventTime" and logStreamNamePrefix:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        rows = [
            self._stream_row(ctx, group, stream)
            for (_, name), stream in self._tables.streams.scan((group.id,))
            if name.startswith(logStreamNamePrefix)
        ]
        if orderBy == "LastEventTime":
            rows.sort(key=lambda row: (row.get("lastEventTimestamp", 0), row["logStreamName"]))
        if descending:
            rows.reverse()
        start = _offset(nextToken)
        answer: dict[str, Any] = {"logStreams": rows[start : start + limit]}
        return answer | ({"nextToken": _token(str(start + limit))} if len(rows) > start + limit else {})

    def filter_log_events(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        logStreamNames: list[str] | None = None,
        logStreamNamePrefix: str | None = None,
        startTime: int = 0,
        endTime: int | None = None,
        filterPattern: str = "",
        nextToken: str | None = None,
        limit: int = PAGE_EVENTS_MAX,
        interleaved: bool | None = None,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        if logStreamNames and logStreamNamePrefix:
            raise InvalidParameter("Only one of logStreamNames and logStreamNamePrefix can be specified.")
        matches = compile_filter(filterPattern)
        streams = (
            [self._stream(group, name) for name in logStreamNames]
            if logStreamNames
            else [
                stream
                for (_, name), stream in self._tables.streams.scan((group.id,))
                if name.startswith(logStreamNamePrefix or "")
            ]
        )
        names = {stream.id: stream.name for stream in streams}
        begin = max(startTime, self._horizon(ctx, group))
        scans = [
            self._tables.events.scan((group.id, stream.id), start=(group.id, stream.id, begin)) for stream in streams
        ]
        skip = _offset(nextToken)
        found: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"events": found, "searchedLogStreams": []}
        for (_, stream_id, at_ms, number), event in heapq.merge(*scans, key=lambda entry: entry[0][2:]):
            if endTime is not None and at_ms >= endTime:
                break
            if not matches(event.message):
                continue
            if skip:
                skip -= 1
                continue
            if len(found) == limit:
                answer["nextToken"] = _token(str(_offset(nextToken) + limit))
                break
            found.append(
                {
                    "logStreamName": names[stream_id],
                    "timestamp": at_ms,
                    "message": event.message,
                    "ingestionTime": event.ingested_ms,
                    "eventId": f"{at_ms:020d}{number:036d}",
                }
            )
        return answer

    def get_log_events(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        logStreamName: str,
        startTime: int = 0,
        endTime: int | None = None,
        nextToken: str | None = None,
        limit: int = PAGE_EVENTS_MAX,
        startFromHead: bool = False,
    ) -> Answer:
        group = self._group(ctx, logGroupName)
        stream = self._stream(group, logStreamName)
        place = (group.id, stream.id)
        begin = max(startTime, self._horizon(ctx, group))
        if nextToken:
            direction, *position = _position(nextToken)
        else:
            direction, position = ("f" if startFromHead else "b"), []
        events: list[tuple[int, int, Event]] = []
        if direction == "f":
            bound = {"after": (*place, *position)} if position >= [begin] else {"start": (*place, begin)}
            for (_, _, at_ms, number), event in self._tables.events.scan(place, limit=limit, **bound):
                if endTime is not None and at_ms >= endTime:
                    break
                events.append((at_ms, number, event))
        else:
            ends = [end for end in (position, [] if endTime is None else [endTime]) if end]
            after = (*place, *min(ends)) if ends else None
            for (_, _, at_ms, number), event in self._tables.events.scan(place, after=after, reverse=True, limit=limit):
                if at_ms < begin:
                    break
                events.append((at_ms, number, event))
            events.reverse()
        forward, backward = _tokens(events, direction, position or [begin, 0])
        return {
            "events": [
                {"timestamp": at_ms, "message": event.message, "ingestionTime": event.ingested_ms}
                for at_ms, _, event in events
            ],
            "nextForwardToken": forward,
            "nextBackwardToken": backward,
        }

    def list_tags_for_resource(self, ctx: Context, *, resourceArn: str) -> Answer:
        return {"tags": self._tagged(ctx, resourceArn).tags}

    def put_log_events(
        self,
        ctx: Context,
        *,
        logGroupName: str,
        logStreamName: str,
        logEvents: list[dict[str, Any]],
        sequenceToken: str | None = None,
    ) -> Answer:
        """Sequence tokens are accepted and not looked at, as on AWS since 2023."""
        group = self._group(ctx, logGroupName)
        stream = self._stream(group, logStreamName)
        size = sum(len(event["message"].encode()) + EVENT_OVERHEAD_BYTES for event in logEvents)
        if size > BATCH_BYTES_MAX:
            raise InvalidParameter(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
        times = [event["timestamp"] for event in logEvents]
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise InvalidParameter("Log events in a single PutLogEvents request must be in chronological order.")
        if times and times[-1] - times[0] > DAY_MS:
            raise InvalidParameter(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
            )
        expired = self._horizon(ctx, group)
        too_old = max(ctx.now_ms - TOO_OLD_MS, expired)
        number = self._tables.next_number(len(logEvents))
        kept = False
        for index, event in enumerate(logEvents):
            if too_old <= event["timestamp"] <= ctx.now_ms + TOO_NEW_MS:
                key = (group.id, stream.id, event["timestamp"], number + index)
                self._tables.events.put(key, Event(event["message"], ctx.now_ms))
                kept = True
        if kept:
            stream.last_ingested_ms = ctx.now_ms
            self._tables.streams.put((group.id, stream.name), stream)
        answer: dict[str, Any] = {"nextSequenceToken": f"{number:056d}"}
        rejected = _rejected(times, too_old=ctx.now_ms - TOO_OLD_MS, expired=expired, too_new=ctx.now_ms + TOO_NEW_MS)
        return answer | ({"rejectedLogEventsInfo": rejected} if rejected else {})

    def put_retention_policy(self, ctx: Context, *, logGroupName: str, retentionInDays: int) -> Answer:
        group = self._group(ctx, logGroupName)
        group.retention_days = retentionInDays
        self._tables.groups.put((ctx.account, ctx.region, logGroupName), group)
        return None

    def tag_resource(self, ctx: Context, *, resourceArn: str, tags: dict[str, str]) -> Answer:
        group = self._tagged(ctx, resourceArn)
        group.tags |= tags
        self._tables.groups.put((ctx.account, ctx.region, group.name), group)
        return None

    def untag_resource(self, ctx: Context, *, resourceArn: str, tagKeys: list[str]) -> Answer:
        group = self._tagged(ctx, resourceArn)
        group.tags = {key: value for key, value in group.tags.items() if key not in tagKeys}
        self._tables.groups.put((ctx.account, ctx.region, group.name), group)
        return None

    # ---- steps ---------------------------------------------------------------------------------------------

    def _group(self, ctx: Context, name: str) -> Group:
        group = self._tables.groups.get((ctx.account, ctx.region, name))
        if group is None:
            raise GroupNotFound()
        return group

    def _stream(self, group: Group, name: str) -> Stream:
        stream = self._tables.streams.get((group.id, name))
        if stream is None:
            raise StreamNotFound()
        return stream

    def _tagged(self, ctx: Context, arn: str) -> Group:
        return self._group(ctx, arn.partition(":log-group:")[2].removesuffix(":*"))

    def _horizon(self, ctx: Context, group: Group) -> int:
        return ctx.now_ms - group.retention_days * DAY_MS if group.retention_days else 0

    def _stream_row(self, ctx: Context, group: Group, stream: Stream) -> dict[str, Any]:
        row: dict[str, Any] = {
            "logStreamName": stream.name,
            "creationTime": stream.created_ms,
            "arn": ctx.arn("logs", f"log-group:{group.name}:log-stream:{stream.name}"),
            "storedBytes": 0,
        }
        place = (group.id, stream.id)
        first = self._tables.events.first(place)
        last = next(self._tables.events.scan(place, reverse=True, limit=1), None)
        if first is not None and last is not None:
            row |= {
                "firstEventTimestamp": first[0][2],
                "lastEventTimestamp": last[0][2],
                "lastIngestionTime": stream.last_ingested_ms,
                "uploadSequenceToken": f"{last[0][3]:056d}",
            }
        return row


def _rejected(times: list[int], *, too_old: int, expired: int, too_new: int) -> dict[str, int]:
    """The times are in order, so each kind of rejected event is a run at one end of the batch."""
    found: dict[str, int] = {}
    old = sum(at_ms < too_old for at_ms in times)
    gone = sum(at_ms < expired for at_ms in times)
    new = next((index for index, at_ms in enumerate(times) if at_ms > too_new), None)
    if new is not None:
        found["tooNewLogEventStartIndex"] = new
    if old:
        found["tooOldLogEventEndIndex"] = old
    if gone > old:
        found["expiredLogEventEndIndex"] = gone
    return found


def _token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def _untoken(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise InvalidParameter("The specified nextToken is invalid.") from None


def _offset(token: str | None) -> int:
    text = _untoken(token) if token else "0"
    if not text.isdigit():
        raise InvalidParameter("The specified nextToken is invalid.")
    return int(text)


def _tokens(events: list[tuple[int, int, Event]], direction: str, here: list[int]) -> tuple[str, str]:
    """Where the next pages begin. At an end of the stream the token stays as it was; the other one turns back."""
    if events:
        (first_ms, first, _), (last_ms, last, _) = events[0], events[-1]
        return f"f/{last_ms}/{last}", f"b/{first_ms}/{first}"
    at_ms, number = here
    if direction == "f":
        return f"f/{at_ms}/{number}", f"b/{at_ms}/{number + 1}"
    return f"f/{at_ms}/{max(number - 1, 0)}", f"b/{at_ms}/{number}"


def _position(token: str) -> tuple[str, int, int]:
    parts = token.split("/")
    if len(parts) != 3 or parts[0] not in ("f", "b") or not (parts[1].isdigit() and parts[2].isdigit()):
        raise InvalidParameter("The specified nextToken is invalid.")
    return parts[0], int(parts[1]), int(parts[2])
