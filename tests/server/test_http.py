"""The HTTP front door, spoken to in bytes."""

import gzip
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

from tests.conftest import LiveServer
from tests.patience import PATIENCE_S

HEALTH = b"GET /_fogbank/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture
def wire(server: LiveServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as connection:
        yield connection


def _answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """The next `count` answers that carry a Content-Length."""
    found = []
    with connection.makefile("rb") as stream:
        for _ in range(count):
            status = int(stream.readline().split()[1])
            length = 0
            while (line := stream.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            found.append((status, stream.read(length)))
    return found


def _sqs(action: str, body: bytes, *more: bytes) -> bytes:
    head = [
        b"POST / HTTP/1.1",
        b"Host: localhost",
        b"X-Amz-Target: AmazonSQS." + action.encode(),
        b"Content-Type: application/x-amz-json-1.0",
        b"Content-Length: %d" % len(body),
        *more,
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_a_request_is_understood_in_pieces_of_any_size(wire: socket.socket, size: int) -> None:
    for start in range(0, len(HEALTH), size):
        wire.sendall(HEALTH[start : start + size])
    ((status, body),) = _answers(wire, 1)
    assert status == 200
    assert json.loads(body)["status"] == "running"


def test_a_compressed_body_is_read_and_a_broken_or_huge_one_refused(wire: socket.socket) -> None:
    packed = gzip.compress(b'{"QueueName": "packed"}')
    form = gzip.compress(b"Action=CreateQueue&Version=2012-11-05&QueueName=packed")
    bodies = [packed, packed[:-9], b"no gzip", gzip.compress(b" " * (1 << 28))]
    requests = [_sqs("CreateQueue", body, b"Content-Encoding: gzip") for body in bodies]
    requests.append(
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(form) + form
    )
    wire.sendall(b"".join(requests))
    assert [status for status, _ in _answers(wire, len(requests))] == [200, 400, 400, 400, 200]


def test_pipelined_requests_are_answered_in_order(wire: socket.socket) -> None:
    names = [f"pipelined-{n}" for n in range(20)]
    wire.sendall(b"".join(_sqs("CreateQueue", json.dumps({"QueueName": name}).encode()) for name in names))
    answers = _answers(wire, len(names))
    assert [json.loads(body)["QueueUrl"].rpartition("/")[2] for _, body in answers] == names


def test_a_slow_answer_does_not_overtake_a_later_one(wire: socket.socket) -> None:
    created = json.dumps({"QueueName": "slow"}).encode()
    wire.sendall(_sqs("CreateQueue", created))
    url = json.loads(_answers(wire, 1)[0][1])["QueueUrl"]
    poll = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 1}).encode()
    wire.sendall(_sqs("ReceiveMessage", poll) + HEALTH)
    polled, health = _answers(wire, 2)
    assert polled == (200, b"{}")
    assert b"running" in health[1]


def test_expect_100_continue_is_answered_before_the_body(wire: socket.socket) -> None:
    body = json.dumps({"QueueName": "patient"}).encode()
    request = _sqs("CreateQueue", body, b"Expect: 100-continue")
    head = request[: -len(body)]
    wire.sendall(head)
    assert wire.recv(1024).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
    wire.sendall(body)
    assert _answers(wire, 1)[0][0] == 200


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 400),
        (b"GET /_fogbank/health HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    ],
)
def test_what_is_not_http_gets_a_clear_4xx_and_the_connection_ends(
    wire: socket.socket, request_bytes: bytes, status: int
) -> None:
    wire.sendall(request_bytes)
    assert _answers(wire, 1)[0][0] == status
    assert wire.recv(1) == b""


def test_a_head_beyond_the_limit_is_refused_also_if_no_read_of_it_is(wire: socket.socket) -> None:
    wire.sendall(HEALTH + b"GET / HTTP/1.1\r\nX: " + b"y" * 60_000)
    assert _answers(wire, 1)[0][0] == 200  # The first of it has arrived.
    wire.sendall(b"y" * 10_000 + b"\r\n\r\n")
    assert _answers(wire, 1)[0][0] == 431


def test_a_malformed_body_is_awss_serialization_error(wire: socket.socket) -> None:
    wire.sendall(_sqs("SendMessage", b"{not json"))
    ((status, body),) = _answers(wire, 1)
    assert status == 400
    assert b"SerializationException" in body or b"MalformedInput" in body


