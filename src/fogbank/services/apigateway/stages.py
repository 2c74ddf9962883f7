"""Stages: what is served of an API, where, and with which settings.

https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateStage.html
"""

import re
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.apigateway import patches
from fogbank.services.apigateway.base import ApiGatewayBase, with_values
from fogbank.services.apigateway.errors import BadRequest, Conflict
from fogbank.services.apigateway.patches import Patch, flag
from fogbank.services.apigateway.records import Document, Stage
from fogbank.services.apigateway.tags import check_tags

_NAME = re.compile(r"[a-zA-Z0-9_-]+")
_VARIABLE_NAME = re.compile(r"[a-zA-Z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")
_LOG_LEVELS = ("OFF", "ERROR", "INFO")
_STRATEGIES = ("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")

METHOD_SETTING_DEFAULTS: Document = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
_METHOD_SETTINGS = {
    "metrics/enabled": ("metricsEnabled", flag),
    "logging/dataTrace": ("dataTraceEnabled", flag),
    "logging/loglevel": ("loggingLevel", patches.text),
    "throttling/burstLimit": ("throttlingBurstLimit", lambda value: patches.number(value, whole=True)),
    "throttling/rateLimit": ("throttlingRateLimit", lambda value: patches.number(value, whole=False)),
    "caching/ttlInSeconds": ("cacheTtlInSeconds", lambda value: patches.number(value, whole=True)),
    "caching/enabled": ("cachingEnabled", flag),
    "caching/dataEncrypted": ("cacheDataEncrypted", flag),
    "caching/requireAuthorizationForCacheControl": ("requireAuthorizationForCacheControl", flag),
    "caching/unauthorizedCacheControlHeaderStrategy": ("unauthorizedCacheControlHeaderStrategy", patches.text),
}
# As AWS lists them, with its commas.
_PATHS = (
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
    "/accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, "
    "/{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit"
    "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, "
    "/*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit "
    "/*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, "
    "/variables/{variable_name}, /tracingEnabled"
)


