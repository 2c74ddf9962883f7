"""A stand-in for the server, for engines that open another way to it."""

import asyncio
import socket


class Doorway:
    """Stands for Fogbank's own endpoint: says hello to whoever connects."""

    port = 4566

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"hello from fogbank")
            writer.close()

        return await asyncio.start_server(greet, sock=listener)
