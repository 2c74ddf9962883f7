"""The `aws-chunked` content encoding: chunks with optional signatures, then trailing headers.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from collections.abc import Mapping

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
        self._buffer = bytearray()
        self._left = 0  # payload bytes of the present chunk that are still to come
        self._state = "size"

    def feed(self, data: bytes) -> bytes:
        self._buffer += data
        payload = bytearray()
        while self._step(payload):
            pass
        return bytes(payload)

    def finish(self) -> None:
        """The body has ended: IncompleteBody unless its last chunk was seen."""
        if self._state == "trailers" and self._buffer:
            self._trailer(bytes(self._buffer))
        elif self._state != "trailers":
            raise IncompleteBody()

    def _step(self, payload: bytearray) -> bool:
        if self._state == "data":
            taken = self._buffer[: self._left]
            del self._buffer[: len(taken)]
            payload += taken
            self._left -= len(taken)
            if self._left:
                return False
            self._state = "end"
            return True
        line = self._line()
        if line is None:
            return False
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
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > _LINE_MAX:
                raise IncompleteBody()
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _trailer(self, line: bytes) -> None:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon:
            self.trailers[name.strip().lower()] = value.strip()
