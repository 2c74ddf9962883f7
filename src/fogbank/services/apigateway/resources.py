"""CloudFormation types of API Gateway."""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.apigateway.access_resources import (
    ApiKeyResource,
    AuthorizerResource,
    UsagePlanKeyResource,
    UsagePlanResource,
)
from fogbank.services.apigateway.errors import NotFound
from fogbank.services.apigateway.part_resource import PartResource
from fogbank.services.apigateway.properties import Patch, escaped, flag, given, map_changes, member, replace
from fogbank.services.apigateway.tags import api_arn, stage_arn


async def _set_tags(ctx: Context, arn: str, before: dict[str, str], wanted: dict[str, str]) -> None:
    apigateway = ctx.cloud.apigateway
    gone = [key for key in before if key not in wanted]
    if gone:
        await ctx.call(apigateway.untag_resource, resourceArn=arn, tagKeys=gone)
    if wanted:
        await ctx.call(apigateway.tag_resource, resourceArn=arn, tags=wanted)


class RestApiResource(ResourceType):
    type_name = "AWS::ApiGateway::RestApi"
    supported = frozenset(
        {
            "ApiKeySourceType",
            "BinaryMediaTypes",
            "Body",
            "BodyS3Location",
            "Description",
            "DisableExecuteApiEndpoint",
            "EndpointConfiguration",
            "FailOnWarnings",
            "MinimumCompressionSize",
            "Mode",
            "Name",
            "Parameters",
            "Policy",
            "Tags",
        }
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        apigateway, properties = ctx.cloud.apigateway, request.properties
        body = await _body(ctx, properties)
        if body is None:
            settings = given(properties, "Name", "Description", "Policy")
            answer = await ctx.call(apigateway.create_rest_api, tags=request.tags(), **settings)
        else:
            answer = await ctx.call(apigateway.import_rest_api, body=body, **_import_options(properties))
        if request.announce is not None:
            await request.announce(answer["id"])
        await self._settle(ctx, answer["id"], {}, request)
        return _rest_api(answer)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        apigateway, api_id = ctx.cloud.apigateway, request.physical_id
        before = request.previous
        body = await _body(ctx, request.properties)
        if body is not None:
            mode, options = request.properties.get("Mode", "overwrite"), _import_options(request.properties)
            await ctx.call(apigateway.put_rest_api, restApiId=api_id, body=body, mode=mode, **options)
            before = {}  # The document has overwritten what the properties said.
        await self._settle(ctx, api_id, before, request)
        return _rest_api(await ctx.call(apigateway.get_rest_api, restApiId=api_id))

    async def _settle(self, ctx: Context, api_id: str, before: dict[str, Any], request: ResourceRequest) -> None:
        """What the properties say, over what a document does."""
        apigateway, after = ctx.cloud.apigateway, request.properties
        changes = [
            replace(f"/{member(name)}", after.get(name, ""))
            for name in ("Name", "Description", "MinimumCompressionSize", "DisableExecuteApiEndpoint")
            if after.get(name) != before.get(name)
        ]
        there = await ctx.call(apigateway.get_rest_api, restApiId=api_id)
        old, new = there.get("binaryMediaTypes") or [], after.get("BinaryMediaTypes") or []
        gone = [kind for kind in before.get("BinaryMediaTypes") or [] if kind not in new]
        changes += [{"op": "remove", "path": f"/binaryMediaTypes/{escaped(kind)}"} for kind in gone]
        changes += [{"op": "add", "path": f"/binaryMediaTypes/{escaped(kind)}"} for kind in new if kind not in old]
        if after.get("EndpointConfiguration") != before.get("EndpointConfiguration"):
            changes += _endpoint_changes(after.get("EndpointConfiguration") or {"Types": ["EDGE"]})
        if after.get("ApiKeySourceType") != before.get("ApiKeySourceType"):
            changes.append(replace("/apiKeySource", after.get("ApiKeySourceType", "HEADER")))
        if "Policy" in after:
            changes.append(replace("/policy", after["Policy"]))
        await ctx.call(apigateway.update_rest_api, restApiId=api_id, patchOperations=changes)
        await _set_tags(ctx, api_arn(ctx, api_id), there.get("tags") or {}, request.tags())

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.apigateway.delete_rest_api, restApiId=request.physical_id)
        except NotFound:
            return


def _endpoint_changes(configuration: dict[str, Any]) -> list[Patch]:
    if "VpcEndpointIds" in configuration:
        raise NotImplementedInFogbank("REST APIs in VPC endpoints are not implemented in Fogbank.")
    changes = []
    if "Types" in configuration:
        (kind,) = configuration["Types"]
        changes.append(replace("/endpointConfiguration/types/0", kind))
    if "IpAddressType" in configuration:
        changes.append(replace("/endpointConfiguration/ipAddressType", configuration["IpAddressType"]))
    return changes


