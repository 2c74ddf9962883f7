"""Queries: started, looked at, stopped.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartQuery.html
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from functools import cached_property, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fogbank.core.alarms import Alarm, Alarms
from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.ids import new_id
from fogbank.core.service import Answer
from fogbank.engines.sql.duckdb import DuckDb
from fogbank.engines.sql.interface import QueryFailed, Row, SqlEngine
from fogbank.services.logs.errors import GroupNotFound, InvalidParameter, LimitExceeded, ResourceNotFound
from fogbank.services.logs.groups import DAY_MS, SHARED, Groups, horizon_ms, name_of
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.pointers import Pointer
from fogbank.services.logs.insights.reading import Reader, Searched
from fogbank.services.logs.insights.records import InsightsTables, ResultPart, StoredQuery
from fogbank.services.logs.pages import offset, page, token
from fogbank.services.logs.records import Group

log = logging.getLogger("fogbank.logs.insights")

GROUPS_MAX = 50
SOURCE_GROUPS_MAX = 10_000
CONCURRENT_MAX = 100
# Those that read events at a time; the others are scheduled. Each reads a slice in a turn of the event loop.
READING_MAX = 2
TIMEOUT_MS = 60 * 60_000
KEPT_MS = 7 * DAY_MS
RESULTS_DEFAULT = 10_000
PAGE_ROWS_MAX = 10_000
ROWS_OF_A_PART = 500
_MEMORY_MB = 512
_UNFINISHED = frozenset(("Scheduled", "Running"))

Key = tuple[str, str, str]
"""A query's account, region and id."""

if TYPE_CHECKING:
    from fogbank.services.logs.insights.execution import Execution
    from fogbank.services.logs.insights.planning import Planned
    from fogbank.services.logs.insights.syntax import Regex, Source


class RunningQuery:
    """A query that has not ended. `outcome` is its status if it is ended by somebody else."""

    def __init__(self, execution: "Execution") -> None:
        self.execution = execution
        self.outcome = ""
        self.task: asyncio.Task[Any] | None = None

    def end(self, outcome: str) -> None:
        self.outcome = outcome
        if self.task is not None:
            self.task.cancel()


