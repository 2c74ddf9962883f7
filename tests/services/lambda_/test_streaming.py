"""Answers that are sent while the function makes them."""

import base64
import json
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.packages import zipped
from tests.services.lambda_.test_function_urls import ask, let_everybody_in
from tests.services.lambda_.test_invocation import ECHO, create

Aws = Callable[..., Any]

# A runtime as small as one can be: it sends two pieces, the second when an object has appeared.
BOOTSTRAP = """#!/usr/bin/env python3
import base64, http.client, json, os, time, urllib.parse

cloud = http.client.HTTPConnection(urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"]).netloc)

def there(path):
    cloud.request("GET", path)
    answer = cloud.getresponse()
    answer.read()
    return answer.status == 200


api = os.environ["AWS_LAMBDA_RUNTIME_API"]
asked = http.client.HTTPConnection(api)
while True:
    asked.request("GET", "/2018-06-01/runtime/invocation/next")
    given = asked.getresponse()
    request_id = given.headers["Lambda-Runtime-Aws-Request-Id"]
    event = json.load(given)
    if "body" in event:
        event = json.loads(event["body"])
    print("streams", flush=True)

    def pieces():
        if "prelude" in event:
            yield json.dumps(event["prelude"]).encode() + bytes(8)
        yield b"one"
        while "sign" in event and not there(event["sign"]):
            time.sleep(0.01)
        yield b"two"

    answers = http.client.HTTPConnection(api)
    answers.putrequest("POST", f"/2018-06-01/runtime/invocation/{request_id}/response")
    answers.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    answers.putheader("Content-Type", event.get("type", "text/plain"))
    answers.putheader("Transfer-Encoding", "chunked")
    answers.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    answers.endheaders()
    for piece in pieces():
        answers.send(b"%x\\r\\n%s\\r\\n" % (len(piece), piece))
    error = b""
    if event.get("fails"):
        body = base64.b64encode(json.dumps({"errorType": "Late", "errorMessage": "no"}).encode())
        error = b"Lambda-Runtime-Function-Error-Type: Late\\r\\nLambda-Runtime-Function-Error-Body: " + body + b"\\r\\n"
    answers.send(b"0\\r\\n" + error + b"\\r\\n")
    answers.getresponse().read()
    answers.close()
"""
PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"


def create_streaming(client: Any, name: str) -> None:
    client.create_function(
        FunctionName=name,
        Runtime="provided.al2023",
        Handler="none",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": zipped({"bootstrap": BOOTSTRAP}, mode=0o755)},
        Timeout=60,
    )


def stream(client: Any, event: Any, **settings: Any) -> Iterator[dict[str, Any]]:
    answer = client.invoke_with_response_stream(FunctionName="f", Payload=json.dumps(event).encode(), **settings)
    assert answer["ExecutedVersion"] == "$LATEST"
    with closing(answer["EventStream"]) as events:
        yield from events


def test_pieces_come_as_the_function_sends_them(aws: Aws, account: str) -> None:
    create_streaming(aws("lambda"), "f")
    bucket = f"pieces-{account}"
    aws("s3").create_bucket(Bucket=bucket)
    events = stream(aws("lambda"), {"sign": f"/{bucket}/go-on"}, LogType="Tail")
    assert next(events) == {"PayloadChunk": {"Payload": b"one"}}
    aws("s3").put_object(Bucket=bucket, Key="go-on", Body=b"")
    assert next(events) == {"PayloadChunk": {"Payload": b"two"}}
    (complete,) = (event["InvokeComplete"] for event in events)
    assert "ErrorCode" not in complete
    assert "streams\n" in base64.b64decode(complete["LogResult"]).decode()


def test_an_error_behind_pieces_is_told_at_the_end(aws: Aws) -> None:
    create_streaming(aws("lambda"), "f")
    *chunks, complete = stream(aws("lambda"), {"fails": True})
    assert [chunk["PayloadChunk"]["Payload"] for chunk in chunks] == [b"one", b"two"]
    assert complete["InvokeComplete"]["ErrorCode"] == "Unhandled"
    assert json.loads(complete["InvokeComplete"]["ErrorDetails"])["errorType"] == "Late"


def test_a_function_that_does_not_stream_answers_in_one_piece(aws: Aws) -> None:
    create(aws("lambda"), "f", ECHO)
    chunk, complete = stream(aws("lambda"), {"a": 1})
    assert json.loads(chunk["PayloadChunk"]["Payload"]) == {"a": 1}
    assert complete == {"InvokeComplete": {}}


def test_what_cannot_be_invoked_is_refused_before_a_stream_begins(aws: Aws) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        aws("lambda").invoke_with_response_stream(FunctionName="f")
    create(aws("lambda"), "f", ECHO)
    dry = aws("lambda").invoke_with_response_stream(FunctionName="f", InvocationType="DryRun")
    with closing(dry["EventStream"]):
        assert dry["StatusCode"] == 204
    aws("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="TooManyRequestsException"):
        aws("lambda").invoke_with_response_stream(FunctionName="f")


def streaming_url(client: Any) -> str:
    create_streaming(client, "f")
    let_everybody_in(client, "f")
    url: str = client.create_function_url_config(FunctionName="f", AuthType="NONE", InvokeMode="RESPONSE_STREAM")[
        "FunctionUrl"
    ]
    return url


def test_a_url_streams_with_the_head_that_the_prelude_says(aws: Aws) -> None:
    url = streaming_url(aws("lambda"))
    prelude = {"statusCode": 201, "headers": {"X-Own": "yes"}, "cookies": ["a=1"]}
    answer = ask(url, "POST", json.dumps({"type": PRELUDE_TYPE, "prelude": prelude}).encode(), TEXT)
    assert (answer.status, answer.body) == (201, b"onetwo")
    assert (answer.headers["X-Own"], answer.headers["Set-Cookie"]) == ("yes", "a=1")
    bare = ask(url, "POST", b"{}", TEXT)
    assert (bare.status, bare.headers["Content-Type"], bare.body) == (200, "text/plain", b"onetwo")
    without = ask(url, "POST", json.dumps({"type": PRELUDE_TYPE}).encode(), TEXT)
    assert (without.status, without.body) == (502, b"Internal Server Error")


TEXT = [("Content-Type", "text/plain")]


def test_a_caller_that_goes_away_ends_neither_the_function_nor_its_environment(aws: Aws) -> None:
    url = streaming_url(aws("lambda"))
    aws("s3").create_bucket(Bucket="leaves")
    parts = urlsplit(url)
    body = json.dumps({"sign": "/leaves/go-on"})
    with socket.create_connection((parts.hostname, parts.port or 80)) as connection:
        head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: text/plain\r\n"
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        received = b""
        while b"one" not in received:
            received += connection.recv(4096)
    aws("s3").put_object(Bucket="leaves", Key="go-on", Body=b"")
    assert ask(url, "POST", b"{}", TEXT).body == b"onetwo"
