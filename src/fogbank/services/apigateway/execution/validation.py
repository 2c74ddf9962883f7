"""Whether a request has what its method's validator demands.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html
"""

from collections.abc import Iterator
from typing import Any

from fogbank.core.json_text import NOT_JSON, parse
from fogbank.core.linear_regex import BadExpression, search
from fogbank.services.apigateway.execution.call import Call
from fogbank.services.apigateway.execution.media_types import bare
from fogbank.services.apigateway.gateway_errors import BadRequestBody, BadRequestParameters, ConfigurationError
from fogbank.services.apigateway.models import flattened

_PLACES = {"header": 0, "path": 1, "querystring": 2}  # in the order in which AWS lists what is missing


def validate(call: Call) -> None:
    """Raises BadRequestParameters or BadRequestBody."""
    validator = call.plan.validators.get(call.method.get("requestValidatorId") or "")
    if validator is None:
        return
    if validator.parameters:
        _check_parameters(call)
    if validator.body:
        _check_body(call)


def _check_parameters(call: Call) -> None:
    params = call.params
    headers = {name.lower() for name in params["header"]}
    missing = []
    for parameter, required in (call.method.get("requestParameters") or {}).items():
        place, _, name = parameter.removeprefix("method.request.").partition(".")
        there = name.lower() in headers if place == "header" else params.get(place, {}).get(name)
        if required and not there:
            missing.append((_PLACES.get(place, 3), name))
    if missing:
        names = ", ".join(name for _, name in sorted(missing, key=lambda each: each[0]))
        raise BadRequestParameters(f"Missing required request parameters: [{names}]")


def _check_body(call: Call) -> None:
    models: dict[str, str] = call.method.get("requestModels") or {}
    kind = bare(call.params["header"].get("Content-Type") or _content_type(call)) or "application/json"
    name = next((model for content_type, model in models.items() if bare(content_type) == kind), None)
    name = name or models.get("$default")
    if name is None or kind != "application/json":
        return
    document = parse(call.incoming.body or b"{}")
    if document is NOT_JSON:
        raise BadRequestBody(validation="[instance failed to match the schema]")
    errors = [error.message for error in _schema(call, name).iter_errors(document)]
    if errors:
        raise BadRequestBody(validation=f"[{', '.join(errors)}]")


def _content_type(call: Call) -> str | None:
    return next((value for name, value in call.incoming.headers if name.lower() == "content-type"), None)


def _schema(call: Call, name: str) -> Any:
    compiled = call.plan.compiled.get(name)
    if compiled is None:
        # Imported here: few APIs validate bodies, and it costs 50 ms.
        from jsonschema import Draft4Validator, validators

        validator = validators.extend(Draft4Validator, {"pattern": _pattern})
        compiled = call.plan.compiled[name] = validator(flattened(call.plan.models[name], call.plan.models))
    return compiled


def _pattern(_validator: Any, expression: str, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    try:
        if isinstance(instance, str) and not search(expression)(instance):
            yield ValidationError(f"{instance!r} does not match {expression!r}")
    except BadExpression as error:
        raise ConfigurationError(reason=f"Execution failed due to configuration error: {error}") from None
