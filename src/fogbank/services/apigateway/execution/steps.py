"""What happens to a request, in order."""

from fogbank.core.linear_regex import whole_match
from fogbank.core.numerals import whole_number
from fogbank.services.apigateway.execution import functions, http, mocks, services
from fogbank.services.apigateway.execution.authorizers import LambdaAuthorizers, method_arn
from fogbank.services.apigateway.execution.bodies import request_body, response_body
from fogbank.services.apigateway.execution.call import Call, Outgoing, Pairs
from fogbank.services.apigateway.execution.mappings import mapped_request, mapped_response, override
from fogbank.services.apigateway.execution.validation import validate
from fogbank.services.apigateway.gateway_errors import (
    AccessDenied,
    AuthorizerConfigurationError,
    ConfigurationError,
    InternalError,
    MissingAuthenticationToken,
)
from fogbank.services.apigateway.records import Document

_CONFIGURATION = "Execution failed due to configuration error:"
# What the gateway writes itself: a header of the integration's by that name gets another one.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_REMAPPED = frozenset(
    (
        "authorization",
        "connection",
        "content-length",
        "content-md5",
        "date",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "server",
        "trailer",
        "upgrade",
        "user-agent",
        "www-authenticate",
        "x-amzn-requestid",
    )
)


def find_method(call: Call) -> None:
    found = call.plan.find(call.incoming.path, call.incoming.method)
    if found is None:
        raise MissingAuthenticationToken()
    call.found(*found)


async def authorize(call: Call, authorizers: LambdaAuthorizers) -> None:
    """Whether the caller may. Signatures are not verified with `--auth off`, but they must be there."""
    kind = call.method["authorizationType"]
    if kind != "AWS_IAM":
        call.forget_caller()
    if kind == "NONE":
        return
    if kind == "AWS_IAM":
        if not call.incoming.caller.principal:
            raise MissingAuthenticationToken()
        _check_policies(call)
        return
    authorizer = call.plan.authorizers.get(call.method.get("authorizerId") or "")
    if authorizer is None:
        raise AuthorizerConfigurationError(reason=f"{_CONFIGURATION} the method's authorizer is not there")
    await authorizers.authorize(call, authorizer)


def _check_policies(call: Call) -> None:
    """Whether policies let the caller, who has signed, invoke the method; asked where requests are authorized."""
    authorizer, identity = call.ctx.cloud.authorizer, call.ctx.identity
    if authorizer is None or identity is None:
        return
    arn = method_arn(call)
    service = call.ctx.cloud.service("apigateway")
    if not authorizer.decide(call.ctx, identity, "execute-api:Invoke", arn, {}, service).allowed:
        raise AccessDenied(f"User: {identity.arn} is not authorized to perform: execute-api:Invoke on resource: {arn}")


async def answer(call: Call) -> Outgoing:
    """The method's answer, from the validated request through its integration. Raises GatewayError."""
    validate(call)
    if "methodIntegration" not in call.method:
        raise ConfigurationError(reason=f"{_CONFIGURATION} No integration defined for method")
    before = call.ctx.cloud.clock.now_ms()
    try:
        integrated, text = await _integrate(call)
    finally:
        call.integration_latency_ms = call.ctx.cloud.clock.now_ms() - before
    if text is None:
        return Outgoing(integrated.status, remapped(integrated.headers), integrated.body)
    return _method_response(call, integrated, text)


async def _integrate(call: Call) -> tuple[Outgoing, str | None]:
    """The integration's answer, and the text that selects its response; None for proxies, which have no choice."""
    mapped = mapped_request(call)
    kind = call.integration["type"]
    if kind == "AWS_PROXY":
        return await functions.proxy(call, mapped), None
    if kind == "HTTP_PROXY":
        override(call, mapped)
        return await http.send_request(call, call.incoming.body, mapped, proxy=True), None
    body = request_body(call)
    override(call, mapped)
    if kind == "MOCK":
        return _by_status(mocks.answer(body.decode("utf-8", "replace")))
    call.say(f"Endpoint request body after transformations: {body.decode('utf-8', 'replace')}", data=True)
    if kind == "HTTP":
        return _by_status(await http.send_request(call, body, mapped, proxy=False))
    if functions.function_arn(call.integration["uri"]) is not None:
        return await functions.plain(call, body, mapped)
    return _by_status(await services.send_request(call, body, mapped))


def _by_status(integrated: Outgoing) -> tuple[Outgoing, str]:
    return integrated, str(integrated.status)


def _method_response(call: Call, integrated: Outgoing, text: str) -> Outgoing:
    response = _selected(call.integration.get("integrationResponses") or {}, text)
    if response is None:
        raise ConfigurationError(
            reason=f"{_CONFIGURATION} No match for output mapping and no default output mapping configured. "
            f"Endpoint Response Status Code: {integrated.status}"
        )
    if response["statusCode"] not in (call.method.get("methodResponses") or {}):
        raise ConfigurationError(
            reason=f"{_CONFIGURATION} Output mapping refers to an invalid method response: {response['statusCode']}"
        )
    headers = mapped_response(call, integrated, response.get("responseParameters"))
    trace = integrated.header("x-amzn-trace-id")
    if trace is not None:
        headers.append(("X-Amzn-Trace-Id", trace))
    body, content_type = response_body(call, integrated, response)
    override_of = call.context["responseOverride"]
    for name, value in (override_of.get("header") or {}).items():
        headers = [pair for pair in headers if pair[0].lower() != name.lower()]
        headers.append((name, functions.header_text(value)))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", content_type))
    status = override_of.get("status") or response["statusCode"]
    number = whole_number(str(status))
    if number is None:
        raise InternalError(reason=f"{_CONFIGURATION} Invalid status code: {status}")
    return Outgoing(number, remapped(headers), body)


def _selected(responses: dict[str, Document], text: str) -> Document | None:
    """The response whose pattern the text matches as a whole, or the one without a pattern."""
    default = None
    for response in responses.values():
        pattern = response.get("selectionPattern")
        if not pattern:
            default = response
        elif text and whole_match(pattern)(text):
            return response
    return default


def remapped(headers: Pairs) -> Pairs:
    return [
        (f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value)
        for name, value in headers
        if name.lower() != "transfer-encoding"
    ]
