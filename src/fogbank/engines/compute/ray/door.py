"""The way from a function on a node back to the server: the cloud's API, through a connection with a key.

A function calls on a socket in its own network, as everywhere. The node's end of the way accepts there and connects to
the server's end, which lets in who knows the node's key, and only to what functions may use (core/front_door.py).
Nothing
is encrypted on the way.
"""

import asyncio
import contextlib
import hmac
import secrets
import socket

import msgspec

from fogbank.core.front_door import FrontDoor

_KEY_BYTES = 32
_KEY_WAIT_S = 10.0
_CHUNK_BYTES = 1 << 16


class Way(msgspec.Struct, frozen=True):
    """What a node needs to know to reach the server."""

    host: str
    port: int
    key: bytes
    cloud_port: int
    """The port that functions know the server by."""


class ServerEnd:
    """Listens at an address of this machine for the nodes."""

    def __init__(self, front_door: FrontDoor, host: str) -> None:
        self._front_door = front_door
        self._host = host
        self._port = 0
        self._inner: dict[bytes, int] = {}
        self._servers: list[asyncio.AbstractServer] = []

    async def way_for_node(self) -> Way:
        """A way of its own for another node; each has a number of connections of its own."""
        if not self._servers:
            listener = socket.create_server((self._host, 0), backlog=128)
            self._servers.append(await asyncio.start_server(self._admit, sock=listener))
            self._port = listener.getsockname()[1]
        inner = socket.create_server(("127.0.0.1", 0), backlog=128)
        port = inner.getsockname()[1]
        self._servers.append(await self._front_door.serve(inner))
        key = secrets.token_bytes(_KEY_BYTES)
        self._inner[key] = port
        return Way(self._host, self._port, key, self._front_door.port)

    def close(self) -> None:
        for server in self._servers:
            server.close()

    async def _admit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            said = await asyncio.wait_for(reader.readexactly(_KEY_BYTES), _KEY_WAIT_S)
        except (asyncio.IncompleteReadError, TimeoutError, OSError):
            writer.close()
            return
        port = next((port for key, port in self._inner.items() if hmac.compare_digest(key, said)), None)
        if port is None:
            writer.close()
            return
        await _join(reader, writer, "127.0.0.1", port)


class NodeEnd:
    """The server's API as a node's sandboxes open it (a FrontDoor)."""

    def __init__(self, way: Way) -> None:
        self._way = way

    @property
    def port(self) -> int:
        return self._way.cloud_port

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        return await asyncio.start_server(self._pass, sock=listener)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, self._way.host, self._way.port, self._way.key)


async def _join(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int, first: bytes = b""
) -> None:
    """Connect, say `first`, and carry bytes both ways until both are done."""
    try:
        far_reader, far_writer = await asyncio.open_connection(host, port)
    except OSError:
        writer.close()
        return
    far_writer.write(first)
    try:
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
    finally:
        far_writer.close()
        writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK_BYTES):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
