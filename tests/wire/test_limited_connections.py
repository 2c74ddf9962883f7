"""Listeners that have so many connections at a time."""

import asyncio
from collections.abc import Callable

from fogbank.wire.http import Connections
from fogbank.wire.protocols.request import RequestData, ResponseData


class Hello:
    def streams(self, request: RequestData) -> bool:
        return False

    def handle(self, request: RequestData, respond: Callable[[ResponseData], None]) -> None:
        respond(ResponseData(200, [], b"hello"))


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether there is an answer."""
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
        return (await reader.read(12)) == b"HTTP/1.1 200"
    except ConnectionError:
        return False


def test_a_connection_beyond_the_limit_is_refused_until_another_has_ended() -> None:
    async def work() -> None:
        protocol = Connections(Hello()).limited(2)
        server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        first, second, third = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        assert [await ask(*connection) for connection in (first, second, third)] == [True, True, False]
        first[1].close()
        await first[1].wait_closed()
        while not await ask(*(another := await asyncio.open_connection("127.0.0.1", port))):
            another[1].close()
        another[1].close()
        second[1].close()
        third[1].close()
        server.close()

    asyncio.run(asyncio.wait_for(work(), 60))
