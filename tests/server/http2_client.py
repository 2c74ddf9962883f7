"""A client of HTTP/2 for tests: every frame is the test's own decision."""

import json
import socket
from types import TracebackType
from typing import Any

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

from tests.patience import PATIENCE_S

CREDENTIAL = "AWS4-HMAC-SHA256 Credential={}/20260101/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0"


class Answer:
    """What has come of an answer so far."""

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.informed: list[int] = []
        self.body = b""
        self.ended = False
        self.reset: int | None = None

    @property
    def status(self) -> int:
        return int(self.headers[":status"])

    def json(self) -> Any:
        return json.loads(self.body)


class Http2Client:
    """One connection. With `reads=False` windows are opened by hand (`open_window`); bytes are sent in `pieces`."""

    def __init__(self, port: int, *, window: int | None = None, reads: bool = True, pieces: int = 1 << 20) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
        self._pieces = pieces
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: window})
        self.answers: dict[int, Answer] = {}
        self.goaway: int | None = None
        """The error code of the server's GOAWAY."""
        self.closed = False
        self._reads = reads
        self._unread: dict[int, int] = {}

    def __enter__(self) -> "Http2Client":
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.socket.close()

    def flush(self) -> None:
        data = self.h2.data_to_send()
        for start in range(0, len(data), self._pieces):
            self.socket.sendall(data[start : start + self._pieces])

    def request(self, method: str, path: str, body: bytes = b"", *, ends: bool = True, **headers: str) -> int:
        """Send a request; underscores in names of headers stand for dashes."""
        stream = self.h2.get_next_available_stream_id()
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        head = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "localhost"), *named]
        self.h2.send_headers(stream, head, end_stream=ends and not body)
        self.answers[stream] = Answer()
        self.flush()
        if body:
            self.send_body(stream, body, ends=ends)
        return stream

    def call(self, target: str, body: dict[str, Any], *, account: str) -> int:
        service = {"Kinesis_20131202": "kinesis", "AmazonSQS": "sqs"}[target.partition(".")[0]]
        return self.request(
            "POST",
            "/",
            json.dumps(body).encode(),
            x_amz_target=target,
            content_type="application/x-amz-json-1.1",
            authorization=CREDENTIAL.format(account, service),
        )

    def send_body(self, stream: int, body: bytes, *, ends: bool = True) -> None:
        """Send as the server opens its window."""
        while body:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if not room:
                self.receive()
                continue
            self.h2.send_data(stream, body[:room], end_stream=ends and len(body) <= room)
            body = body[room:]
            self.flush()

    def receive(self) -> list[h2.events.Event]:
        """One read; what it brought is in `answers` as well."""
        assert not self.closed, "the server has closed the connection"
        data = self.socket.recv(65536)
        if not data:
            self.closed = True
            return []
        events = self.h2.receive_data(data)
        for event in events:
            self._take(event)
        self.flush()
        return events

    def answer(self, stream: int) -> Answer:
        """Wait for the whole answer."""
        found = self.answers[stream]
        while not found.ended:
            self.receive()
        return found

    def wait_for_end(self) -> int | None:
        """Read until the server closes the connection; the error code that it gave."""
        try:
            while not self.closed:
                self.receive()
        except (ConnectionError, h2.exceptions.ProtocolError):
            self.closed = True
        return self.goaway

    def open_window(self, stream: int) -> None:
        self.h2.acknowledge_received_data(self._unread.pop(stream, 0), stream)
        self.flush()

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.InformationalResponseReceived():
                self.answers[event.stream_id].informed.append(int(dict(event.headers)[b":status"]))
            case h2.events.ResponseReceived():
                self.answers[event.stream_id].headers = {name.decode(): value.decode() for name, value in event.headers}
            case h2.events.DataReceived():
                self.answers[event.stream_id].body += event.data
                size = event.flow_controlled_length
                self._unread[event.stream_id] = self._unread.get(event.stream_id, 0) + size
                if self._reads:
                    self.h2.acknowledge_received_data(self._unread.pop(event.stream_id), event.stream_id)
            case h2.events.StreamEnded():
                self.answers[event.stream_id].ended = True
            case h2.events.StreamReset():
                self.answers[event.stream_id].reset = event.error_code
            case h2.events.ConnectionTerminated():
                self.goaway = event.error_code
