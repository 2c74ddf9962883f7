"""What API Gateway's operations ask of IAM: their HTTP methods, on the paths of the management API.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-iam-policy-examples.html
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

from fogbank.core.authorization import Authorization, Need, Parameters, Source, need, pass_roles, values_named
from fogbank.core.context import Context
from fogbank.services.apigateway.condition_keys import (
    API,
    AUTHORIZER,
    DEPLOYMENT,
    IMPORTED,
    METHOD,
    STAGE,
    patched,
    present,
    wanted,
)
from fogbank.services.apigateway.openapi import read

_SERVICE = "apigateway.amazonaws.com"
_API = "/restapis/{restApiId}"
_RESOURCE = f"{_API}/resources/{{resourceId}}"
_METHOD = f"{_RESOURCE}/methods/{{httpMethod}}"
_INTEGRATION = f"{_METHOD}/integration"
_PLAN = "/usageplans/{usagePlanId}"

_KINDS = {
    "ApiKey": ("POST GETS GET PATCH DELETE", "/apikeys/{apiKey}"),
    "Authorizer": ("POST GETS GET PATCH DELETE", f"{_API}/authorizers/{{authorizerId}}"),
    "Deployment": ("POST GETS GET PATCH DELETE", f"{_API}/deployments/{{deploymentId}}"),
    "GatewayResponse": ("PUT GETS GET PATCH DELETE", f"{_API}/gatewayresponses/{{responseType}}"),
    "Integration": ("PUT GET PATCH DELETE", _INTEGRATION),
    "IntegrationResponse": ("PUT GET PATCH DELETE", f"{_INTEGRATION}/responses/{{statusCode}}"),
    "Method": ("PUT GET PATCH DELETE", _METHOD),
    "MethodResponse": ("PUT GET PATCH DELETE", f"{_METHOD}/responses/{{statusCode}}"),
    "Model": ("POST GETS GET PATCH DELETE", f"{_API}/models/{{modelName}}"),
    "RequestValidator": ("POST GETS GET PATCH DELETE", f"{_API}/requestvalidators/{{requestValidatorId}}"),
    "Resource": ("GETS GET PATCH DELETE", _RESOURCE),
    "RestApi": ("POST PUT GETS GET PATCH DELETE", _API),
    "Stage": ("POST GETS GET PATCH DELETE", f"{_API}/stages/{{stageName}}"),
    "UsagePlan": ("POST GETS GET PATCH DELETE", _PLAN),
    "UsagePlanKey": ("POST GETS GET DELETE", f"{_PLAN}/keys/{{keyId}}"),
}
"""The kinds of resources, the methods that they have and their paths. POST and GETS, for lists, are one step above."""
_TAGGED = ("ApiKey", "RestApi", "Stage", "UsagePlan")
_TOLD = {"Authorizer": AUTHORIZER, "Deployment": DEPLOYMENT, "Method": METHOD, "RestApi": API, "Stage": STAGE}
_NAMES = re.compile(r"\{(\w+)\}")
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")
_VERBS = {"DELETE": "Delete", "GET": "Get", "GETS": "Get", "PATCH": "Update", "POST": "Create", "PUT": "Put"}


def _on(method: str, path: str, *, tags: str = "", keys: Mapping[str, Source] | None = None) -> Need:
    return need(f"arn:{{partition}}:apigateway:{{region}}::{path}", action=method, tags=tags, keys=keys)


def _on_tags(method: str, *, tags: str = "", tag_keys: str = "") -> Need:
    return need(_tags_of, action=method, tags=tags, tag_keys=tag_keys)


def _tags_of(ctx: Context, parameters: Parameters) -> str:
    """The path of a resource's tags has its ARN in it, encoded for URLs."""
    named = quote(str(parameters.get("resourceArn", "*")), safe="")
    return f"arn:aws:apigateway:{ctx.region}::/tags/{named}"


def _given_roles(ctx: Context, parameters: Parameters) -> list[str]:
    return _roles(values_named(parameters, *_MEMBERS))


def _patched_roles(ctx: Context, parameters: Parameters) -> list[str]:
    changes = parameters.get("patchOperations") or ()
    return _roles(str(each.get("value")) for each in changes if str(each.get("path")).lstrip("/") in _MEMBERS)


def _imported_roles(ctx: Context, parameters: Parameters) -> list[str]:
    return _roles(values_named(read(parameters.get("body") or b""), *_MEMBERS))


def _roles(texts: Iterable[str]) -> list[str]:
    """Not all are roles: an integration may name the caller's own credentials instead."""
    return [text for text in texts if ":role/" in text]


_MEMBERS = ("authorizerCredentials", "cloudwatchRoleArn", "credentials")
_GIVEN_ROLE = pass_roles(_given_roles, to=_SERVICE)
_PATCHED_ROLE = pass_roles(_patched_roles, to=_SERVICE)
_IMPORTED_ROLES = pass_roles(_imported_roles, to=_SERVICE)


def _keys(kind: str, method: str, path: str) -> dict[str, Source]:
    members = _TOLD.get(kind, {})
    # A stage gets its access log by a change only.
    makes = method == ("PUT" if kind == "Method" else "POST") and kind != "Stage"
    asked = wanted(members) if makes else patched(members) if method == "PATCH" else {}
    if method not in ("PATCH", "DELETE") or kind == "Deployment":
        return asked
    return asked | present(f"get_{_WORDS.sub('_', kind).lower()}", _NAMES.findall(path), members)


def _of_kinds() -> Iterator[tuple[str, Need]]:
    for kind, (methods, path) in _KINDS.items():
        above = path.rpartition("/")[0]
        for method in methods.split():
            tags = "tags" if method == "POST" and kind in _TAGGED else ""
            name = f"{_VERBS[method]}{kind}{'s' if method == 'GETS' else ''}"
            place = above if method in ("GETS", "POST") else path
            yield name, _on(method.removesuffix("S"), place, tags=tags, keys=_keys(kind, method, path))


_OF_KINDS = dict(_of_kinds())

AUTHORIZATION = Authorization(
    "apigateway",
    operations={
        **_OF_KINDS,
        "CreateAuthorizer": (_OF_KINDS["CreateAuthorizer"], _GIVEN_ROLE),
        "CreateResource": _on("POST", f"{_API}/resources/{{parentId}}"),
        "FlushStageAuthorizersCache": _on("DELETE", f"{_API}/stages/{{stageName}}/cache/authorizers"),
        "GetAccount": _on("GET", "/account"),
        "GetTags": _on_tags("GET"),
        "GetUsage": _on("GET", f"{_PLAN}/usage"),
        "ImportRestApi": (_on("POST", "/restapis", keys=IMPORTED), _IMPORTED_ROLES),
        "PutIntegration": (_OF_KINDS["PutIntegration"], _GIVEN_ROLE),
        "PutRestApi": (
            _on("PUT", _API, keys={**IMPORTED, **present("get_rest_api", ("restApiId",), API)}),
            _IMPORTED_ROLES,
        ),
        "TagResource": _on_tags("PUT", tags="tags"),
        "TestInvokeMethod": _on("POST", _METHOD),
        "UntagResource": _on_tags("DELETE", tag_keys="tagKeys"),
        "UpdateAccount": (_on("PATCH", "/account"), _PATCHED_ROLE),
        "UpdateAuthorizer": (_OF_KINDS["UpdateAuthorizer"], _PATCHED_ROLE),
        "UpdateIntegration": (_OF_KINDS["UpdateIntegration"], _PATCHED_ROLE),
    },
)
