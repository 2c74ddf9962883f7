"""Writing an export to S3, behind the request that asked for it: a stream is an object, read a piece at a time.

Which streams are written is noted, so that a task goes on behind its last one after a crash.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from itertools import islice

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_milliseconds
from fogbank.services.logs.event_encryption import EventEncryption
from fogbank.services.logs.groups import horizon_ms
from fogbank.services.logs.records import Event, ExportTask, LogsTables, Stream

ACTIVE = ("PENDING", "RUNNING")
ACL = "bucket-owner-full-control"
"""Of the objects: policies of buckets may ask for it."""
_KIND = "logs.export"
_PIECE_EVENTS = 1000
_GZIP = 31  # zlib's window bits for a gzip header

TaskKey = tuple[str, str, int]
Place = tuple[int, int]


class ExportRun(msgspec.Struct):
    """A task that is to be carried out, or to be gone on with."""

    key: TaskKey


class _Cancelled(Exception):
    """Somebody cancelled the task while it was carried out."""


class ExportRuns:
    """Carries out export tasks behind the commits that ask for them."""

    def __init__(self, cloud: Cloud, tables: LogsTables, encryption: EventEncryption) -> None:
        self._cloud = cloud
        self._tables = tables
        self._encryption = encryption
        cloud.outbox.handler(_KIND, self._run, payload=ExportRun, on_exhausted=self._give_up)

    def start(self, ctx: Context, key: TaskKey, task: ExportTask) -> None:
        self._tables.exports.put(key, task)
        self._cloud.outbox.put(ctx, _KIND, lane=task.id, payload=ExportRun(key))

    def end(self, key: TaskKey, task: ExportTask, status: str, message: str) -> None:
        task.status, task.message, task.completed_ms = status, message, self._cloud.clock.now_ms()
        self._tables.exports.put(key, task)

    async def _run(self, ctx: Context, run: ExportRun) -> None:
        try:
            task = await ctx.run(self._note, run.key, None)
            while (stream := self._next_stream(run.key, task)) is not None:
                await self._write(ctx, run.key, task, stream)
                task = await ctx.run(self._note, run.key, stream.name)
            await ctx.run(self.end, run.key, task, "COMPLETED", "Completed successfully")
        except _Cancelled:
            return
        except AwsError as error:
            await ctx.run(self._give_up, ctx, run, error)

    def _task(self, key: TaskKey) -> ExportTask:
        task = self._tables.exports.get(key)
        assert task is not None, "tasks are kept"
        if task.status not in ACTIVE:
            raise _Cancelled
        return task

    def _note(self, key: TaskKey, written: str | None) -> ExportTask:
        """Remember the last stream that is written."""
        task = self._task(key)
        task.status = "RUNNING"
        task.after = task.after if written is None else written
        self._tables.exports.put(key, task)
        return task

    def _next_stream(self, key: TaskKey, task: ExportTask) -> Stream | None:
        """The next stream that has something to export."""
        after = (task.group_id, task.after) if task.after else None
        for (_, name), stream in self._tables.streams.scan((task.group_id,), after=after):
            if name.startswith(task.stream_prefix) and next(self._events(key, task, stream, None), None) is not None:
                return stream
        return None

    def _events(
        self, key: TaskKey, task: ExportTask, stream: Stream, after: Place | None
    ) -> Iterator[tuple[Place, Event]]:
        """The events of a stream that the task is about and retention has left, behind a place."""
        group = self._tables.groups.get((*key[:2], task.group))
        if group is None or group.id != task.group_id:
            return
        begin_ms = max(task.from_ms, horizon_ms(group, self._cloud.clock.now_ms()))
        of_stream = (group.id, stream.id)
        bound = {"start": (*of_stream, begin_ms)} if after is None else {"after": (*of_stream, *after)}
        ctx = self._cloud.context(account=key[0], region=key[1])
        entries = self._encryption.opened(ctx, group, self._tables.events.scan(of_stream, **bound))
        for (_, _, at_ms, number), event in entries:
            if at_ms > task.to_ms:
                return
            yield (at_ms, number), event

    async def _write(self, ctx: Context, key: TaskKey, task: ExportTask, stream: Stream) -> None:
        # A slash in a stream's name would make folders of it.
        name = f"{task.prefix}/{task.id}/{stream.name.replace('/', '-')}/000000.gz"
        body = self._body(key, task, stream)
        await ctx.refreshed().call(ctx.cloud.s3.put_object, Bucket=task.bucket, Key=name, Body=body, ACL=ACL)

    async def _body(self, key: TaskKey, task: ExportTask, stream: Stream) -> AsyncIterator[bytes]:
        packer = zlib.compressobj(wbits=_GZIP)
        last: Place | None = None
        while piece := list(islice(self._events(key, task, stream, last), _PIECE_EVENTS)):
            self._task(key)  # Somebody may have cancelled it.
            lines = [f"{iso_milliseconds(place[0])} {event.message}\n" for place, event in piece]
            yield await self._cloud.blobs.in_thread(packer.compress, "".join(lines).encode())
            last = piece[-1][0]
        yield packer.flush()

    def _give_up(self, ctx: Context, run: ExportRun, error: Exception) -> None:
        task = self._tables.exports.get(run.key)
        if task is not None and task.status in ACTIVE:
            self.end(run.key, task, "FAILED", str(error))
