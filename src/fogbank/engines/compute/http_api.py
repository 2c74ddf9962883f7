"""The HTTP server of one environment, and what its APIs make of requests.

A port for each environment, because clients build their URLs from `AWS_LAMBDA_RUNTIME_API` as a bare host and port. In
a sandbox it is one of the environment's own network, where nobody else can name it.
"""

import asyncio
import json
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Protocol, cast

import httptools

Headers = Mapping[str, str]
_ONE_LINE = str.maketrans("\r\n", "  ")
# A runtime and the extensions need one or two connections each and heads of a few KB: more is meant to do harm.
CONNECTIONS_MAX = 128
HEAD_BYTES_MAX = 256 << 10
# Of all bodies that are coming in, together: one answer is the largest, and whatever else comes beside it is small.
BODIES_BYTES_MAX = 16 << 20


class Receiver(Protocol):
    """Takes a request's body as it comes."""

    def body(self, chunk: bytes) -> int:
        """How many more bytes are kept until the request is complete."""

    def complete(self, trailers: Headers) -> None: ...

    def lost(self) -> None:
        """The client has gone before the request was complete."""


class Request:
    """A request, from its headers on. Names of headers are in lower case."""

    def __init__(self, connection: "Connection", method: str, path: str, headers: Headers) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.on_gone: Callable[[], None] | None = None
        """Is called if the client goes before it has its answer."""
        self._connection = connection

    def answer(self, status: int, body: bytes = b"", headers: Mapping[str, str | None] | None = None) -> None:
        self._connection.answer(self, status, body, headers or {})

    def accept(self) -> None:
        """Nobody who has sent the next request already waits for this: both answers go together then."""
        self._connection.hold()
        self.answer(202, b'{"status":"OK"}\n', {"Content-Type": "application/json"})

    def refuse(self, status: int, error_type: str, message: str) -> None:
        document = json.dumps({"errorMessage": message, "errorType": error_type}, separators=(",", ":"))
        self.answer(status, document.encode(), {"Content-Type": "application/json"})

    def pause(self) -> None:
        self._connection.pause()

    def resume(self) -> None:
        self._connection.resume()


class Whole:
    """A receiver for handlers that need all of the body at once; bytes beyond the limit are counted only."""

    def __init__(self, handle: Callable[[bytes, int], None], bytes_max: int) -> None:
        self._handle = handle
        self._bytes_max = bytes_max
        self._chunks: list[bytes] = []
        self._bytes = 0

    def body(self, chunk: bytes) -> int:
        self._bytes += len(chunk)
        if self._bytes > self._bytes_max:
            return 0
        self._chunks.append(chunk)
        return len(chunk)

    def complete(self, trailers: Headers) -> None:
        self._handle(b"".join(self._chunks), self._bytes)

    def lost(self) -> None:
        """There was no request."""


Route = Callable[[Request], Receiver]


class HttpApi:
    """Gives every request to `route`, which answers with who takes its body."""

    def __init__(self, route: Route) -> None:
        self.route = route
        self.connections: set[Connection] = set()
        self.kept_bytes = 0
        """Of bodies that are not complete."""
        self._server: asyncio.Server | None = None

    async def serve(self, listener: socket.socket) -> str:
        """Answer on that listening socket; the address for `AWS_LAMBDA_RUNTIME_API`."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Connection(self), sock=listener)
        host, port = listener.getsockname()
        return f"{host}:{port}"

    def abort_fullest(self) -> None:
        """End the connection that has most of what is kept: whoever else comes, with an answer, is not to blame."""
        max(self.connections, key=lambda connection: connection.kept_bytes).abort()

    def disconnect(self) -> None:
        """End the connections of processes that are no more."""
        for connection in tuple(self.connections):
            connection.abort()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.disconnect()


class Connection(asyncio.Protocol):
    """One kept-alive connection of a runtime or an extension."""

    def __init__(self, api: HttpApi) -> None:
        self._api = api
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._head_bytes = 0
        """Of a head, or the trailers behind a body, that has not come to its end: the parser keeps them."""
        self._url = b""
        self._headers: dict[str, str] = {}
        self._receiver: Receiver | None = None
        self.kept_bytes = 0
        self._request: Request | None = None
        self._reading = self._holds = False
        self._held = b""

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pause(self) -> None:
        if self._transport is not None:
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def answer(self, request: Request, status: int, body: bytes, headers: Mapping[str, str | None]) -> None:
        if self._transport is None or request is not self._request:
            return
        self._request = None
        head = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", f"Content-Length: {len(body)}"]
        # What callers give may have lines: a client context is JSON.
        head += [f"{name}: {value.translate(_ONE_LINE)}" for name, value in headers.items() if value is not None]
        self._held += "\r\n".join(head).encode("utf-8") + b"\r\n\r\n" + body
        if not self._holds:
            self._send()

    def hold(self) -> None:
        """Keep the next answer until the one behind it, if that is to another request that has come with this one."""
        self._holds = self._reading

    def _send(self) -> None:
        held, self._held = self._held, b""
        if held and self._transport is not None:
            self._transport.write(held)

    # ---- asyncio ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)
        if len(self._api.connections) >= CONNECTIONS_MAX:
            self.abort()
        self._api.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._api.connections.discard(self)
        receiver = self._taken()
        if receiver is not None:
            receiver.lost()
        elif self._request is not None and self._request.on_gone is not None:
            self._request.on_gone()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        self._reading = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()
        self._reading = self._holds = False
        if self._request is None:
            self._send()
        if self._head_bytes > HEAD_BYTES_MAX:
            self.abort()

    def pause_writing(self) -> None:
        """Whoever does not read the answers is not heard any further."""
        self.pause()

    def resume_writing(self) -> None:
        self.resume()

    # ---- httptools ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._head_bytes = 0
        method = self._parser.get_method().decode("ascii")
        path = self._url.decode("latin-1").partition("?")[0]
        # What comes behind the body is gathered apart.
        headers, self._headers = self._headers, {}
        self._holds = False
        self._request = Request(self, method, path, headers)
        self._receiver = self._api.route(self._request)

    def on_body(self, body: bytes) -> None:
        self._head_bytes = 0
        if self._receiver is None:
            return
        more = self._receiver.body(body)
        self.kept_bytes += more
        self._api.kept_bytes += more
        if self._api.kept_bytes > BODIES_BYTES_MAX:
            self._api.abort_fullest()

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        receiver = self._taken()
        if receiver is not None:
            receiver.complete(self._headers)

    def _taken(self) -> Receiver | None:
        """Whoever has taken the body, which is no longer coming in."""
        self._api.kept_bytes -= self.kept_bytes
        self.kept_bytes = 0
        receiver, self._receiver = self._receiver, None
        return receiver
