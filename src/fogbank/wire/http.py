"""HTTP/1.1 connections: bytes in, requests to the gateway, answers out in the order of the requests.

A connection that begins with the preface of HTTP/2 goes on as an `http2.Http2Connection`. The parser stops at a
preface, so that it costs connections of HTTP/1.1 nothing.

Limits, and why: AWS accepts some 10 KB of headers, browsers and proxies up to 64 KB; a buffered body may be as large
as Lambda's direct zip upload in base64 (50 MB becomes 67 MB). A connection that sends nothing for `IDLE_S`, whose
headers take longer than `HEADERS_S` or whose body stalls for `BODY_S` is closed.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from http import HTTPStatus
from typing import Protocol as Interface
from typing import cast

import httptools

from fogbank.core.body import BodyStream, BodyTruncated
from fogbank.core.stored_body import StoredBody
from fogbank.wire import file_sender
from fogbank.wire.protocols.request import RequestData, ResponseData

log = logging.getLogger("fogbank.http")

HEADER_BYTES_MAX = 64 * 1024
BUFFERED_BODY_MAX = 72 * 1024 * 1024
STREAM_FROM = 64 * 1024
PIPELINE_MAX = 64
IDLE_S = 75.0
HEADERS_S = 15.0
BODY_S = 30.0

_STATUS_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_BODILESS = frozenset((204, 304))
_HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEADER_NAMES_MAX = 512


class _HeaderNames(dict[bytes, str]):
    """Header names in lower case. Clients send the same ones over and over; only so many are remembered."""

    def __missing__(self, name: bytes) -> str:
        key = name.decode("latin-1").lower()
        if len(self) < _HEADER_NAMES_MAX:
            self[name] = key
        return key


_header_names = _HeaderNames()


class Application(Interface):
    """Who answers: the gateway."""

    def streams(self, request: RequestData) -> bool:
        """Whether the body should be handed over while it arrives."""

    def handle(self, request: RequestData, respond: Callable[[ResponseData], None]) -> None:
        """Answer the request now or later by calling `respond` once."""


class Connection(Interface):
    """A connection as `Connections` sees it."""

    def close_if_overdue(self) -> None: ...

    def finish(self) -> None:
        """No more requests; close when the answers are out."""

    def abort(self) -> None: ...


class Connections:
    """All open connections of a server: they are watched for time-outs and drained at the end."""

    def __init__(self, application: Application) -> None:
        self.application = application
        self.now_s = asyncio.get_running_loop().time()
        """The loop's time, a second old at most: exact enough for the time-outs, and free to read."""
        self._open: set[Connection] = set()

    def protocol(self) -> "HttpConnection":
        return HttpConnection(self)

    def limited(self, most: int) -> "Callable[[], asyncio.Protocol]":
        """Like `protocol`, for a listener of its own that has no more than so many connections at a time."""
        own: set[Connection] = set()

        def protocol() -> asyncio.Protocol:
            if len(own) >= most:
                own.intersection_update(self._open)
                if len(own) >= most:
                    return _Refusal()
            connection = HttpConnection(self)
            own.add(connection)
            return connection

        return protocol

    def opened(self, connection: Connection) -> None:
        self._open.add(connection)

    def closed(self, connection: Connection) -> None:
        self._open.discard(connection)

    async def watch(self) -> None:
        """Close what is overdue; runs until cancelled."""
        while True:
            await asyncio.sleep(1.0)
            self.now_s = asyncio.get_running_loop().time()
            for connection in tuple(self._open):
                connection.close_if_overdue()

    async def drain(self, seconds: float) -> None:
        """Let requests in progress finish, then close everything."""
        deadline = asyncio.get_running_loop().time() + seconds
        for connection in tuple(self._open):
            connection.finish()
        while self._open and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(0.02)
        for connection in tuple(self._open):
            connection.abort()


class _Refusal(asyncio.Protocol):
    """One connection too many."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).abort()


class _Slot:
    """A request's place in the order of answers."""

    __slots__ = ("_connection", "close", "head", "response")

    def __init__(self, connection: "HttpConnection", *, head: bool, close: bool) -> None:
        self._connection = connection
        self.head = head
        self.close = close
        self.response: ResponseData | None = None

    def respond(self, response: ResponseData) -> None:
        self.response = response
        self._connection._send_ready()


