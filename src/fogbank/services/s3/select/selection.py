"""One request at work: batches in, events out."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Any, TypeVar

from fogbank.engines.sql.interface import QueryFailed, Row, SqlSession
from fogbank.engines.sql.statement import Statement
from fogbank.services.s3.select.compiler import Plan
from fogbank.services.s3.select.errors import SENTENCES, SelectError
from fogbank.services.s3.select.scanner import RECORD_BYTES_MAX

T = TypeVar("T")
Event = dict[str, Any]
_PAYLOAD_BYTES = 128 * 1024
_CONTINUATION_S = 5.0
_REASONS = {
    "conversion": "CastFailed",
    "overflow": "IntegerOverflow",
    "memory": "ExternalEvalException",
    "time": "ExternalEvalException",
    "unreadable": "ParquetParsingError",
}


class Selection:
    """Runs a plan on batches. `returned` counts what went out."""

    def __init__(self, session: SqlSession, plan: Plan) -> None:
        self._session = session
        self._plan = plan
        self._left = plan.limit
        self._records = Statement(f"{plan.records} LIMIT $left" if plan.limit is not None else plan.records or "")
        self._merging = False
        self.returned = 0

    @property
    def full(self) -> bool:
        """Whether the LIMIT is reached; what further batches have does not matter."""
        return self._left == 0

    async def batch(self, values: dict[str, Any]) -> AsyncIterator[Event]:
        """The records of one batch; with aggregates there are none yet."""
        values = {**self._plan.parameters, **values, "left": self._left}
        if self._plan.partials is not None:
            begin = "INSERT INTO partials" if self._merging else "CREATE TEMP TABLE partials AS"
            statement = Statement(f"{begin} {self._plan.partials}")
            await told(self._session.run(statement.text, statement.parameters(values)))
            self._merging = True
            return
        async for event in self._events(self._records, values):
            yield event

    async def total(self) -> AsyncIterator[Event]:
        """The only record of a query with aggregates, after all batches."""
        if self._plan.total is not None and not self.full:
            async for event in self._events(Statement(self._plan.total), self._plan.parameters):
                yield event

    async def _events(self, statement: Statement, values: dict[str, Any]) -> AsyncIterator[Event]:
        rows = self._session.rows(statement.text, statement.parameters(values), size=512)
        while found := await told(next_of(rows)):
            if self._left is not None:
                self._left -= len(found)
            for payload in _payloads(found):
                self.returned += len(payload)
                yield {"Records": {"Payload": payload}}


def _payloads(rows: list[Row]) -> list[bytes]:
    if max(len(row[0]) for row in rows) > RECORD_BYTES_MAX:
        raise SelectError("OverMaxRecordSize")
    data = "".join([row[0] for row in rows]).encode()
    return [data[at : at + _PAYLOAD_BYTES] for at in range(0, len(data), _PAYLOAD_BYTES)]


async def told(work: Awaitable[T]) -> T:
    """The result of a step of the engine, whose failure is told in S3's words."""
    try:
        return await work
    except QueryFailed as failure:
        if failure.reason == "raised":
            code, bar, sentence = failure.message.partition("|")
            if bar and (sentence or code in SENTENCES):
                raise SelectError(code, sentence or None) from None
        if failure.reason == "conversion" and "JSON" in failure.message:
            raise SelectError("JSONParsingError") from None
        if "expression depth" in failure.message:
            raise SelectError("MaxOperatorsExceeded") from None
        if failure.reason in _REASONS:
            raise SelectError(_REASONS[failure.reason]) from None
        raise


async def kept_alive(events: AsyncGenerator[Event, None]) -> AsyncIterator[Event]:
    """The events, with a Cont where the next one is long in coming."""
    coming: asyncio.Task[Event | None] | None = None
    try:
        while True:
            coming = asyncio.create_task(next_of(events))
            while not (await asyncio.wait((coming,), timeout=_CONTINUATION_S))[0]:
                yield {"Cont": {}}
            event = await coming
            if event is None:
                return
            yield event
    finally:
        if coming is not None and not coming.done():
            coming.cancel()
            await asyncio.wait((coming,))
        await events.aclose()


async def next_of(values: AsyncIterator[T]) -> T | None:
    """The next one, or None at the end."""
    try:
        return await anext(values)
    except StopAsyncIteration:
        return None
