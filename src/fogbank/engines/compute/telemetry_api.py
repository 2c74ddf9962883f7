"""The Telemetry API of one environment, and the Logs API that was before it: who hears the log, and how it is sent.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html

A destination is a server of an extension's, inside the environment. What is for it waits until enough has come
together, or long enough.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from fogbank.engines.compute import platform_events
from fogbank.engines.compute.extensions_api import ExtensionsApi
from fogbank.engines.compute.http_api import Receiver, Request, Whole
from fogbank.engines.compute.platform_events import PlatformEvent
from fogbank.engines.compute.runtime_api import no_such_path

TELEMETRY_PATH = "/2022-07-01/telemetry"
LOGS_PATH = "/2020-08-15/logs"
TYPES = ("platform", "function", "extension")
_SCHEMAS = {
    TELEMETRY_PATH: ("2022-07-01", "2022-12-13", "2025-01-29"),
    LOGS_PATH: ("2020-08-15", "2021-03-18"),
}
_BODY_BYTES_MAX = 65_536
# A destination that cannot be reached is tried again so often; then what waits for it is dropped, and it is told.
_ATTEMPTS = 3
_WAITING_BYTES_MAX = 4 << 20
# What was said before an extension could subscribe is kept for it.
_EARLY_MAX = 1_000

Family = Literal["Telemetry", "Logs"]
Connect = Callable[[int], Awaitable[socket.socket]]
"""Connects to a port inside the environment."""


class Buffering(msgspec.Struct, frozen=True, rename="camel"):
    max_items: int = 10_000
    max_bytes: int = 262_144
    timeout_ms: int = 1_000


_LIMITS = {"maxItems": (1_000, 10_000), "maxBytes": (262_144, 1_048_576), "timeoutMs": (25, 30_000)}


class Subscription:
    """What one extension hears."""

    def __init__(
        self,
        family: Family,
        types: tuple[str, ...],
        buffering: Buffering,
        port: int,
        path: str | None,
        connect: Connect,
    ) -> None:
        self._family = family
        self.types = types
        self._buffering = buffering
        self._port = port
        self._path = path
        self._connect = connect
        self._items: list[bytes] = []
        self._bytes = 0
        self._dropped_records = self._dropped_bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self._full = asyncio.Event()

    def hears(self, type_: str) -> bool:
        # What runtimeDone and report say, only the older API says of the end, too.
        return type_.partition(".")[0] in self.types and (type_ != "platform.end" or self._family == "Logs")

    def dropped(self) -> PlatformEvent | None:
        """What there was no room for since this was asked last."""
        if not self._dropped_records:
            return None
        reason = "Some logs were dropped because the destination could not take them."
        event = platform_events.logs_dropped(reason, self._dropped_records, self._dropped_bytes)
        self._dropped_records = self._dropped_bytes = 0
        return event

    def add(self, item: bytes) -> None:
        if self._bytes + len(item) > _WAITING_BYTES_MAX:
            self._drop([item])
            return
        self._items.append(item)
        self._bytes += len(item)
        if len(self._items) >= self._buffering.max_items or self._bytes >= self._buffering.max_bytes:
            self._full.set()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.ensure_future(self._send_later())

    async def flush(self) -> None:
        """Send what waits, without waiting for more."""
        self._full.set()
        if self._sending is not None:
            await self._sending

    def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()

    async def _send_later(self) -> None:
        while self._items:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), self._buffering.timeout_ms / 1000)
            self._full.clear()
            items, self._items, self._bytes = self._items, [], 0
            for _ in range(_ATTEMPTS):
                try:
                    await self._send(items)
                except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                    await asyncio.sleep(self._buffering.timeout_ms / 1000)
                else:
                    break
            else:
                self._drop(items)

    def _drop(self, items: list[bytes]) -> None:
        self._dropped_records += len(items)
        self._dropped_bytes += sum(map(len, items))

    async def _send(self, items: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection(sock=await self._connect(self._port))
        try:
            if self._path is None:
                writer.write(b"".join(item + b"\n" for item in items))
                await writer.drain()
                return
            body = b"[" + b",".join(items) + b"]"
            head = (
                f"POST {self._path} HTTP/1.1\r\nHost: sandbox.localdomain:{self._port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            await reader.readuntil(b"\r\n")
        finally:
            writer.close()


class TelemetryApi:
    """Serves one environment, and sends what is written to its log to who has subscribed."""

    def __init__(self, extensions: ExtensionsApi, connect: Connect, tell: Callable[[PlatformEvent], None]) -> None:
        self._extensions = extensions
        self._connect = connect
        self._tell = tell
        self._subscriptions: dict[str, Subscription] = {}
        self._early: list[tuple[str, str, Mapping[str, Any] | str]] = []

    def reset(self) -> None:
        for subscription in self._subscriptions.values():
            subscription.close()
        self._subscriptions = {}
        self._early = []

    def close_subscription(self) -> None:
        """Nobody can subscribe any more: nothing needs to be kept for who would."""
        self._early = []

    @property
    def listens(self) -> bool:
        """Whether anybody has subscribed or still can."""
        return bool(self._subscriptions) or self._extensions.open_for_registration

    def write(self, type_: str, time: str, record: Mapping[str, Any] | str) -> None:
        """Tell who has subscribed to this: `function`, `extension` or the name of an event of the platform's."""
        if self._extensions.open_for_registration and len(self._early) < _EARLY_MAX:
            self._early.append((type_, time, record))
        hearing = [each for each in self._subscriptions.values() if each.hears(type_)]
        for subscription in hearing:
            if (dropped := subscription.dropped()) is not None:
                subscription.add(_item(dropped.type, time, dropped.record))
            subscription.add(_item(type_, time, record))

    async def flush(self) -> None:
        await asyncio.gather(*[each.flush() for each in self._subscriptions.values()])

    def receive(self, request: Request) -> Receiver:
        if request.method != "PUT":
            return Whole(lambda body, size: no_such_path(request), 0)
        return Whole(lambda body, size: self._subscribe(request, body), _BODY_BYTES_MAX)

    def _subscribe(self, request: Request, body: bytes) -> None:
        extension = self._extensions.by_identifier(request)
        if extension is None:
            return
        path = request.path.rstrip("/")
        family: Family = "Telemetry" if path == TELEMETRY_PATH else "Logs"
        if not self._extensions.open_for_registration:
            message = f"{family} API subscription is closed already"
            request.refuse(403, f"{family}.SubscriptionClosed", message)
            return
        try:
            types, buffering, port, target = _parsed(json.loads(body), _SCHEMAS[path])
        except (ValueError, KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
            request.refuse(400, "ValidationError", str(error))
            return
        old = self._subscriptions.get(extension.name)
        if old is not None:
            old.close()
        subscription = Subscription(family, types, buffering, port, target, self._connect)
        for type_, time, record in self._early:
            if subscription.hears(type_):
                subscription.add(_item(type_, time, record))
        self._subscriptions[extension.name] = subscription
        request.answer(200, b'"OK"', {"Content-Type": "application/json"})
        self._tell(platform_events.subscription(family, extension.name, types))


def _item(type_: str, time: str, record: Mapping[str, Any] | str) -> bytes:
    return json.dumps({"time": time, "type": type_, "record": record}, separators=(",", ":")).encode()


def _parsed(document: dict[str, Any], schemas: tuple[str, ...]) -> tuple[tuple[str, ...], Buffering, int, str | None]:
    """A subscription's types, buffering, and the port and path of its destination; no path for a plain connection."""
    schema = document.get("schemaVersion", schemas[0])
    if schema not in schemas:
        raise ValueError(f"schemaVersion is not one of {', '.join(schemas)}: {schema}")
    types = tuple(document["types"])
    if not types or any(each not in TYPES for each in types):
        raise ValueError(f"types is not a list of {', '.join(TYPES)}")
    given = document.get("buffering", {})
    for name, value in given.items():
        least, most = _LIMITS[name]
        if not least <= value <= most:
            raise ValueError(f"buffering.{name} is not between {least} and {most}: {value}")
    buffering = msgspec.convert(given, Buffering)
    destination = document["destination"]
    if destination["protocol"] == "TCP":
        port = int(destination["port"])
        if not 0 < port < 65_536:
            raise ValueError(f"destination.port is no port: {port}")
        return types, buffering, port, None
    uri = urlsplit(destination.get("URI") or destination["uri"])
    if uri.scheme != "http" or uri.hostname not in ("sandbox.localdomain", "sandbox", "localhost", "127.0.0.1"):
        raise ValueError(f"destination is not a server inside the environment: {uri.geturl()}")
    return types, buffering, uri.port or 80, uri.path or "/"
