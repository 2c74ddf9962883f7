"""Bodies that lie in files go to the socket without passing through this process: sendfile(2).

uvloop has no sendfile of its own. So the connection's socket is used under a second descriptor while the transport has
nothing to send: what either of them writes stays in order. sendfile is called in threads, since a file may have to come
from the disk. No thread waits for the client; the event loop does.
"""

import asyncio
import os
import socket
from collections.abc import Callable

from fogbank.core.stored_body import FileSpan, StoredBody

# What is sent before others have their turn on the thread, if the client takes as much.
BYTES_A_TURN = 16 * 1024 * 1024


def socket_of(transport: asyncio.Transport) -> socket.socket | None:
    """A second descriptor of the transport's socket; None where nothing can be sent past the transport, as with TLS."""
    found = transport.get_extra_info("socket")
    if found is None or transport.get_extra_info("sslcontext") is not None:
        return None
    return socket.socket(found.family, found.type, fileno=os.dup(found.fileno()))


async def send(own: socket.socket, head: bytes, body: StoredBody, progress: Callable[[], object]) -> None:
    """Send head and body. Nobody else may write to the socket; `progress` is called whenever something went out."""
    try:
        await _send_bytes(own, head, progress, more=body.length > 0)
        for span in body.spans:
            if isinstance(span, bytes):
                await _send_bytes(own, span, progress)
            else:
                await _send_file(own, span, body, progress)
    finally:
        body.close()


async def _send_bytes(own: socket.socket, data: bytes, progress: Callable[[], object], *, more: bool = False) -> None:
    rest = memoryview(data)
    while rest:
        try:
            sent = own.send(rest, socket.MSG_MORE if more else 0)
        except BlockingIOError:
            await _writable(own)
        else:
            rest = rest[sent:]
            progress()


async def _send_file(own: socket.socket, span: FileSpan, body: StoredBody, progress: Callable[[], object]) -> None:
    sending = _SpanSending(own, span)
    try:
        while sending.left:
            call = asyncio.get_running_loop().run_in_executor(body.blobs.threads, sending.send_some)
            try:
                full = await asyncio.shield(call)
            except asyncio.CancelledError:
                await asyncio.wait((call,))  # Before the descriptors that it uses are closed.
                call.exception()  # A client that went away has broken the pipe, too, and nobody else wants to know.
                raise
            progress()
            if full:
                await _writable(own)
    finally:
        sending.close()


class _SpanSending:
    """How far a part of a file was sent. `send_some` is called in threads."""

    def __init__(self, own: socket.socket, span: FileSpan) -> None:
        self._own = own
        self._path, self._at, self.left = span
        self._file: int | None = None

    def send_some(self) -> bool:
        """Send what the client takes at once; whether it takes no more for now."""
        if self._file is None:
            self._file = os.open(self._path, os.O_RDONLY)
        end = self._at + min(self.left, BYTES_A_TURN)
        try:
            while self._at < end:
                sent = os.sendfile(self._own.fileno(), self._file, self._at, end - self._at)
                if sent == 0:
                    raise EOFError(f"{self._path} ends {self.left} bytes early")
                self._at += sent
                self.left -= sent
        except BlockingIOError:
            return True
        return False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)


async def _writable(own: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_writer(own.fileno(), wake)
    try:
        await ready
    finally:
        loop.remove_writer(own.fileno())
