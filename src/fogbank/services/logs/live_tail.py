"""Live Tail: events as they arrive, once a second.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.services.logs.errors import InvalidParameter, LimitExceeded
from fogbank.services.logs.events import Events
from fogbank.services.logs.filter_pattern import Filter, compile_filter
from fogbank.services.logs.groups import name_of, only_standard
from fogbank.services.logs.records import Arrived, Group, Stream

UPDATE_S = 1.0
UPDATE_EVENTS_MAX = 500
BUFFERED_MAX = 5_000  # events; beyond it the oldest are dropped
SESSION_MS = 3 * 3_600_000
SESSIONS_MAX = 15  # CloudWatch Logs quota: concurrent Live Tail sessions of an account in a region


class SessionTimeout(AwsError):
    code = "SessionTimeoutException"
    message = "The Live Tail session has timed out: it was open for three hours."


class Tail:
    """A session: the groups that it looks at, and what has arrived since the last update."""

    def __init__(
        self, groups: dict[int, str], streams: frozenset[str], prefixes: tuple[str, ...], matches: Filter
    ) -> None:
        self._groups = groups
        self._streams = streams
        self._prefixes = prefixes
        self._matches = matches
        self._events: list[dict[str, Any]] = []

    def tell(self, group: Group, stream: Stream, arrived: list[Arrived], now_ms: int) -> None:
        if (
            group.id not in self._groups
            or (self._streams and stream.name not in self._streams)
            or (self._prefixes and not stream.name.startswith(self._prefixes))
        ):
            return
        self._events += [
            {
                "logStreamName": stream.name,
                "logGroupIdentifier": self._groups[group.id],
                "message": message,
                "timestamp": time_ms,
                "ingestionTime": now_ms,
            }
            for _, time_ms, message in arrived
            if self._matches(message) is not None
        ]
        del self._events[:-BUFFERED_MAX]

    def update(self) -> dict[str, Any]:
        """What has arrived; evenly chosen events where there are many."""
        events, self._events = self._events, []
        sampled = len(events) > UPDATE_EVENTS_MAX
        if sampled:
            events = [events[at * len(events) // UPDATE_EVENTS_MAX] for at in range(UPDATE_EVENTS_MAX)]
        return {"sessionMetadata": {"sampled": sampled}, "sessionResults": events}


class LiveTails(Events):
    """The operation StartLiveTail of `LogsService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tails: dict[tuple[str, str], list[Tail]] = {}

    def start_live_tail(
        self,
        ctx: Context,
        *,
        logGroupIdentifiers: list[str],
        logStreamNames: list[str] | None = None,
        logStreamNamePrefixes: list[str] | None = None,
        logEventFilterPattern: str = "",
    ) -> Answer:
        if logStreamNames and logStreamNamePrefixes:
            raise InvalidParameter("Only one of logStreamNames and logStreamNamePrefixes can be specified.")
        if (logStreamNames or logStreamNamePrefixes) and len(logGroupIdentifiers) > 1:
            raise InvalidParameter("Log streams can only be specified for a single log group.")
        groups: dict[int, str] = {}
        for identifier in logGroupIdentifiers:
            if not identifier.startswith("arn:") or identifier.endswith("*"):
                raise InvalidParameter("A log group must be specified by its ARN, without an asterisk at its end.")
            group = self._group(ctx, name_of(identifier))
            only_standard(group, "StartLiveTail")
            groups[group.id] = identifier
        for name in logStreamNames or ():
            self._stream(group, name)
        if len(self._tails.get((ctx.account, ctx.region), ())) >= SESSIONS_MAX:
            raise LimitExceeded(f"There can be up to {SESSIONS_MAX} Live Tail sessions at a time.")
        tail = Tail(
            groups,
            frozenset(logStreamNames or ()),
            tuple(logStreamNamePrefixes or ()),
            compile_filter(logEventFilterPattern),
        )
        start: dict[str, Any] = {
            "requestId": ctx.request_id,
            "sessionId": new_id(),
            "logGroupIdentifiers": logGroupIdentifiers,
            "logEventFilterPattern": logEventFilterPattern,
        }
        if logStreamNames:
            start["logStreamNames"] = logStreamNames
        if logStreamNamePrefixes:
            start["logStreamNamePrefixes"] = logStreamNamePrefixes
        return {"responseStream": self._session(ctx, start, tail)}

    async def _session(self, ctx: Context, start: dict[str, Any], tail: Tail) -> AsyncIterator[dict[str, Any]]:
        clock, place = self.cloud.clock, (ctx.account, ctx.region)
        tails = self._tails.setdefault(place, [])
        tails.append(tail)
        try:
            yield {"sessionStart": start}
            while clock.now_ms() - ctx.now_ms < SESSION_MS:
                await clock.sleep(UPDATE_S)
                yield {"sessionUpdate": tail.update()}
            raise SessionTimeout()
        finally:
            tails.remove(tail)
            if not tails:
                del self._tails[place]

    def _react(self, ctx: Context, group: Group, stream: Stream, arrived: list[Arrived]) -> None:
        super()._react(ctx, group, stream, arrived)
        tails = self._tails.get((ctx.account, ctx.region))
        for tail in tails or ():
            self.cloud.store.after_commit(partial(tail.tell, group, stream, arrived, ctx.now_ms))
