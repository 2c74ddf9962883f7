"""Functions invoked: to answer, as an event, or with an answer that is streamed."""

import base64
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from fogbank.core.body import BodyStream, read_whole
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.lambda_.errors import InvalidRequestContent, RequestTooLarge, ResourceNotFound, SnapStartFailed
from fogbank.services.lambda_.functions import function_not_found
from fogbank.services.lambda_.names import FunctionName, parse_name
from fogbank.services.lambda_.operations.base import Operations
from fogbank.services.lambda_.payload import check_payload
from fogbank.services.lambda_.streaming import StreamedAnswer, invoke_streaming

SYNC_BYTES_MAX = 6_291_456
ASYNC_BYTES_MAX = 1_048_576
LOG_BYTES = 4096


class InvocationOperations(Operations):
    """Invoke and its relatives."""

    async def invoke(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        InvocationType: str = "RequestResponse",
        LogType: str = "None",
        ClientContext: str | None = None,
        Payload: bytes = b"",
        Qualifier: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        if InvocationType == "DryRun":
            self._functions.configuration(ctx, name)
            return {"StatusCode": 204, "Payload": b""}
        payload = _checked(Payload, InvocationType)
        if InvocationType == "Event":
            await self._accept(ctx, name, payload)
            return {"StatusCode": 202, "Payload": b""}
        try:
            result = await self._invoker.invoke(
                ctx, name, payload, request_id=ctx.request_id, client_context=_decoded(ClientContext)
            )
        except ResourceNotFound:
            raise function_not_found(ctx, name.latest()) from None
        if not result.restored:
            raise SnapStartFailed()
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "ExecutedVersion": result.version,
            "Payload": result.payload,
        }
        if result.error:
            answer["FunctionError"] = result.error
        if LogType == "Tail":
            answer["LogResult"] = _tail(result.log)
        return answer

    async def invoke_with_response_stream(
        self,
        ctx: Context,
        *,
        FunctionName: str,
        InvocationType: str = "RequestResponse",
        LogType: str = "None",
        ClientContext: str | None = None,
        Payload: bytes = b"",
        Qualifier: str | None = None,
    ) -> Answer:
        name = parse_name(ctx, FunctionName, Qualifier)
        if InvocationType == "DryRun":
            self._functions.configuration(ctx, name)
            return {"StatusCode": 204}
        payload = _checked(Payload, InvocationType)
        try:
            answer = await invoke_streaming(
                self.cloud,
                self._invoker,
                ctx,
                name,
                payload,
                request_id=ctx.request_id,
                client_context=_decoded(ClientContext),
            )
        except ResourceNotFound:
            raise function_not_found(ctx, name.latest()) from None
        events = _events(answer, tail=LogType == "Tail")
        return {"StatusCode": 200, "ExecutedVersion": answer.version, "EventStream": events}

    async def invoke_async(self, ctx: Context, *, FunctionName: str, InvokeArgs: BodyStream | bytes) -> Answer:
        """Deprecated: an event, and nothing else."""
        payload = await read_whole(InvokeArgs, ASYNC_BYTES_MAX)
        if payload is None:
            raise RequestTooLarge(
                f"The payload is too large for the Event invocation type (limit {ASYNC_BYTES_MAX} bytes)"
            )
        await self._accept(ctx, parse_name(ctx, FunctionName), _checked(payload, "Event"))
        return {"Status": 202}

    async def _accept(self, ctx: Context, name: FunctionName, payload: bytes) -> None:
        try:
            await ctx.run(self._async.accept, ctx, name, payload, ctx.request_id)
        except ResourceNotFound:
            raise function_not_found(ctx, name.latest()) from None


async def _events(answer: StreamedAnswer, *, tail: bool) -> AsyncIterator[dict[str, Any]]:
    async with aclosing(answer.chunks()) as chunks:
        async for chunk in chunks:
            yield {"PayloadChunk": {"Payload": chunk}}
    result = await answer.result()
    complete: dict[str, Any] = {}
    if result.error:
        complete = {"ErrorCode": result.error, "ErrorDetails": result.payload.decode("utf-8", "replace")}
    if tail:
        complete["LogResult"] = _tail(result.log)
    yield {"InvokeComplete": complete}


def _checked(payload: bytes, invocation_type: str) -> bytes:
    payload = payload or b"{}"
    limit = ASYNC_BYTES_MAX if invocation_type == "Event" else SYNC_BYTES_MAX
    if len(payload) > limit:
        raise RequestTooLarge(
            f"{len(payload)} byte payload is too large for the {invocation_type} invocation type (limit {limit} bytes)"
        )
    check_payload(payload)
    return payload


def _decoded(client_context: str | None) -> str | None:
    if client_context is None:
        return None
    try:
        return base64.b64decode(client_context, validate=True).decode()
    except ValueError as error:
        raise InvalidRequestContent("Client context must be a valid base64 encoded JSON object.") from error


def _tail(log: str) -> str:
    return base64.b64encode(log.encode()[-LOG_BYTES:]).decode()
