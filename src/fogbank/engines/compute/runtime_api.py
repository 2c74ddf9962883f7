"""The Lambda Runtime API of one environment, over HTTP on a loopback port of its own.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
A port for each environment, because clients build their URLs from `AWS_LAMBDA_RUNTIME_API` as a bare host and port.
"""

import asyncio
import time
from typing import Protocol, cast

import httptools

from fogbank.engines.compute.interface import Invocation

_PREFIX = "/2018-06-01/runtime"
# 6 MB and the 100 bytes that AWS's own message counts with: "6291556 bytes".
RESPONSE_BYTES_MAX = 6_291_556
_BODY_BYTES_MAX = RESPONSE_BYTES_MAX * 2


class Listener(Protocol):
    """What an environment hears from its runtime."""

    def runtime_ready(self) -> None:
        """The runtime asks for an invocation."""

    def runtime_answered(self, request_id: str, payload: bytes, *, failed: bool) -> bool:
        """The runtime ends an invocation; whether that one was running."""

    def runtime_init_failed(self, payload: bytes) -> None:
        """The runtime could not load the function."""


class RuntimeApi:
    """Serves one environment. The next invocation is given with `offer`."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._parked: RuntimeConnection | None = None
        self._offered: Invocation | None = None
        self._connections: set[RuntimeConnection] = set()

    async def open(self) -> str:
        """Listen; the address for `AWS_LAMBDA_RUNTIME_API`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: RuntimeConnection(self), "127.0.0.1", 0, backlog=4)
        host, port = self._server.sockets[0].getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort()

    def offer(self, invocation: Invocation) -> None:
        """Hand over the invocation, now or when the runtime asks for one."""
        self._offered = invocation
        self._match()

    def _match(self) -> None:
        if self._parked is not None and self._offered is not None:
            connection, self._parked = self._parked, None
            invocation, self._offered = self._offered, None
            # The function reads the machine's clock, so its deadline is on that clock and not on Fogbank's.
            deadline_ms = int((time.time() + invocation.timeout_s) * 1000)
            headers = [
                ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
                ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
                ("Lambda-Runtime-Invoked-Function-Arn", invocation.function_arn),
                ("Content-Type", "application/json"),
            ]
            if invocation.trace_id is not None:
                headers.append(("Lambda-Runtime-Trace-Id", invocation.trace_id))
            if invocation.client_context is not None:
                headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
            connection.send(200, invocation.payload, headers)

    # ---- called by connections
    # ----------------------------------------------------------------------------------

    def connected(self, connection: "RuntimeConnection") -> None:
        self._connections.add(connection)

    def disconnected(self, connection: "RuntimeConnection") -> None:
        self._connections.discard(connection)
        if self._parked is connection:
            self._parked = None

    def handle(self, connection: "RuntimeConnection", method: str, path: str, body: bytes) -> None:
        path = path.removeprefix(_PREFIX)
        parts = path.strip("/").split("/")
        match (method, parts):
            case ("GET", ["invocation", "next"]):
                self._parked = connection
                self._listener.runtime_ready()
                self._match()
            case ("POST", ["invocation", request_id, "response" | "error" as ending]):
                failed = ending == "error"
                if len(body) > RESPONSE_BYTES_MAX:
                    body, failed = _TOO_LARGE, True
                known = self._listener.runtime_answered(request_id, body, failed=failed)
                if not known:
                    connection.send(400, b'{"errorMessage":"Invalid request ID","errorType":"InvalidRequestID"}')
                elif body is _TOO_LARGE:
                    connection.send(413, _TOO_LARGE)
                else:
                    connection.send(202, b'{"status":"OK"}\n')
            case ("POST", ["init", "error"]):
                connection.send(202, b'{"status":"OK"}\n')
                self._listener.runtime_init_failed(body)
            case _:
                connection.send(404, b'{"errorMessage":"No such path","errorType":"InvalidPath"}')


_TOO_LARGE = (
    b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (%d bytes).",'
    b'"errorType":"Function.ResponseSizeTooLarge"}' % RESPONSE_BYTES_MAX
)


class RuntimeConnection(asyncio.Protocol):
    """One kept-alive connection of a runtime."""

    def __init__(self, api: RuntimeApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._body: list[bytes] = []
        self._body_bytes = 0

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def send(self, status: int, body: bytes, headers: list[tuple[str, str]] | None = None) -> None:
        if self._transport is None:
            return
        head = [f"HTTP/1.1 {status} {_REASONS[status]}", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers or ()]
        self._transport.write("\r\n".join(head).encode("latin-1", "replace") + b"\r\n\r\n" + body)

    # ---- asyncio
    # ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        self._api.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._api.disconnected(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.abort()

    # ---- httptools
    # ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._url = b""
        self._body = []
        self._body_bytes = 0

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes <= _BODY_BYTES_MAX:
            self._body.append(body)

    def on_message_complete(self) -> None:
        method = self._parser.get_method().decode("ascii")
        self._api.handle(self, method, self._url.decode("latin-1"), b"".join(self._body))


_REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 404: "Not Found", 413: "Payload Too Large"}
