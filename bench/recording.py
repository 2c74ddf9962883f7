"""Signed requests as bytes: botocore builds and signs them, nothing is sent."""

from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest
from botocore.config import Config

_CONFIG = Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, read_timeout=120)


def client(service: str, endpoint: str, *, key: tuple[str, str] = ("test", "test")) -> Any:
    """A boto3 client of the server at `endpoint`, as the default account or with an access key."""
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key[0],
        aws_secret_access_key=key[1],
        config=_CONFIG,
    )


class Recorder:
    """Turns calls into the bytes that botocore would have sent."""

    def __init__(self, service: str, endpoint: str, *, key: tuple[str, str] = ("test", "test")) -> None:
        self._client = client(service, endpoint, key=key)
        self._client.meta.events.register("before-send", self._keep)
        self._raw = b""

    def request(self, operation: str, **parameters: Any) -> bytes:
        """The signed request of `operation` (a method of the boto3 client)."""
        with suppress(_Kept):
            getattr(self._client, operation)(**parameters)
        return self._raw

    def _keep(self, request: AWSPreparedRequest, **_: object) -> None:
        url = urlsplit(request.url)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, bytes):
            body = body.read()
        lines = [f"{request.method} {path} HTTP/1.1", f"Host: {url.netloc}"]
        for name, value in request.headers.items():
            text = value.decode() if isinstance(value, bytes) else str(value)
            # The load does not wait before it sends a body, so it does not say that it would.
            if name.lower() not in ("host", "content-length", "expect"):
                lines.append(f"{name}: {text}")
        lines.append(f"Content-Length: {len(body)}")
        self._raw = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
        raise _Kept


class _Kept(Exception):
    """Ends botocore's call where it would have sent the request."""
