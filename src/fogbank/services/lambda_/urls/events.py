"""The event that a function gets for a request to its URL: payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

import base64
from typing import Any
from urllib.parse import parse_qsl

from fogbank.core.context import Context
from fogbank.core.http_message import RequestData
from fogbank.core.moments import clf_time
from fogbank.services.lambda_.urls.addresses import Address

_TEXT = frozenset({"application/json", "application/xml", "application/javascript"})
# Between two neighbours only: functions do not see them.
_DROPPED = frozenset({"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"})


def event(ctx: Context, request: RequestData, address: Address, body: bytes, caller: dict[str, Any]) -> dict[str, Any]:
    """`caller` is what the request context says of who asks."""
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": address.path,
        "rawQueryString": request.query,
        "headers": _headers(ctx, request),
    }
    if cookies := _cookies(request):
        made["cookies"] = cookies
    if parameters := _query(request.query):
        made["queryStringParameters"] = parameters
    made["requestContext"] = {
        **caller,
        "apiId": address.url_id,
        "domainName": request.headers.get("host", ""),
        "domainPrefix": address.url_id,
        "http": {
            "method": request.method,
            "path": address.decoded_path,
            "protocol": "HTTP/1.1",
            "sourceIp": ctx.peer,
            "userAgent": request.headers.get("user-agent"),
        },
        "requestId": ctx.request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": clf_time(ctx.now_ms),
        "timeEpoch": ctx.now_ms,
    }
    if body:
        made["body"], made["isBase64Encoded"] = _body(body, request.headers.get("content-type", ""))
    else:
        made["isBase64Encoded"] = False
    return made


def _headers(ctx: Context, request: RequestData) -> dict[str, str]:
    """Lower-case names; what came several times is joined with commas. Cookies have a place of their own."""
    found: dict[str, str] = {}
    for name, value in request.header_pairs():
        name = name.lower()
        if name in _DROPPED or name == "cookie":
            continue
        found[name] = f"{found[name]},{value}" if name in found else value
    port = request.headers.get("host", "").partition(":")[2]
    forwarded = found.get("x-forwarded-for")
    found["x-forwarded-for"] = f"{forwarded}, {ctx.peer}" if forwarded else ctx.peer
    found["x-forwarded-port"] = port or "80"
    found["x-forwarded-proto"] = ctx.endpoint.partition("://")[0]
    if ctx.trace:
        found["x-amzn-trace-id"] = ctx.trace
    return found


def _cookies(request: RequestData) -> list[str]:
    sent = [value for name, value in request.header_pairs() if name.lower() == "cookie"]
    return [cookie.strip() for value in sent for cookie in value.split(";") if cookie.strip()]


def _query(query: str) -> dict[str, str]:
    """What came several times is joined with commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        found[name] = f"{found[name]},{value}" if name in found else value
    return found


def _body(body: bytes, content_type: str) -> tuple[str, bool]:
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass  # It is no text, whatever it calls itself.
    return base64.b64encode(body).decode(), True
