"""Bodies on their way through mapping templates, to the integration and back."""

import base64
import binascii
from typing import Any

from fogbank.services.apigateway.execution.call import Call, Outgoing, first
from fogbank.services.apigateway.execution.media_types import bare, is_binary, pick
from fogbank.services.apigateway.gateway_errors import ConfigurationError, InternalError, UnsupportedMediaType
from fogbank.services.apigateway.vtl.errors import TemplateError
from fogbank.services.apigateway.vtl.template import parsed
from fogbank.services.apigateway.vtl.variables import Input, Util

Body = bytes | str
_CONFIGURATION = "Execution failed due to configuration error:"


def rendered(call: Call, template: str, body: str) -> str:
    """A mapping template's text; what it overrides is left in the call's context."""
    variables: dict[str, Any] = {
        "context": call.context,
        "stageVariables": dict(call.stage_variables),
        "input": Input(body, call.params),
        "util": Util(),
    }
    try:
        return parsed(template).render(variables)
    except TemplateError as error:
        raise InternalError(reason=f"{_CONFIGURATION} Unable to transform: {error}") from None


def request_body(call: Call) -> bytes:
    """The body for an integration that is no proxy.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
    """
    integration, incoming = call.integration, call.incoming
    content_type = first(incoming.headers, "content-type") or "application/json"
    body = _request(
        incoming.body,
        integration.get("contentHandling"),
        binary=is_binary(content_type, call.plan.binary_types),
    )
    templates = integration.get("requestTemplates") or {}
    key = pick(templates, content_type)
    if key is None:
        behaviour = integration["passthroughBehavior"]
        if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates):
            raise UnsupportedMediaType()
    return _mapped(call, templates[key] if key is not None else None, body, empty="{}")


def response_body(call: Call, answer: Outgoing, response: dict[str, Any]) -> tuple[bytes, str]:
    """The method's body and its type, by the integration response."""
    body = _response(call, answer, response.get("contentHandling"))
    templates = response.get("responseTemplates") or {}
    key = _accepted(templates, first(call.incoming.headers, "accept"))
    template = templates.get(key) if key is not None else None
    return _mapped(call, template, body, empty=""), key or "application/json"


def _mapped(call: Call, template: str | None, body: Body, *, empty: str) -> bytes:
    """The body as the template has it, which takes only text; without one, as it is."""
    if not template:
        return body.encode() if isinstance(body, str) else body
    if isinstance(body, bytes):
        raise InternalError(reason=f"{_CONFIGURATION} Unable to transform a binary body")
    return rendered(call, template, body or empty).encode()


def _accepted(templates: dict[str, Any], accept: str | None) -> str | None:
    """The template that the caller wants; `application/json` or the first if it wants none of them."""
    for wanted in (accept or "").split(","):
        key = pick(templates, bare(wanted))
        if key is not None:
            return key
    return pick(templates, "application/json") or next(iter(templates), None)


# Text or binary, by the type of the body and the content handling.
# https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html


def _request(body: bytes, handling: str | None, *, binary: bool) -> Body:
    if handling == "CONVERT_TO_BINARY":
        return body if binary else _decoded(body)
    if binary:
        return base64.b64encode(body).decode() if handling == "CONVERT_TO_TEXT" else body
    return _text(body)


def _response(call: Call, answer: Outgoing, handling: str | None) -> Body:
    """Where nothing is said, the caller gets what it accepts."""
    types = call.plan.binary_types
    binary = is_binary(answer.header("content-type"), types)
    wanted = is_binary(first(call.incoming.headers, "accept"), types)
    if handling == "CONVERT_TO_BINARY" or (handling is None and wanted):
        return answer.body if binary else _decoded(answer.body)
    return base64.b64encode(answer.body).decode() if binary else _text(answer.body)


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ConfigurationError(reason=f"{_CONFIGURATION} Unable to base64 decode the body.") from None


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
