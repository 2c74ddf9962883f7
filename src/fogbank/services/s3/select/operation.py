"""SelectObjectContent."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Unpack

from fogbank.core.context import Context
from fogbank.core.moments import iso_milliseconds
from fogbank.core.service import Answer
from fogbank.core.stored_body import FileSpan, StoredBody
from fogbank.engines.sql.duckdb import DuckDb
from fogbank.engines.sql.interface import SqlEngine, SqlSession
from fogbank.engines.sql.statement import Parameters
from fogbank.services.s3.bodies import chunks
from fogbank.services.s3.objects import Objects
from fogbank.services.s3.parameters import CustomerKeyParameters
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.macros import MACROS
from fogbank.services.s3.select.parser import parse
from fogbank.services.s3.select.query import Body, OpenBody, Query, parquet_events, text_events
from fogbank.services.s3.select.request import JsonInput, ParquetInput, checked_output, checked_request
from fogbank.services.s3.select.selection import Event, kept_alive

_STORAGE_CLASSES = frozenset(("STANDARD", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR"))
_MEMORY_MB = 256
_DOCUMENT_MEMORY_MB = 1024  # A document of JSON, as large as the scanner takes it, fits with room for the query.


class ObjectSelects(Objects):
    """The query on an object's contents of `S3Service`."""

    @cached_property
    def _sql(self) -> SqlEngine:
        return DuckDb()

    async def select_object_content(
        self,
        ctx: Context,
        *,
        Bucket: str,
        Key: str,
        Expression: str,
        ExpressionType: str,
        InputSerialization: dict[str, Any],
        OutputSerialization: dict[str, Any],
        RequestProgress: dict[str, bool] | None = None,
        ScanRange: dict[str, int] | None = None,
        ExpectedBucketOwner: str | None = None,
        **key: Unpack[CustomerKeyParameters],
    ) -> Answer:
        """What fails before there is an event is an error as usual; what fails later ends the stream."""
        request = checked_request(
            ExpressionType=ExpressionType, InputSerialization=InputSerialization, ScanRange=ScanRange
        )
        parameters = Parameters()
        query = Query(
            request=request,
            select=parse(Expression),
            output=checked_output(parameters, OutputSerialization),
            parameters=parameters,
            now=iso_milliseconds(ctx.now_ms),
            progress=bool((RequestProgress or {}).get("Enabled")),
        )
        target: dict[str, Any] = {"Bucket": Bucket, "Key": Key, **key}
        if ExpectedBucketOwner is not None:
            target["ExpectedBucketOwner"] = ExpectedBucketOwner
        head = await ctx.run(partial(self.head_object, ctx, **target))
        assert head is not None
        storage, size = head.get("StorageClass", "STANDARD"), head["ContentLength"]
        if storage not in _STORAGE_CLASSES:
            raise SelectError(
                "UnsupportedStorageClass",
                f"We do not support {storage} storage class. Please check the service documentation and try again.",
            )

        async def open_body(first: int, last: int) -> Body:
            if size == 0:
                return b""
            answer = await ctx.run(
                partial(self.get_object, ctx, **target, IfMatch=head["ETag"], Range=f"bytes={first}-{last}")
            )
            assert answer is not None
            body: Body = answer["Body"]
            return body

        events = self._select_events(query, open_body, size)
        first = await anext(events)
        return {"Payload": kept_alive(_resumed(first, events))}

    async def _select_events(self, query: Query, open_body: OpenBody, size: int) -> AsyncGenerator[Event, None]:
        if not isinstance(query.request.format, ParquetInput):
            document = query.request.format == JsonInput(lines=False)
            async with self._session((), _DOCUMENT_MEMORY_MB if document else _MEMORY_MB) as session:
                async for event in text_events(query, session, open_body, size):
                    yield event
            return
        async with self._file_of(await open_body(0, size - 1)) as file, self._session((file,), _MEMORY_MB) as session:
            async for event in parquet_events(query, session, file, size):
                yield event

    @asynccontextmanager
    async def _file_of(self, body: Body) -> AsyncIterator[Path]:
        """A file with the whole body: the object's own where there is one, else a copy for this time."""
        if isinstance(body, StoredBody) and len(body.spans) == 1 and isinstance(body.spans[0], FileSpan):
            try:
                yield body.spans[0].path
            finally:
                body.close()
            return
        blobs = self.cloud.blobs
        writer = blobs.writer()
        try:
            async for chunk in chunks(body):
                await blobs.in_thread(writer.append, chunk)
            yield blobs.path(await blobs.in_thread(writer.finish))
        finally:
            await blobs.in_thread(blobs.discard, writer)

    @asynccontextmanager
    async def _session(self, files: Sequence[Path], memory_mb: int) -> AsyncIterator[SqlSession]:
        session = await self._sql.open(files=files, memory_mb=memory_mb)
        try:
            await session.run("; ".join(MACROS))
            yield session
        finally:
            await session.close()


async def _resumed(first: Event, rest: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    try:
        yield first
        async for event in rest:
            yield event
    finally:
        await rest.aclose()
