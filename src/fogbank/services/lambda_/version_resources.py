"""CloudFormation types of versions and aliases, with the concurrency that is provisioned for them."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.lambda_.errors import InvalidParameterValue
from fogbank.services.lambda_.resource_properties import gone_is_fine, taken

_POLL_S = 0.1


class VersionType(ResourceType):
    type_name = "AWS::Lambda::Version"
    supported = frozenset({"CodeSha256", "Description", "FunctionName", "ProvisionedConcurrencyConfig"})

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = taken(request.properties, ("CodeSha256", "Description", "FunctionName"))
        answer = await ctx.call(ctx.cloud.lambda_.publish_version, **settings)
        if request.announce is not None:
            await request.announce(answer["FunctionArn"])
        place = {"FunctionName": request.properties["FunctionName"], "Qualifier": answer["Version"]}
        await _active(ctx, place)
        await _provision(ctx, place, request.properties, {})
        attributes = {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]}
        return ResourceState(physical_id=answer["FunctionArn"], attributes=attributes)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await gone_is_fine(ctx.call(ctx.cloud.lambda_.delete_function, FunctionName=request.physical_id))


class AliasType(ResourceType):
    type_name = "AWS::Lambda::Alias"
    supported = frozenset(
        {"Description", "FunctionName", "FunctionVersion", "Name", "ProvisionedConcurrencyConfig", "RoutingConfig"}
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        answer = await ctx.call(ctx.cloud.lambda_.create_alias, **_alias_settings(request.properties))
        arn = answer["AliasArn"]
        if request.announce is not None:
            await request.announce(arn)
        await _provision(ctx, _alias_place(request.properties), request.properties, {})
        return ResourceState(physical_id=arn, attributes={"AliasArn": arn})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        # The API leaves alone what it is not given; a property that the template no longer has is cleared.
        settings = {"Description": "", "RoutingConfig": {}, **_alias_settings(request.properties)}
        arn = (await ctx.call(ctx.cloud.lambda_.update_alias, **settings))["AliasArn"]
        await _provision(ctx, _alias_place(request.properties), request.properties, request.previous)
        return ResourceState(physical_id=arn, attributes={"AliasArn": arn})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        properties = request.previous or request.properties
        delete = ctx.cloud.lambda_.delete_alias
        await gone_is_fine(ctx.call(delete, FunctionName=properties["FunctionName"], Name=properties["Name"]))


def _alias_place(properties: dict[str, Any]) -> dict[str, str]:
    return {"FunctionName": properties["FunctionName"], "Qualifier": properties["Name"]}


def _alias_settings(properties: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation lists the weights of other versions, the API maps them."""
    settings = taken(properties, ("Description", "FunctionName", "FunctionVersion", "Name"))
    if "RoutingConfig" in properties:
        weights = properties["RoutingConfig"].get("AdditionalVersionWeights") or []
        by_version = {str(weight["FunctionVersion"]): float(weight["FunctionWeight"]) for weight in weights}
        settings["RoutingConfig"] = {"AdditionalVersionWeights": by_version}
    return settings


async def _active(ctx: Context, place: dict[str, str]) -> None:
    """Wait until the version can be invoked, which with SnapStart takes its initialization."""
    while True:
        found = await ctx.refreshed().call(ctx.cloud.lambda_.get_function_configuration, **place)
        if found["State"] == "Failed":
            raise InvalidParameterValue(f"The version could not be published. Reason: {found['StateReason']}")
        if found["State"] == "Active":
            return
        await ctx.cloud.clock.sleep(_POLL_S)


async def _provision(ctx: Context, place: dict[str, str], properties: dict[str, Any], previous: dict[str, Any]) -> None:
    """Have as many environments provisioned as the properties say, and wait for them."""
    wanted, before = _wanted(properties), _wanted(previous)
    service = ctx.cloud.lambda_
    if wanted == 0:
        if before:
            await ctx.call(service.delete_provisioned_concurrency_config, **place)
        return
    if wanted != before:
        put = service.put_provisioned_concurrency_config
        await ctx.call(put, **place, ProvisionedConcurrentExecutions=wanted)
    while True:
        found = await ctx.refreshed().call(service.get_provisioned_concurrency_config, **place)
        if found["Status"] == "READY":
            return
        if found["Status"] == "FAILED":
            raise InvalidParameterValue(
                f"Provisioned Concurrency configuration failed to be applied. Reason: {found['StatusReason']}"
            )
        await ctx.cloud.clock.sleep(_POLL_S)


def _wanted(properties: dict[str, Any]) -> int:
    return int((properties.get("ProvisionedConcurrencyConfig") or {}).get("ProvisionedConcurrentExecutions", 0))


VERSION_RESOURCES: list[type[ResourceType]] = [VersionType, AliasType]
