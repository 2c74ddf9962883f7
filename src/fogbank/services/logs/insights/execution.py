"""A query at work: batches of events through the SQL engine, and what comes of them."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from fogbank.engines.sql.interface import Row, SqlSession
from fogbank.engines.sql.statement import Statement
from fogbank.services.logs.insights.compiler import GATHERED, Plan
from fogbank.services.logs.insights.macros import MACROS
from fogbank.services.logs.insights.reading import Batch

REDUCE_AT = 50_000  # gathered rows that are made less


class Execution:
    """Runs a plan. The counts grow while it does."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._gathered = 0
        self._reduce_at = REDUCE_AT
        self.scanned = 0
        self.scanned_bytes = 0
        self.matched = 0

    async def rows(self, session: SqlSession, first: Batch, batches: AsyncIterator[Batch]) -> AsyncIterator[list[Row]]:
        """The results of a first batch and of those that follow. Raises QueryFailed."""
        await session.run("; ".join(MACROS))
        await self._run(
            session, f"CREATE TEMP TABLE {GATHERED} AS {self._plan.batch}", {name: [] for name in self._plan.columns}
        )
        await self._gather(session, first)
        async for batch in batches:
            await self._gather(session, batch)
        if self._plan.summed:
            self.matched = await self._number(session, f"SELECT coalesce(sum(matched), 0) FROM {GATHERED}", {})
        statement = Statement(self._plan.result)
        async for rows in session.rows(statement.text, statement.parameters(self._plan.parameters), size=500):
            yield rows

    async def _gather(self, session: SqlSession, batch: Batch) -> None:
        columns = {name: batch.columns[name] for name in self._plan.columns}
        count = await self._number(session, f"INSERT INTO {GATHERED} {self._plan.batch}", columns)
        self._gathered += count
        self.scanned += batch.events
        self.scanned_bytes += batch.message_bytes
        if not self._plan.summed:
            self.matched += count
        if self._gathered >= self._reduce_at:
            self._gathered = await self._number(
                session, f"CREATE OR REPLACE TEMP TABLE {GATHERED} AS {self._plan.reduce}", {}
            )
            self._reduce_at = self._gathered * 2 + REDUCE_AT

    async def _run(self, session: SqlSession, text: str, values: Mapping[str, Any]) -> None:
        statement = Statement(text)
        await session.run(text, statement.parameters({**self._plan.parameters, **values}))

    async def _number(self, session: SqlSession, text: str, values: Mapping[str, Any]) -> int:
        """The number that a statement answers: that of the rows which it wrote, if it writes."""
        statement = Statement(text)
        found = 0
        async for rows in session.rows(text, statement.parameters({**self._plan.parameters, **values})):
            found = rows[0][0]
        return found
