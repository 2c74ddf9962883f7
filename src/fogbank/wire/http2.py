"""HTTP/2 connections, for the SDKs that speak nothing else: Kinesis of JavaScript, SubscribeToShard of Java.

A client begins with the preface of HTTP/2 on the port of HTTP/1.1 (with prior knowledge, as the SDKs do for a plain
endpoint). The `h2` library knows the frames and states; here are requests and answers, and who waits for whom:
- A body that is read while it arrives opens its window as it is read. Windows are such that what all streams of a
  connection may send before anybody reads fits into the connection's own: no stream holds up another.
- An answer goes out as its stream's window, the connection's window and the socket allow.
- A client that resets a stream ends the answer that is sent on it; a request that is worked on is worked on to its end.

Limits are those of HTTP/1.1, for each stream. Beyond them: a client that keeps resetting, pinging or changing settings
costs work and asks for nothing (`NUISANCES_A_SECOND`), and one that resets its requests may not have more of them
worked on than one that waits (`RUNNING_MAX`).
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable
from functools import partial

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hyperframe.frame import Frame, GoAwayFrame

from fogbank.core.body import BodyStream, BodyTruncated
from fogbank.core.numerals import whole_number
from fogbank.core.stored_body import StoredBody
from fogbank.wire.http import BODY_S, BUFFERED_BODY_MAX, HEADER_BYTES_MAX, IDLE_S, STREAM_FROM, Connections, joined
from fogbank.wire.protocols.request import RequestData, ResponseData

log = logging.getLogger("fogbank.http")

STREAMS_MAX = 256
STREAM_WINDOW = 256 * 1024
CONNECTION_WINDOW = STREAMS_MAX * STREAM_WINDOW
BUFFERED_BODIES_MAX = 4 * BUFFERED_BODY_MAX
RUNNING_MAX = 2 * STREAMS_MAX
NUISANCES_A_SECOND = 1000
_WINDOW_AT_FIRST = 65_535
# Answers have no headers that would have to be checked; names are written in lower case.
_CONFIGURATION = H2Configuration(client_side=False, header_encoding=None, validate_outbound_headers=False)
_NOT_IN_HTTP2 = frozenset(("connection", "keep-alive", "transfer-encoding"))
_BODILESS = frozenset((204, 304))


class _H2(H2Connection):
    """h2 takes a client's GOAWAY for the end of the connection. It says only that no more requests will come: those
    under way are answered, which clients that close a session in time wait for.
    """

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        return [], [ConnectionTerminated()]


class _Stream:
    """One request and its answer."""

    __slots__ = (
        "answering",
        "body",
        "buffered",
        "chunks",
        "deadline",
        "ended",
        "head",
        "id",
        "request",
        "responded",
        "unread",
        "widened",
    )

    def __init__(self, stream_id: int, request: RequestData, deadline: float) -> None:
        self.id = stream_id
        self.request = request
        self.head = request.method == "HEAD"
        self.deadline = deadline
        self.ended = False
        """Whether the request is complete."""
        self.body: BodyStream | None = None
        self.unread = 0
        """Bytes of the body that the client has not been given back yet."""
        self.chunks: list[bytes] = []
        self.buffered = 0
        self.responded = False
        self.answering: asyncio.Task[None] | None = None
        self.widened = asyncio.Event()

    @property
    def waits_for_client(self) -> bool:
        if self.responded:
            return True
        return not self.ended and not (self.body is not None and self.body.paused)


class Http2Connection(asyncio.Protocol):
    """One client, from behind its preface on: its transport was an `HttpConnection`'s until then."""

    def __init__(self, connections: Connections, transport: asyncio.Transport, peer: str) -> None:
        self._connections = connections
        self._application = connections.application
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._peer = peer
        self._h2 = _H2(_CONFIGURATION)
        self._h2.local_settings = Settings(
            client=False,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: STREAMS_MAX,
                SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
                SettingCodes.MAX_HEADER_LIST_SIZE: HEADER_BYTES_MAX,
            },
        )
        self._streams: dict[int, _Stream] = {}
        self._running = 0
        """Requests that are worked on, also of streams that are gone."""
        self._buffered = 0
        self._nuisances = 0
        self._finishing = False
        """No more requests: the connection ends with the answers that are due."""
        self._closing = False
        self._flushing = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._deadline = connections.now_s + IDLE_S
        self._h2.initiate_connection()
        self._h2.increment_flow_control_window(CONNECTION_WINDOW - _WINDOW_AT_FIRST)

    # ---- asyncio.Protocol ---------------------------------------------------------------------------------------

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.closed(self)
        self._closing = True
        self._writable.set()
        for stream in tuple(self._streams.values()):
            self._forget(stream)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        try:
            events = self._h2.receive_data(data)
        except ProtocolError as error:
            log.debug("a client breaks HTTP/2: %s", error)
            self._close()
            return
        if events:
            self._deadline = self._connections.now_s + IDLE_S
        for event in _answerable(events):
            self._take(event)
            if self._closing:
                return
        self._flush()

    def pause_writing(self) -> None:
        """The client does not read: nothing more for it until it does, answers to its pings included."""
        self._writable.clear()
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable.set()
        if not self._transport.is_closing():
            self._transport.resume_reading()

    # ---- events -------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._begin(event)
            case DataReceived():
                self._take_data(event)
            case StreamEnded():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    self._end_request(stream)
            case WindowUpdated():
                self._widen(event.stream_id)
            case StreamReset():
                self._count_nuisance()
                if (stream := self._streams.get(event.stream_id)) is not None:
                    self._forget(stream)
                    self._close_if_finished()
            case RemoteSettingsChanged():
                self._count_nuisance()
                self._widen(0)
            case PingReceived() | PriorityUpdated() | UnknownFrameReceived():
                self._count_nuisance()
            case ConnectionTerminated():
                self._finishing = True
                self._close_if_finished()

    def _begin(self, event: RequestReceived) -> None:
        if self._finishing:
            self._h2.reset_stream(event.stream_id, ErrorCodes.REFUSED_STREAM)
            return
        method, target, raw = _read_head(event.headers)
        path, _, query = target.partition("?")
        headers = joined(raw)
        request = RequestData(method, path, query, headers, b"", self._peer, raw)
        stream = _Stream(event.stream_id, request, self._connections.now_s + BODY_S)
        self._streams[event.stream_id] = stream
        if not target:  # CONNECT
            self._refuse(stream, 405)
            return
        length = headers.get("content-length", "")
        announced = whole_number(length) or 0
        unknown = not length and event.stream_ended is None
        if (announced > STREAM_FROM or unknown) and self._application.streams(request):
            stream.body = BodyStream(pause=lambda: None, resume=partial(self._open_window, stream))
            request.body = stream.body
            self._dispatch(stream)
        elif announced > BUFFERED_BODY_MAX:
            self._refuse(stream, 413)
        if headers.get("expect", "").lower() == "100-continue" and not stream.responded and not self._closing:
            self._h2.send_headers(stream.id, [(":status", "100")])

    def _take_data(self, event: DataReceived) -> None:
        stream = self._streams.get(event.stream_id)
        size = event.flow_controlled_length or 0
        if not event.data and event.stream_ended is None:
            self._count_nuisance()
        if stream is None:
            self._h2.acknowledge_received_data(size, event.stream_id)
            return
        stream.deadline = self._connections.now_s + BODY_S
        stream.unread += size
        if stream.body is not None:
            stream.body.feed(event.data)
            if not stream.body.paused:
                self._open_window(stream)
            return
        self._open_window(stream)
        if stream.responded:
            return
        stream.chunks.append(event.data)
        stream.buffered += len(event.data)
        self._buffered += len(event.data)
        if stream.buffered > BUFFERED_BODY_MAX:
            self._refuse(stream, 413)
        elif self._buffered > BUFFERED_BODIES_MAX:
            self._refuse(stream, 503)

    def _end_request(self, stream: _Stream) -> None:
        stream.ended = True
        if stream.body is not None:
            stream.body.end()
        elif not stream.responded:
            stream.request.body = b"".join(stream.chunks)
            self._release(stream)
            self._dispatch(stream)

    def _open_window(self, stream: _Stream) -> None:
        """Let the client send as much again as was read."""
        size, stream.unread = stream.unread, 0
        if size and not self._closing:
            self._h2.acknowledge_received_data(size, stream.id)
            self._flush_soon()

    def _widen(self, stream_id: int | None) -> None:
        if not stream_id:
            for stream in self._streams.values():
                stream.widened.set()
        elif (found := self._streams.get(stream_id)) is not None:
            found.widened.set()

    def _count_nuisance(self) -> None:
        self._nuisances += 1
        if self._nuisances > NUISANCES_A_SECOND:
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)

    # ---- requests and answers -----------------------------------------------------------------------------------

    def _dispatch(self, stream: _Stream) -> None:
        self._running += 1
        if self._running > RUNNING_MAX:
            self._running -= 1
            self._close(ErrorCodes.ENHANCE_YOUR_CALM)
            return

        def respond(response: ResponseData) -> None:
            self._running -= 1
            self._respond(stream, response)

        try:
            self._application.handle(stream.request, respond)
        except Exception:  # An edge: whatever goes wrong, the client gets an answer and the others their streams.
            log.exception("%s %s failed", stream.request.method, stream.request.path)
            if not stream.responded:
                respond(ResponseData(500, [], b""))

    def _refuse(self, stream: _Stream, status: int) -> None:
        self._release(stream)
        self._respond(stream, ResponseData(status, [], b""))

    def _respond(self, stream: _Stream, response: ResponseData) -> None:
        stream.responded = True
        if self._closing or self._streams.get(stream.id) is not stream:
            return  # Nobody waits for it any more.
        stream.deadline = self._connections.now_s + IDLE_S
        body = response.body
        if isinstance(body, StoredBody) and not stream.head:
            body = body.at_hand() or body
        if stream.head or (isinstance(body, bytes) and not body):
            self._send_head(stream, response, end=True)
            self._finish_stream(stream)
        elif isinstance(body, bytes) and len(body) <= self._room(stream) and self._writable.is_set():
            self._send_head(stream, response, end=False)
            self._h2.send_data(stream.id, body, end_stream=True)
            self._finish_stream(stream)
        else:
            self._send_head(stream, response, end=False)
            stream.answering = self._loop.create_task(self._send_body(stream, body))
        self._flush_soon()

    def _send_head(self, stream: _Stream, response: ResponseData, *, end: bool) -> None:
        headers = [(name, value) for name, value in response.headers if name.lower() not in _NOT_IN_HTTP2]
        told = any(name.lower() == "content-length" for name, _ in headers)
        if isinstance(response.body, bytes) and not told and response.status not in _BODILESS:
            headers.append(("content-length", str(len(response.body))))
        self._h2.send_headers(stream.id, [(":status", str(response.status)), *headers], end_stream=end)

    async def _send_body(self, stream: _Stream, body: bytes | AsyncIterable[bytes]) -> None:
        try:
            if isinstance(body, bytes):
                await self._send_chunk(stream, body)
            else:
                await self._send_chunks(stream, body)
        except Exception:
            self._forget(stream)
            if not self._closing:  # The head is out: cutting the body short is the only sign left.
                self._h2.reset_stream(stream.id, ErrorCodes.INTERNAL_ERROR)
                self._flush()
            raise
        self._h2.end_stream(stream.id)
        self._finish_stream(stream)
        self._flush()

    async def _send_chunks(self, stream: _Stream, body: AsyncIterable[bytes]) -> None:
        try:
            async for chunk in body:
                await self._send_chunk(stream, chunk)
        finally:
            if isinstance(body, AsyncGenerator):
                await body.aclose()  # What it holds is given back now, also if the client has gone away.

    async def _send_chunk(self, stream: _Stream, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            await self._writable.wait()
            room = self._room(stream)
            if room <= 0:
                stream.widened.clear()
                await stream.widened.wait()
                continue
            self._h2.send_data(stream.id, rest[:room])
            rest = rest[room:]
            stream.deadline = self._connections.now_s + IDLE_S
            self._flush()

    def _room(self, stream: _Stream) -> int:
        """How much the next frame of the stream may hold."""
        window: int = self._h2.local_flow_control_window(stream.id)
        return min(window, self._h2.max_outbound_frame_size)

    def _finish_stream(self, stream: _Stream) -> None:
        """The answer is out. Of a request that is refused before its end no more is wanted."""
        del self._streams[stream.id]
        self._deadline = self._connections.now_s + IDLE_S
        if not stream.ended:
            if stream.body is not None:
                stream.body.fail(BodyTruncated())
            self._open_window(stream)
            self._h2.reset_stream(stream.id, ErrorCodes.NO_ERROR)
        self._close_if_finished()

    def _forget(self, stream: _Stream) -> None:
        """Nobody waits for the answer any more."""
        self._streams.pop(stream.id, None)
        self._release(stream)
        self._open_window(stream)  # The connection's: of the stream nobody reads on.
        if stream.body is not None:
            stream.body.fail(BodyTruncated())
        if stream.answering is not None and stream.answering is not asyncio.current_task():
            stream.answering.cancel()

    def _release(self, stream: _Stream) -> None:
        self._buffered -= stream.buffered
        stream.chunks, stream.buffered = [], 0

    # ---- the transport ------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        self._flushing = False
        data = self._h2.data_to_send()
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def _flush_soon(self) -> None:
        """Answers of one turn leave together."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    # ---- life ---------------------------------------------------------------------------------------------------

    def close_if_overdue(self) -> None:
        self._nuisances = 0
        now_s = self._connections.now_s
        for stream in tuple(self._streams.values()):
            if now_s < stream.deadline or not stream.waits_for_client:
                continue
            if stream.responded:
                self._forget(stream)
                self._h2.reset_stream(stream.id, ErrorCodes.CANCEL)
                self._deadline = now_s + IDLE_S
                self._flush_soon()
            else:
                self._refuse(stream, 408)
        if not self._streams and now_s >= self._deadline:
            if self._finishing or self._closing:
                self.abort()
            else:
                self.finish()

    def finish(self) -> None:
        """No more requests; close when the answers are out."""
        self._flush()
        self._finishing = True
        # h2 would close the connection with it.
        goaway = GoAwayFrame(0, last_stream_id=self._h2.highest_inbound_stream_id, error_code=ErrorCodes.NO_ERROR)
        if not self._transport.is_closing():
            self._transport.write(goaway.serialize())
        self._close_if_finished()

    def abort(self) -> None:
        self._transport.abort()

    def _close_if_finished(self) -> None:
        if self._finishing and not self._streams:
            self._flush()
            self._closing = True
            self._transport.close()

    def _close(self, error: ErrorCodes | None = None) -> None:
        """End the connection at once; without an error h2 has said why."""
        if error is not None:
            self._h2.close_connection(error)
        self._flush()
        self._closing = True
        for stream in tuple(self._streams.values()):
            self._forget(stream)
        self._transport.close()


def _answerable(events: list[Event]) -> list[Event]:
    """Resets first, without the requests that they take back: h2 is ahead of its events, and what is reset in the same
    read can be answered no more.
    """
    gone = {event.stream_id for event in events if isinstance(event, StreamReset)}
    if not gone:
        return events
    kept = [event for event in events if not (isinstance(event, RequestReceived) and event.stream_id in gone)]
    return sorted(kept, key=lambda event: not isinstance(event, StreamReset))


def _read_head(raw: list[tuple[bytes, bytes]]) -> tuple[str, str, list[tuple[bytes, bytes]]]:
    """Method, target and headers, which HTTP/1.1 would have sent with a host and one cookie."""
    pseudo = {name: value for name, value in raw if name.startswith(b":")}
    headers = [(name, value) for name, value in raw if not name.startswith(b":")]
    if authority := pseudo.get(b":authority"):
        headers = [(b"host", authority), *(each for each in headers if each[0] != b"host")]
    cookies = [value for name, value in headers if name == b"cookie"]
    if len(cookies) > 1:
        others = (each for each in headers if each[0] != b"cookie")
        headers = [*others, (b"cookie", b"; ".join(cookies))]
    return pseudo[b":method"].decode("latin-1"), pseudo.get(b":path", b"").decode("utf-8", "replace"), headers
