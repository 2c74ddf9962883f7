"""HTTP connections without a network: bytes in, bytes out."""

import asyncio

import uvloop

from fogbank.wire.http import HEADER_BYTES_MAX, Connections, HttpConnection
from fogbank.wire.protocols.request import RequestData, ResponseData


class Echo:
    """Answers with the names of the headers that it got."""

    def streams(self, request: RequestData) -> bool:
        return False

    def handle(self, request: RequestData, respond: object) -> None:
        assert callable(respond)
        respond(ResponseData(200, [], " ".join(request.headers).encode()))


class Refusing:
    """Reads bodies while they arrive, and refuses requests at the end of the turn, as where others wrote."""

    def streams(self, request: RequestData) -> bool:
        return True

    def handle(self, request: RequestData, respond: object) -> None:
        assert callable(respond)
        asyncio.get_running_loop().call_soon(respond, ResponseData(404, [], b""))


class Wire(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def _answer(*pieces: bytes) -> Wire:
    async def exchange() -> Wire:
        connection, wire = HttpConnection(Connections(Echo())), Wire()
        connection.connection_made(wire)
        for piece in pieces:
            if not wire.closed:
                connection.data_received(piece)
        return wire

    return uvloop.run(exchange())


CHUNKED = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


def test_endless_trailers_are_refused() -> None:
    trailers = (b"X-%d: " % number + b"y" * 1000 + b"\r\n" for number in range(1_000))
    wire = _answer(CHUNKED, *trailers)
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.closed


def test_a_head_that_never_ends_is_refused() -> None:
    wire = _answer(b"GET / HTTP/1.1\r\nX: ", *(b"y" * 1000 for _ in range(1_000)))
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.closed


def test_a_body_may_be_larger_than_a_head() -> None:
    size = 3 * HEADER_BYTES_MAX
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size
    assert _answer(head, *(b"y" * 1024 for _ in range(size // 1024))).written.startswith(b"HTTP/1.1 200 ")
    assert _answer(head + b"y" * size).written.startswith(b"HTTP/1.1 200 ")


def test_a_client_that_is_refused_at_the_end_of_the_turn_is_not_asked_for_its_body() -> None:
    async def exchange() -> Wire:
        connection, wire = HttpConnection(Connections(Refusing())), Wire()
        connection.connection_made(wire)
        connection.data_received(
            b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\nExpect: 100-continue\r\n\r\n"
        )
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return wire

    wire = uvloop.run(exchange())
    assert wire.written.startswith(b"HTTP/1.1 404 ")
    assert wire.closed


def test_repeated_headers_are_joined_and_names_have_no_case() -> None:
    wire = _answer(b"GET / HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nx-a: 2\r\n\r\n")
    assert wire.written.endswith(b"host x-a")
