"""Carries functions' output to CloudWatch Logs, a moment later and many invocations at a time."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.errors import AwsError

SHIP_AFTER_S = 0.1
# PutLogEvents takes 10,000 events and 1 MB, each event counting 26 bytes more than its text. So few are stored in some
# milliseconds, and a function that floods its log holds up nobody for longer.
_EVENTS_MAX = 200
_BYTES_MAX = 200_000
# What waits of one stream; a function that writes faster than that is stored loses the rest.
_WAITING_MAX = 100_000
# Streams that need no look; every environment has one of its own.
_KNOWN_MAX = 10_000

Stream = tuple[str, str, str, str]


class LogShipper:
    """Buffers lines by log stream. What an invocation wrote in the last moment may be lost with the server."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._pending: dict[Stream, list[dict[str, Any]]] = {}
        self._known: set[Stream] = set()
        self._scheduled = False

    def add(self, stream: Stream, lines: list[str]) -> None:
        now_ms = self._cloud.clock.now_ms()
        events = self._pending.setdefault(stream, [])
        room = _WAITING_MAX - len(events)
        events += [{"timestamp": now_ms, "message": line} for line in lines[:room] if line]
        if not self._scheduled:
            self._scheduled = True
            # Loaded now and not at shutdown, when services are being stopped one by one.
            self._cloud.service("logs")
            self._cloud.tasks.spawn("lambda logs", self._ship_later())

    async def _ship_later(self) -> None:
        try:
            while self._pending:
                await self._cloud.clock.sleep(SHIP_AFTER_S)
                await self.ship()
        finally:
            self._scheduled = False

    async def ship(self) -> None:
        """Write what is pending, in transactions that are short."""
        pending, self._pending = self._pending, {}
        for stream, events in pending.items():
            for part in _parts(events):
                work = self._cloud.store.run(self._put, stream, part)
                await self._cloud.tasks.attempt(f"lambda logs of {stream[2]}", work)

    def _know(self, stream: Stream) -> None:
        if len(self._known) >= _KNOWN_MAX:
            self._known.clear()
        self._known.add(stream)

    def _put(self, stream: Stream, events: list[dict[str, Any]]) -> None:
        account, region, group, name = stream
        ctx = self._cloud.context(account=account, region=region)
        logs = self._cloud.logs
        if stream not in self._known:
            self._cloud.store.after_commit(lambda: self._know(stream))
            creations: tuple[tuple[Any, dict[str, str]], ...] = (
                (logs.create_log_group, {"logGroupName": group}),
                (logs.create_log_stream, {"logGroupName": group, "logStreamName": name}),
            )
            for create, parameters in creations:
                try:
                    create(ctx, **parameters)
                except AwsError as error:
                    if error.code != "ResourceAlreadyExistsException":
                        raise
        try:
            logs.put_log_events(ctx, logGroupName=group, logStreamName=name, logEvents=events)
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise
            # The group was deleted under a running function: AWS makes it again at the next invocation.
            self._known.discard(stream)


def _parts(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    size = 0
    for event in events:
        bytes_ = len(event["message"].encode()) + 26
        if part and (size + bytes_ > _BYTES_MAX or len(part) >= _EVENTS_MAX):
            yield part
            part, size = [], 0
        part.append(event)
        size += bytes_
    yield part
