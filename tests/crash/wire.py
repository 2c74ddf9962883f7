"""A small asynchronous AWS client: one connection, JSON in, JSON out. boto3 would take more time."""

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

_TARGETS = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810", "events": "AWSEvents"}


class Refused(Exception):
    """The server answered with an error."""


class Wire:
    """Calls on one connection. A connection that breaks raises ConnectionError or IncompleteReadError."""

    def __init__(self, port: int, account: str) -> None:
        self._port = port
        self._account = account
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def json(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        answer = await self._send(
            service,
            json.dumps(parameters).encode(),
            f"Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {_TARGETS[service]}.{operation}\r\n",
        )
        parsed: dict[str, Any] = json.loads(answer) if answer else {}
        return parsed

    async def publish(self, topic: str, message: str, **more: str) -> None:
        form = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": topic, "Message": message, **more}
        await self._send("sns", urlencode(form).encode(), "Content-Type: application/x-www-form-urlencoded\r\n")

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()

    async def _send(self, service: str, body: bytes, headers: str) -> bytes:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(
            f"POST / HTTP/1.1\r\nHost: localhost:{self._port}\r\n{headers}Content-Length: {len(body)}\r\n"
            f"Authorization: AWS4-HMAC-SHA256 Credential={self._account}/20260101/us-east-1/{service}/"
            "aws4_request, SignedHeaders=host, Signature=00\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lengths = [line[15:] for line in head.split("\r\n") if line.lower().startswith("content-length:")]
        answer = await reader.readexactly(int(lengths[0]) if lengths else 0)
        if not head.startswith("HTTP/1.1 200"):
            raise Refused(f"{service}: {head.splitlines()[0]} {answer[:300]!r}")
        return answer
