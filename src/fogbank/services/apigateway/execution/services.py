"""Integrations with other services: a request is built as for an HTTP endpoint, and served by the cloud itself.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-integration-types.html
"""

import re
from typing import Any
from urllib.parse import urlencode

import msgspec

from fogbank.core.delegation import NotPermitted
from fogbank.core.http_message import RequestData
from fogbank.core.xml_tree import Element, parse
from fogbank.services.apigateway.execution.call import Call, Outgoing, first
from fogbank.services.apigateway.execution.credentials import acting_with
from fogbank.services.apigateway.execution.http import ANSWER_BYTES_MAX, query, request_headers
from fogbank.services.apigateway.execution.mappings import Mapped, resolved_uri
from fogbank.services.apigateway.gateway_errors import ConfigurationError, InternalError

_URI = re.compile(
    r"arn:[^:]+:apigateway:(?P<region>[^:]+):(?:[^:.]+\.)?(?P<service>[^:.]+):(?P<kind>action|path)/(?P<rest>.*)",
    re.DOTALL,
)


async def send_request(call: Call, body: bytes, mapped: Mapped) -> Outgoing:
    """The service's answer to the request that the integration makes of it."""
    uri = resolved_uri(call, mapped, proxy=False)
    match = _URI.fullmatch(uri)
    if match is None:
        raise ConfigurationError(reason="Execution failed due to configuration error: Invalid endpoint address")
    role = call.integration.get("credentials")
    try:
        there = acting_with(call, role or "")
    except NotPermitted as error:
        raise InternalError(
            reason="Execution failed due to configuration error: "
            "API Gateway does not have permission to assume the provided role"
        ) from error
    action = match["rest"].strip("/") if match["kind"] == "action" else None
    method = call.integration["httpMethod"]
    request = RequestData(
        call.incoming.method if method == "ANY" else method,
        "/" if action is not None else f"/{match['rest'].lstrip('/')}",
        urlencode(query(call, mapped, proxy=False)),
        {name.lower(): value for name, value in request_headers(call, mapped, proxy=False)},
        body,
        call.incoming.peer,
    )
    answer = await call.ctx.cloud.apis.send(there.at(region=match["region"]), match["service"], action, request)
    content = answer.body
    if not isinstance(content, bytes):
        pieces, length = [], 0
        async for piece in content:
            pieces.append(piece)
            length += len(piece)
            if length > ANSWER_BYTES_MAX:
                raise InternalError(reason="Execution failed: the service's answer is too large")
        content = b"".join(pieces)
    headers = [*answer.headers, ("X-Amzn-Trace-Id", call.sampled)]
    accepts_json = "json" in request.headers["accept"]
    if accepts_json and match["service"] != "s3" and "xml" in (first(headers, "content-type") or ""):
        headers = [pair for pair in headers if pair[0].lower() != "content-type"]
        return Outgoing(answer.status, [*headers, ("Content-Type", "application/json")], _as_json(content))
    return Outgoing(answer.status, headers, content)


def _as_json(content: bytes) -> bytes:
    """AWS's query services answer a request that accepts JSON, as API Gateway's do, in JSON."""
    root = parse(content)
    if root.name == "ErrorResponse":
        return msgspec.json.encode(_value(root))
    return msgspec.json.encode({root.name: _value(root)})


def _value(element: Element) -> Any:
    if not element.children:
        return element.text or None
    found: dict[str, Any] = {}
    for child in element.children:
        value = _value(child)
        if child.name not in found:
            found[child.name] = value
        elif isinstance(found[child.name], list):
            found[child.name].append(value)
        else:
            found[child.name] = [found[child.name], value]
    return found
