"""CloudFormation types of what lets callers in: authorizers, API keys and usage plans."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState
from fogbank.services.apigateway.part_resource import PartResource
from fogbank.services.apigateway.properties import escaped, flag, given, replace
from fogbank.services.apigateway.tags import key_arn, plan_arn


class AuthorizerResource(PartResource):
    type_name = "AWS::ApiGateway::Authorizer"
    supported = frozenset(
        {
            "AuthType",
            "AuthorizerCredentials",
            "AuthorizerResultTtlInSeconds",
            "AuthorizerUri",
            "IdentitySource",
            "IdentityValidationExpression",
            "Name",
            "RestApiId",
            "Type",
        }
    )

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = given(request.properties, *self.supported)
        if "authorizerResultTtlInSeconds" in settings:
            settings["authorizerResultTtlInSeconds"] = int(settings["authorizerResultTtlInSeconds"])
        answer = ctx.cloud.apigateway.create_authorizer(ctx, **settings)
        return ResourceState(physical_id=answer["id"], attributes={"AuthorizerId": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = given(request.properties, *(self.supported - {"RestApiId"}))
        changes = [replace(f"/{name}", value) for name, value in settings.items()]
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.update_authorizer(
            ctx, restApiId=api_id, authorizerId=request.physical_id, patchOperations=changes
        )
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        api_id = request.properties["RestApiId"]
        ctx.cloud.apigateway.delete_authorizer(ctx, restApiId=api_id, authorizerId=request.physical_id)


class ApiKeyResource(PartResource):
    type_name = "AWS::ApiGateway::ApiKey"
    supported = frozenset({"CustomerId", "Description", "Enabled", "Name", "Tags", "Value"})
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        settings = {
            "name": request.generated_name(length_max=128),
            **given(properties, "CustomerId", "Description", "Name", "Value"),
            "enabled": flag(properties.get("Enabled")),
        }
        answer = ctx.cloud.apigateway.create_api_key(ctx, tags=request.tags(), **settings)
        return ResourceState(physical_id=answer["id"], attributes={"APIKeyId": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = given(request.properties, "CustomerId", "Description", "Name")
        changes = [replace(f"/{name}", value) for name, value in settings.items()]
        changes.append(replace("/enabled", flag(request.properties.get("Enabled"))))
        ctx.cloud.apigateway.update_api_key(ctx, apiKey=request.physical_id, patchOperations=changes)
        _set_tags(ctx, key_arn(ctx, request.physical_id), request)
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.apigateway.delete_api_key(ctx, apiKey=request.physical_id)


class UsagePlanResource(PartResource):
    type_name = "AWS::ApiGateway::UsagePlan"
    supported = frozenset({"ApiStages", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"})
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("UsagePlanName") or request.generated_name(length_max=128)
        settings: dict[str, Any] = given(properties, "Description")
        if "Quota" in properties:
            settings["quota"] = _numbers(given(properties["Quota"], "Limit", "Offset", "Period"))
        if "Throttle" in properties:
            settings["throttle"] = _numbers(given(properties["Throttle"], "BurstLimit", "RateLimit"))
        stages = [_stage(stage) for stage in properties.get("ApiStages") or ()]
        answer = ctx.cloud.apigateway.create_usage_plan(
            ctx, name=name, apiStages=stages, tags=request.tags(), **settings
        )
        return ResourceState(physical_id=answer["id"], attributes={"Id": answer["id"]})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        before, after = request.previous, request.properties
        changes = []
        if "Description" in after:
            changes.append(replace("/description", after["Description"]))
        elif "Description" in before:
            changes.append({"op": "remove", "path": "/description"})
        if "UsagePlanName" in after:
            changes.append(replace("/name", after["UsagePlanName"]))
        for name, members in (("Quota", ("Limit", "Offset", "Period")), ("Throttle", ("BurstLimit", "RateLimit"))):
            place = f"/{name.lower()}"
            if name in before and name not in after:
                changes.append({"op": "remove", "path": place})
            settings = given(after.get(name) or {}, *members)
            changes += [replace(f"{place}/{member}", value) for member, value in settings.items()]
        old, new = ([_stage(stage) for stage in each.get("ApiStages") or ()] for each in (before, after))
        changes += [{**_stage_change(stage), "op": "remove"} for stage in old if stage not in new]
        changes += [{**_stage_change(stage), "op": "add"} for stage in new if stage not in old]
        for stage in new:
            place = f"/apiStages/{stage['apiId']}:{stage['stage']}/throttle"
            for method, limits in (stage.get("throttle") or {}).items():
                resource, _, http_method = method.rpartition("/")
                step = f"{place}/{escaped(resource)}/{http_method}"
                changes += [replace(f"{step}/{limit}", value) for limit, value in limits.items()]
        ctx.cloud.apigateway.update_usage_plan(ctx, usagePlanId=request.physical_id, patchOperations=changes)
        _set_tags(ctx, plan_arn(ctx, request.physical_id), request)
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.apigateway.delete_usage_plan(ctx, usagePlanId=request.physical_id)


def _set_tags(ctx: Context, arn: str, request: ResourceRequest) -> None:
    apigateway, wanted = ctx.cloud.apigateway, request.tags()
    gone = [key for key in apigateway.get_tags(ctx, resourceArn=arn)["tags"] if key not in wanted]
    if gone:
        apigateway.untag_resource(ctx, resourceArn=arn, tagKeys=gone)
    if wanted:
        apigateway.tag_resource(ctx, resourceArn=arn, tags=wanted)


def _stage(stage: dict[str, Any]) -> dict[str, Any]:
    found = given(stage, "ApiId", "Stage")
    if stage.get("Throttle"):
        found["throttle"] = {
            method: _numbers(given(limits, "BurstLimit", "RateLimit")) for method, limits in stage["Throttle"].items()
        }
    return found


def _stage_change(stage: dict[str, Any]) -> dict[str, str]:
    return {"path": "/apiStages", "value": f"{stage['apiId']}:{stage['stage']}"}


def _numbers(values: dict[str, Any]) -> dict[str, Any]:
    kinds = {"burstLimit": int, "limit": int, "offset": int, "rateLimit": float}
    return {name: kinds[name](value) if name in kinds else value for name, value in values.items()}


class UsagePlanKeyResource(PartResource):
    type_name = "AWS::ApiGateway::UsagePlanKey"
    supported = frozenset({"KeyId", "KeyType", "UsagePlanId"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        settings = given(request.properties, *self.supported)
        ctx.cloud.apigateway.create_usage_plan_key(ctx, **settings)
        name = f"{settings['keyId']}:{settings['usagePlanId']}"
        return ResourceState(physical_id=name, attributes={"Id": name})

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _remove(self, ctx: Context, request: ResourceRequest) -> None:
        settings = given(request.properties, "KeyId", "UsagePlanId")
        ctx.cloud.apigateway.delete_usage_plan_key(ctx, **settings)
