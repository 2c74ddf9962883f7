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
    body = _converted(
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
        return body
    template = templates[key]
    if not template:
        return body
    return rendered(call, template, _text(body) or "{}").encode()


def response_body(call: Call, answer: Outgoing, response: dict[str, Any]) -> tuple[bytes, str]:
    """The method's body and its type, by the integration response."""
    body = _converted_answer(call, answer, response.get("contentHandling"))
    templates = response.get("responseTemplates") or {}
    key = _accepted(templates, first(call.incoming.headers, "accept"))
    template = templates.get(key) if key is not None else None
    if template:
        body = rendered(call, template, _text(body)).encode()
    return body, key or "application/json"


def _accepted(templates: dict[str, Any], accept: str | None) -> str | None:
    """The template that the caller wants; `application/json` or the first if it wants none of them."""
    for wanted in (accept or "").split(","):
        key = pick(templates, bare(wanted))
        if key is not None:
            return key
    return pick(templates, "application/json") or next(iter(templates), None)


def _converted(body: bytes, handling: str | None, *, binary: bool) -> bytes:
    """https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html"""
    if handling == "CONVERT_TO_TEXT" and binary:
        return base64.b64encode(body)
    if handling == "CONVERT_TO_BINARY" and not binary:
        return _decoded(body)
    return body


def _converted_answer(call: Call, answer: Outgoing, handling: str | None) -> bytes:
    types = call.plan.binary_types
    binary = is_binary(answer.header("content-type"), types)
    wanted = is_binary(first(call.incoming.headers, "accept"), types)
    if handling == "CONVERT_TO_BINARY":
        return answer.body if binary else _decoded(answer.body)
    if handling == "CONVERT_TO_TEXT" or (handling is None and binary and not wanted):
        return base64.b64encode(answer.body) if binary else answer.body
    if handling is None and wanted and not binary:
        return _decoded(answer.body)
    return answer.body


def _decoded(body: bytes) -> bytes:
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise ConfigurationError(reason=f"{_CONFIGURATION} Unable to base64 decode the body.") from None


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")
