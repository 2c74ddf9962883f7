"""Integrations with functions: as a proxy, with API Gateway's own event, and with a mapped body.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import asyncio
import base64
import binascii
import re
from typing import Any

import msgspec

from fogbank.core.arn import Arn, parse_arn
from fogbank.core.delegation import NotPermitted, permit
from fogbank.core.errors import AwsError
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.core.policies import Effect, Request, read_policy
from fogbank.services.apigateway.execution import mappings
from fogbank.services.apigateway.execution.call import Call, Outgoing, Pairs, all_values, first, last_values
from fogbank.services.apigateway.execution.credentials import PRINCIPAL, acting_with
from fogbank.services.apigateway.execution.mappings import Mapped
from fogbank.services.apigateway.execution.media_types import is_binary
from fogbank.services.apigateway.gateway_errors import BadGateway, IntegrationTimeout, InternalError

_URI = re.compile(r"arn:[^:]+:apigateway:[^:]+:lambda:path//?2015-03-31/functions/(?P<arn>.+?)/invocations/?")
_ANSWER_MEMBERS = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))
_CONFIGURATION = "Execution failed due to configuration error:"


def function_arn(uri: str) -> str | None:
    """The function that an integration's URI names, if it names one."""
    match = _URI.fullmatch(uri)
    return match["arn"] if match is not None else None


async def proxy(call: Call, mapped: Mapped) -> Outgoing:
    """Invoke the function with the request as an event; its answer is the method's."""
    payload = msgspec.json.encode(event(call, mapped))
    found = await _invoke(call, payload)
    return _answer(call, parse(found["Payload"]))


async def plain(call: Call, body: bytes, mapped: Mapped) -> tuple[Outgoing, str]:
    """Invoke the function with the mapped body. Its answer, and the text that selection patterns are matched with:
    the message of the function's error, or nothing.
    """
    headers = {name.lower(): value for name, value in mapped.headers}
    if headers.get("x-amz-invocation-type") == "Event":
        await _invoke(call, body or b"{}", asynchronous=True)
        return Outgoing(202, [], b""), ""
    found = await _invoke(call, body or b"{}")
    payload: bytes = found["Payload"]
    error = ""
    if found.get("FunctionError"):
        document = parse(payload)
        error = str(document.get("errorMessage", "")) if isinstance(document, dict) else ""
    return Outgoing(200, [("Content-Type", "application/json"), ("X-Amzn-Trace-Id", call.sampled)], payload), error


async def _invoke(call: Call, payload: bytes, *, asynchronous: bool = False) -> dict[str, Any]:
    integration = call.integration
    if integration.get("httpMethod") != "POST":
        raise InternalError(reason=f"{_CONFIGURATION} Lambda invocation failed with status: 403")
    assert call.resource is not None
    return await invoke(
        call,
        uri=integration["uri"],
        role=integration.get("credentials"),
        source=f"{call.stage}/{call.incoming.method}{call.resource.path}",
        payload=payload,
        timeout_s=integration["timeoutInMillis"] / 1000,
        asynchronous=asynchronous,
    )


async def invoke(
    call: Call,
    *,
    uri: str,
    role: str | None,
    source: str,
    payload: bytes,
    timeout_s: float,
    asynchronous: bool = False,
) -> dict[str, Any]:
    """Lambda's answer. `source` is the part of the API that asks, as the function's policy may name it behind the API.

    Raises InternalError if the function is not there or may not be invoked, IntegrationTimeout.
    """
    name = function_arn(mappings.with_stage_variables(call, uri))
    arn = parse_arn(name or "")
    if name is None or arn is None or arn.service != "lambda":
        raise InternalError(reason=f"{_CONFIGURATION} Invalid function URI")
    there = call.ctx
    try:
        if role:
            there = acting_with(call, role)
            permit(there, "lambda:InvokeFunction", name)
        elif not await _let_in(call, arn, source):
            raise NotPermitted("the function's policy does not let API Gateway in")
    except NotPermitted as error:
        raise InternalError(reason=f"{_CONFIGURATION} Invalid permissions on Lambda function") from error
    there = there.at(region=arn.region).traced(call.trace)
    kind = "Event" if asynchronous else "RequestResponse"
    work = there.call(call.ctx.cloud.lambda_.invoke, FunctionName=name, Payload=payload, InvocationType=kind)
    call.say(f"Sending request to https://lambda.{arn.region}.amazonaws.com/2015-03-31/functions/{name}/invocations")
    task = asyncio.ensure_future(work)
    # In real time, as the time limits of the functions' processes are. The function itself goes on, as on AWS.
    done, _ = await asyncio.wait({task}, timeout=timeout_s)
    if not done:
        task.add_done_callback(_hear)
        raise IntegrationTimeout(reason="Execution failed due to a timeout error")
    try:
        answer: dict[str, Any] = task.result()
    except AwsError as error:
        raise InternalError(reason=f"{_CONFIGURATION} Lambda invocation failed: {error.message}") from error
    return answer


