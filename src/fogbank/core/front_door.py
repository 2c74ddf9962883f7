"""Where the cloud's API is answered, for engines that open another way to it."""

import asyncio
import socket
from typing import Protocol


class FrontDoor(Protocol):
    """The server's own HTTP."""

    @property
    def port(self) -> int:
        """The port that it is reached at."""

    async def serve(self, listener: socket.socket) -> asyncio.AbstractServer:
        """Answer requests on that listening socket, too."""
