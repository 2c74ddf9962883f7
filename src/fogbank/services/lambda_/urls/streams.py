"""Streamed answers over HTTP, with or without a prelude that says status, headers and cookies.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator

from fogbank.core.http_message import ResponseData
from fogbank.services.lambda_.streaming import StreamedAnswer
from fogbank.services.lambda_.urls.answers import MalformedAnswer, head

PRELUDE_TYPE = "application/vnd.awslambda.http-integration-response"
_DELIMITER = bytes(8)
PRELUDE_BYTES_MAX = 1 << 20  # Headers are refused by clients long before.


async def streamed_answer(answer: StreamedAnswer) -> ResponseData:
    """The answer, once its head is known. Raises MalformedAnswer if the prelude is none."""
    chunks = answer.chunks()
    if answer.content_type.partition(";")[0].strip().lower() != PRELUDE_TYPE:
        return ResponseData(200, [("Content-Type", answer.content_type)], chunks)
    try:
        prelude, rest = await _prelude(chunks)
        told = json.loads(prelude)
        if not isinstance(told, dict):
            raise MalformedAnswer("the prelude is no object")
        status, headers = head(told)
    except ValueError as error:
        await chunks.aclose()
        raise MalformedAnswer("the answer has no prelude") from error
    return ResponseData(status, headers, _behind(rest, chunks))


async def _prelude(chunks: AsyncGenerator[bytes]) -> tuple[bytes, bytes]:
    """What comes before the delimiter, and what has come behind it already."""
    read = b""
    async for chunk in chunks:
        read += chunk
        prelude, delimiter, rest = read.partition(_DELIMITER)
        if delimiter:
            return prelude, rest
        if len(read) > PRELUDE_BYTES_MAX:
            break
    raise MalformedAnswer("the prelude has no end")


async def _behind(first: bytes, chunks: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    try:
        if first:
            yield first
        async for chunk in chunks:
            yield chunk
    finally:
        await chunks.aclose()
