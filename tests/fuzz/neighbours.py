"""Other people on the same server while it is fuzzed: a healthy client, and clients that are very slow."""

import os
import socket
import threading
import time
from contextlib import suppress

from fogbank.core.root_key import KEY_VARIABLE

SLOW_CLIENTS = 16
HEALTHY_ANSWER_S = 5.0
PAUSE_S = 0.05
_HEALTHY_UNSIGNED = b"GET /_fogbank/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
_HEALTHY = (
    b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    b"X-Amz-Target: AmazonSQS.ListQueues\r\n"
    b"Authorization: AWS4-HMAC-SHA256 Credential=777788889999/20260101/us-east-1/sqs/aws4_request, "
    b"SignedHeaders=host, Signature=00\r\nContent-Length: 2\r\n\r\n{}"
)


class Neighbours:
    """A context: while it is open, they are there. `troubles` says what the healthy one suffered."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._healthy, self._slow)]
        self.answers = 0
        self.troubles: list[str] = []

    def __enter__(self) -> "Neighbours":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(timeout=HEALTHY_ANSWER_S + 1)

    def _healthy(self) -> None:
        """One connection that is kept for the whole time."""
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=HEALTHY_ANSWER_S) as connection:
                while not self._over.wait(PAUSE_S):
                    started = time.monotonic()
                    connection.sendall(_HEALTHY_UNSIGNED if KEY_VARIABLE in os.environ else _HEALTHY)
                    answer = connection.recv(65536)
                    self.answers += 1
                    if not answer.startswith(b"HTTP/1.1 200"):
                        self.troubles.append(f"a healthy request got {answer[:80]!r}")
                    if (spent := time.monotonic() - started) > HEALTHY_ANSWER_S:
                        self.troubles.append(f"a healthy request took {spent:.1f} s")
        except OSError as error:
            self.troubles.append(f"a healthy connection broke: {error}")

    def _slow(self) -> None:
        """Connections that send a byte now and then and never come to an end."""
        slow: list[socket.socket] = []
        at = 0
        while not self._over.wait(PAUSE_S):
            if len(slow) < SLOW_CLIENTS:
                with suppress(OSError):
                    slow.append(socket.create_connection(("127.0.0.1", self._port), timeout=HEALTHY_ANSWER_S))
            for connection in tuple(slow):
                try:
                    connection.sendall(_HEALTHY[at % 200 : at % 200 + 1])
                except OSError:  # The server gave up on it, as it should after a while.
                    slow.remove(connection)
                    connection.close()
            at += 1
        for connection in slow:
            connection.close()
