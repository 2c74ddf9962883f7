"""Parameter mappings: from the method's request to the integration's, and from its response to the method's.

https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-data-transformations.html
"""

import json
import re
from typing import Any
from urllib.parse import quote

from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.apigateway.execution.call import Call, Outgoing, Pairs
from fogbank.services.apigateway.gateway_errors import ConfigurationError, InternalError
from fogbank.services.apigateway.json_path import find

_STAGE_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_PATH_VARIABLE = re.compile(r"\{([A-Za-z0-9._:-]+)\+?\}")
# What an integration's request may not be given: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html
_FORBIDDEN = frozenset(("content-length", "transfer-encoding"))
_FORBIDDEN_BY_AWS = _FORBIDDEN | {"authorization", "connection", "expect", "proxy-authenticate", "te"}


class Mapped:
    """What an integration's request is given beside its body."""

    def __init__(self) -> None:
        self.headers: Pairs = []
        self.query: dict[str, list[str]] = {}
        self.path: dict[str, str] = {}


def mapped_request(call: Call) -> Mapped:
    """The `requestParameters` of the integration, evaluated, with what a template overrode."""
    mapped = Mapped()
    forbidden = _FORBIDDEN_BY_AWS if call.integration["type"] == "AWS" else _FORBIDDEN
    for target, source in (call.integration.get("requestParameters") or {}).items():
        _, _, rest = target.partition("integration.request.")
        place, _, name = rest.partition(".")
        values = _request_values(call, source)
        if values is None:
            continue
        if place == "header":
            if name.lower() in forbidden:
                reason = f"Execution failed due to configuration error: Invalid mapping expression specified: {target}"
                raise InternalError(reason=reason)
            mapped.headers.append((name, ",".join(values)))
        elif place == "querystring":
            mapped.query[name] = values
        else:
            mapped.path[name] = values[-1]
    return mapped


def override(call: Call, mapped: Mapped) -> None:
    """Put over what was mapped what a template wrote to `$context.requestOverride`."""
    overrides = call.context["requestOverride"]
    for name, value in (overrides.get("header") or {}).items():
        mapped.headers = [pair for pair in mapped.headers if pair[0].lower() != name.lower()]
        mapped.headers.append((name, str(value)))
    for name, value in (overrides.get("querystring") or {}).items():
        mapped.query[name] = [str(value)]
    for name, value in (overrides.get("path") or {}).items():
        mapped.path[name] = str(value)


def _request_values(call: Call, source: str) -> list[str] | None:
    incoming = call.incoming
    kind, _, name = source.removeprefix("method.request.").partition(".")
    if source.startswith("method.request.body"):
        return _one(_json_part(_text(incoming.body), source.removeprefix("method.request.body")))
    if source.startswith("method.request."):
        match kind:
            case "path":
                return _one(call.path_parameters.get(name))
            case "querystring" | "multivaluequerystring":
                values = [value for key, value in incoming.query if key == name]
            case _:
                values = [value for key, value in call.forwarded_headers() if key.lower() == name.lower()]
        return (values if kind.startswith("multivalue") else values[-1:]) or None
    return _one(constant(call, source))


def constant(call: Call, source: str) -> str | None:
    """What does not depend on a request or response: `'text'`, `context.…`, `stageVariables.…`."""
    if source.startswith("'"):
        return source[1:-1] if source.endswith("'") else source[1:]
    kind, _, name = source.partition(".")
    if kind == "stageVariables":
        return call.stage_variables.get(name)
    if kind == "context":
        value = in_context(call, name)
        return None if value is None else _as_text(value)
    return None


def in_context(call: Call, name: str) -> Any:
    """The value of `$context.name`, where the name may have dots."""
    value: Any = call.context
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def mapped_response(call: Call, answer: Outgoing, parameters: dict[str, str] | None) -> Pairs:
    """The headers of the method's response; `parameters` are the integration response's."""
    headers: Pairs = []
    for target, source in (parameters or {}).items():
        name = target.removeprefix("method.response.header.")
        for value in _response_values(call, answer, source):
            headers.append((name, value))
    return headers


def _response_values(call: Call, answer: Outgoing, source: str) -> list[str]:
    if source.startswith("integration.response.body"):
        return _one(_json_part(_text(answer.body), source.removeprefix("integration.response.body"))) or []
    if source.startswith("integration.response."):
        kind, _, name = source.removeprefix("integration.response.").partition(".")
        values = [value for key, value in answer.headers if key.lower() == name.lower()]
        return values if kind == "multivalueheader" else values[-1:]
    return _one(constant(call, source)) or []


def request_value(call: Call, source: str) -> str | None:
    """One value of the method's request, or a constant: what gateway responses map."""
    values = _request_values(call, source)
    return values[-1] if values else None


def _one(value: str | None) -> list[str] | None:
    return None if value is None else [value]


def _json_part(body: str, path: str) -> str | None:
    if not path:
        return body
    document = parse(body)
    if document is NOT_JSON:
        return None
    try:
        value = find(document, f"${path}")
    except ValueError as error:
        raise ConfigurationError(reason=f"Execution failed due to configuration error: {error}") from None
    return None if value is None else _as_text(value)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


# ---- the integration's URI


def with_stage_variables(call: Call, uri: str) -> str:
    return _STAGE_VARIABLE.sub(lambda match: call.stage_variables.get(match[1], ""), uri)


def resolved_uri(call: Call, mapped: Mapped, *, proxy: bool) -> str:
    """The URI with its variables replaced: stage variables, and `{name}` by mapped path parameters. In a proxy
    integration path parameters of the same name need no mapping.
    """
    uri = with_stage_variables(call, call.integration["uri"])

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name in mapped.path:
            return quote(mapped.path[name], safe="/@:+%~!$&'()*,;=")
        if proxy and name in call.path_parameters:
            return quote(call.path_parameters[name], safe="/@:+%~!$&'()*,;=")
        return match[0]

    return _PATH_VARIABLE.sub(value, uri)
