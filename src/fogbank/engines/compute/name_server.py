"""Answers the questions for names of a sandbox whose network is Fogbank: `localhost` and all below it are here.

So `bucket.s3.localhost` is found as it is outside. Every other name does not exist, which is told at once.
https://datatracker.ietf.org/doc/html/rfc1035#section-4.1, https://datatracker.ietf.org/doc/html/rfc6761#section-6.3
"""

import asyncio
import socket
import struct
from typing import Any, cast

_HEADER = struct.Struct("!6H")
_TYPE_A, _CLASS_IN = 1, 1
_RESPONSE, _RECURSION, _NO_SUCH_NAME = 0x8000, 0x0180, 3
_TTL_S = 300


class NameServer(asyncio.DatagramProtocol):
    @classmethod
    async def serve(cls, listener: socket.socket) -> asyncio.DatagramTransport:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(cls, sock=listener)
        return transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio.DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        if answer := answer_to(data):
            self._transport.sendto(answer, addr)


def answer_to(query: bytes) -> bytes:
    """The answer to a query; nothing to what is none."""
    try:
        number, flags, questions, *_ = _HEADER.unpack_from(query)
        name, end = _name(query, _HEADER.size)
        kind, _class = struct.unpack_from("!2H", query, end)
    except (struct.error, IndexError):
        return b""
    if flags & _RESPONSE or questions != 1:
        return b""
    question = query[_HEADER.size : end + 4]
    here = name == "localhost" or name.endswith(".localhost")
    address = b""
    if here and kind == _TYPE_A:
        # The name is the one at the beginning of the question.
        address = struct.pack("!3HIH4B", 0xC000 | _HEADER.size, _TYPE_A, _CLASS_IN, _TTL_S, 4, 127, 0, 0, 1)
    status = _RESPONSE | _RECURSION | (0 if here else _NO_SUCH_NAME)
    return _HEADER.pack(number, status, 1, 1 if address else 0, 0, 0) + question + address


def _name(query: bytes, place: int) -> tuple[str, int]:
    labels = []
    while length := query[place]:
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", "replace").lower())
        place += 1 + length
    return ".".join(labels), place + 1