def test_a_web_page_cannot_reset_the_cloud(wire: socket.socket) -> None:
    wire.sendall(b"POST /_fogbank/reset HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
    assert _answers(wire, 1)[0][0] == 403


def test_an_offer_to_change_the_protocol_is_passed_over(wire: socket.socket) -> None:
    """As curl --http2 and Java's HttpClient make it with every request."""
    offer = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    made = _sqs("CreateQueue", json.dumps({"QueueName": "offered"}).encode(), *offer)
    wire.sendall((made + HEALTH) * 3 + made[:-5])
    answers = _answers(wire, 6)
    assert [status for status, _ in answers] == [200] * 6
    wire.sendall(made[-5:])
    answers += _answers(wire, 1)
    assert all(json.loads(body)["QueueUrl"].endswith("/offered") for _, body in answers[::2])


def test_what_follows_a_tunnel_that_is_refused_is_not_read(wire: socket.socket) -> None:
    wire.sendall(b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n" + HEALTH)
    ((status, _),) = _answers(wire, 1)
    assert status == 405
    assert wire.recv(1) == b""


def test_many_pipelined_requests_in_one_read_are_no_large_head(wire: socket.socket) -> None:
    sender = threading.Thread(target=wire.sendall, args=(HEALTH * 20_000,))
    sender.start()
    answers = _answers(wire, 20_000)
    sender.join()
    assert {status for status, _ in answers} == {200}


def test_a_client_that_does_not_read_is_not_read_from(wire: socket.socket) -> None:
    wire.settimeout(0.5)
    padded = HEALTH.replace(b"Host:", b"X-Padding: " + b"y" * 2_000 + b"\r\nHost:")
    sent, is_read = 0, True
    while is_read:
        try:
            sent += wire.send((padded * 100)[sent % len(padded) :])
        except TimeoutError:
            is_read = sent <= 1000 * len(padded)  # It was only slow.
        assert sent < 64 * 1024 * 1024
    wire.settimeout(PATIENCE_S)
    assert {status for status, _ in _answers(wire, sent // len(padded))} == {200}


def test_a_head_that_never_ends_is_refused(wire: socket.socket) -> None:
    wire.sendall(HEALTH + b"GET / HTTP/1.1\r\n")
    assert _answers(wire, 1)[0][0] == 200
    with suppress(ConnectionError):
        for _ in range(100):
            wire.sendall(b"X-Padding: " + b"y" * 10_000)
    assert _answers(wire, 1)[0][0] == 431


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"advance_seconds": -5}', "time runs forward"),
        (b'{"advance_seconds": 1e300}', "time ends with the year 9999"),
        (b'{"advance_minutes": 1}', "advance_minutes"),
        (b"[1]", "array"),
        (b"x" * 100_000, "longer than 65536 bytes"),
    ],
)
def test_a_move_of_the_clock_that_cannot_be_is_refused(wire: socket.socket, body: bytes, said: str) -> None:
    head = b"POST /_fogbank/clock HTTP/1.1\r\nHost: localhost\r\nX-Fogbank: 1\r\nContent-Length: %d\r\n\r\n" % len(body)
    wire.sendall(head + body + HEALTH)
    refused, health = _answers(wire, 2)
    assert refused[0] == 400
    assert said in json.loads(refused[1])["message"]
    assert health[0] == 200


def test_a_health_check_may_be_a_head_request(wire: socket.socket) -> None:
    wire.sendall(HEALTH.replace(b"GET", b"HEAD"))
    assert wire.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")


def test_an_upload_that_is_refused_is_not_kept_and_does_not_hold_up_the_next_request(wire: socket.socket) -> None:
    size = 8 * 1024 * 1024
    for path in (b"/no-such-bucket/key", b"/_fogbank/nothing"):
        head = b"PUT " + path + b" HTTP/1.1\r\nHost: localhost\r\nX-Fogbank: 1\r\nContent-Length: %d\r\n\r\n" % size
        wire.sendall(head + bytes(size) + HEALTH)
        refused, health = _answers(wire, 2)
        assert (refused[0], health[0]) == (404, 200)


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost:1", 200), ("127.0.0.1", 200), ("[::1]:1", 200), ("rebound.example.com:4566", 403), ("[", 400)],
)
def test_a_page_with_a_name_that_leads_here_does_not_reach_fogbanks_own_endpoints(
    server: LiveServer, host: str, status: int
) -> None:
    connection = HTTPConnection("127.0.0.1", urlsplit(server.endpoint).port)
    connection.request("GET", "/_fogbank/status", headers={"Host": host})
    assert connection.getresponse().status == status
    connection.close()
