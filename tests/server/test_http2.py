"""HTTP/2 on the port of HTTP/1.1, frame by frame."""

import random
import shutil
import socket
import struct
import subprocess
import threading
from collections.abc import Iterator

import h2.settings
import pytest
from h2.errors import ErrorCodes

from tests.conftest import Aws, LiveServer
from tests.patience import PATIENCE_S
from tests.server.http2_client import CREDENTIAL, Http2Client

HEALTH = "/_fogbank/health"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HEADERS, PING, CONTINUATION, SETTINGS = 1, 6, 9, 4
WHOLE_BODY_MAX = 72 * 1024 * 1024


@pytest.fixture
def http2(server: LiveServer) -> Iterator[Http2Client]:
    with Http2Client(server.port) as client:
        yield client


@pytest.fixture(autouse=True)
def _others_are_served(server: LiveServer) -> Iterator[None]:
    """Whatever a client has done."""
    yield
    with Http2Client(server.port) as another:
        assert another.answer(another.request("GET", HEALTH)).status == 200


def _frame(kind: int, stream: int, payload: bytes = b"", *, flags: int = 0) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes((kind, flags)) + struct.pack(">I", stream) + payload


def _s3(account: str) -> str:
    return CREDENTIAL.format(account, "s3")


# ---- requests and answers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 7, 23, 4096])
def test_a_request_is_understood_in_pieces_of_any_size(server: LiveServer, size: int) -> None:
    with Http2Client(server.port, pieces=size) as http2:
        answer = http2.answer(http2.request("GET", HEALTH))
    assert answer.status == 200
    assert answer.json()["status"] == "running"


@pytest.mark.parametrize(
    "begin",
    [b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"PRI /x HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n"],
)
def test_what_only_looks_like_a_preface_is_refused_by_http1(server: LiveServer, begin: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as wire:
        wire.sendall(begin)
        assert wire.recv(1024).startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 "))


def test_requests_wait_for_no_other_one(http2: Http2Client, aws: Aws, account: str) -> None:
    url = aws("sqs").create_queue(QueueName="slow")["QueueUrl"]
    poll = http2.call("AmazonSQS.ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20}, account=account)
    send = http2.call("AmazonSQS.SendMessage", {"QueueUrl": url, "MessageBody": "hello"}, account=account)
    assert http2.answer(send).status == 200
    assert http2.answer(poll).json()["Messages"][0]["Body"] == "hello"


def test_an_error_is_awss(http2: Http2Client, account: str) -> None:
    answer = http2.answer(http2.call("Kinesis_20131202.DescribeStream", {"StreamName": "nowhere"}, account=account))
    assert answer.status == 400
    assert answer.json()["__type"].endswith("ResourceNotFoundException")


def test_bodies_of_any_length_go_both_ways(http2: Http2Client, aws: Aws, account: str) -> None:
    aws("s3").create_bucket(Bucket=f"both-ways-{account}")
    body = random.Random(1).randbytes(3_000_000)
    path = f"/both-ways-{account}/key"
    put = http2.request("PUT", path, body, content_length=str(len(body)), authorization=_s3(account))
    assert http2.answer(put).status == 200
    got = http2.answer(http2.request("GET", path, authorization=_s3(account)))
    assert got.body == body
    part = http2.request("GET", path, range="bytes=1000000-2999998", authorization=_s3(account))
    assert http2.answer(part).body == body[1_000_000:-1]
    head = http2.answer(http2.request("HEAD", path, authorization=_s3(account)))
    assert (head.headers["content-length"], head.body) == ("3000000", b"")


def test_many_requests_share_a_connection(http2: Http2Client, account: str) -> None:
    names = [f"shared-{number}" for number in range(200)]
    streams = [http2.call("AmazonSQS.CreateQueue", {"QueueName": name}, account=account) for name in names]
    assert [http2.answer(stream).json()["QueueUrl"].rpartition("/")[2] for stream in streams] == names


def test_a_client_that_asks_for_leave_to_send_gets_it(http2: Http2Client, aws: Aws, account: str) -> None:
    aws("s3").create_bucket(Bucket=f"leave-{account}")
    more = {"content_length": "5", "expect": "100-continue", "authorization": _s3(account)}
    stream = http2.request("PUT", f"/leave-{account}/key", ends=False, **more)
    while not http2.answers[stream].informed:
        http2.receive()
    http2.send_body(stream, b"hello")
    answer = http2.answer(stream)
    assert (answer.informed, answer.status) == ([100], 200)


def test_curl_speaks_it(server: LiveServer) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    said = ["-s", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code} %{http_version}"]
    done = subprocess.run([curl, *said, server.endpoint + HEALTH], capture_output=True, text=True, check=True)
    assert done.stdout == "200 2"


# ---- who waits for whom --------------------------------------------------------------------------------------------


def test_an_answer_goes_out_as_the_client_opens_its_window(server: LiveServer, aws: Aws, account: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=f"window-{account}")
    s3.put_object(Bucket=f"window-{account}", Key="key", Body=b"x" * 100_000)
    with Http2Client(server.port, window=30_000, reads=False) as http2:
        slow = http2.request("GET", f"/window-{account}/key", authorization=_s3(account))
        while len(http2.answers[slow].body) < 30_000:
            http2.receive()
        assert http2.answer(http2.request("GET", HEALTH)).status == 200
        assert len(http2.answers[slow].body) == 30_000
        while not http2.answers[slow].ended:
            http2.open_window(slow)
            http2.receive()
        assert http2.answers[slow].body == b"x" * 100_000


def test_a_window_that_grows_with_the_settings_is_used(server: LiveServer, aws: Aws, account: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=f"grows-{account}")
    s3.put_object(Bucket=f"grows-{account}", Key="key", Body=b"x" * 50_000)
    with Http2Client(server.port, window=10, reads=False) as http2:
        stream = http2.request("GET", f"/grows-{account}/key", authorization=_s3(account))
        while len(http2.answers[stream].body) < 10:
            http2.receive()
        http2.h2.update_settings({h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: 60_000})
        http2.flush()
        assert http2.answer(stream).body == b"x" * 50_000


def test_a_client_that_resets_its_stream_ends_the_answer(http2: Http2Client, aws: Aws, account: str) -> None:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="ended", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="ended")["StreamDescriptionSummary"]["StreamARN"]
    consumer = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="reader")["Consumer"]["ConsumerARN"]
    position = {"Type": "TRIM_HORIZON"}
    wanted = {"ConsumerARN": consumer, "ShardId": "shardId-000000000000", "StartingPosition": position}
    subscribe = "Kinesis_20131202.SubscribeToShard"
    first = http2.call(subscribe, wanted, account=account)
    while not http2.answers[first].body:
        http2.receive()
    assert http2.answer(http2.call(subscribe, wanted, account=account)).status == 400  # Within five seconds.
    http2.h2.reset_stream(first, ErrorCodes.CANCEL)
    assert http2.answer(http2.request("GET", HEALTH)).status == 200
    again = http2.call(subscribe, wanted, account=account)
    while not http2.answers[again].body:
        http2.receive()
    assert http2.answers[again].status == 200


