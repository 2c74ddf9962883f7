"""multipart/form-data as it arrives: the fields before the file, then the file. https://www.rfc-editor.org/rfc/rfc7578"""

import re
from collections.abc import AsyncIterable, AsyncIterator

from fogbank.services.s3.errors import (
    IncorrectNumberOfFiles,
    MalformedPOSTRequest,
    MaxPostPreDataLengthExceeded,
    PreconditionFailed,
)

# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html has the error, a quota of 20 KB is AWS's.
FIELDS_BYTES_MAX = 20 * 1024
_PART_HEAD_BYTES_MAX = 8 * 1024
_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_NAME = re.compile(rb'[;\s]name="([^"]*)"|[;\s]name=([^\s;"]+)', re.IGNORECASE)
_FILENAME = re.compile(rb'[;\s]filename="((?:[^"\\]|\\.)*)"|[;\s]filename=([^\s;"]+)', re.IGNORECASE)


class FormFile:
    """The file of a form: iterate to get it as it arrives. What follows it in the form is passed over."""

    def __init__(self, form: "_Form", filename: str | None) -> None:
        self.filename = filename
        """As the form names it, without folders; None if it has no file name."""
        self._form = form

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._form.content()


async def read_form(content_type: str, body: bytes | AsyncIterable[bytes]) -> tuple[dict[str, str], FormFile]:
    """The fields before the file, by their names in lower case, and the file. Raises S3's errors."""
    match = _BOUNDARY.match(content_type)
    if match is None:
        raise PreconditionFailed(members={"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"})
    form = _Form(_chunks(body), b"--" + (match[1] or match[2]).encode("latin-1"))
    await form.open()
    fields: dict[str, str] = {}
    size = 0
    while (head := await form.part_head()) is not None:
        name = _first_group(_NAME, head)
        if name is None:
            raise MalformedPOSTRequest()
        if name.lower() == "file":
            filename = _first_group(_FILENAME, head)
            return fields, FormFile(form, None if filename is None else re.split(r"[/\\]", filename)[-1])
        value = b""
        async for chunk in form.content():
            value += chunk
            size += len(chunk)
            if size > FIELDS_BYTES_MAX:
                raise MaxPostPreDataLengthExceeded()
        fields.setdefault(name.lower(), value.decode("utf-8", "replace"))
    raise IncorrectNumberOfFiles()


class _Form:
    """Cuts a form into its parts; holds no more of it than a chunk and a boundary."""

    def __init__(self, chunks: AsyncIterator[bytes], boundary: bytes) -> None:
        self._chunks = chunks
        self._boundary = boundary
        self._buffer = b""

    async def open(self) -> None:
        """Pass over what lies before the first boundary."""
        self._buffer = b"\r\n"
        async for _ in self.content():
            pass

    async def part_head(self) -> bytes | None:
        """The headers of the next part; None if the form has ended."""
        while len(self._buffer) < 2:
            await self._more()
        if self._buffer.startswith(b"--"):
            return None
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > _PART_HEAD_BYTES_MAX:
                raise MalformedPOSTRequest()
            await self._more()
        head, self._buffer = self._buffer[:end], self._buffer[end + 4 :]
        return b" " + head

    async def content(self) -> AsyncIterator[bytes]:
        """The content of the part at hand, up to the boundary behind it, which is passed over."""
        mark = b"\r\n" + self._boundary
        while (end := self._buffer.find(mark)) < 0:
            sure = len(self._buffer) - len(mark) + 1
            if sure > 0:
                chunk, self._buffer = self._buffer[:sure], self._buffer[sure:]
                yield chunk
            await self._more()
        chunk, self._buffer = self._buffer[:end], self._buffer[end + len(mark) :]
        if chunk:
            yield chunk

    async def _more(self) -> None:
        try:
            self._buffer += await anext(self._chunks)
        except StopAsyncIteration:
            raise MalformedPOSTRequest() from None


def _first_group(pattern: re.Pattern[bytes], head: bytes) -> str | None:
    for line in head.split(b"\r\n"):
        if line.strip().lower().startswith(b"content-disposition"):
            match = pattern.search(line)
            if match is not None:
                return (match[1] if match[1] is not None else match[2]).decode("utf-8", "replace")
    return None


async def _chunks(body: bytes | AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk
