"""Log streams and their events: put, got, searched.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

import heapq
import itertools
from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.metrics import Meters
from fogbank.core.numerals import whole_number
from fogbank.core.service import Answer
from fogbank.services.logs.embedded_metrics import embedded, publish_embedded
from fogbank.services.logs.errors import GroupNotFound, InvalidParameter, ResourceAlreadyExists, StreamNotFound
from fogbank.services.logs.filter_pattern import compile_filter
from fogbank.services.logs.forwarding import event_id, forward
from fogbank.services.logs.groups import DAY_MS, Groups, horizon_ms, only_standard
from fogbank.services.logs.metric_filters import publish
from fogbank.services.logs.pages import PAGE_BYTES_MAX, PAGE_EVENTS_MAX, invalid, page, token, untoken
from fogbank.services.logs.records import Arrived, Event, Group, Stream
from fogbank.services.logs.transformers import Arrivals

BATCH_BYTES_MAX = 1_048_576
EVENT_OVERHEAD_BYTES = 26  # Counted for each event of a batch (PutLogEvents).
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000
SEARCHED_MAX = 20_000  # events that one FilterLogEvents looks at; "may return fewer results", AWS says, none included

Place = tuple[int, int]
"""An event's place among those of its group: its time and its number."""


class Events(Groups):
    """The operations on streams and events of `LogsService`."""

    _meters: Meters

    def create_log_stream(self, ctx: Context, *, logGroupName: str, logStreamName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        if self._tables.streams.get((group.id, logStreamName)) is not None:
            raise ResourceAlreadyExists("The specified log stream already exists")
        stream = Stream(self._tables.next_number(), logStreamName, ctx.now_ms)
        self._tables.streams.put((group.id, logStreamName), stream)
        return None

    def delete_log_stream(self, ctx: Context, *, logGroupName: str, logStreamName: str) -> Answer:
        group = self._group(ctx, logGroupName)
        stream = self._stream(group, logStreamName)
        self.cloud.garbage.discard(self._tables.events, (group.id, stream.id))
        self._tables.streams.delete((group.id, logStreamName))
        return None

    def describe_log_streams(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamNamePrefix: str = "",
        orderBy: str = "LogStreamName",
        descending: bool = False,
        nextToken: str | None = None,
        limit: int = 50,
    ) -> Answer:
        group = self._named(ctx, logGroupName, logGroupIdentifier)
        if orderBy == "LastEventTime" and logStreamNamePrefix:
            raise InvalidParameter("Cannot order by LastEventTime with a logStreamNamePrefix.")
        there = self._identified(ctx, logGroupIdentifier)[0] if logGroupIdentifier else ctx
        rows = [
            self._stream_row(there, group, stream)
            for (_, name), stream in self._tables.streams.scan((group.id,))
            if name.startswith(logStreamNamePrefix)
        ]
        if orderBy == "LastEventTime":
            rows.sort(key=lambda row: (row.get("lastEventTimestamp", 0), row["logStreamName"]))
        if descending:
            rows.reverse()
        return page("logStreams", rows, nextToken, limit)

    def filter_log_events(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamNames: list[str] | None = None,
        logStreamNamePrefix: str | None = None,
        startTime: int = 0,
        endTime: int | None = None,
        filterPattern: str = "",
        nextToken: str | None = None,
        limit: int = PAGE_EVENTS_MAX,
        interleaved: bool | None = None,
    ) -> Answer:
        """`interleaved` has no effect, as on AWS since 2019: the events of all streams come in the order of time."""
        group = self._named(ctx, logGroupName, logGroupIdentifier)
        only_standard(group, "FilterLogEvents")
        if logStreamNames and logStreamNamePrefix:
            raise InvalidParameter("Only one of logStreamNames and logStreamNamePrefix can be specified.")
        after = _search_position(nextToken)
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
        begin = max(startTime, horizon_ms(group, ctx.now_ms), after[0])
        rows: list[dict[str, Any]] = []
        answer: dict[str, Any] = {"events": rows, "searchedLogStreams": []}
        last, size, searched = after, 0, 0
        for place, name, event in self._search(ctx, group, streams, begin):
            if endTime is not None and place[0] >= endTime:
                break
            if place <= after:
                continue
            matching = matches(event.message) is not None
            size += len(event.message.encode()) if matching else 0
            full = matching and (len(rows) == limit or (rows and size > PAGE_BYTES_MAX))
            if full or searched == SEARCHED_MAX:
                answer["nextToken"] = token(f"{last[0]}/{last[1]}")
                break
            last, searched = place, searched + 1
            if not matching:
                continue
            rows.append(
                {
                    "logStreamName": name,
                    "timestamp": place[0],
                    "message": event.message,
                    "ingestionTime": event.ingested_ms,
                    "eventId": event_id(*place),
                }
            )
        return answer

    def get_log_events(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        logGroupIdentifier: str | None = None,
        logStreamName: str,
        startTime: int = 0,
        endTime: int | None = None,
        nextToken: str | None = None,
        limit: int = PAGE_EVENTS_MAX,
        startFromHead: bool = False,
    ) -> Answer:
        group = self._named(ctx, logGroupName, logGroupIdentifier)
        only_standard(group, "GetLogEvents")
        stream = self._stream(group, logStreamName)
        place = (group.id, stream.id)
        begin = max(startTime, horizon_ms(group, ctx.now_ms))
        if nextToken:
            direction, *position = _position(nextToken)
        else:
            direction, position = ("f" if startFromHead else "b"), []
        events: list[tuple[int, int, Event]] = []
        if direction == "f":
            bound = {"after": (*place, *position)} if position >= [begin] else {"start": (*place, begin)}
            for at_ms, number, event in self._page(ctx, group, place, limit=limit, **bound):
                if endTime is not None and at_ms >= endTime:
                    break
                events.append((at_ms, number, event))
        else:
            ends = [end for end in (position, [] if endTime is None else [endTime]) if end]
            after = (*place, *min(ends)) if ends else None
            for at_ms, number, event in self._page(ctx, group, place, after=after, reverse=True, limit=limit):
                if at_ms < begin:
                    break
                events.append((at_ms, number, event))
            events.reverse()
        forward_token, backward_token = _tokens(events, direction, position or [begin, 0])
        return {
            "events": [
                {"timestamp": at_ms, "message": event.message, "ingestionTime": event.ingested_ms}
                for at_ms, _, event in events
            ],
            "nextForwardToken": forward_token,
            "nextBackwardToken": backward_token,
        }

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
        group = self._tables.groups.peek((ctx.account, ctx.region, logGroupName))
        if group is None:
            raise GroupNotFound()
        stream = self._stream(group, logStreamName)
        size = sum([len(event["message"].encode()) for event in logEvents]) + EVENT_OVERHEAD_BYTES * len(logEvents)
        if size > BATCH_BYTES_MAX:
            raise InvalidParameter(f"Upload too large: {size} bytes exceeds limit of {BATCH_BYTES_MAX}")
        times = [event["timestamp"] for event in logEvents]
        if any(later < earlier for earlier, later in itertools.pairwise(times)):
            raise InvalidParameter("Log events in a single PutLogEvents request must be in chronological order.")
        if times and times[-1] - times[0] > DAY_MS:
            raise InvalidParameter(
                "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
            )
        expired = horizon_ms(group, ctx.now_ms)
        begin, end = max(ctx.now_ms - TOO_OLD_MS, expired), ctx.now_ms + TOO_NEW_MS
        number = self._tables.next_number(len(logEvents))
        answer: dict[str, Any] = {"nextSequenceToken": f"{number:056d}"}
        arrived: list[Arrived] = [
            (index, event["timestamp"], event["message"])
            for index, event in enumerate(logEvents, start=number)
            if begin <= event["timestamp"] <= end
        ]
        if len(arrived) < len(times):
            size = sum(stored_bytes(message) for _, _, message in arrived)
            answer["rejectedLogEventsInfo"] = _rejected(
                times, too_old=ctx.now_ms - TOO_OLD_MS, expired=expired, too_new=end
            )
        if arrived:
            new = self._event_encryption.new
            self._tables.events.put_all(
                ((group.id, stream.id, at_ms, index), new(ctx, group, message)) for index, at_ms, message in arrived
            )
            stream.last_ingested_ms = ctx.now_ms
            stream.stored_bytes += size
            self._tables.streams.put((group.id, stream.name), stream)
            self._count_incoming(ctx, group, len(arrived), size)
            self._react(ctx, group, stream, arrived)
        return answer

    # ---- steps --------------------------------------------------------------------------------------------------

    def _react(self, ctx: Context, group: Group, stream: Stream, arrived: list[Arrived]) -> None:
        """Do what new events cause, in their own transaction."""
        told = embedded(ctx, arrived)
        if told and group.log_class == "STANDARD":
            publish_embedded(ctx, group, told)
        if group.id in self._tables.quiet:
            return
        arrivals = Arrivals(ctx, self._tables, group, stream, arrived)
        filtered = publish(ctx, self._tables, group, arrivals)
        subscribed = forward(ctx, self._tables, group, stream, arrivals)
        if not filtered and not subscribed:
            self._tables.note_quiet(group)

    def _count_incoming(self, ctx: Context, group: Group, events: int, size: int) -> None:
        meters = self._meters
        for name, value, unit in (("IncomingLogEvents", events, "None"), ("IncomingBytes", size, "Bytes")):
            meter = meters.find(group.id, name) or meters.make(
                group.id, ctx.account, ctx.region, name, {"LogGroupName": group.name}, unit
            )
            meter.add(value)

    def _stream(self, group: Group, name: str) -> Stream:
        stream = self._tables.streams.get((group.id, name))
        if stream is None:
            raise StreamNotFound()
        return stream

    def _page(
        self, ctx: Context, group: Group, place: tuple[int, int], **bounds: Any
    ) -> Iterator[tuple[int, int, Event]]:
        """Events of a stream, as many as one answer takes; the first in any case."""
        size = 0
        for key, event in self._event_encryption.opened(ctx, group, self._tables.events.scan(place, **bounds)):
            length = len(event.message.encode())
            size += length
            if size > PAGE_BYTES_MAX and size > length:
                return
            yield key[2], key[3], event

    def _search(
        self, ctx: Context, group: Group, streams: list[Stream], begin_ms: int
    ) -> Iterator[tuple[Place, str, Event]]:
        """The events of the streams from that time on, in order."""
        names = {stream.id: stream.name for stream in streams}
        scans = [
            self._tables.events.scan((group.id, stream.id), start=(group.id, stream.id, begin_ms)) for stream in streams
        ]
        merged = heapq.merge(*scans, key=lambda entry: entry[0][2:])
        for key, event in self._event_encryption.opened(ctx, group, merged):
            yield (key[2], key[3]), names[key[1]], event

    def _stream_row(self, ctx: Context, group: Group, stream: Stream) -> dict[str, Any]:
        row: dict[str, Any] = {
            "logStreamName": stream.name,
            "creationTime": stream.created_ms,
            "arn": ctx.arn("logs", f"log-group:{group.name}:log-stream:{stream.name}"),
            "storedBytes": 0,  # AWS has counted no bytes of streams since 2019, only those of groups.
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


def stored_bytes(message: str) -> int:
    return len(message.encode()) + EVENT_OVERHEAD_BYTES


def kept_bytes(event: Event) -> int:
    """As `stored_bytes`, of an event in the store."""
    return event.sealed_bytes + EVENT_OVERHEAD_BYTES if event.sealed else stored_bytes(event.message)


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


def _tokens(events: list[tuple[int, int, Event]], direction: str, here: list[int]) -> tuple[str, str]:
    """Where the next pages begin. At an end of the stream the token stays as it was; the other one turns back."""
    if events:
        (first_ms, first, _), (last_ms, last, _) = events[0], events[-1]
        return f"f/{last_ms}/{last}", f"b/{first_ms}/{first}"
    at_ms, number = here
    if direction == "f":
        return f"f/{at_ms}/{number}", f"b/{at_ms}/{number + 1}"
    return f"f/{at_ms}/{max(number - 1, 0)}", f"b/{at_ms}/{number}"


def _position(given: str) -> tuple[str, int, int]:
    direction, _, place = given.partition("/")
    if direction not in ("f", "b"):
        raise invalid()
    return direction, *_place(place)


def _search_position(given: str | None) -> Place:
    """The last place of the page before."""
    if not given:
        return 0, 0
    return _place(untoken(given))


def _place(text: str) -> Place:
    before, _, behind = text.partition("/")
    at_ms, number = whole_number(before), whole_number(behind)
    if at_ms is None or number is None:
        raise invalid()
    return at_ms, number
