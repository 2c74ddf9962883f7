"""A connection of HTTP/2 without a network: time-outs, windows and who is waited for."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import Event, ResponseReceived, StreamReset

from fogbank.core.body import BodyStream
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.wire.http import BODY_S, IDLE_S, Connections
from fogbank.wire.http2 import CONNECTION_WINDOW, RUNNING_MAX, STREAM_WINDOW, Http2Connection

HEAD = [(":method", "PUT"), (":path", "/x"), (":scheme", "http"), (":authority", "x")]


class SlowApplication:
    """Reads no body and answers nothing before it is told to."""

    def __init__(self) -> None:
        self.requests: list[RequestData] = []
        self.responds: list[Callable[[ResponseData], None]] = []

    def streams(self, request: RequestData) -> bool:
        return True

    def handle(self, request: RequestData, respond: Callable[[ResponseData], None]) -> None:
        self.requests.append(request)
        self.responds.append(respond)


class MemoryTransport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Pair:
    """A client and the server's connection, joined in memory."""

    def __init__(self) -> None:
        self.application = SlowApplication()
        self.connections = Connections(self.application)
        self.transport = MemoryTransport()
        self.server = Http2Connection(self.connections, self.transport, "127.0.0.1")
        self.client = H2Connection(H2Configuration(client_side=True, header_encoding="utf-8"))
        self.client.initiate_connection()
        self.exchange()

    def exchange(self) -> list[Event]:
        self.server.data_received(self.client.data_to_send())
        events = self.client.receive_data(self.transport.written)
        self.transport.written = b""
        return events

    async def wait(self, seconds: float) -> list[Event]:
        self.connections.now_s += seconds
        self.server.close_if_overdue()
        await asyncio.sleep(0)
        return self.exchange() if not self.transport.closed else []

    def begin(self) -> int:
        stream = self.client.get_next_available_stream_id()
        self.client.send_headers(stream, HEAD)
        self.exchange()
        return stream

    def send_window(self, stream: int) -> int:
        """Send what the stream's window allows; how much that was."""
        room = sent = self.client.local_flow_control_window(stream)
        while room > 0:
            size = min(room, self.client.max_outbound_frame_size)
            self.client.send_data(stream, b"x" * size)
            room -= size
        self.exchange()
        return sent


def in_a_loop(test: Callable[[Pair], Awaitable[None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        async def whole() -> None:
            await test(Pair())

        asyncio.run(whole())

    del run.__wrapped__  # type: ignore[attr-defined]  # pytest would look for a fixture of the test's parameter.
    return run


@in_a_loop
async def test_a_body_that_nobody_reads_is_not_taken(pair: Pair) -> None:
    stream = pair.begin()
    taken = 0
    while (sent := pair.send_window(stream)) > 0:
        taken += sent
    body = pair.application.requests[0].body
    assert isinstance(body, BodyStream)
    assert BodyStream.HIGH_WATER < taken <= BodyStream.HIGH_WATER + STREAM_WINDOW
    read = 0
    async for chunk in body:
        read += len(chunk)
        if read == taken:
            break
    pair.server._flush()
    pair.exchange()
    assert pair.client.local_flow_control_window(stream) > 0


@in_a_loop
async def test_streams_that_are_reset_give_the_connection_its_window_back(pair: Pair) -> None:
    for _ in range(2 * CONNECTION_WINDOW // STREAM_WINDOW):
        stream = pair.begin()
        assert pair.send_window(stream) == STREAM_WINDOW
        pair.client.reset_stream(stream)
        pair.exchange()
        pair.application.responds.pop()(ResponseData(200, [], b"nobody waits for it"))


@in_a_loop
async def test_a_body_that_stalls_is_answered_with_408(pair: Pair) -> None:
    pair.begin()
    assert not await pair.wait(BODY_S - 1)
    events = await pair.wait(2)
    assert [dict(event.headers)[":status"] for event in events if isinstance(event, ResponseReceived)] == ["408"]


@in_a_loop
async def test_a_request_that_is_worked_on_may_take_its_time(pair: Pair) -> None:
    stream = pair.begin()
    pair.client.end_stream(stream)
    pair.exchange()
    assert not await pair.wait(10 * IDLE_S)
    pair.application.responds[0](ResponseData(200, [], b"done"))
    pair.server._flush()
    assert any(isinstance(event, ResponseReceived) for event in pair.exchange())


@in_a_loop
async def test_an_answer_that_is_not_read_is_given_up(pair: Pair) -> None:
    stream = pair.begin()
    pair.client.end_stream(stream)
    pair.exchange()
    pair.application.responds[0](ResponseData(200, [], b"x" * 100_000))
    for _ in range(3):
        await asyncio.sleep(0)
    pair.exchange()
    resets = [event for event in await pair.wait(IDLE_S + 1) if isinstance(event, StreamReset)]
    assert [event.error_code for event in resets] == [ErrorCodes.CANCEL]
    assert not pair.server._streams


@in_a_loop
async def test_a_connection_that_is_not_used_is_closed_with_notice(pair: Pair) -> None:
    await pair.wait(IDLE_S + 1)
    assert pair.transport.closed
    assert pair.client.receive_data(pair.transport.written)


@in_a_loop
async def test_requests_that_are_reset_and_worked_on_are_limited(pair: Pair) -> None:
    for _ in range(RUNNING_MAX):
        stream = pair.begin()
        pair.client.reset_stream(stream)
        pair.exchange()
        pair.server.close_if_overdue()  # Every second there may be some.
    assert not pair.transport.closed
    pair.client.send_headers(pair.client.get_next_available_stream_id(), HEAD)
    pair.server.data_received(pair.client.data_to_send())
    assert pair.transport.closed


@in_a_loop
async def test_a_request_looks_as_one_of_http1_does(pair: Pair) -> None:
    more = [("x-a", "1"), ("cookie", "a=1"), ("x-a", "2"), ("cookie", "b=2"), ("host", "x")]
    pair.client.send_headers(1, [*HEAD, *more], end_stream=True)
    pair.exchange()
    (request,) = pair.application.requests
    assert (request.method, request.path, request.body) == ("PUT", "/x", b"")
    assert request.headers == {"host": "x", "x-a": "1,2", "cookie": "a=1; b=2"}
    assert request.header_pairs() == [("host", "x"), ("x-a", "1"), ("x-a", "2"), ("cookie", "a=1; b=2")]
