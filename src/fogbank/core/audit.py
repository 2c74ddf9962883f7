"""The audit record: who did what, from where, with what outcome, and where requests are authorized, why.

Requests that manage resources are always recorded, as CloudTrail's management events are. Operations on the data itself
(`Service.data_operations`) are recorded with `--audit all`, and when one is denied. What changes something is written
in its own transaction; the rest waits in memory, for at most `FLUSH_S`. Entries stay for 90 days.
"""

import heapq
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.core.ids import new_id
from fogbank.core.store import Record

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.context import Context

FLUSH_S = 1.0
RETENTION_MS = 90 * 24 * 3_600_000  # CloudTrail's event history
_SWEEP_S = 3600
_SWEPT_PER_TURN = 1000
_PENDING_MAX = 10_000
# What is told of parameters and answers; CloudTrail's events have 256 KB at most, all in all.
_TOLD_MAX = 32 * 1024
_TEXT_MAX = 2048
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


class Reason(Record):
    """What was decided about one action on one resource."""

    action: str
    resource: str
    allowed: bool
    explicit: bool
    layer: str
    """The kind of policy that decided it, such as `identity-based policy`."""
    statements: list[str]
    """The statements that were about it: the policy's name and the statement's Sid or number."""


class Entry(Record):
    """One request and its outcome."""

    id: str
    request_id: str
    service: str
    """By botocore's name."""
    operation: str
    read_only: bool
    data: bool
    """Whether it is an operation on data."""
    principal: str
    access_key: str
    peer: str
    agent: str
    parameters: str
    """The parameters, and of changes the answer, as JSON; what is secret, or too long, is left out."""
    answer: str = ""
    error: str = ""
    error_message: str = ""
    user_id: str = ""
    session_of: str = ""
    """The role of a session."""
    session_ms: int = 0
    mfa: bool = False
    invoked_by: str = ""
    """The service that acted on the principal's behalf."""
    resources: list[str] = []
    reasons: list[Reason] = []


Place = tuple[str, str, int, int]
"""Account, region, time in milliseconds, and a number."""


