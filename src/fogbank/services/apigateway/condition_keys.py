"""The condition keys of API Gateway's actions: what a request wants to be, and what is there.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fogbank.core.authorization import Parameters, Source, values_at
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.apigateway.errors import BadRequest, NotFound
from fogbank.services.apigateway.openapi import Imported, imported, read

Members = Mapping[str, str]
"""Where a document says what a condition key asks for, by the key's last part."""

API: Members = {
    "ApiName": "name",
    "DisableExecuteApiEndpoint": "disableExecuteApiEndpoint",
    "EndpointType": "endpointConfiguration.types[]",
}
AUTHORIZER: Members = {"AuthorizerType": "type", "AuthorizerUri": "authorizerUri"}
METHOD: Members = {"ApiKeyRequired": "apiKeyRequired", "RouteAuthorizationType": "authorizationType"}
STAGE: Members = {
    "AccessLoggingDestination": "accessLogSettings.destinationArn",
    "AccessLoggingFormat": "accessLogSettings.format",
}
DEPLOYMENT: Members = {"StageName": "stageName"}


def wanted(members: Members) -> dict[str, Source]:
    """What the parameters say that something new is to be."""
    return {f"apigateway:Request/{key}": f"{{{path}}}" for key, path in members.items()}


def patched(members: Members) -> dict[str, Source]:
    """What patches make of something."""
    return {f"apigateway:Request/{key}": _patch(path) for key, path in members.items()}


def present(getter: str, names: Iterable[str], members: Members) -> dict[str, Source]:
    """What something is until now, as the operation `getter` shows it to who gives the parameters `names`."""

    def document(ctx: Context, parameters: Parameters) -> Mapping[str, Any]:
        get: Callable[..., Mapping[str, Any]] = getattr(ctx.cloud.apigateway, getter)
        try:
            return get(ctx, **{name: str(parameters.get(name, "")) for name in names})
        except NotFound:
            return {}

    def shown(path: str) -> Source:
        return lambda ctx, parameters: _texts(values_at(document(ctx, parameters), path))

    return {f"apigateway:Resource/{key}": shown(path) for key, path in members.items()}


def _patch(path: str) -> Source:
    place = path.removesuffix("[]").replace(".", "/")

    def told(ctx: Context, parameters: Parameters) -> list[str]:
        given = parameters.get("patchOperations") or ()
        changes = [(str(each.get("path")).strip("/"), each.get("value")) for each in given]
        values = (value for path, value in changes if path == place or path.startswith(f"{place}/"))
        return _texts(value for value in values if value is not None)

    return told


def _texts(values: Iterable[Any]) -> list[str]:
    return [str(value).lower() if isinstance(value, bool) else str(value) for value in values]


# ---- documents --------------------------------------------------------------------------------------------------


def _read(tell: Callable[[Imported], Iterable[Any]]) -> Source:
    def told(ctx: Context, parameters: Parameters) -> list[str]:
        try:
            found = imported(read(parameters.get("body") or b""), parameters.get("parameters") or {})
        except (BadRequest, NotImplementedInFogbank):  # The operation tells what is wrong to who may call it.
            return []
        return _texts(dict.fromkeys(value for value in tell(found) if value is not None))

    return told


def _of_settings(name: str) -> Source:
    return _read(lambda found: [found.settings.get(name)])


def _of_methods(name: str) -> Source:
    return _read(lambda found: [method.document.get(name) for method in found.methods])


def _of_authorizers(name: str) -> Source:
    return _read(lambda found: [authorizer.get(name) for authorizer in found.authorizers.values()])


IMPORTED: Mapping[str, Source] = {
    "apigateway:Request/ApiName": _of_settings("name"),
    "apigateway:Request/DisableExecuteApiEndpoint": _of_settings("disableExecuteApiEndpoint"),
    "apigateway:Request/EndpointType": _read(lambda found: found.settings.get("endpointTypes") or ()),
    **{f"apigateway:Request/{key}": _of_methods(path) for key, path in METHOD.items()},
    **{f"apigateway:Request/{key}": _of_authorizers(path) for key, path in AUTHORIZER.items()},
}
