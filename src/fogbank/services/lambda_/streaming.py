"""Invocations whose answer is read while the function sends it.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.engines.compute.response_stream import ResponseStream
from fogbank.services.lambda_.invoke import Invoker, Result
from fogbank.services.lambda_.names import FunctionName


class StreamedAnswer:
    """An answer that has begun, or an invocation that ended without one."""

    def __init__(self, cloud: Cloud, stream: ResponseStream, work: asyncio.Future[Result], version: str) -> None:
        self._cloud = cloud
        self._stream = stream
        self._work = work
        self.version = version

    @property
    def has_begun(self) -> bool:
        """Whether there is an answer, complete or not."""
        return self._stream.begun.done() and self._stream.begun.result()

    @property
    def content_type(self) -> str:
        return self._stream.content_type

    async def chunks(self) -> AsyncGenerator[bytes]:
        """The answer. Who stops reading it leaves the function running, as on AWS: the rest is thrown away."""
        whole = False
        try:
            async for chunk in self._stream:
                if chunk:
                    yield chunk
            whole = True
        finally:
            if not whole:
                self._cloud.tasks.spawn("lambda abandoned answer", self._discard())

    async def result(self) -> Result:
        """How the invocation ended."""
        return await self._work

    async def _discard(self) -> None:
        async for _ in self._stream:
            pass
        await self._work


async def invoke_streaming(
    cloud: Cloud,
    invoker: Invoker,
    ctx: Context,
    name: FunctionName,
    payload: bytes,
    *,
    request_id: str,
    client_context: str | None = None,
) -> StreamedAnswer:
    """Returns when the function begins to answer, or has ended. Raises what `Invoker.invoke` raises."""
    stream = ResponseStream()
    versions: list[str] = []
    work = asyncio.ensure_future(
        invoker.invoke(
            ctx,
            name,
            payload,
            request_id=request_id,
            client_context=client_context,
            stream=stream,
            on_start=versions.append,
        )
    )
    first: tuple[asyncio.Future[Any], ...] = (work, stream.begun)
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    if not stream.begun.done() or not stream.begun.result():
        await work
    return StreamedAnswer(cloud, stream, work, versions[0])
