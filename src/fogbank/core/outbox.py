"""Deliveries that a change causes: rows written with the change, delivered after the commit, at least once.

A lane is an order: the rows of one (kind, lane) are delivered one after the other. A `def` handler runs in the
transaction that removes the row, so that what it writes happens exactly once; an `async def` handler's row is removed
when it returns. A handler that raises is tried again with back-off; after the last try `on_exhausted` gets the row.
"""

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from fogbank.core.errors import AwsError, StorageFull
from fogbank.core.store import Record

if TYPE_CHECKING:
    from fogbank.core.cloud import Cloud
    from fogbank.core.context import Context

log = logging.getLogger("fogbank.outbox")

T = TypeVar("T")

WHEN_FULL_S = 5.0


class RetryPolicy(msgspec.Struct, frozen=True):
    """How often and how long a failing delivery is tried: delays double from `first_delay_s` to `delay_max_s`."""

    attempts_max: int = 3
    first_delay_s: float = 1.0
    delay_max_s: float = 60.0
    age_max_s: float = 86_400.0

    def delay_s(self, failures: int) -> float:
        return min(self.first_delay_s * 2.0 ** min(failures - 1, 30), self.delay_max_s)


class Row(Record):
    """A pending delivery."""

    account: str
    region: str
    payload: bytes
    created_ms: int
    endpoint: str
    failures: int = 0
    not_before_ms: int = 0


class Kind(Generic[T]):
    """One sort of delivery: its handler and what happens when all tries failed."""

    def __init__(
        self,
        payload: type[T],
        deliver: Callable[["Context", T], Any],
        retry: RetryPolicy,
        on_exhausted: Callable[["Context", T, Exception], None] | None,
    ) -> None:
        self.decode = msgspec.msgpack.Decoder(payload).decode
        self.deliver = deliver
        self.retry = retry
        self.on_exhausted = on_exhausted
        self.waits = inspect.iscoroutinefunction(deliver)


class Outbox:
    """The durable queue of deliveries of one cloud."""

    def __init__(self, cloud: "Cloud") -> None:
        self._cloud = cloud
        self._rows = cloud.store.table("core.outbox", key=(str, str, int), value=Row)
        self._kinds: dict[str, Kind[Any]] = {}
        self._busy: dict[tuple[str, str], asyncio.Event] = {}
        self._encode = msgspec.msgpack.Encoder().encode

    def handler(
        self,
        kind: str,
        deliver: Callable[["Context", T], Any],
        *,
        payload: type[T],
        retry: RetryPolicy = RetryPolicy(),
        on_exhausted: Callable[["Context", T, Exception], None] | None = None,
    ) -> None:
        """Register who delivers `kind`, as `service.topic`; the service's name comes first so that it can be woken."""
        self._kinds[kind] = Kind(payload, deliver, retry, on_exhausted)

    def put(self, ctx: "Context", kind: str, *, lane: str, payload: object, delay_s: float = 0) -> None:
        """Add a delivery to the current transaction."""
        row = Row(
            account=ctx.account,
            region=ctx.region,
            payload=self._encode(payload),
            created_ms=ctx.now_ms,
            endpoint=ctx.endpoint,
            not_before_ms=ctx.now_ms + int(delay_s * 1000) if delay_s else 0,
        )
        self._rows.put((kind, lane, self._cloud.sequence.next()), row)
        self._cloud.store.after_commit(lambda: self._wake(kind, lane))

    def start(self) -> None:
        """Go on with what an earlier process left."""
        for kind, lane in {(key[0], key[1]) for key, _ in self._rows.scan()}:
            self._wake(kind, lane)

    def pending(self) -> int:
        return self._rows.count()

    def _wake(self, kind: str, lane: str) -> None:
        event = self._busy.get((kind, lane))
        if event is not None:
            event.set()
            return
        self._busy[kind, lane] = asyncio.Event()
        self._cloud.tasks.spawn(f"outbox {kind} {lane}", self._work(kind, lane))

    async def _work(self, kind_name: str, lane: str) -> None:
        arrived = self._busy[kind_name, lane]
        try:
            if kind_name not in self._kinds:
                self._cloud.service(kind_name.partition(".")[0])
            kind = self._kinds[kind_name]
            while True:
                arrived.clear()
                rows = list(self._rows.scan((kind_name, lane), limit=100))
                if not rows and not arrived.is_set():
                    return
                try:
                    for key, row in rows:
                        if not await self._deliver(kind, key, row):
                            break
                except StorageFull:  # The rows are still there, and there may be room for their end later.
                    await self._cloud.clock.sleep(WHEN_FULL_S)
        finally:
            del self._busy[kind_name, lane]

    async def _deliver(self, kind: Kind[Any], key: tuple[Any, ...], row: Row) -> bool:
        """Try one row; whether the lane may go on behind it."""
        if row.not_before_ms:
            await self._cloud.clock.sleep_until(row.not_before_ms)
        ctx = self._cloud.context(account=row.account, region=row.region, endpoint=row.endpoint)
        payload = kind.decode(row.payload)
        try:
            if kind.waits:
                await kind.deliver(ctx, payload)
                await ctx.run(self._rows.delete, key)
            else:
                await ctx.run(self._deliver_and_remove, kind, ctx, payload, key)
        except Exception as error:  # An edge: whatever a delivery raises, the row is kept for the next try.
            if not isinstance(error, AwsError):
                log.exception("delivery %s failed", key[:2])
            await ctx.run(self._failed, kind, ctx, key, row, payload, error)
            return self._rows.get(key) is None
        return True

    def _deliver_and_remove(self, kind: Kind[Any], ctx: "Context", payload: Any, key: tuple[Any, ...]) -> None:
        kind.deliver(ctx, payload)
        self._rows.delete(key)

    def _failed(
        self, kind: Kind[Any], ctx: "Context", key: tuple[Any, ...], row: Row, payload: Any, error: Exception
    ) -> None:
        row.failures += 1
        age_s = (ctx.now_ms - row.created_ms) / 1000
        if row.failures >= kind.retry.attempts_max or age_s > kind.retry.age_max_s:
            self._rows.delete(key)
            if kind.on_exhausted is None:
                log.warning("delivery %s given up after %d tries: %s", key[:2], row.failures, error)
            else:
                kind.on_exhausted(ctx, payload, error)
            return
        row.not_before_ms = ctx.now_ms + int(kind.retry.delay_s(row.failures) * 1000)
        self._rows.put(key, row)
