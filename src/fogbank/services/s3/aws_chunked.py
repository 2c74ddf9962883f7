"""The `aws-chunked` content encoding: chunks with optional signatures, then trailing headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
"""

import re
from collections.abc import Iterator, Mapping

from fogbank.core.numerals import whole_number
from fogbank.services.s3.errors import IncompleteBody, InvalidChunkSize, MalformedTrailer, MissingContentLength

# A chunk's head is a size in hex and a signature; nobody sends kilobytes of it.
_LINE_MAX = 8192
_CHUNK_BYTES_MIN = 8192  # every chunk but the last
_SIZE = re.compile(rb"[0-9a-fA-F]{1,16}\Z")
_SIGNED_SIZE = re.compile(rb"([0-9a-fA-F]{1,16});chunk-signature=[0-9a-f]{64,}\Z")
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


def is_aws_chunked(headers: Mapping[str, str]) -> bool:
    """Whether the body is framed; some SDKs say so only in the payload hash."""
    return headers.get("x-amz-content-sha256", "").startswith("STREAMING-") or "aws-chunked" in headers.get(
        "content-encoding", ""
    )


def without_aws_chunked(content_encoding: str) -> str:
    """What remains of Content-Encoding: aws-chunked belongs to the transfer, S3 does not keep it."""
    kept = (part.strip() for part in content_encoding.split(","))
    return ",".join(part for part in kept if part and part != "aws-chunked")


class AwsChunkedDecoder:
    """Feed it what arrives; it gives the payload. After `finish`, `trailers` holds the headers behind it."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        """`headers` are the request's. Raises MissingContentLength unless they tell the payload's length."""
        promised = whole_number(headers.get("x-amz-decoded-content-length", ""))
        if promised is None:
            raise MissingContentLength()
        self.trailers: dict[str, str] = {}
        self._promised = promised
        self._announced = headers.get("x-amz-trailer", "").strip().lower()
        hashed = headers.get("x-amz-content-sha256", "")
        self._signed = hashed.startswith("STREAMING-AWS4-HMAC-")
        self._line = bytearray()
        self._left = 0  # payload bytes of the present chunk that are still to come
        self._state = "size"
        self._size = 0
        self._chunks = 0
        self._chunk_bytes = _CHUNK_BYTES_MIN

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """The payload in `data`, as it lies there: nothing is copied but the lines between chunks."""
        rest = memoryview(data)
        while rest:
            if self._state == "data":
                payload, rest = rest[: self._left], rest[self._left :]
                self._left -= len(payload)
                self._size += len(payload)
                if not self._left:
                    self._state = "end"
                yield payload
            elif self._state == "over":
                raise IncompleteBody()
            else:
                rest = self._take_line(rest)

    def finish(self) -> None:
        """The body has ended: an error unless it ended as it should, with the length and trailer that were told."""
        if self._state != "over":
            raise IncompleteBody()
        self.trailers.pop(_SIGNATURE_TRAILER, None)
        if self.trailers.keys() != ({self._announced} if self._announced else set()):
            raise MalformedTrailer()
        if self._size != self._promised:
            raise IncompleteBody(
                "You did not provide the number of bytes specified by the Content-Length HTTP header",
                members={"NumberBytesExpected": str(self._promised), "NumberBytesProvided": str(self._size)},
            )

    def _take_line(self, rest: memoryview) -> memoryview:
        """Read on to the end of the line; what lies behind it."""
        seen = len(self._line)
        self._line += rest[:_LINE_MAX]
        end = self._line.find(b"\r\n", max(seen - 1, 0))
        if end < 0:
            if len(self._line) > _LINE_MAX:
                raise IncompleteBody()
            return rest[_LINE_MAX:]
        line = bytes(self._line[:end])
        self._line.clear()
        self._read_line(line)
        return rest[end + 2 - seen :]

    def _read_line(self, line: bytes) -> None:
        if self._state == "size":
            self._begin_chunk(line)
        elif self._state == "end":
            if line:
                raise IncompleteBody()
            self._state = "size"
        else:
            self._read_trailer(line)

    def _begin_chunk(self, line: bytes) -> None:
        match = _SIGNED_SIZE.match(line) if self._signed else _SIZE.match(line.partition(b";")[0])
        if match is None:
            raise IncompleteBody()
        self._left = int(match[1] if self._signed else match[0], 16)
        self._state = "data" if self._left else "trailers"
        self._chunks += 1
        if self._left and self._chunk_bytes < _CHUNK_BYTES_MIN:
            raise InvalidChunkSize(members={"Chunk": str(self._chunks), "BadChunkSize": str(self._chunk_bytes)})
        self._chunk_bytes = self._left

    def _read_trailer(self, line: bytes) -> None:
        if not line:
            self._state = "over"
            return
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon or not name.strip():
            raise MalformedTrailer()
        self.trailers[name.strip().lower()] = value.strip()