def test_a_body_whose_client_resets_the_stream_leaves_nothing(http2: Http2Client, aws: Aws, account: str) -> None:
    s3 = aws("s3")
    s3.create_bucket(Bucket=f"reset-{account}")
    path = f"/reset-{account}/key"
    put = http2.request("PUT", path, ends=False, content_length="1000000", authorization=_s3(account))
    http2.send_body(put, b"x" * 500_000, ends=False)
    http2.h2.reset_stream(put, ErrorCodes.CANCEL)
    assert http2.answer(http2.request("GET", path, authorization=_s3(account))).status == 404


def test_a_client_that_will_ask_no_more_gets_what_it_asked_for(http2: Http2Client, aws: Aws, account: str) -> None:
    url = aws("sqs").create_queue(QueueName="last")["QueueUrl"]
    poll = http2.call("AmazonSQS.ReceiveMessage", {"QueueUrl": url, "WaitTimeSeconds": 20}, account=account)
    http2.socket.sendall(_frame(7, 0, struct.pack(">II", 0, 0)))  # h2's own close_connection would read no more.
    aws("sqs").send_message(QueueUrl=url, MessageBody="hello")
    assert http2.answer(poll).json()["Messages"][0]["Body"] == "hello"
    assert http2.wait_for_end() is None


def test_a_server_that_stops_answers_what_it_was_asked() -> None:
    server = LiveServer("--ephemeral")
    with Http2Client(server.port) as http2:
        made = http2.answer(http2.call("AmazonSQS.CreateQueue", {"QueueName": "q"}, account="111111111111"))
        wanted = {"QueueUrl": made.json()["QueueUrl"], "WaitTimeSeconds": 1}
        http2.call("AmazonSQS.ReceiveMessage", wanted, account="111111111111")
        assert http2.answer(http2.request("GET", HEALTH)).status == 200  # So the poll has arrived, too.
        server.tell_to_stop()
        received = b""
        while more := http2.socket.recv(65536):  # h2 reads nothing behind a GOAWAY.
            received += more
    server.stop()
    goaway = received.index(_frame(7, 0, struct.pack(">II", 5, ErrorCodes.NO_ERROR)))
    assert received.endswith(b"{}")
    assert goaway < received.index(b"{}")


# ---- limits --------------------------------------------------------------------------------------------------------


