"""Integrations with HTTP endpoints of the user."""

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from fogbank.core.http_client import HttpRequest, NoAnswer, TimedOut, send
from fogbank.services.apigateway import addresses
from fogbank.services.apigateway.execution.call import Call, Outgoing, Pairs
from fogbank.services.apigateway.execution.mappings import Mapped, resolved_uri
from fogbank.services.apigateway.gateway_errors import IntegrationFailure, IntegrationTimeout

ANSWER_BYTES_MAX = 10 * 1024 * 1024
_NOT_PROXIED = frozenset(("host", "x-forwarded-for", "x-forwarded-port", "x-forwarded-proto", "content-encoding"))


async def send_request(call: Call, body: bytes, mapped: Mapped, *, proxy: bool) -> Outgoing:
    """The endpoint's answer."""
    uri = with_query(resolved_uri(call, mapped, proxy=proxy), query(call, mapped, proxy=proxy))
    headers = request_headers(call, mapped, proxy=proxy)
    method = call.integration["httpMethod"]
    request = HttpRequest(
        method=call.incoming.method if method == "ANY" else method,
        url=uri,
        headers=dict(headers),
        body=body or None,
        timeout_s=call.integration["timeoutInMillis"] / 1000,
    )
    call.say(f"Endpoint request URI: {uri}")
    call.say(f"Sending request to {uri}")
    try:
        if addresses.of_url(uri) is not None:
            answer = await call.ctx.cloud.apigateway.send_to_api(call.ctx, request, signed=False)
        else:
            answer = await send(request, read_bytes_max=ANSWER_BYTES_MAX, follow_redirects=False)
    except TimedOut:
        raise IntegrationTimeout(reason="Execution failed due to a timeout error") from None
    except NoAnswer as error:
        reason = f"Execution failed due to configuration error: {error}"
        raise IntegrationFailure(reason=reason) from None
    return Outgoing(answer.status, list(answer.headers), answer.body)


def query(call: Call, mapped: Mapped, *, proxy: bool) -> Pairs:
    """As recorded: a proxy hands on the query, behind what is mapped under the same name."""
    pairs = [(name, value) for name, values in mapped.query.items() for value in values]
    return pairs + call.incoming.query if proxy else pairs


def with_query(uri: str, pairs: Pairs) -> str:
    if not pairs:
        return uri
    parts = urlsplit(uri)
    there = parse_qsl(parts.query, keep_blank_values=True)
    return urlunsplit(parts._replace(query=urlencode([*there, *pairs])))


def request_headers(call: Call, mapped: Mapped, *, proxy: bool) -> Pairs:
    """A proxy hands on the request's headers; else only what is mapped, and the types of the bodies."""
    names = {name.lower() for name, _ in mapped.headers}
    headers: Pairs = []
    if proxy:
        handed_on = [pair for pair in call.incoming.headers if pair[0].lower() not in _NOT_PROXIED]
        headers = [pair for pair in handed_on if pair[0].lower() not in names]
    headers += mapped.headers
    names |= {name.lower() for name, _ in headers}
    content_type = next((value for name, value in call.incoming.headers if name.lower() == "content-type"), None)
    for name, value in (
        ("Content-Type", content_type or "application/json"),
        ("Accept", "application/json"),
        ("User-Agent", f"AmazonAPIGateway_{call.api.id}"),
        ("X-Amzn-Apigateway-Api-Id", call.api.id),
        ("X-Amzn-Trace-Id", call.trace),
    ):
        if name.lower() not in names and (name != "Content-Type" or call.incoming.body or not proxy):
            headers.append((name, value))
    return headers