class Stages(ApiGatewayBase):
    """The operations on stages."""

    def create_stage(
        self,
        ctx: Context,
        *,
        restApiId: str,
        stageName: str,
        deploymentId: str,
        description: str | None = None,
        cacheClusterEnabled: bool = False,
        variables: dict[str, str] | None = None,
        tracingEnabled: bool = False,
        tags: dict[str, str] | None = None,
    ) -> Answer:
        self._api(ctx, restApiId)
        self._check_deployment(restApiId, deploymentId)
        if self._tables.stages.get((restApiId, stageName)) is not None:
            raise Conflict("Stage already exists")
        settings = {
            "stageName": stageName,
            "description": description,
            "cacheClusterEnabled": cacheClusterEnabled,
            "variables": variables,
            "tracingEnabled": tracingEnabled,
        }
        return described(self._make_stage(ctx, restApiId, deploymentId, settings, check_tags(tags)))

    def _make_stage(
        self, ctx: Context, api_id: str, deployment_id: str, given: Document, tags: dict[str, str] | None = None
    ) -> Stage:
        name = given["stageName"]
        if not _NAME.fullmatch(name):
            raise BadRequest("Stage name only allows a-zA-Z0-9_-")
        settings = {"cacheClusterStatus": "NOT_AVAILABLE", "methodSettings": {}, **with_values(given)}
        _refuse_cache(settings["cacheClusterEnabled"])
        for key, value in (given["variables"] or {}).items():
            _check_variable(key, value)
        stage = Stage(name, deployment_id, ctx.now_ms, ctx.now_ms, settings, tags or {})
        self._tables.stages.put((api_id, name), stage)
        return stage

    def _redeploy(
        self,
        ctx: Context,
        api_id: str,
        stage: Stage,
        deployment_id: str,
        *,
        description: str | None,
        variables: dict[str, str] | None,
    ) -> None:
        """What CreateDeployment does with a stage that is there."""
        stage.deployment_id, stage.updated_ms = deployment_id, ctx.now_ms
        if description is not None:
            stage.settings["description"] = description
        for key, value in (variables or {}).items():
            _check_variable(key, value)
        if variables is not None:
            stage.settings["variables"] = variables
        self._tables.stages.put((api_id, stage.name), stage)

    def _check_logging(self, ctx: Context) -> None:
        account = self._tables.accounts.peek((ctx.account, ctx.region))
        if account is None or not account.role_arn:
            raise BadRequest("CloudWatch Logs role ARN must be set in account settings to enable logging")

    def _check_deployment(self, api_id: str, deployment_id: str) -> None:
        if self._tables.deployments.peek((api_id, deployment_id)) is None:
            raise BadRequest("Deployment id does not exist")

    def delete_stage(self, ctx: Context, *, restApiId: str, stageName: str) -> Answer:
        self._stage(ctx, restApiId, stageName)
        self._tables.stages.delete((restApiId, stageName))
        return None

    def get_stage(self, ctx: Context, *, restApiId: str, stageName: str) -> Answer:
        return described(self._stage(ctx, restApiId, stageName))

    def get_stages(self, ctx: Context, *, restApiId: str, deploymentId: str | None = None) -> Answer:
        self._api(ctx, restApiId)
        stages = [stage for _, stage in self._tables.stages.scan((restApiId,))]
        return {"item": [described(stage) for stage in stages if deploymentId in (None, stage.deployment_id)]}

    def update_stage(
        self, ctx: Context, *, restApiId: str, stageName: str, patchOperations: list[dict[str, Any]] | None = None
    ) -> Answer:
        stage = self._stage(ctx, restApiId, stageName)
        for patch in patches.parsed(patchOperations):
            self._change_stage(ctx, restApiId, stage, patch)
        stage.updated_ms = ctx.now_ms
        self._tables.stages.put((restApiId, stageName), stage)
        return described(stage)

    def _change_stage(self, ctx: Context, api_id: str, stage: Stage, patch: Patch) -> None:
        settings = stage.settings
        if patch.op not in ("add", "remove", "replace"):
            raise NotImplementedInFogbank(f"Fogbank's UpdateStage does not implement the operation {patch.op}.")
        match patch.steps:
            case ["deploymentId"] if patch.op == "replace":
                self._check_deployment(api_id, patch.value or "")
                stage.deployment_id = patch.value or ""
            case ["description"] if patch.op != "remove":
                settings["description"] = patch.value or ""
            case ["description"]:
                settings.pop("description", None)
            case ["tracingEnabled"]:
                settings["tracingEnabled"] = flag(patch.value)
            case ["cacheClusterEnabled"]:
                _refuse_cache(flag(patch.value))
                settings["cacheClusterEnabled"] = False
            case ["cacheClusterSize"]:
                raise NotImplementedInFogbank("Caches of stages are not implemented in Fogbank.")
            case ["clientCertificateId"]:
                raise NotImplementedInFogbank("Client certificates are not implemented in Fogbank.")
            case ["canarySettings", *_]:
                raise NotImplementedInFogbank("Canary releases are not implemented in Fogbank.")
            case ["variables", name]:
                _change_variable(settings, name, patch)
            case ["accessLogSettings", *rest]:
                _change_access_log(settings, patch, rest)
            case [*resource, http_method, group, member] if f"{group}/{member}" in _METHOD_SETTINGS and resource:
                if (group, member) == ("logging", "loglevel") and patch.value in ("INFO", "ERROR"):
                    self._check_logging(ctx)
                _change_method_setting(settings, _place(resource, http_method), f"{group}/{member}", patch)
            case [*resource, http_method] if patch.op == "remove" and resource:
                _remove_method_settings(settings, _place(resource, http_method))
            case _:
                raise BadRequest(f"Invalid method setting path: {patch.path}. Must be one of: [{_PATHS}]")


def _place(resource: list[str], http_method: str) -> str:
    """The name of a method's settings: `pets/{id}/GET`, and `*/*` for all."""
    return "/".join([*resource, http_method]).removeprefix("/")