class Queries(Groups):
    """The operations on queries of `LogsService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._insights = InsightsTables(cloud.store)
        self._room = asyncio.Semaphore(READING_MAX)
        self._running: dict[Key, RunningQuery] = {}
        self._forgetting = Alarms(cloud, "logs.query_alarms", key=(str, str, str), ring=self._forget)

    @cached_property
    def _sql(self) -> SqlEngine:
        return DuckDb()

    async def start_query(
        self,
        ctx: Context,
        *,
        startTime: int,
        endTime: int,
        queryString: str,
        logGroupName: str | None = None,
        logGroupNames: list[str] | None = None,
        logGroupIdentifiers: list[str] | None = None,
        limit: int | None = None,
        queryLanguage: str = "CWLI",
    ) -> Answer:
        only_cwli(queryLanguage)
        named = [name for name in (logGroupName and [logGroupName], logGroupNames, logGroupIdentifiers) if name]
        if len(named) > 1:
            raise InvalidParameter(
                "Exactly one of logGroupName, logGroupNames or logGroupIdentifiers must be specified."
            )
        if endTime < startTime:
            raise InvalidParameter("End time should not be less than start time.")
        query = await asyncio.to_thread(_planned, queryString, limit or RESULTS_DEFAULT, ctx.now_ms // 1000)
        await self._check_regexes(query.regexes)
        groups = self._queried(ctx, named[0] if named else [], query.source)
        stored = StoredQuery(
            new_id(),
            queryString,
            [group.name for _, group in groups],
            startTime * 1000,
            endTime * 1000 + 999,
            ctx.now_ms,
            ctx.principal_arn,
            fields=query.fields,
            located=query.located,
        )
        return await ctx.run(self._start, ctx, stored, groups, query.execution)

    def get_query_results(
        self, ctx: Context, *, queryId: str, nextToken: str | None = None, maxItems: int = PAGE_ROWS_MAX
    ) -> Answer:
        query = self._query(ctx, queryId)
        start = offset(nextToken)
        size = maxItems or PAGE_ROWS_MAX
        running = self._running.get((ctx.account, ctx.region, queryId))
        answer: dict[str, Any] = {
            "queryLanguage": "CWLI",
            "results": [_fields(query, row) for row in self._rows(queryId, start, size)],
            "statistics": _statistics(query, running),
            "status": query.status,
        }
        return answer | ({"nextToken": token(str(start + size))} if query.rows > start + size else {})

    def stop_query(self, ctx: Context, *, queryId: str) -> Answer:
        query = self._query(ctx, queryId)
        key = (ctx.account, ctx.region, queryId)
        running = self._running.get(key)
        if running is None or running.outcome:
            raise InvalidParameter(f"Query {query.id} has ended with status {query.status}: it is not running.")
        self._keep(key, "Cancelled", running.execution)
        self.cloud.store.after_commit(lambda: running.end("Cancelled"))
        return {"success": True}

    def describe_queries(
        self,
        ctx: Context,
        *,
        logGroupName: str | None = None,
        status: str | None = None,
        maxResults: int = 1000,
        nextToken: str | None = None,
        queryLanguage: str | None = None,
    ) -> Answer:
        queries = [
            query
            for _, query in self._insights.queries.scan((ctx.account, ctx.region))
            if logGroupName in (None, *query.groups)
            and status in (None, query.status)
            and queryLanguage in (None, "CWLI")
            and not _is_old(query, ctx.now_ms)
        ]
        queries.sort(key=lambda query: (-query.created_ms, query.id))
        return page("queries", [_described(query) for query in queries], nextToken, maxResults)

    # ---- steps --------------------------------------------------------------------------------------------------

    def resume_queries(self) -> None:
        """What the end of an earlier process interrupted has failed; what is old is forgotten."""
        unfinished = [
            (key, query)
            for key, query in self._insights.queries.scan()
            if query.status in _UNFINISHED and key not in self._running
        ]
        if unfinished:
            with self.cloud.store.transaction():
                for key, query in unfinished:
                    query.status = "Failed"
                    self._insights.queries.put(key, query)
        self._forgetting.resume()

    def _query(self, ctx: Context, query_id: str) -> StoredQuery:
        query = self._insights.queries.get((ctx.account, ctx.region, query_id))
        if query is None or _is_old(query, ctx.now_ms):
            raise ResourceNotFound(f"Query {query_id} does not exist.")
        return query

    def _queried(self, ctx: Context, identifiers: list[str], source: "Source | None") -> list[tuple[Context, Group]]:
        """The groups of a query, each with its account: its own, and those that others share with it."""
        if not identifiers and source is None:
            raise InvalidParameter("A query must name its log groups, or have a SOURCE command.")
        if not identifiers:
            assert source is not None
            return self._of_source(ctx, source)
        if len(identifiers) > GROUPS_MAX:
            raise InvalidParameter(f"A query can have up to {GROUPS_MAX} log groups.")
        groups = {}
        for identifier in identifiers:
            try:
                there, group = self._identified(ctx, identifier)
            except GroupNotFound:
                arn = parse_arn(identifier)
                account = ctx.account if arn is None else arn.account
                raise ResourceNotFound(
                    f"Log group '{name_of(identifier)}' does not exist for account ID '{account}'"
                ) from None
            groups[group.id] = (there, group)
        return list(groups.values())

    def _of_source(self, ctx: Context, source: "Source") -> list[tuple[Context, Group]]:
        oam = self.cloud.oam
        accounts = [ctx.account, *(oam.sources(ctx, SHARED) if source.accounts else ())]
        groups = [
            (there, group)
            for there in (ctx.at(account=account) for account in accounts)
            if not source.accounts or there.account in source.accounts
            for (_, _, name), group in self._tables.groups.scan((there.account, ctx.region))
            if group.log_class == source.log_class
            and (not source.prefixes or name.startswith(source.prefixes))
            and (there.account == ctx.account or oam.shares(ctx, there.account, SHARED, name))
        ]
        if len(groups) > SOURCE_GROUPS_MAX:
            raise InvalidParameter(f"SOURCE selects more than {SOURCE_GROUPS_MAX} log groups.")
        return groups

    async def _check_regexes(self, regexes: "Sequence[Regex]") -> None:
        """The engine says whether an expression is sound, before the query begins."""
        if not regexes:
            return
        session = await self._sql.open(memory_mb=_MEMORY_MB)
        try:
            for regex in regexes:
                try:
                    await session.run("SELECT regexp_matches('', $regex)", {"regex": regex.text})
                except QueryFailed:
                    raise MalformedQuery(
                        f"Invalid regular expression {regex.written}", regex.start, regex.end
                    ) from None
        finally:
            await session.close()

    def _start(
        self, ctx: Context, query: StoredQuery, groups: list[tuple[Context, Group]], execution: "Execution"
    ) -> dict[str, Any]:
        if sum(key[:2] == (ctx.account, ctx.region) for key in self._running) >= CONCURRENT_MAX:
            raise LimitExceeded(f"Account maximum query concurrency limit of [{CONCURRENT_MAX}] reached.")
        if groups and all(query.end_ms < max(group.created_ms, horizon_ms(group, ctx.now_ms)) for _, group in groups):
            raise MalformedQuery(
                "Query's end date and time is either before the log groups creation time or exceeds the log groups log "
                "retention settings"
            )
        searched = [
            Searched(
                group,
                f"{there.account}:{group.name}",
                max(query.start_ms, horizon_ms(group, ctx.now_ms)),
                query.end_ms,
            )
            for there, group in groups
        ]
        key = (ctx.account, ctx.region, query.id)
        reader = Reader(self._tables, searched, partial(self._event_encryption.opened, ctx))
        self._insights.queries.put(key, query)
        self._forgetting.set(key, ctx.now_ms + KEPT_MS)
        self.cloud.store.after_commit(lambda: self._begin(ctx, key, execution, reader))
        return {"queryId": query.id}

    def _begin(self, ctx: Context, key: Key, execution: "Execution", reader: Reader) -> None:
        running = self._running[key] = RunningQuery(execution)
        running.task = self.cloud.tasks.spawn(f"query {key[2]}", self._run(ctx, running, key, reader))

    async def _run(self, ctx: Context, running: RunningQuery, key: Key, reader: Reader) -> None:
        """What ends neither by itself nor by somebody's wish has failed."""
        timer = self.cloud.clock.call_at(ctx.now_ms + TIMEOUT_MS, lambda: running.end("Timeout"))
        status = "Failed"
        try:
            status = await self._status(ctx, running, key, reader)
        finally:
            timer.cancel()
            del self._running[key]
            await ctx.run(self._keep, key, status, running.execution)

    async def _status(self, ctx: Context, running: RunningQuery, key: Key, reader: Reader) -> str:
        """What became of the query, whose rows are kept."""
        try:
            async with self._room:
                await self._work(ctx, running, key, reader)
        except QueryFailed as failure:
            log.warning("query %s failed: %s", key[2], failure)
            return "Failed"
        except asyncio.CancelledError:
            if not running.outcome:
                raise
            task = asyncio.current_task()
            assert task is not None
            task.uncancel()
            return running.outcome
        return "Complete"

    async def _work(self, ctx: Context, running: RunningQuery, key: Key, reader: Reader) -> None:
        """Where there are no events, there is nothing to run."""
        async with aclosing(reader.batches()) as batches:
            first = await anext(batches, None)
            if first is None:
                return
            session = await self._sql.open(memory_mb=_MEMORY_MB)
            try:
                await ctx.run(self._keep, key, "Running")
                kept = 0
                async for rows in running.execution.rows(session, first, batches):
                    kept = await ctx.run(self._keep_rows, key, kept, rows, reader)
            finally:
                await session.close()

    def _keep(self, key: Key, status: str, execution: "Execution | None" = None) -> None:
        query = self._insights.queries.get(key)
        if query is None:
            return
        query.status = status
        if execution is not None:
            query.matched, query.scanned = execution.matched, execution.scanned
            query.scanned_bytes = execution.scanned_bytes
            query.ended_ms = self.cloud.clock.now_ms()
        self._insights.queries.put(key, query)

    def _keep_rows(self, key: Key, kept: int, rows: list[Row], reader: Reader) -> int:
        """Keep some more rows; how many there are then."""
        query = self._insights.queries.get(key)
        if query is None:
            return kept
        for at in range(0, len(rows), ROWS_OF_A_PART):
            part = [_kept_row(query, row, reader) for row in rows[at : at + ROWS_OF_A_PART]]
            self._insights.results.put((query.id, kept), ResultPart(part))
            kept += len(part)
        query.rows = kept
        self._insights.queries.put(key, query)
        return kept

    def _rows(self, query_id: str, start: int, size: int) -> Iterator[list[str | None]]:
        """The rows from that one on. Parts are found by their first row."""
        first = next(self._insights.results.scan((query_id,), start=(query_id, start), reverse=True, limit=1), None)
        if first is None:
            return
        for (_, at), part in self._insights.results.scan((query_id,), start=first[0]):
            if at >= start + size:
                return
            yield from part.rows[max(start - at, 0) : start + size - at]

    def _forget(self, key: Key, alarm: Alarm) -> None:
        self._insights.queries.delete(key)
        self.cloud.garbage.discard(self._insights.results, (key[2],))


