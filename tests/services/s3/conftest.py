"""A bucket of the test's own, and requests that no SDK sends."""

import http.client
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tests.patience import PATIENCE_S


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def error(self, member: str) -> str | None:
        """What an error document says in that element."""
        found = re.search(f"<{member}>(.*?)</{member}>", self.body.decode(), re.DOTALL)
        return found[1] if found is not None else None


Send = Callable[..., Reply]


@pytest.fixture
def s3(aws: Any) -> Any:
    return aws("s3")


@pytest.fixture
def bucket(s3: Any, account: str) -> str:
    """Names of buckets are global: this one has the account's number in it."""
    name = f"bucket-{account}"
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture
def send(server: Any) -> Send:
    """Sends one request as it is written: a path that is not normalized, any host, any header."""

    def send(
        method: str, path: str, *, headers: dict[str, str] | None = None, body: Any = None, host: str | None = None
    ) -> Reply:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body=body, headers={**(headers or {}), **({"Host": host} if host else {})})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    return send
