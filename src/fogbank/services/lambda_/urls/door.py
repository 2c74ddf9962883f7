"""Requests to function URLs: from HTTP to an invocation and back."""

import json

from fogbank.core.body import read_whole
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.services.lambda_.invoke import Invoker
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.permissions import Permissions
from fogbank.services.lambda_.records import FunctionUrl
from fogbank.services.lambda_.streaming import invoke_streaming
from fogbank.services.lambda_.urls import cors
from fogbank.services.lambda_.urls.access import caller_of, may_call
from fogbank.services.lambda_.urls.addresses import Address, of_resource
from fogbank.services.lambda_.urls.answers import MalformedAnswer, http_answer
from fogbank.services.lambda_.urls.configs import Urls
from fogbank.services.lambda_.urls.events import event
from fogbank.services.lambda_.urls.streams import streamed_answer

REQUEST_BYTES_MAX = 6_291_456
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class Door:
    """Serves all function URLs."""

    def __init__(self, urls: Urls, permissions: Permissions, invoker: Invoker) -> None:
        self._urls = urls
        self._permissions = permissions
        self._invoker = invoker

    async def serve(self, ctx: Context, request: RequestData) -> ResponseData:
        address = of_resource(request.resource)
        owner = self._urls.owner(address.url_id)
        if owner is None:
            return _refused(403, "AccessDeniedException", None)
        here = ctx.at(region=owner.region)
        name = FunctionName(owner.account, owner.function, owner.alias)
        url = self._urls.find(here, name)
        if url.cors and cors.is_preflight(request.method, request.headers):
            return ResponseData(200, cors.preflight_headers(url.cors, request.headers), b"")
        answer = await self._answer(here, request, address, name, url)
        self._count(here, name, answer.status)
        if url.cors:
            answer.headers = cors.without_cors(answer.headers) + cors.answer_headers(url.cors, request.headers)
        answer.headers.append(("x-amzn-RequestId", ctx.request_id))
        return answer

    async def _answer(
        self, ctx: Context, request: RequestData, address: Address, name: FunctionName, url: FunctionUrl
    ) -> ResponseData:
        if not may_call(ctx, self._permissions, name, url):
            return _refused(403, "AccessDeniedException", _FORBIDDEN)
        body = await read_whole(request.body, REQUEST_BYTES_MAX)
        if body is None:
            sentence = f"Request must be smaller than {REQUEST_BYTES_MAX} bytes for the InvokeFunction operation"
            return _refused(413, "RequestEntityTooLargeException", sentence)
        payload = json.dumps(event(ctx, request, address, body, caller_of(ctx, url))).encode()
        answer = self._streamed if url.invoke_mode == "RESPONSE_STREAM" else self._buffered
        try:
            return await answer(ctx.at(account=name.account), name, payload)
        except AwsError as error:
            return _refused(error.status, error.code, error.message)
        except MalformedAnswer:
            return _failed()

    async def _buffered(self, ctx: Context, name: FunctionName, payload: bytes) -> ResponseData:
        result = await self._invoker.invoke(ctx, name, payload, request_id=ctx.request_id)
        return _failed() if result.error else http_answer(result.payload)

    async def _streamed(self, ctx: Context, name: FunctionName, payload: bytes) -> ResponseData:
        answer = await invoke_streaming(ctx.cloud, self._invoker, ctx, name, payload, request_id=ctx.request_id)
        return await streamed_answer(answer) if answer.has_begun else _failed()

    def _count(self, ctx: Context, name: FunctionName, status: int) -> None:
        metrics = ctx.cloud.metrics
        duration_ms = max(ctx.cloud.clock.now_ms() - ctx.now_ms, 0)
        resource = f"{name.name}:{name.qualifier}" if name.qualifier else name.name
        counted = (
            ("UrlRequestCount", 1, "Count"),
            ("Url4xxCount", int(400 <= status < 500), "Count"),
            ("Url5xxCount", int(status >= 500), "Count"),
            ("UrlRequestLatency", duration_ms, "Milliseconds"),
        )
        for dimensions in ({"FunctionName": name.name}, {"FunctionName": name.name, "Resource": resource}):
            for metric, value, unit in counted:
                metrics.add(name.account, ctx.region, "AWS/Lambda", metric, dimensions, value, unit)


def _refused(status: int, code: str, sentence: str | None) -> ResponseData:
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", code)]
    return ResponseData(status, headers, json.dumps({"Message": sentence}, separators=(",", ":")).encode())


def _failed() -> ResponseData:
    """The function failed, or answered what is no answer: callers learn nothing of it."""
    return ResponseData(502, [("Content-Type", "application/json")], b"Internal Server Error")