def test_a_body_beyond_the_limit_is_refused_before_it_is_sent(http2: Http2Client, account: str) -> None:
    stream = http2.request(
        "POST", "/", ends=False, x_amz_target="AmazonSQS.SendMessage", content_length=str(WHOLE_BODY_MAX + 1)
    )
    while http2.answers[stream].reset is None:
        http2.receive()
    answer = http2.answers[stream]
    assert (answer.status, answer.ended, answer.reset) == (413, True, ErrorCodes.NO_ERROR)
    assert http2.answer(http2.request("GET", HEALTH)).status == 200


def test_a_body_of_unknown_length_beyond_the_limit_is_refused(http2: Http2Client) -> None:
    stream = http2.request("POST", "/", ends=False, x_amz_target="AmazonSQS.SendMessage")
    piece = b"x" * 16_384
    answer = http2.answers[stream]
    for _ in range(WHOLE_BODY_MAX // len(piece) + 1):
        if answer.reset is not None:
            break
        while http2.h2.local_flow_control_window(stream) < len(piece):
            http2.receive()
        http2.h2.send_data(stream, piece)
        http2.flush()
    while answer.reset is None:
        http2.receive()
    assert answer.status == 413


def test_headers_beyond_the_limit_end_the_connection(http2: Http2Client) -> None:
    http2.request("GET", HEALTH, x_large="y" * 70_000)
    assert http2.wait_for_end() == ErrorCodes.ENHANCE_YOUR_CALM


def test_streams_beyond_the_limit_end_the_connection(http2: Http2Client) -> None:
    http2.flush()
    http2.receive()
    assert http2.h2.remote_settings.max_concurrent_streams == 256
    http2.h2.remote_settings[h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS] = 1000
    http2.h2.remote_settings.acknowledge()
    for _ in range(257):
        http2.request("POST", "/", ends=False)
    assert http2.wait_for_end() is not None


# ---- what is no use to anybody -------------------------------------------------------------------------------------


def _flood(http2: Http2Client, frames: bytes, times: int) -> int | None:
    """Send the frames so often, or until the server has enough; the error code that it ends with."""

    def send() -> None:
        try:
            for _ in range(times):
                http2.socket.sendall(frames)
        except OSError:
            return  # The server has closed the connection.

    sender = threading.Thread(target=send)
    sender.start()
    code = http2.wait_for_end()
    sender.join()
    return code


@pytest.mark.parametrize(
    "frames",
    [
        _frame(PING, 0, b"12345678") * 100,
        _frame(SETTINGS, 0) * 100,
        _frame(2, 1, struct.pack(">IB", 0, 1)) * 100,
        _frame(99, 0, b"whatever") * 100,
    ],
    ids=["pings", "settings", "priorities", "unknown frames"],
)
def test_a_flood_is_ended(http2: Http2Client, frames: bytes) -> None:
    http2.flush()
    assert _flood(http2, frames, 200) in (ErrorCodes.ENHANCE_YOUR_CALM, None)
    assert http2.closed


def test_requests_that_are_reset_at_once_end_the_connection(http2: Http2Client) -> None:
    with_head = [(":method", "GET"), (":path", HEALTH), (":scheme", "http"), (":authority", "localhost")]
    http2.flush()
    try:
        for _ in range(3000):
            stream = http2.h2.get_next_available_stream_id()
            http2.h2.send_headers(stream, with_head, end_stream=True)
            http2.h2.reset_stream(stream)
            http2.flush()
    except OSError:
        pass
    assert http2.wait_for_end() in (ErrorCodes.ENHANCE_YOUR_CALM, None)


def test_a_head_that_never_ends_is_ended(http2: Http2Client) -> None:
    http2.flush()
    http2.socket.sendall(_frame(HEADERS, 1))
    assert _flood(http2, _frame(CONTINUATION, 1, b"\0") * 10, 100) in (ErrorCodes.PROTOCOL_ERROR, None)


@pytest.mark.parametrize("seed", range(40))
def test_garbage_ends_its_connection_and_nothing_else(server: LiveServer, seed: int) -> None:
    dice = random.Random(seed)
    with Http2Client(server.port) as http2:
        http2.flush()
        if dice.random() < 0.5:
            http2.request("POST", "/", ends=False)
        garbage = b"".join(
            _frame(
                dice.randrange(11),
                dice.choice((0, 1, 2, 3)),
                dice.randbytes(dice.choice((0, 1, 4, 5, 8, 40))),
                flags=dice.choice((0, 1, 4, 5, 8, 32, 255)),
            )
            for _ in range(30)
        )
        http2.socket.sendall(garbage + dice.randbytes(200))
        http2.socket.shutdown(socket.SHUT_WR)
        http2.wait_for_end()
