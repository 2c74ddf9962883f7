"""CloudFormation: AWS::Logs::LogGroup, LogStream, MetricFilter, SubscriptionFilter, QueryDefinition and
ResourcePolicy.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Logs.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.logs.delivery_resources import DELIVERY_RESOURCES
from fogbank.services.logs.errors import ResourceNotFound
from fogbank.services.logs.processing_resources import PROCESSING_RESOURCES
from fogbank.services.logs.resource_tags import keep_tags


class LogGroupResource(ResourceType):
    """Ref is the group's name."""

    type_name = "AWS::Logs::LogGroup"
    supported = frozenset(
        ("DeletionProtectionEnabled", "KmsKeyId", "LogGroupClass", "LogGroupName", "RetentionInDays", "Tags")
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("LogGroupName") or request.generated_name(length_max=512)
        log_class = request.properties.get("LogGroupClass", "STANDARD")
        await ctx.call(
            ctx.cloud.logs.create_log_group,
            logGroupName=name,
            tags=request.tags() or None,
            kmsKeyId=request.properties.get("KmsKeyId"),
            logGroupClass=log_class,
        )
        return await self._retain(ctx, name, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        await keep_tags(ctx, ctx.arn("logs", f"log-group:{name}"), request)
        key = request.properties.get("KmsKeyId")
        if key:
            await ctx.call(ctx.cloud.logs.associate_kms_key, logGroupName=name, kmsKeyId=key)
        elif request.previous.get("KmsKeyId"):
            await ctx.call(ctx.cloud.logs.disassociate_kms_key, logGroupName=name)
        return await self._retain(ctx, name, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_log_group, logGroupName=request.physical_id)
        except ResourceNotFound:
            return

    async def _retain(self, ctx: Context, name: str, request: ResourceRequest) -> ResourceState:
        logs = ctx.cloud.logs
        days = int(request.properties.get("RetentionInDays") or 0)
        if days:
            await ctx.call(logs.put_retention_policy, logGroupName=name, retentionInDays=days)
        elif request.previous.get("RetentionInDays"):
            await ctx.call(logs.delete_retention_policy, logGroupName=name)
        protected = str(request.properties.get("DeletionProtectionEnabled", False)).lower() == "true"
        await ctx.call(
            logs.put_log_group_deletion_protection, logGroupIdentifier=name, deletionProtectionEnabled=protected
        )
        return ResourceState(physical_id=name, attributes={"Arn": ctx.arn("logs", f"log-group:{name}:*")})


class LogStreamResource(ResourceType):
    """Ref is the stream's name."""

    type_name = "AWS::Logs::LogStream"
    supported = frozenset(("LogGroupName", "LogStreamName"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("LogStreamName") or request.generated_name(length_max=512)
        group = request.properties["LogGroupName"]
        await ctx.call(ctx.cloud.logs.create_log_stream, logGroupName=group, logStreamName=name)
        return ResourceState(physical_id=name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return ResourceState(physical_id=request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        group = request.properties["LogGroupName"]
        try:
            await ctx.call(ctx.cloud.logs.delete_log_stream, logGroupName=group, logStreamName=request.physical_id)
        except ResourceNotFound:
            return


class MetricFilterResource(ResourceType):
    """Ref is the filter's name."""

    type_name = "AWS::Logs::MetricFilter"
    supported = frozenset(
        ("ApplyOnTransformedLogs", "FilterName", "FilterPattern", "LogGroupName", "MetricTransformations")
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.properties.get("FilterName") or request.generated_name())

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(
                ctx.cloud.logs.delete_metric_filter,
                logGroupName=request.properties["LogGroupName"],
                filterName=request.physical_id,
            )
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        properties = request.properties
        await ctx.call(
            ctx.cloud.logs.put_metric_filter,
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            metricTransformations=[_transformation(given) for given in properties["MetricTransformations"]],
            applyOnTransformedLogs=_on_transformed(properties),
        )
        return ResourceState(physical_id=name)


class SubscriptionFilterResource(ResourceType):
    """Ref is the filter's name."""

    type_name = "AWS::Logs::SubscriptionFilter"
    supported = frozenset(
        (
            *("ApplyOnTransformedLogs", "DestinationArn", "Distribution", "FilterName", "FilterPattern"),
            *("LogGroupName", "RoleArn"),
        )
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.properties.get("FilterName") or request.generated_name())

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(
                ctx.cloud.logs.delete_subscription_filter,
                logGroupName=request.properties["LogGroupName"],
                filterName=request.physical_id,
            )
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        properties = request.properties
        given = {
            parameter: properties[name]
            for parameter, name in (("distribution", "Distribution"), ("roleArn", "RoleArn"))
            if name in properties
        }
        await ctx.call(
            ctx.cloud.logs.put_subscription_filter,
            logGroupName=properties["LogGroupName"],
            filterName=name,
            filterPattern=properties["FilterPattern"],
            destinationArn=properties["DestinationArn"],
            applyOnTransformedLogs=_on_transformed(properties),
            **given,
        )
        return ResourceState(physical_id=name)


class QueryDefinitionResource(ResourceType):
    """Ref is the definition's id."""

    type_name = "AWS::Logs::QueryDefinition"
    supported = frozenset(("LogGroupNames", "Name", "QueryLanguage", "QueryString"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, {})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, {"queryDefinitionId": request.physical_id})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_query_definition, queryDefinitionId=request.physical_id)
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, given: dict[str, Any]) -> ResourceState:
        properties = request.properties
        if "QueryLanguage" in properties:
            given["queryLanguage"] = properties["QueryLanguage"]
        made = await ctx.call(
            ctx.cloud.logs.put_query_definition,
            name=properties["Name"],
            queryString=properties["QueryString"],
            logGroupNames=properties.get("LogGroupNames"),
            **given,
        )
        definition_id = made["queryDefinitionId"]
        return ResourceState(physical_id=definition_id, attributes={"QueryDefinitionId": definition_id})


class ResourcePolicyResource(ResourceType):
    """Ref is the policy's name."""

    type_name = "AWS::Logs::ResourcePolicy"
    supported = frozenset(("PolicyDocument", "PolicyName"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self.update(ctx, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties["PolicyName"]
        document = request.properties["PolicyDocument"]
        await ctx.call(ctx.cloud.logs.put_resource_policy, policyName=name, policyDocument=document)
        return ResourceState(physical_id=name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_resource_policy, policyName=request.physical_id)
        except ResourceNotFound:
            return


def _on_transformed(properties: dict[str, Any]) -> bool:
    return str(properties.get("ApplyOnTransformedLogs", False)).lower() == "true"


def _transformation(given: dict[str, Any]) -> dict[str, Any]:
    """A metric transformation in the API's form: names begin small, dimensions are a map, numbers are numbers."""
    made: dict[str, Any] = {name[0].lower() + name[1:]: value for name, value in given.items()}
    if "dimensions" in made:
        made["dimensions"] = {pair["Key"]: pair["Value"] for pair in made["dimensions"]}
    if "defaultValue" in made:
        made["defaultValue"] = float(made["defaultValue"])
    return made


RESOURCES: list[type[ResourceType]] = [
    *DELIVERY_RESOURCES,
    *PROCESSING_RESOURCES,
    LogGroupResource,
    LogStreamResource,
    MetricFilterResource,
    QueryDefinitionResource,
    ResourcePolicyResource,
    SubscriptionFilterResource,
]
