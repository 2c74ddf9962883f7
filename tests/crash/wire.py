"""A small asynchronous AWS client: one connection, parameters in, the answer out. boto3 would take more time."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

ACCOUNT = "111122223333"
REGION = "us-east-1"
_TARGETS = {
    "sqs": "AmazonSQS",
    "dynamodb": "DynamoDB_20120810",
    "events": "AWSEvents",
    "cloudwatch": "GraniteServiceVersion20100801",
    "firehose": "Firehose_20150804",
    "kinesis": "Kinesis_20131202",
    "secretsmanager": "secretsmanager",
    "ssm": "AmazonSSM",
}
_VERSIONS = {"sns": "2010-03-31", "cloudformation": "2010-05-15"}


class Refused(Exception):
    """The server answered with an error."""


class Wire:
    """Calls on one connection. A connection that breaks raises ConnectionError or IncompleteReadError."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def json(self, service: str, operation: str, *, region: str = REGION, **parameters: Any) -> dict[str, Any]:
        answer = await self._send(
            service,
            json.dumps(parameters).encode(),
            f"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {_TARGETS[service]}.{operation}\r\n",
            region=region,
        )
        parsed: dict[str, Any] = json.loads(answer) if answer else {}
        return parsed

    async def query(self, service: str, action: str, **parameters: str) -> str:
        """A call of the query protocol; the answer is XML."""
        form = {"Action": action, "Version": _VERSIONS[service], **parameters}
        answer = await self._send(
            service, urlencode(form).encode(), "Content-Type: application/x-www-form-urlencoded\r\n"
        )
        return answer.decode()

    async def post(self, service: str, path: str, **parameters: Any) -> None:
        """A call of the REST-JSON protocol."""
        await self._send(service, json.dumps(parameters).encode(), "Content-Type: application/json\r\n", path=path)

    async def rest(self, service: str, method: str, path: str, body: bytes = b"") -> tuple[dict[str, str], bytes]:
        """A call with a body of any kind; the headers of the answer, their names in lower case, and its body."""
        head, answer = await self._exchange(service, body, "", method=method, path=path)
        lines = (line.partition(":") for line in head.split("\r\n")[1:])
        return {name.lower(): value.strip() for name, _, value in lines}, answer

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def _send(self, service: str, body: bytes, headers: str, *, path: str = "/", region: str = REGION) -> bytes:
        return (await self._exchange(service, body, headers, path=path, region=region))[1]

    async def _exchange(
        self, service: str, body: bytes, headers: str, *, method: str = "POST", path: str = "/", region: str = REGION
    ) -> tuple[str, bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            f"{method} {path} HTTP/1.1\r\nHost: localhost:{self._port}\r\n{headers}Content-Length: {len(body)}\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/20260101/{region}/{service}/"
            "aws4_request, SignedHeaders=host, Signature=00\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        answer = await reader.readexactly(int(lengths[0]) if lengths else 0)
        if not head.startswith("HTTP/1.1 2"):
            raise Refused(f"{service}: {head.splitlines()[0]} {answer[:300]!r}")
        return head, answer