def _planned(text: str, limit: int, now_s: int) -> "Planned":
    planning = import_module("fogbank.services.logs.insights.planning")
    found: Planned = planning.planned(text, limit=limit, now_s=now_s)
    return found


def only_cwli(language: str) -> None:
    if language != "CWLI":
        raise NotImplementedInFogbank(f"Queries in {language} are not implemented in Fogbank: only CWLI is.")


def _is_old(query: StoredQuery, now_ms: int) -> bool:
    return now_ms >= query.created_ms + KEPT_MS


def _kept_row(query: StoredQuery, row: Row, reader: Reader) -> list[str | None]:
    if not query.located:
        return list(row)
    origin, time_ms, number, *texts = row
    group = reader.group_of[origin]
    return [*texts, Pointer(group.id, origin, time_ms, number, group.name).text()]


def _fields(query: StoredQuery, row: list[str | None]) -> list[dict[str, str]]:
    """A field that an event does not have is not there."""
    names = [*query.fields, "@ptr"] if query.located else query.fields
    return [{"field": name, "value": value} for name, value in zip(names, row, strict=True) if value is not None]


def _statistics(query: StoredQuery, running: RunningQuery | None) -> dict[str, float]:
    counted = running.execution if running is not None else query
    return {
        "recordsMatched": float(counted.matched),
        "recordsScanned": float(counted.scanned),
        "estimatedRecordsSkipped": 0.0,
        "bytesScanned": float(counted.scanned_bytes),
        "estimatedBytesSkipped": 0.0,
        "logGroupsScanned": float(len(query.groups)),
        "resultCount": float(query.rows),
    }


def _described(query: StoredQuery) -> dict[str, Any]:
    sources = ", ".join(f'"{name}"' for name in query.groups)
    row: dict[str, Any] = {
        "queryLanguage": "CWLI",
        "queryId": query.id,
        "queryString": f"SOURCE {sources} START={query.start_ms} END={query.end_ms} | {query.text}",
        "status": query.status,
        "createTime": query.created_ms,
        "userIdentity": query.user_arn,
    }
    if query.groups:
        row["logGroupName"] = query.groups[0]
    if query.ended_ms:
        row |= {"queryDuration": query.ended_ms - query.created_ms, "bytesScanned": float(query.scanned_bytes)}
    return row