class HttpConnection(asyncio.Protocol):
    """One client. httptools parses, the application answers, answers leave in the order their requests came."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._application = connections.application
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._sending: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._closing = False
        self._reading_paused = False
        self._deadline = self._connections.now_s + HEADERS_S
        self._url = b""
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._arrived = 0
        self._head_bytes = 0
        """Bytes of a head (or of trailers) that is not complete yet, without the read in which it began."""
        self._begun_bytes = 0
        """Bytes of that read."""
        self._chunks: list[bytes] = []
        self._body_bytes = 0
        self._stream: BodyStream | None = None
        self._request: RequestData | None = None
        self._refused: int | None = None
        self._offered = False
        """Whether the head at hand offers to go on in another protocol."""
        self._method = b""

    # ---- asyncio.Protocol ---------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's does not derive from asyncio's.
        peer = transport.get_extra_info("peername")
        self._peer: str = peer[0] if peer else ""
        self._connections.opened(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.closed(self)
        self._closing = True
        self._writable.set()
        if self._stream is not None:
            self._stream.fail(BodyTruncated())
        if self._sending is not None:
            self._sending.cancel()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        self._arrived = len(data)
        self._head_bytes += self._arrived
        try:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                self._pass_over_offer(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._become_http2(data):
                self._refuse(self._refused or 400)
        if self._head_bytes > HEADER_BYTES_MAX and not self._closing:
            self._refuse(431)

    def _become_http2(self, data: bytes) -> bool:
        """Hand the connection on if it began with the preface of HTTP/2, whose end `data` has; whether it did."""
        arrived_before = self._begun_bytes + self._head_bytes - self._arrived
        end = len(_HTTP2_PREFACE) - arrived_before
        if self._answering or end <= 0 or data[:end] != _HTTP2_PREFACE[arrived_before:]:
            return False
        from fogbank.wire.http2 import Http2Connection  # Few clients speak it: it is loaded for the first.

        connection = Http2Connection(self._connections, self._transport, self._peer)
        self._connections.closed(self)
        self._connections.opened(connection)
        self._transport.set_protocol(connection)
        self._closing = True
        connection.data_received(_HTTP2_PREFACE + data[end:])
        return True

    def _pass_over_offer(self, rest: bytes) -> None:
        """Parse a request that offers another protocol once more, without its offer, which nobody has to accept.

        httptools takes all that follows such a head for the other protocol, the request's own body included.
        """
        while self._offered:
            self._parser = httptools.HttpRequestParser(self)
            data = self._head_without_offer() + rest
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
        self.finish()  # CONNECT: what follows is meant for another server.

    def _head_without_offer(self) -> bytes:
        self._offered = False
        lines = [b"%b %b HTTP/1.1" % (self._method, self._url)]
        for name, value in self._raw_headers:
            match name.lower():
                case b"upgrade" | b"http2-settings":
                    continue
                case b"connection":
                    lines += [b"Connection: close"] if b"close" in value.lower() else []
                case _:
                    lines.append(name + b": " + value)
        return b"\r\n".join(lines) + b"\r\n\r\n"

    def eof_received(self) -> bool:
        if self._stream is not None:
            self._stream.fail(BodyTruncated())
        self._closing = True  # Once the answers are out.
        return self._answering

    def pause_writing(self) -> None:
        """The client does not read its answers: no more requests until it does."""
        self._writable.clear()
        self._reading_paused = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable.set()
        self._read_on()

    # ---- httptools ----------------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        self._url = b""
        self._raw_headers = []
        self._head_bytes = 0
        self._begun_bytes = self._arrived
        self._deadline = self._connections.now_s + HEADERS_S

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        raw = self._raw_headers
        if self._head_bytes + self._begun_bytes > HEADER_BYTES_MAX:  # Perhaps of a body or of other requests: count.
            head_bytes = len(self._url) + sum(len(name) + len(value) for name, value in raw)
            if head_bytes > HEADER_BYTES_MAX:
                self._stop_parsing(431)
        self._head_bytes = 0
        headers = {_header_names[name]: value.decode("utf-8", "replace") for name, value in raw}
        if len(headers) < len(raw):
            headers = joined(raw)
        path, _, query = self._url.decode("utf-8", "replace").partition("?")
        if path.startswith("http://"):  # The absolute form that proxies send.
            path = "/" + path[7:].partition("/")[2]
        if "upgrade" in headers and "upgrade" in headers.get("connection", "").lower():
            self._offered = True
            self._method = self._parser.get_method()
            return
        method = self._parser.get_method().decode("latin-1")
        request = RequestData(method, path, query, headers, b"", self._peer, raw)
        self._request = request
        self._chunks = []
        self._body_bytes = 0
        self._stream = None
        length = headers.get("content-length")
        announced = int(length) if length is not None and length.isdecimal() else 0
        chunked = "transfer-encoding" in headers
        expects = "expect" in headers and headers["expect"].lower() == "100-continue"
        if (announced > STREAM_FROM or chunked) and self._application.streams(request):
            self._stream = BodyStream(pause=self._transport.pause_reading, resume=self._resume_reading)
            request.body = self._stream
            # A client that asks first and is refused sends no body, and what would come next on the connection is open.
            slot = self._dispatch(request, close=expects)
            if expects:
                # What is refused in this turn is told at its end, which is behind this.
                self._loop.call_soon(self._ask_for_body, slot, self._parser.should_keep_alive())
        elif announced > BUFFERED_BODY_MAX:
            self._stop_parsing(413)
        elif expects and not self._slots:
            self._say_continue()
        self._deadline = self._connections.now_s + BODY_S

    def _ask_for_body(self, slot: _Slot, keep_alive: bool) -> None:
        if slot.response is None:
            slot.close = not keep_alive
            if self._slots[0] is slot:
                self._say_continue()

    def _say_continue(self) -> None:
        """In the middle of earlier answers it cannot be said; a client that does not hear it sends on after a while."""
        if self._sending is None and not self._closing:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, chunk: bytes) -> None:
        self._head_bytes = 0
        self._deadline = self._connections.now_s + BODY_S
        if self._stream is not None:
            self._stream.feed(chunk)
            return
        self._body_bytes += len(chunk)
        if self._body_bytes > BUFFERED_BODY_MAX:
            self._stop_parsing(413)
        self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        self._head_bytes = 0
        self._deadline = self._connections.now_s + IDLE_S
        request, self._request = self._request, None
        if request is None:
            return
        if self._stream is not None:
            stream, self._stream = self._stream, None
            stream.end()
            return
        request.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._dispatch(request)

    # ---- requests -----------------------------------------------------------------------------------------------

    def _stop_parsing(self, status: int) -> None:
        self._refused = status
        raise ValueError("the request is beyond a limit")  # httptools ends with HttpParserCallbackError.

    def _dispatch(self, request: RequestData, *, close: bool = False) -> _Slot:
        """Where its answer goes; `close` says whether that ends the connection."""
        keep_alive = self._parser.should_keep_alive()
        slot = _Slot(self, head=request.method == "HEAD", close=close or not keep_alive)
        self._slots.append(slot)
        if len(self._slots) > PIPELINE_MAX and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()

        try:
            self._application.handle(request, slot.respond)
        except Exception:  # An edge: whatever goes wrong, the client gets an answer and the others their connections.
            log.exception("%s %s failed", request.method, request.path)
            if slot.response is None:
                slot.close = True
                slot.respond(ResponseData(500, [], b""))
        return slot

    def _refuse(self, status: int) -> None:
        """Answer a request that cannot be read, behind the answers that are due before it, and close."""
        if self._stream is not None:
            self._stream.fail(BodyTruncated())
        slot = _Slot(self, head=False, close=True)
        slot.response = ResponseData(status, [("content-type", "text/plain")], HTTPStatus(status).phrase.encode())
        self._slots.append(slot)
        self._closing = True
        self._send_ready()

    # ---- answers ------------------------------------------------------------------------------------------------

    def _send_ready(self) -> None:
        if self._sending is not None:
            return
        while self._slots and self._slots[0].response is not None:
            slot = self._slots.popleft()
            response = slot.response
            assert response is not None
            if self._transport.is_closing():
                continue
            body = response.body
            if isinstance(body, StoredBody) and not slot.head:
                body = body.at_hand() or body
            if isinstance(body, bytes):
                self._transport.write(_head(response, len(body), slot) + (b"" if slot.head else body))
            else:
                self._sending = self._loop.create_task(self._send_stream(slot, response, body))
                return
            self._sent(slot)
        if self._reading_paused:
            self._read_on()

    async def _send_stream(self, slot: _Slot, response: ResponseData, body: AsyncIterable[bytes]) -> None:
        try:
            if slot.head:
                self._transport.write(_head(response, None, slot))
            elif not (isinstance(body, StoredBody) and await self._send_files(slot, response, body)):
                await self._send_chunks(slot, response, body)
        except ConnectionError:
            self._transport.abort()
            return
        except Exception:
            self._transport.abort()  # The head is out: cutting the body short is the only sign left.
            raise
        self._sending = None
        self._sent(slot)
        self._send_ready()

    async def _send_files(self, slot: _Slot, response: ResponseData, body: StoredBody) -> bool:
        """Send past the transport; whether that is possible."""
        own = file_sender.socket_of(self._transport)
        if own is None:
            return False
        with own:
            self._transport.set_write_buffer_limits(high=0)  # Not writable until all that was written is out.
            await self._writable.wait()
            await file_sender.send(own, _head(response, body.length, slot), body, self._went_on)
        if not self._transport.is_closing():
            self._transport.set_write_buffer_limits()
        return True

    async def _send_chunks(self, slot: _Slot, response: ResponseData, body: AsyncIterable[bytes]) -> None:
        chunked = not any(name.lower() == "content-length" for name, _ in response.headers)
        self._transport.write(_head(response, None, slot, chunked=chunked))
        try:
            async for chunk in body:
                if chunk:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk) if chunked else chunk)
                    self._went_on()
                await self._writable.wait()
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()  # What it holds is given back now, also if the client has gone away.
        if chunked:
            self._transport.write(b"0\r\n\r\n")

    def _went_on(self) -> None:
        self._deadline = self._connections.now_s + IDLE_S

    def _sent(self, slot: _Slot) -> None:
        self._went_on()
        if slot.close or (self._closing and not self._slots):
            self._closing = True
            self._transport.close()

    def _read_on(self) -> None:
        room = len(self._slots) <= PIPELINE_MAX // 2 and self._writable.is_set()
        if self._reading_paused and room and not self._transport.is_closing():
            self._reading_paused = False
            self._transport.resume_reading()

    def _resume_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # ---- life ---------------------------------------------------------------------------------------------------

    def close_if_overdue(self) -> None:
        waits_for_us = bool(self._slots) and not self._sending and (self._stream is None or self._stream.paused)
        if self._connections.now_s < self._deadline or waits_for_us:
            return
        if self._request is not None and not self._slots:
            self._refuse(408)
        else:
            self.abort()

    def finish(self) -> None:
        """No more requests; close when the answers are out."""
        self._closing = True
        if not self._answering:
            self._transport.close()

    @property
    def _answering(self) -> bool:
        return bool(self._slots) or self._sending is not None

    def abort(self) -> None:
        self._transport.abort()


def joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a request that sends one more than once: its values are joined by commas."""
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = _header_names[name], value.decode("utf-8", "replace")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _head(response: ResponseData, length: int | None, slot: _Slot, *, chunked: bool = False) -> bytes:
    head = _STATUS_LINES.get(response.status) or f"HTTP/1.1 {response.status} Unknown\r\n"
    for name, value in response.headers:
        head += f"{name}: {value}\r\n"
    # The lower-case copy is made only where something like the name is there.
    told = "ength: " in head and "\r\ncontent-length: " in head.lower()
    if length is not None and not told and response.status not in _BODILESS:
        head += f"Content-Length: {length}\r\n"
    if chunked:
        head += "Transfer-Encoding: chunked\r\n"
    if slot.close:
        head += "Connection: close\r\n"
    return (head + "\r\n").encode("utf-8", "replace")
