"""The signatures between the chunks of a body, each of which signs the one before it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html
What comes is only looked at here: S3 takes the framing away, and says what is wrong with it.
"""

import hashlib
import re
from collections.abc import Callable

from fogbank.core.signing import EMPTY_HASH

STREAMING = "STREAMING-AWS4-"
_LINE_MAX = 8192
_SIZE = re.compile(r"[0-9a-fA-F]{1,16}")
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


class ChunkSignatures:
    """Feed it the body as it arrives; `refuse` is called, and raises, when a signature is wrong or missing."""

    def __init__(
        self,
        algorithm: str,
        moment: str,
        scope: str,
        seed: str,
        is_right: Callable[[str, str], bool],
        refuse: Callable[[], None],
    ) -> None:
        """`seed` is the signature of the request's head; `is_right` tells whether a signature fits a text."""
        self._algorithm = algorithm
        self._head = f"{moment}\n{scope}"
        self._previous = seed
        self._is_right = is_right
        self._refuse = refuse
        self._line = bytearray()
        self._left = 0
        self._hash = hashlib.sha256()
        self._signature = ""
        self._trailers: list[str] = []
        self._state = "head"

    def look_at(self, data: bytes | None) -> None:
        """The next bytes, or None when there are no more."""
        if data is None:
            if self._state != "over":
                self._refuse()
            return
        rest = memoryview(data)
        while rest:
            if self._state == "data":
                part, rest = rest[: self._left], rest[self._left :]
                self._hash.update(part)
                self._left -= len(part)
                if not self._left:
                    self._end_chunk()
            else:
                rest = self._take_line(rest)

    def _take_line(self, rest: memoryview) -> memoryview:
        seen = len(self._line)
        self._line += rest[:_LINE_MAX]
        end = self._line.find(b"\n", seen)
        if end < 0:
            if len(self._line) > _LINE_MAX:
                self._refuse()
            return rest[_LINE_MAX:]
        line = bytes(self._line[:end]).rstrip(b"\r").decode("latin-1")
        self._line.clear()
        self._read(line)
        return rest[end + 1 - seen :]

    def _read(self, line: str) -> None:
        if self._state == "trailers":
            self._read_trailer(line)
        elif line and self._state == "head":
            size, _, signature = line.partition(";chunk-signature=")
            if _SIZE.fullmatch(size) is None:
                self._refuse()
            self._left = int(size, 16)
            self._signature = signature
            self._hash = hashlib.sha256()
            self._state = "data"
            if not self._left:
                self._end_chunk()
                self._state = "trailers"

    def _end_chunk(self) -> None:
        text = f"{self._algorithm}-PAYLOAD\n{self._head}\n{self._previous}\n{EMPTY_HASH}\n{self._hash.hexdigest()}"
        self._check(text, self._signature)
        self._state = "head"

    def _read_trailer(self, line: str) -> None:
        name, _, value = line.partition(":")
        if name.lower() == _SIGNATURE_TRAILER:
            told = "".join(f"{trailer}\n" for trailer in self._trailers)
            hashed = hashlib.sha256(told.encode()).hexdigest()
            self._check(f"{self._algorithm}-TRAILER\n{self._head}\n{self._previous}\n{hashed}", value.strip())
            self._trailers.clear()
        elif line:
            self._trailers.append(f"{name.lower()}:{value.strip()}")
        else:
            if self._trailers:  # Trailers that nobody signs.
                self._refuse()
            self._state = "over"

    def _check(self, text: str, signature: str) -> None:
        if not self._is_right(text, signature.rstrip("*")):
            self._refuse()
        self._previous = signature