class Audit:
    """The record of one cloud."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._entries = cloud.store.table("core.audit", key=(str, str, int, int), value=Entry)
        self._pending: dict[Place, Entry] = {}
        self._scheduled = self._hurries = False
        self._number = 0
        self.everything = False
        """Whether operations on data are recorded, too."""
        self.watchers: list[Callable[[Context, Place, Entry], None]] = []
        """Told of everything that may have changed something, in a transaction."""

    def add(self, ctx: "Context", entry: Entry) -> None:
        """Record it in the current transaction."""
        place = self._place(ctx)
        self._entries.put(place, entry)
        self._tell_watchers(ctx, place, entry)

    def add_later(self, ctx: "Context", entry: Entry) -> None:
        """Record it in a while; nobody waits for that."""
        place = self._place(ctx)
        self._pending[place] = entry
        self._tell_watchers(ctx, place, entry)
        clock = self._cloud.clock
        if not self._scheduled:
            self._scheduled = True
            clock.call_at(clock.now_ms() + int(FLUSH_S * 1000), self._flush_due)
        if len(self._pending) >= _PENDING_MAX and not self._hurries:
            # Not at once: what waits would be written again with each request until it is committed.
            self._hurries = True
            clock.call_at(clock.now_ms(), self._flush_due)

    def flush(self) -> None:
        """Write what waits; inside a transaction, or in one of its own."""
        if self._pending:
            with self._cloud.store.transaction():
                self._write_pending()

    def entries(
        self, account: str, region: str, *, since_ms: int = 0, until_ms: int | None = None, newest_first: bool = True
    ) -> Iterator[tuple[Place, Entry]]:
        """The entries of an account and region in that time, both ends included."""
        self.flush()
        first = (account, region, since_ms)
        last = None if until_ms is None else (account, region, until_ms)
        if newest_first:
            found = self._entries.scan((account, region), start=last, reverse=True)
        else:
            found = self._entries.scan((account, region), start=first)
        for place, entry in found:
            if (newest_first and place[2] < since_ms) or (until_ms is not None and place[2] > until_ms):
                return
            yield place, entry

    def regions_of(self, account: str) -> list[str]:
        """Where the account has entries."""
        self.flush()
        return [region for owner, region in self._places() if owner == account]

    def everywhere(self, *, since_ms: int = 0) -> Iterator[tuple[Place, Entry]]:
        """The entries of all accounts and regions, the oldest first."""
        self.flush()
        parts = [self.entries(*place, since_ms=since_ms, newest_first=False) for place in self._places()]
        return heapq.merge(*parts, key=lambda found: found[0][2:])

    async def sweep(self) -> None:
        """Remove what is older than the retention, for ever."""
        while True:
            for account, region in list(self._places()):
                while await self._cloud.store.run(self._remove_old, account, region):
                    pass
            await self._cloud.clock.sleep(_SWEEP_S)

    # ---- steps --------------------------------------------------------------------------------------------------

    @cached_property
    def _stored_to_ms(self) -> int:
        """When the last entry of earlier runs was made: the clock may stand there, or before that, again."""
        newest = (next(self._entries.scan(place, reverse=True, limit=1)) for place in self._places())
        return max((place[2] for place, _ in newest), default=-1)

    def _place(self, ctx: "Context") -> Place:
        while True:
            self._number = (self._number + 1) % 1_000_000
            place = (ctx.account, ctx.region, ctx.now_ms, self._number)
            if ctx.now_ms > self._stored_to_ms or self._entries.get(place) is None:
                return place

    def _tell_watchers(self, ctx: "Context", place: Place, entry: Entry) -> None:
        if self.watchers and not entry.read_only:
            with self._cloud.store.transaction():
                for watch in self.watchers:
                    watch(ctx, place, entry)

    def _write_pending(self) -> None:
        if not self._pending:
            return
        # Should this transaction be rolled back, they are written once more with another one.
        self._entries.put_all(self._pending.items())
        written = tuple(self._pending)
        self._cloud.store.after_commit(lambda: self._forget(written))

    def _forget(self, written: tuple[Place, ...]) -> None:
        for place in written:
            self._pending.pop(place, None)

    def _flush_due(self) -> None:
        self._scheduled = False
        with self._cloud.store.transaction():
            self._write_pending()
            self._cloud.store.after_commit(self._hurry_no_more)

    def _hurry_no_more(self) -> None:
        self._hurries = False

    def _places(self) -> Iterator[tuple[str, str]]:
        found = self._entries.first()
        while found is not None:
            account, region = found[0][0], found[0][1]
            yield account, region
            found = next(self._entries.scan(start=(account, region, 1 << 62), limit=1), None)

    def _remove_old(self, account: str, region: str) -> bool:
        """Remove some of what is too old; whether there may be more."""
        oldest_ms = self._cloud.clock.now_ms() - RETENTION_MS
        old = [
            place for place, _ in self._entries.scan((account, region), limit=_SWEPT_PER_TURN) if place[2] < oldest_ms
        ]
        for place in old:
            self._entries.delete(place)
        return len(old) == _SWEPT_PER_TURN


def entry(
    ctx: "Context",
    *,
    service: str,
    operation: str,
    read_only: bool,
    data: bool,
    parameters: Any,
    answer: Any = None,
    error: str = "",
    error_message: str = "",
    hidden: frozenset[str] = frozenset(),
    resources: list[str] | None = None,
    reasons: list[Reason] | None = None,
) -> Entry:
    """An entry for the request of a context. `hidden` are the members whose values nobody may read."""
    identity = ctx.identity
    return Entry(
        id=new_id(),
        request_id=ctx.request_id,
        service=service,
        operation=operation,
        read_only=read_only,
        data=data,
        principal=ctx.principal_arn,
        access_key=ctx.access_key or "",
        peer=ctx.peer,
        agent=ctx.headers.get("user-agent", ""),
        parameters=_told(parameters, hidden),
        answer="" if answer is None else _told(answer, hidden),
        error=error,
        error_message=error_message[:_TEXT_MAX],
        user_id=identity.user_id if identity is not None else "",
        session_of=identity.role if identity is not None else "",
        session_ms=identity.issued_ms if identity is not None else 0,
        mfa=identity.mfa if identity is not None else False,
        invoked_by=(*identity.services[-1:], identity.assumed_by)[0] if identity is not None else "",
        resources=resources or [],
        reasons=reasons or [],
    )


def _told(value: Any, hidden: frozenset[str]) -> str:
    text = msgspec.json.encode(_plain(value, hidden)).decode()
    return text if len(text) <= _TOLD_MAX else '{"omitted":true}'


def _plain(value: Any, hidden: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {
            str(name): HIDDEN if name in hidden else _plain(one, hidden)
            for name, one in value.items()
            if not isinstance(one, bytes | memoryview)
        }
    if isinstance(value, list | tuple):
        return [_plain(one, hidden) for one in value[:1000]]
    if isinstance(value, str):
        return value if len(value) <= _TEXT_MAX else f"{value[:_TEXT_MAX]}…"
    return value if value is None or isinstance(value, bool | int | float) else str(type(value).__name__)
