"""CloudFormation types of AWS::Lambda that say who may call and change functions, and where."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.lambda_.resource_properties import gone_is_fine, set_tags, taken


class PermissionType(ResourceType):
    type_name = "AWS::Lambda::Permission"
    supported = frozenset(
        {
            "Action",
            "EventSourceToken",
            "FunctionName",
            "FunctionUrlAuthType",
            "InvokedViaFunctionUrl",
            "Principal",
            "PrincipalOrgID",
            "SourceAccount",
            "SourceArn",
        }
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        sid = request.generated_name(length_max=100)
        settings = taken(request.properties, tuple(request.properties))
        await ctx.call(ctx.cloud.lambda_.add_permission, StatementId=sid, **settings)
        return ResourceState(physical_id=sid, attributes={"Id": sid})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        await self.delete(ctx, request)
        return await self.create(ctx, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        function = (request.previous or request.properties)["FunctionName"]
        remove = ctx.cloud.lambda_.remove_permission
        await gone_is_fine(ctx.call(remove, FunctionName=function, StatementId=request.physical_id))


class LayerVersionPermissionType(ResourceType):
    type_name = "AWS::Lambda::LayerVersionPermission"
    supported = frozenset({"Action", "LayerVersionArn", "OrganizationId", "Principal"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        sid = request.generated_name(length_max=100)
        settings = taken(request.properties, ("Action", "OrganizationId", "Principal"))
        layer = _layer(request.properties)
        await ctx.call(ctx.cloud.lambda_.add_layer_version_permission, StatementId=sid, **layer, **settings)
        return ResourceState(physical_id=sid, attributes={"Id": sid})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        remove = ctx.cloud.lambda_.remove_layer_version_permission
        layer = _layer(request.previous or request.properties)
        await gone_is_fine(ctx.call(remove, StatementId=request.physical_id, **layer))


def _layer(properties: dict[str, Any]) -> dict[str, Any]:
    name, _, version = properties["LayerVersionArn"].rpartition(":")
    return {"LayerName": name, "VersionNumber": int(version)}


class UrlType(ResourceType):
    type_name = "AWS::Lambda::Url"
    supported = frozenset({"AuthType", "Cors", "InvokeMode", "Qualifier", "TargetFunctionArn"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = taken(request.properties, ("AuthType", "Cors", "InvokeMode"))
        create = ctx.cloud.lambda_.create_function_url_config
        return _url_state(await ctx.call(create, **_target(request.properties), **settings))

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        # The API leaves alone what it is not given; a property that the template no longer has is cleared.
        settings = {"Cors": {}, "InvokeMode": "BUFFERED"}
        settings |= taken(request.properties, ("AuthType", "Cors", "InvokeMode"))
        update = ctx.cloud.lambda_.update_function_url_config
        return _url_state(await ctx.call(update, **_target(request.properties), **settings))

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        delete = ctx.cloud.lambda_.delete_function_url_config
        await gone_is_fine(ctx.call(delete, **_target(request.previous or request.properties)))


def _target(properties: dict[str, Any]) -> dict[str, Any]:
    qualifier = properties.get("Qualifier")
    return {"FunctionName": properties["TargetFunctionArn"], **({"Qualifier": qualifier} if qualifier else {})}


def _url_state(answer: dict[str, Any]) -> ResourceState:
    attributes = {"FunctionArn": answer["FunctionArn"], "FunctionUrl": answer["FunctionUrl"]}
    return ResourceState(physical_id=answer["FunctionArn"], attributes=attributes)


class CodeSigningConfigType(ResourceType):
    type_name = "AWS::Lambda::CodeSigningConfig"
    supported = frozenset({"AllowedPublishers", "CodeSigningPolicies", "Description", "Tags"})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = taken(request.properties, ("AllowedPublishers", "CodeSigningPolicies", "Description"))
        create = ctx.cloud.lambda_.create_code_signing_config
        config = (await ctx.call(create, Tags=request.tags(), **settings))["CodeSigningConfig"]
        attributes = {name: config[name] for name in ("CodeSigningConfigArn", "CodeSigningConfigId")}
        return ResourceState(physical_id=config["CodeSigningConfigArn"], attributes=attributes)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        service, arn = ctx.cloud.lambda_, request.physical_id
        settings = {"Description": "", "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}}
        settings |= taken(request.properties, ("AllowedPublishers", "CodeSigningPolicies", "Description"))
        await ctx.call(service.update_code_signing_config, CodeSigningConfigArn=arn, **settings)
        await set_tags(ctx, arn, request.tags())
        return ResourceState(physical_id=arn, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        delete = ctx.cloud.lambda_.delete_code_signing_config
        await gone_is_fine(ctx.call(delete, CodeSigningConfigArn=request.physical_id))


ACCESS_RESOURCES: list[type[ResourceType]] = [
    PermissionType,
    LayerVersionPermissionType,
    UrlType,
    CodeSigningConfigType,
]
