"""Requests and answers as HTTP has them: what the wire takes and gives, and what a service sees of its edges."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from fogbank.core.body import BodyStream


class RequestData:
    """A request as HTTP delivered it: nothing is decoded yet. Header names are lower case."""

    __slots__ = ("body", "headers", "method", "packed", "path", "peer", "query", "raw_headers", "resource")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: dict[str, str],
        body: bytes | BodyStream,
        peer: str = "",
        raw_headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self.method = method
        self.path = path
        self.resource = path
        """The path with what the host says before it, such as a bucket; the router sets it, the path stays as it
        was signed.
        """
        self.query = query
        self.headers = headers
        self.body = body
        self.packed: bytes | None = None
        """The body as it was sent, and signed, if it was compressed."""
        self.peer = peer
        """The address that the request came from."""
        self.raw_headers = raw_headers

    def header_pairs(self) -> list[tuple[str, str]]:
        """The headers one by one with their names as they were sent, where that is known."""
        if not self.raw_headers:
            return list(self.headers.items())
        return [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in self.raw_headers]


class ResponseData:
    """An answer for HTTP to send. A body that is not `bytes` is sent as it comes."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: list[tuple[str, str]], body: bytes | AsyncIterator[bytes] | Any) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class Codec(Protocol):
    """How the wire reads and writes the operations of a model; given to operations that are in none."""

    def read(self, operation: str, request: RequestData) -> dict[str, Any]:
        """The parameters of that operation in a request, checked. Raises `AwsError`."""

    def write(self, operation: str, answer: dict[str, Any] | None, request_id: str) -> ResponseData:
        """The answer of that operation."""