async def _body(ctx: Context, properties: dict[str, Any]) -> bytes | None:
    """The API's document, if it has one."""
    if "Body" in properties:
        body = properties["Body"]
        return body.encode() if isinstance(body, str) else json.dumps(body).encode()
    place = properties.get("BodyS3Location")
    if place is None:
        return None
    version = {"VersionId": place["Version"]} if "Version" in place else {}
    answer = await ctx.call(ctx.cloud.s3.get_object, Bucket=place["Bucket"], Key=place["Key"], **version)
    content = answer["Body"]
    return content if isinstance(content, bytes) else b"".join([piece async for piece in content])


def _import_options(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "parameters": properties.get("Parameters") or {},
        "failOnWarnings": flag(properties.get("FailOnWarnings")),
    }


def _rest_api(answer: dict[str, Any]) -> ResourceState:
    attributes = {"RestApiId": answer["id"], "RootResourceId": answer["rootResourceId"]}
    return ResourceState(physical_id=answer["id"], attributes=attributes)


class ResourceResource(PartResource):
    type_name = "AWS::ApiGateway::Resource"
    supported = frozenset({"ParentId", "PathPart", "RestApiId"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        answer = ctx.cloud.apigateway.create_resource(ctx, **given(request.properties, *self.supported))
        return ResourceState(physical_id=answer["id"], attributes={"ResourceId": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.delete_resource(ctx, restApiId=api_id, resourceId=request.physical_id)


class MethodResource(PartResource):
    type_name = "AWS::ApiGateway::Method"
    supported = frozenset(
        {
            "ApiKeyRequired",
            "AuthorizationScopes",
            "AuthorizationType",
            "AuthorizerId",
            "HttpMethod",
            "Integration",
            "MethodResponses",
            "OperationName",
            "RequestModels",
            "RequestParameters",
            "RequestValidatorId",
            "ResourceId",
            "RestApiId",
        }
    )

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        self._put(ctx, properties)
        name = f"{properties['RestApiId']}|{properties['ResourceId']}|{properties['HttpMethod']}"
        return ResourceState(physical_id=name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        """The method is made anew, in one transaction."""
        ctx.cloud.apigateway.delete_method(ctx, **_place(request.properties))
        self._put(ctx, request.properties)
        return ResourceState(physical_id=request.physical_id)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.apigateway.delete_method(ctx, **_place(request.properties))

    def _put(self, ctx: Context, properties: dict[str, Any]) -> None:
        apigateway, place = ctx.cloud.apigateway, _place(properties)
        settings = given(
            properties, "AuthorizerId", "OperationName", "RequestModels", "RequestValidatorId", "AuthorizationScopes"
        )
        if "ApiKeyRequired" in properties:
            settings["apiKeyRequired"] = flag(properties["ApiKeyRequired"])
        if "RequestParameters" in properties:
            settings["requestParameters"] = _flags(properties["RequestParameters"])
        kind = properties.get("AuthorizationType", "NONE")
        apigateway.put_method(ctx, **place, authorizationType=kind, **settings)
        for response in properties.get("MethodResponses") or ():
            declared = given(response, "StatusCode", "ResponseModels")
            declared["statusCode"] = str(declared["statusCode"])
            if "ResponseParameters" in response:
                declared["responseParameters"] = _flags(response["ResponseParameters"])
            apigateway.put_method_response(ctx, **place, **declared)
        if "Integration" in properties:
            _put_integration(ctx, place, properties["Integration"])


def _place(properties: dict[str, Any]) -> dict[str, Any]:
    return given(properties, "RestApiId", "ResourceId", "HttpMethod")


def _flags(values: dict[str, Any]) -> dict[str, bool]:
    return {name: flag(value) for name, value in values.items()}


_INTEGRATION = (
    "Type",
    "IntegrationHttpMethod",
    "Uri",
    "ConnectionType",
    "Credentials",
    "RequestParameters",
    "RequestTemplates",
    "PassthroughBehavior",
    "CacheNamespace",
    "CacheKeyParameters",
    "ContentHandling",
)
_INTEGRATION_ELSE = ("IntegrationResponses", "TimeoutInMillis")


def _put_integration(ctx: Context, place: dict[str, Any], integration: dict[str, Any]) -> None:
    missing = integration.keys() - {*_INTEGRATION, *_INTEGRATION_ELSE}
    if missing:
        raise NotImplementedInFogbank(f"Fogbank does not implement of integrations: {', '.join(sorted(missing))}.")
    settings = given(integration, *_INTEGRATION)
    if "TimeoutInMillis" in integration:
        settings["timeoutInMillis"] = int(integration["TimeoutInMillis"])
    ctx.cloud.apigateway.put_integration(ctx, **place, **settings)
    names = ("StatusCode", "SelectionPattern", "ResponseParameters", "ResponseTemplates", "ContentHandling")
    for response in integration.get("IntegrationResponses") or ():
        wanted = given(response, *names)
        wanted["statusCode"] = str(wanted["statusCode"])
        ctx.cloud.apigateway.put_integration_response(ctx, **place, **wanted)


class ModelResource(PartResource):
    type_name = "AWS::ApiGateway::Model"
    supported = frozenset({"ContentType", "Description", "Name", "RestApiId", "Schema"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("Name") or "".join(filter(str.isalnum, request.generated_name(length_max=128)))
        settings = given(properties, "RestApiId", "Description")
        content_type = properties.get("ContentType", "application/json")
        ctx.cloud.apigateway.create_model(
            ctx, name=name, contentType=content_type, schema=_json_text(properties.get("Schema")), **settings
        )
        return ResourceState(physical_id=name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        changes = [
            replace("/description", request.properties.get("Description", "")),
            replace("/schema", _json_text(request.properties.get("Schema"))),
        ]
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.update_model(ctx, restApiId=api_id, modelName=request.physical_id, patchOperations=changes)
        return ResourceState(physical_id=request.physical_id)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.delete_model(ctx, restApiId=api_id, modelName=request.physical_id)


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value or {})


class RequestValidatorResource(PartResource):
    type_name = "AWS::ApiGateway::RequestValidator"
    supported = frozenset({"Name", "RestApiId", "ValidateRequestBody", "ValidateRequestParameters"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        settings = given(properties, "RestApiId", "Name")
        for name in ("ValidateRequestBody", "ValidateRequestParameters"):
            settings[member(name)] = flag(properties.get(name))
        answer = ctx.cloud.apigateway.create_request_validator(ctx, **settings)
        return ResourceState(physical_id=answer["id"], attributes={"RequestValidatorId": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        changes = [
            replace(f"/{member(name)}", flag(request.properties.get(name)))
            for name in ("ValidateRequestBody", "ValidateRequestParameters")
        ]
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.update_request_validator(
            ctx, restApiId=api_id, requestValidatorId=request.physical_id, patchOperations=changes
        )
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.delete_request_validator(ctx, restApiId=api_id, requestValidatorId=request.physical_id)


class GatewayResponseResource(PartResource):
    type_name = "AWS::ApiGateway::GatewayResponse"
    supported = frozenset({"ResponseParameters", "ResponseTemplates", "ResponseType", "RestApiId", "StatusCode"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = given(request.properties, *self.supported)
        if "statusCode" in settings:
            settings["statusCode"] = str(settings["statusCode"])
        ctx.cloud.apigateway.put_gateway_response(ctx, **settings)
        name = request.physical_id or request.generated_name(length_max=64)
        return ResourceState(physical_id=name, attributes={"Id": name})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._create(ctx, request)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        settings = given(request.properties, "RestApiId", "ResponseType")
        ctx.cloud.apigateway.delete_gateway_response(ctx, **settings)


class DeploymentResource(PartResource):
    type_name = "AWS::ApiGateway::Deployment"
    supported = frozenset({"Description", "RestApiId", "StageDescription", "StageName"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        settings = given(properties, "RestApiId", "Description", "StageName")
        stage: dict[str, Any] = properties.get("StageDescription") or {}
        missing = stage.keys() - {"Description", "Variables", "TracingEnabled"}
        if missing:
            names = ", ".join(sorted(missing))
            raise NotImplementedInFogbank(f"Fogbank does not implement of a deployment's StageDescription: {names}.")
        if "Description" in stage:
            settings["stageDescription"] = stage["Description"]
        if "Variables" in stage:
            settings["variables"] = stage["Variables"]
        if "TracingEnabled" in stage:
            settings["tracingEnabled"] = flag(stage["TracingEnabled"])
        answer = ctx.cloud.apigateway.create_deployment(ctx, **settings)
        return ResourceState(physical_id=answer["id"], attributes={"DeploymentId": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        changes = [replace("/description", request.properties.get("Description", ""))]
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.update_deployment(
            ctx, restApiId=api_id, deploymentId=request.physical_id, patchOperations=changes
        )
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        """With the stage that it made, if that still points to it: nothing else in the template owns that one."""
        apigateway, api_id = ctx.cloud.apigateway, request.properties["RestApiId"]
        stage = request.properties.get("StageName")
        there = apigateway.get_stages(ctx, restApiId=api_id, deploymentId=request.physical_id)["item"]
        if stage in [each["stageName"] for each in there]:
            apigateway.delete_stage(ctx, restApiId=api_id, stageName=stage)
        apigateway.delete_deployment(ctx, restApiId=api_id, deploymentId=request.physical_id)


class StageResource(ResourceType):
    type_name = "AWS::ApiGateway::Stage"
    supported = frozenset(
        {
            "AccessLogSetting",
            "CacheClusterEnabled",
            "DeploymentId",
            "Description",
            "MethodSettings",
            "RestApiId",
            "StageName",
            "Tags",
            "TracingEnabled",
            "Variables",
        }
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        settings = given(properties, "RestApiId", "DeploymentId", "Description", "Variables")
        for name in ("TracingEnabled", "CacheClusterEnabled"):
            if name in properties:
                settings[member(name)] = flag(properties[name])
        name = properties.get("StageName") or request.generated_name(length_max=128)
        await ctx.call(ctx.cloud.apigateway.create_stage, stageName=name, tags=request.tags(), **settings)
        if request.announce is not None:
            await request.announce(name)
        await self._patch(ctx, properties["RestApiId"], name, _log_and_method_changes({}, properties))
        return ResourceState(physical_id=name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        before, after, name = request.previous, request.properties, request.physical_id
        api_id = after["RestApiId"]
        changes = [replace("/deploymentId", after["DeploymentId"])]
        if after.get("Description") != before.get("Description"):
            changes.append(replace("/description", after.get("Description", "")))
        changes.append(replace("/tracingEnabled", flag(after.get("TracingEnabled"))))
        changes.append(replace("/cacheClusterEnabled", flag(after.get("CacheClusterEnabled"))))
        changes += map_changes("/variables", before.get("Variables") or {}, after.get("Variables") or {})
        changes += _log_and_method_changes(before, after)
        await self._patch(ctx, api_id, name, changes)
        stage = await ctx.call(ctx.cloud.apigateway.get_stage, restApiId=api_id, stageName=name)
        await _set_tags(ctx, stage_arn(ctx, api_id, name), stage.get("tags") or {}, request.tags())
        return ResourceState(physical_id=name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        api_id = request.properties["RestApiId"]
        try:
            await ctx.call(ctx.cloud.apigateway.delete_stage, restApiId=api_id, stageName=request.physical_id)
        except NotFound:
            return

    async def _patch(self, ctx: Context, api_id: str, name: str, changes: list[Patch]) -> None:
        if changes:
            update = ctx.cloud.apigateway.update_stage
            await ctx.call(update, restApiId=api_id, stageName=name, patchOperations=changes)


_METHOD_SETTINGS = {
    "CacheDataEncrypted": "caching/dataEncrypted",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled",
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


def _log_and_method_changes(before: dict[str, Any], after: dict[str, Any]) -> list[Patch]:
    changes: list[Patch] = []
    log = after.get("AccessLogSetting") or {}
    if before.get("AccessLogSetting") and not log:
        changes.append({"op": "remove", "path": "/accessLogSettings"})
    changes += [replace(f"/accessLogSettings/{member(name)}", value) for name, value in log.items()]
    old = {_method_path(setting) for setting in before.get("MethodSettings") or ()}
    new = {_method_path(setting): setting for setting in after.get("MethodSettings") or ()}
    changes += [{"op": "remove", "path": path} for path in sorted(old)]
    for path, setting in new.items():
        for name, value in setting.items():
            if name in _METHOD_SETTINGS:
                changes.append(replace(f"{path}/{_METHOD_SETTINGS[name]}", value))
    return changes


def _method_path(setting: dict[str, Any]) -> str:
    resource = setting.get("ResourcePath", "/*").removeprefix("/")
    return f"/{'*' if resource == '*' else escaped('/' + resource)}/{setting.get('HttpMethod', '*')}"


class AccountResource(TransactionalResourceType):
    type_name = "AWS::ApiGateway::Account"
    supported = frozenset({"CloudWatchRoleArn"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        self._put(ctx, request.properties.get("CloudWatchRoleArn", ""))
        name = request.physical_id or request.generated_name(length_max=64)
        return ResourceState(physical_id=name, attributes={"Id": name})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._create(ctx, request)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        """The account keeps its role, as on AWS: other stacks may count on it."""

    def _put(self, ctx: Context, role: str) -> None:
        ctx.cloud.apigateway.update_account(ctx, patchOperations=[replace("/cloudwatchRoleArn", role)])


RESOURCES: list[type[ResourceType]] = [
    AccountResource,
    ApiKeyResource,
    AuthorizerResource,
    DeploymentResource,
    GatewayResponseResource,
    MethodResource,
    ModelResource,
    RequestValidatorResource,
    ResourceResource,
    RestApiResource,
    StageResource,
    UsagePlanKeyResource,
    UsagePlanResource,
]
