"""A query on an object: what was asked, and its events from the first byte to the End."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

from fogbank.engines.sql.interface import QueryFailed, SqlSession
from fogbank.engines.sql.statement import Parameters
from fogbank.services.s3.bodies import chunks
from fogbank.services.s3.select.batches import Batch, Records
from fogbank.services.s3.select.compiler import Plan, compile_select
from fogbank.services.s3.select.csv_records import CsvRecords
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.json_records import JsonDocuments, JsonLines
from fogbank.services.s3.select.output import Output
from fogbank.services.s3.select.request import CsvInput, JsonInput, Request, Span
from fogbank.services.s3.select.scanner import RECORD_BYTES_MAX, Scanner
from fogbank.services.s3.select.selection import Event, Selection, next_of
from fogbank.services.s3.select.sources import CsvSource, JsonSource, ParquetColumn, ParquetSource, Source
from fogbank.services.s3.select.syntax import Select

Body = bytes | AsyncIterable[bytes]
OpenBody = Callable[[int, int], Awaitable[Body]]
"""Opens an object from one byte to another one."""


class Query(NamedTuple):
    request: Request
    select: Select
    output: Output
    parameters: Parameters
    now: str
    progress: bool

    def plan(self, source: Source) -> Plan:
        return compile_select(self.select, source, self.output, self.parameters, now=self.now)


async def text_events(query: Query, session: SqlSession, open_body: OpenBody, size: int) -> AsyncGenerator[Event, None]:
    """The events of an object of CSV or JSON."""
    span = query.request.span(size) if size else None
    records = await _records(query, span, open_body)
    # One delimiter before the span's start tells whether a record begins there.
    first = max(span.start - len(records.delimiter or b""), 0) if span is not None else 0
    scanner = Scanner(records, compression=query.request.compression, span=span, first=first)
    batches = _batches(scanner, await open_body(first, size - 1))
    try:
        batch: Batch | None = await next_of(batches) or Batch("", "\n", ",")
        source: Source
        if isinstance(records, CsvRecords):
            source = CsvSource(query.select, records.names)
        else:
            source = JsonSource(query.select, query.parameters)
        selection = Selection(session, query.plan(source))
        while batch is not None:
            async for event in selection.batch(batch._asdict()):
                yield event
            if query.progress:
                yield {"Progress": {"Details": _counts(scanner, selection)}}
            batch = None if selection.full else await next_of(batches)
        async for event in selection.total():
            yield event
        yield {"Stats": {"Details": _counts(scanner, selection)}}
        yield {"End": {}}
    finally:
        await batches.aclose()


async def _records(query: Query, span: Span | None, open_body: OpenBody) -> Records:
    match query.request.format:
        case CsvInput() as options:
            if span is None or span.start == 0:
                return CsvRecords(options)
            names = await _header(options, await open_body(0, RECORD_BYTES_MAX)) if options.header == "USE" else None
            return CsvRecords(options, names=names, headed=False)
        case JsonInput(lines=True):
            return JsonLines()
        case _:
            return JsonDocuments()


async def _header(options: CsvInput, body: Body) -> list[str] | None:
    records = CsvRecords(options)
    async for _ in _batches(Scanner(records, compression="NONE"), body):
        break
    return records.names


async def _batches(scanner: Scanner, body: Body) -> AsyncGenerator[Batch, None]:
    async for chunk in chunks(body):
        async for batch in _each(scanner.feed(chunk)):
            yield batch
        if scanner.done:
            return
    async for batch in _each(scanner.finish()):
        yield batch


async def _each(batches: Any) -> AsyncIterator[Batch]:
    """Unpacking and taking quotes apart is work for a thread."""
    while (batch := await asyncio.to_thread(next, batches, None)) is not None:
        yield batch


def _counts(scanner: Scanner, selection: Selection) -> dict[str, int]:
    return {
        "BytesScanned": scanner.scanned,
        "BytesProcessed": scanner.processed,
        "BytesReturned": selection.returned,
    }


async def parquet_events(query: Query, session: SqlSession, file: Path, size: int) -> AsyncGenerator[Event, None]:
    """The events of a file of Parquet."""
    values: dict[str, Any] = {"file": str(file)}
    try:
        described = [row async for rows in session.rows(f"DESCRIBE FROM {_FILE}", values) for row in rows]
        span = query.request.span(size)
        rows = None if span is None else await _rows_of(span, session, values)
    except QueryFailed:
        raise SelectError("ParquetParsingError") from None
    source = ParquetSource(query.select, [ParquetColumn(row[0], row[1]) for row in described], rows)
    selection = Selection(session, query.plan(source))
    async for event in selection.batch(values):
        yield event
    async for event in selection.total():
        yield event
    counts = {"BytesScanned": size, "BytesProcessed": size, "BytesReturned": selection.returned}
    if query.progress:
        yield {"Progress": {"Details": counts}}
    yield {"Stats": {"Details": counts}}
    yield {"End": {}}


_FILE = "read_parquet($file)"
_GROUPS = """
    SELECT min(least(data_page_offset, coalesce(dictionary_page_offset, data_page_offset))), min(row_group_num_rows)
    FROM parquet_metadata($file) GROUP BY row_group_id ORDER BY row_group_id
"""


async def _rows_of(span: Span, session: SqlSession, values: dict[str, Any]) -> range:
    """The rows of the row groups that begin in the span."""
    first = last = at = 0
    async for rows in session.rows(_GROUPS, values):
        for offset, count in rows:
            if offset < span.start:
                first = last = at + count
            elif offset <= span.end:
                last = at + count
            at += count
    return range(first, last)
