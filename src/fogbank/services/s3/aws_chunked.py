"""The `aws-chunked` content encoding: chunks with optional signatures, then trailing headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from collections.abc import Iterator, Mapping

from fogbank.services.s3.errors import IncompleteBody

# A chunk's head is a size in hex and a signature; nobody sends kilobytes of it.
_LINE_MAX = 8192


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

    def __init__(self) -> None:
        self.trailers: dict[str, str] = {}
        self._line = bytearray()
        self._left = 0  # payload bytes of the present chunk that are still to come
        self._state = "size"

    def feed(self, data: bytes) -> Iterator[memoryview]:
        """The payload in `data`, as it lies there: nothing is copied but the lines between chunks."""
        rest = memoryview(data)
        while rest:
            if self._state == "data":
                payload, rest = rest[: self._left], rest[self._left :]
                self._left -= len(payload)
                if not self._left:
                    self._state = "end"
                yield payload
            else:
                rest = self._take_line(rest)

    def finish(self) -> None:
        """The body has ended: IncompleteBody unless its last chunk was seen."""
        if self._state == "trailers":
            self._trailer(bytes(self._line))
        else:
            raise IncompleteBody()

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
            try:
                self._left = int(line.partition(b";")[0], 16)
            except ValueError:
                raise IncompleteBody() from None
            self._state = "data" if self._left else "trailers"
        elif self._state == "end":
            if line:
                raise IncompleteBody()
            self._state = "size"
        else:
            self._trailer(line)

    def _trailer(self, line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self.trailers[name.strip().lower()] = value.strip()