def _hear(task: "asyncio.Task[Any]") -> None:
    """Nobody waits for it any more: that it failed is in the function's log."""
    if not task.cancelled():
        task.exception()


async def _let_in(call: Call, function: Arn, source: str) -> bool:
    """Whether the function's policy lets API Gateway invoke it for that part of the API."""
    there = call.ctx.at(account=function.account, region=function.region)
    try:
        document = (await there.call(call.ctx.cloud.lambda_.get_policy, FunctionName=str(function)))["Policy"]
    except AwsError:
        return False
    context = {
        "aws:sourcearn": f"arn:aws:execute-api:{call.api.region}:{call.api.account}:{call.api.id}/{source}",
        "aws:sourceaccount": call.api.account,
    }
    request = Request(PRINCIPAL, "lambda:InvokeFunction", str(function), context)
    return read_policy(document).decide(request) is Effect.ALLOW


# ---- the event


def event(call: Call, mapped: Mapped) -> dict[str, Any]:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html"""
    incoming = call.incoming
    assert call.resource is not None
    own = call.forwarded_headers()
    names = {name.lower() for name, _ in own}
    # As recorded, of what is mapped a proxy's event has only headers, and only those that the request does not have.
    headers = sorted([*own, *(pair for pair in mapped.headers if pair[0].lower() not in names)])
    query = all_values(incoming.query)
    body, encoded = _event_body(call)
    return {
        "resource": call.resource.path,
        "path": _event_path(call),
        "httpMethod": incoming.method,
        "headers": last_values(headers) or None,
        "multiValueHeaders": all_values(headers) or None,
        "queryStringParameters": last_values(incoming.query) or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": call.path_parameters or None,
        "stageVariables": call.stage_variables or None,
        "requestContext": _request_context(call),
        "body": body,
        "isBase64Encoded": encoded,
    }


def _event_path(call: Call) -> str:
    """As recorded: several slashes at the beginning are one."""
    return "/" + call.incoming.path.lstrip("/")


_CONTEXT = (
    "resourceId",
    "resourcePath",
    "httpMethod",
    "extendedRequestId",
    "requestTime",
    "path",
    "accountId",
    "protocol",
    "stage",
    "domainPrefix",
    "requestTimeEpoch",
    "requestId",
    "identity",
    "domainName",
    "deploymentId",
    "apiId",
)


def _request_context(call: Call) -> dict[str, Any]:
    context = {name: call.context[name] for name in _CONTEXT}
    if "authorizer" in call.context:
        context["authorizer"] = call.context["authorizer"]
    return context


def _event_body(call: Call) -> tuple[str | None, bool]:
    body = call.incoming.body
    if not body:
        return None, False
    if is_binary(first(call.incoming.headers, "content-type"), call.plan.binary_types):
        return base64.b64encode(body).decode(), True
    return body.decode("utf-8", "replace"), False


# ---- the function's answer


def _answer(call: Call, answer: Any) -> Outgoing:
    malformed = BadGateway(reason=f"{_CONFIGURATION} Malformed Lambda proxy response")
    if answer is NOT_JSON or not isinstance(answer, dict) or answer.keys() - _ANSWER_MEMBERS:
        raise malformed
    try:
        status = int(answer.get("statusCode", 200))
    except (TypeError, ValueError):
        raise malformed from None
    if not 100 <= status <= 599:
        raise malformed
    headers = _answer_headers(answer)
    if headers is None:
        raise malformed
    if first(headers, "content-type") is None:
        headers.append(("Content-Type", "application/json"))
    if first(headers, "x-amzn-trace-id") is None:
        headers.append(("X-Amzn-Trace-Id", call.sampled))
    body = answer.get("body")
    if body is None:
        content = b""
    elif isinstance(body, str):
        content = body.encode("utf-8", "surrogatepass")
    elif isinstance(body, bool | int | float):
        content = msgspec.json.encode(body)
    else:
        raise malformed
    wanted = first(call.incoming.headers, "accept")
    if answer.get("isBase64Encoded") is True and is_binary(wanted, call.plan.binary_types):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            raise InternalError(reason=f"{_CONFIGURATION} Unable to base64 decode the body.") from None
    return Outgoing(status, headers, content)


def _answer_headers(answer: dict[str, Any]) -> Pairs | None:
    """The lists first, then single values that are not in them, under the name that was first; None if malformed."""
    lists, singles = answer.get("multiValueHeaders") or {}, answer.get("headers") or {}
    if not isinstance(lists, dict) or not isinstance(singles, dict):
        return None
    headers: Pairs = []
    names: dict[str, str] = {}
    for name, values in lists.items():
        if not isinstance(values, list):
            return None
        headers += [(names.setdefault(name.lower(), name), header_text(value)) for value in values]
    for name, value in singles.items():
        if value is None or isinstance(value, dict | list):
            if value is None:
                continue
            return None
        pair = (names.setdefault(name.lower(), name), header_text(value))
        if pair not in headers:
            headers.append(pair)
    return headers


def header_text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.replace("\r", " ").replace("\n", " ")