def _refuse_cache(wanted: bool) -> None:
    if wanted:
        raise NotImplementedInFogbank("Caches of stages are not implemented in Fogbank.")


def _check_variable(name: str, value: str) -> None:
    if not _VARIABLE_NAME.fullmatch(name):
        raise BadRequest("Stage variable name may only have alphanumeric characters and underscore: " + name)
    if not _VARIABLE_VALUE.fullmatch(value):
        raise BadRequest(
            "Stage variable value may only contain alphanumeric characters and these characters -._~:/?#&=,: " + value
        )


def _change_variable(settings: Document, name: str, patch: Patch) -> None:
    variables = dict(settings.get("variables") or {})
    if patch.op == "remove":
        variables.pop(name, None)
    else:
        _check_variable(name, patch.value or "")
        variables[name] = patch.value or ""
    settings.pop("variables", None)
    if variables:
        settings["variables"] = variables


def _change_access_log(settings: Document, patch: Patch, rest: list[str]) -> None:
    there = settings.get("accessLogSettings") or {}
    if patch.op == "remove":
        if rest:
            raise _no_method_setting("/".join(["accessLogSettings", *rest]))
        settings.pop("accessLogSettings", None)
        return
    if rest not in (["destinationArn"], ["format"]):
        raise BadRequest(
            "Invalid accessLogSettings path. Must be one of : [/accessLogSettings/destinationArn, "
            "/accessLogSettings/format]"
        )
    if not patch.value:
        raise BadRequest("Access Log value must not be empty")
    value = patch.value
    if rest == ["destinationArn"]:
        if ":firehose:" in value:
            raise NotImplementedInFogbank("Access logs to Firehose are not implemented in Fogbank.")
        value = value.removesuffix(":*")
    settings["accessLogSettings"] = {**there, rest[0]: value}


def _change_method_setting(settings: Document, place: str, path: str, patch: Patch) -> None:
    there = settings["methodSettings"]
    if patch.op == "remove":
        if place not in there:
            raise _no_method_setting(place)
        name, _ = _METHOD_SETTINGS[path]
        changed = {key: value for key, value in there[place].items() if key != name}
        changed |= {name: METHOD_SETTING_DEFAULTS[name]} if name in METHOD_SETTING_DEFAULTS else {}
        settings["methodSettings"] = {**there, place: changed}
        return
    name, convert = _METHOD_SETTINGS[path]
    value = convert(patch.value)
    if value is None:  # The sentence is not recorded.
        raise BadRequest(f"Invalid value {patch.value} for {patch.path}")
    _check_method_setting(name, value)
    settings["methodSettings"] = {**there, place: {**METHOD_SETTING_DEFAULTS, **there.get(place, {}), name: value}}


def _check_method_setting(name: str, value: Any) -> None:
    if name == "loggingLevel" and value not in _LOG_LEVELS:
        raise BadRequest("Invalid logging level. Valid options are OFF, ERROR, INFO")  # The sentence is not recorded.
    if name == "unauthorizedCacheControlHeaderStrategy" and value not in _STRATEGIES:
        raise BadRequest(f"Invalid strategy. Valid options are {', '.join(_STRATEGIES)}")  # Nor is this one.


def _remove_method_settings(settings: Document, place: str) -> None:
    if place not in settings["methodSettings"]:
        raise _no_method_setting(place)
    settings["methodSettings"] = {key: value for key, value in settings["methodSettings"].items() if key != place}


def _no_method_setting(place: str) -> BadRequest:
    return BadRequest(f"Cannot remove method setting {place} because there is no method setting for this method ")


def described(stage: Stage) -> dict[str, Any]:
    tags = {"tags": stage.tags} if stage.tags else {}
    return {
        **stage.settings,
        "deploymentId": stage.deployment_id,
        "createdDate": stage.created_ms // 1000,
        "lastUpdatedDate": stage.updated_ms // 1000,
        **tags,
    }
