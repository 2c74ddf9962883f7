"""Send bytes, see what comes back."""

import socket
from contextlib import suppress

# Long enough for the longest wait a request can ask for (20 s of long polling).
ANSWER_S = 30.0
# A request that is incomplete is answered only once its sender has nothing more to say.
PATIENCE_S = 0.15


class Hang(Exception):
    """Neither an answer nor the end of the connection."""


def exchange(port: int, raw: bytes, *, say_end: bool) -> int | None:
    """The status of the answer; None if the server closed the connection without one.

    `say_end` closes our side behind the bytes, for those that may not be a whole request.
    """
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError):  # An early refusal may close before everything is sent.
            connection.sendall(raw)
            if say_end:
                connection.shutdown(socket.SHUT_WR)
        connection.settimeout(ANSWER_S if say_end else PATIENCE_S)
        try:
            received = _receive(connection)
        except TimeoutError:
            connection.settimeout(ANSWER_S)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_WR)
            try:
                received = _receive(connection)
            except TimeoutError:
                raise Hang from None
        return int(received[9:12]) if received else None


def _receive(connection: socket.socket) -> bytes:
    """The beginning of the final answer; empty at the end of the connection."""
    received = b""
    while True:
        try:
            part = connection.recv(4096)
        except ConnectionError:
            part = b""
        if not part:
            return b""
        received += part
        while received.startswith(b"HTTP/1.1 100 ") and b"\r\n\r\n" in received:
            received = received.partition(b"\r\n\r\n")[2]
        if len(received) >= 12 and not received.startswith(b"HTTP/1.1 100 "):
            return received
