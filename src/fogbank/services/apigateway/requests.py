"""Requests to APIs: over HTTP, and from other services."""

from urllib.parse import urlsplit

from fogbank.core.body import read_whole
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.http_client import HttpAnswer, HttpRequest, NoAnswer
from fogbank.core.http_message import RequestData, ResponseData
from fogbank.services.apigateway import addresses
from fogbank.services.apigateway.base import ApiGatewayBase
from fogbank.services.apigateway.execution import refusals
from fogbank.services.apigateway.execution.call import Caller, Incoming
from fogbank.services.apigateway.execution.execution import Execution
from fogbank.services.apigateway.gateway_errors import RequestTooLarge

BODY_BYTES_MAX = 10 * 1024 * 1024  # quota of a REST API


class Requests(ApiGatewayBase):
    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._execution = Execution(cloud, self._tables)

    async def execute_api(self, ctx: Context, *, request: RequestData) -> ResponseData:
        """A request at an API's address, as the wire hands it on; its `resource` is `/{api}/{stage}/…`."""
        body = await read_whole(request.body, BODY_BYTES_MAX)
        if body is None:
            refused = refusals.bare_answer(RequestTooLarge())
            return ResponseData(refused.status, refused.headers, refused.body)
        incoming = Incoming(
            method=request.method,
            path=(address := addresses.of_resource(request.resource)).path,
            query=request.query,
            headers=request.header_pairs(),
            body=body,
            peer=ctx.peer,
            caller=_caller(ctx) if ctx.access_key else Caller(),
        )
        outgoing = await self._execution.answer(ctx, address, incoming)
        return ResponseData(outgoing.status, outgoing.headers, outgoing.body)

    async def send_to_api(self, ctx: Context, request: HttpRequest, *, signed: bool = True) -> HttpAnswer:
        """Another service's request to an execute-api URL; `signed` as the context's principal.

        Raises NoAnswer for a URL that is no API's.
        """
        found = addresses.of_url(request.url)
        if found is None:
            raise NoAnswer(f"this is no address of a REST API: {request.url}")
        address, query = found
        host = urlsplit(request.url).netloc
        incoming = Incoming(
            method=request.method,
            path=address.path,
            query=query,
            headers=[("Host", host), *request.headers.items()],
            body=request.body or b"",
            peer="127.0.0.1",
            caller=_caller(ctx) if signed else Caller(),
        )
        outgoing = await self._execution.answer(ctx, address, incoming)
        return HttpAnswer(outgoing.status, outgoing.body, tuple(outgoing.headers))


def _caller(ctx: Context) -> Caller:
    return Caller(access_key=ctx.access_key or "", account=ctx.account, principal=ctx.principal_arn)
