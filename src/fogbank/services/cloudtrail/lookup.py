"""LookupEvents: the event history of the last 90 days.

https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import parse
from fogbank.core.service import Answer
from fogbank.services.cloudtrail.base import Base
from fogbank.services.cloudtrail.errors import (
    InvalidEventCategory,
    InvalidLookupAttributes,
    InvalidMaxResults,
    InvalidNextToken,
    InvalidTimeRange,
)
from fogbank.services.cloudtrail.events import Event

PAGE_MAX = 50
# Entries that one page looks at: where few are wanted it may have fewer than asked for, and a token.
LOOKED_AT_MAX = 5_000
HISTORY_MS = 90 * 24 * 3_600_000

_TESTS: Mapping[str, Callable[[Event, str], bool]] = {
    "AccessKeyId": lambda event, value: event.entry.access_key == value,
    "EventId": lambda event, value: event.entry.id == value,
    "EventName": lambda event, value: event.entry.operation == value,
    "EventSource": lambda event, value: event.source == value,
    "ReadOnly": lambda event, value: str(event.entry.read_only).lower() == value.lower(),
    "ResourceName": lambda event, value: any(row["ResourceName"] == value for row in event.resources()),
    "ResourceType": lambda event, value: any(row.get("ResourceType") == value for row in event.resources()),
    "Username": lambda event, value: event.user_name == value,
}


class Lookup(Base):
    """The operation LookupEvents of `CloudTrailService`."""

    def lookup_events(
        self,
        ctx: Context,
        *,
        LookupAttributes: list[dict[str, str]] | None = None,
        StartTime: float | None = None,
        EndTime: float | None = None,
        EventCategory: str | None = None,
        MaxResults: int = PAGE_MAX,
        NextToken: str | None = None,
    ) -> Answer:
        """Operations on data are no part of the history."""
        if EventCategory == "insight":
            raise NotImplementedInFogbank("Fogbank's CloudTrail has no Insights.")
        if EventCategory is not None:
            raise InvalidEventCategory(f"Invalid event category: {EventCategory}.")
        attributes = LookupAttributes or []
        if len(attributes) > 1:
            raise InvalidLookupAttributes("You can specify only one lookup attribute.")
        if not 1 <= MaxResults <= PAGE_MAX:
            raise InvalidMaxResults(f"The max results must be between 1 and {PAGE_MAX}.")
        since_ms = int(min(max((StartTime or 0) * 1000, ctx.now_ms - HISTORY_MS), ctx.now_ms + 1))
        until_ms = ctx.now_ms if EndTime is None else int(max(min(EndTime * 1000, ctx.now_ms), 0))
        if EndTime is not None and StartTime is not None and StartTime > EndTime:
            raise InvalidTimeRange("The start time must be earlier than the end time.")
        return self._page(self._history(ctx, since_ms, until_ms, NextToken), _wanted(attributes), MaxResults)

    def _history(self, ctx: Context, since_ms: int, until_ms: int, token: str | None) -> Iterator[tuple[str, Event]]:
        """The newest first, with the token that goes on behind each."""
        behind = None if token is None else _read(token)
        until_ms = until_ms if behind is None else min(behind[0], until_ms)
        found = ctx.cloud.audit.entries(ctx.account, ctx.region, since_ms=since_ms, until_ms=until_ms)
        for (_, _, at_ms, number), entry in found:
            if behind is None or (at_ms, number) < behind:
                yield _token(at_ms, number), self._event(ctx.account, ctx.region, at_ms, entry)

    def _page(
        self, history: Iterator[tuple[str, Event]], wanted: Callable[[Event], bool], limit: int
    ) -> dict[str, Any]:
        rows: list[dict[str, Any]] = []
        last = ""
        for looked_at, (token, event) in enumerate(history):
            fits = not event.entry.data and wanted(event)
            if (fits and len(rows) == limit) or looked_at == LOOKED_AT_MAX:
                return {"Events": rows, "NextToken": last}
            if fits:
                rows.append(_row(event))
            last = token
        return {"Events": rows}


def _wanted(attributes: list[dict[str, str]]) -> Callable[[Event], bool]:
    if not attributes:
        return lambda event: True
    test, value = _TESTS[attributes[0]["AttributeKey"]], attributes[0]["AttributeValue"]
    return lambda event: test(event, value)


def _row(event: Event) -> dict[str, Any]:
    row: dict[str, Any] = {
        "EventId": event.entry.id,
        "EventName": event.entry.operation,
        "ReadOnly": str(event.entry.read_only).lower(),
        "EventTime": event.at_ms / 1000,
        "EventSource": event.source,
        "Username": event.user_name,
        "Resources": event.resources(),
        "CloudTrailEvent": event.text(),
    }
    return row | ({"AccessKeyId": event.entry.access_key} if event.entry.access_key else {})


def _token(at_ms: int, number: int) -> str:
    return base64.urlsafe_b64encode(f"[{at_ms},{number}]".encode()).decode()


def _read(token: str) -> tuple[int, int]:
    try:
        found = parse(base64.urlsafe_b64decode(token))
    except ValueError:
        raise InvalidNextToken from None
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(one, int) for one in found):
        raise InvalidNextToken
    return found[0], found[1]
