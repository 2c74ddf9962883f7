"""How an API words what the gateway says for itself: its gateway responses."""

import json

from fogbank.services.apigateway.execution import mappings
from fogbank.services.apigateway.execution.bodies import rendered
from fogbank.services.apigateway.execution.call import Call, Outgoing, Pairs
from fogbank.services.apigateway.gateway_errors import DEFAULT_TEMPLATES, GatewayError
from fogbank.services.apigateway.records import GatewayResponse


def answer(call: Call, error: GatewayError) -> Outgoing:
    call.context["error"] = {
        "message": error.message,
        "messageString": json.dumps(error.message),
        "responseType": error.type,
        "validationErrorString": error.validation,
    }
    response = _response(call, error)
    headers: Pairs = [("x-amzn-ErrorType", error.error_type)]
    templates, status = {"application/json": f'{{"{error.member}":$context.error.messageString}}'}, error.status
    if response is not None:
        templates = response.templates or DEFAULT_TEMPLATES
        status = int(response.status_code) if response.status_code else error.status
        for target, source in response.parameters.items():
            name = target.removeprefix("gatewayresponse.header.")
            value = mappings.request_value(call, source)
            if value is not None:
                headers.append((name, value))
    content_type = "application/json" if "application/json" in templates else next(iter(templates))
    body = rendered(call, templates[content_type], "")
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.insert(0, ("Content-Type", content_type))
    return Outgoing(status, headers, body.encode())


def _response(call: Call, error: GatewayError) -> GatewayResponse | None:
    own = call.plan.gateway_responses
    return own.get(error.type) or own.get("DEFAULT_4XX" if error.status < 500 else "DEFAULT_5XX")


def bare_answer(error: GatewayError) -> Outgoing:
    """Where no API is known that could word it."""
    headers = [("Content-Type", "application/json"), ("x-amzn-ErrorType", error.error_type)]
    return Outgoing(error.status, headers, json.dumps({error.member: error.message}, separators=(",", ":")).encode())
