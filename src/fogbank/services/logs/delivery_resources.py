"""CloudFormation: AWS::Logs::Destination, DeliverySource, DeliveryDestination and Delivery.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Logs.html
"""

import json
from abc import abstractmethod
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.logs.errors import ResourceNotFound
from fogbank.services.logs.resource_tags import keep_tags


class _PutResource(ResourceType):
    """What one operation makes and changes; tags it takes when it makes it."""

    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, tags=request.tags() or None)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        state = await self._put(ctx, request)
        await keep_tags(ctx, state.attributes["Arn"], request)
        return state

    @abstractmethod
    async def _put(self, ctx: Context, request: ResourceRequest, **given: Any) -> ResourceState: ...


class DestinationResource(_PutResource):
    """Ref is the destination's name."""

    type_name = "AWS::Logs::Destination"
    supported = frozenset(("DestinationName", "DestinationPolicy", "RoleArn", "Tags", "TargetArn"))

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_destination, destinationName=request.physical_id)
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, **given: Any) -> ResourceState:
        properties, logs = request.properties, ctx.cloud.logs
        name = properties["DestinationName"]
        made = await ctx.call(
            logs.put_destination,
            destinationName=name,
            targetArn=properties["TargetArn"],
            roleArn=properties["RoleArn"],
            **given,
        )
        policy = properties.get("DestinationPolicy")
        if policy:
            await ctx.call(logs.put_destination_policy, destinationName=name, accessPolicy=policy)
        return ResourceState(physical_id=name, attributes={"Arn": made["destination"]["arn"]})


class DeliverySourceResource(_PutResource):
    """Ref is the source's name."""

    type_name = "AWS::Logs::DeliverySource"
    supported = frozenset(("LogType", "Name", "ResourceArn", "Tags"))

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_delivery_source, name=request.physical_id)
        except ResourceNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, **given: Any) -> ResourceState:
        properties = request.properties
        made = await ctx.call(
            ctx.cloud.logs.put_delivery_source,
            name=properties["Name"],
            resourceArn=properties.get("ResourceArn"),
            logType=properties.get("LogType"),
            **given,
        )
        source = made["deliverySource"]
        attributes = {"Arn": source["arn"], "ResourceArns": source["resourceArns"], "Service": source["service"]}
        return ResourceState(physical_id=source["name"], attributes=attributes)


class DeliveryDestinationResource(ResourceType):
    """Ref is the delivery destination's name."""

    type_name = "AWS::Logs::DeliveryDestination"
    supported = frozenset(
        (
            "DeliveryDestinationPolicy",
            "DeliveryDestinationType",
            "DestinationResourceArn",
            "Name",
            "OutputFormat",
            "Tags",
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        arn = properties.get("DestinationResourceArn")
        made = await ctx.call(
            ctx.cloud.logs.put_delivery_destination,
            name=properties["Name"],
            outputFormat=properties.get("OutputFormat"),
            deliveryDestinationConfiguration={"destinationResourceArn": arn} if arn else None,
            deliveryDestinationType=properties.get("DeliveryDestinationType"),
            tags=request.tags() or None,
        )
        await self._put_policy(ctx, request)
        return self._state(ctx, made["deliveryDestination"]["name"])

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        state = self._state(ctx, request.physical_id)
        await self._put_policy(ctx, request)
        await keep_tags(ctx, state.attributes["Arn"], request)
        return state

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_delivery_destination, name=request.physical_id)
        except ResourceNotFound:
            return

    async def _put_policy(self, ctx: Context, request: ResourceRequest) -> None:
        name, logs = request.properties["Name"], ctx.cloud.logs
        policy = request.properties.get("DeliveryDestinationPolicy", {}).get("DeliveryDestinationPolicy")
        if policy:
            text = policy if isinstance(policy, str) else json.dumps(policy)
            await ctx.call(
                logs.put_delivery_destination_policy, deliveryDestinationName=name, deliveryDestinationPolicy=text
            )
        elif request.previous.get("DeliveryDestinationPolicy"):
            await ctx.call(logs.delete_delivery_destination_policy, deliveryDestinationName=name)

    def _state(self, ctx: Context, name: str) -> ResourceState:
        return ResourceState(physical_id=name, attributes={"Arn": ctx.arn("logs", f"delivery-destination:{name}")})


class DeliveryResource(ResourceType):
    """Ref is the delivery's id."""

    type_name = "AWS::Logs::Delivery"
    supported = frozenset(
        (
            *("DeliveryDestinationArn", "DeliverySourceName", "FieldDelimiter", "RecordFields"),
            *("S3EnableHiveCompatiblePath", "S3SuffixPath", "Tags"),
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        made = await ctx.call(
            ctx.cloud.logs.create_delivery,
            deliverySourceName=request.properties["DeliverySourceName"],
            deliveryDestinationArn=request.properties["DeliveryDestinationArn"],
            tags=request.tags() or None,
            **_configuration(request.properties),
        )
        return _delivery_state(made["delivery"])

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        logs, name = ctx.cloud.logs, request.physical_id
        await ctx.call(logs.update_delivery_configuration, id=name, **_configuration(request.properties))
        state = _delivery_state((await ctx.call(logs.get_delivery, id=name))["delivery"])
        await keep_tags(ctx, state.attributes["Arn"], request)
        return state

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_delivery, id=request.physical_id)
        except ResourceNotFound:
            return


def _configuration(properties: dict[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if "RecordFields" in properties:
        given["recordFields"] = properties["RecordFields"]
    if "FieldDelimiter" in properties:
        given["fieldDelimiter"] = properties["FieldDelimiter"]
    layout: dict[str, Any] = {}
    if "S3SuffixPath" in properties:
        layout["suffixPath"] = properties["S3SuffixPath"]
    if "S3EnableHiveCompatiblePath" in properties:
        layout["enableHiveCompatiblePath"] = str(properties["S3EnableHiveCompatiblePath"]).lower() == "true"
    return given | ({"s3DeliveryConfiguration": layout} if layout else {})


def _delivery_state(delivery: dict[str, Any]) -> ResourceState:
    attributes = {
        "Arn": delivery["arn"],
        "DeliveryDestinationType": delivery["deliveryDestinationType"],
        "DeliveryId": delivery["id"],
    }
    return ResourceState(physical_id=delivery["id"], attributes=attributes)


DELIVERY_RESOURCES: list[type[ResourceType]] = [
    DeliveryDestinationResource,
    DeliveryResource,
    DeliverySourceResource,
    DestinationResource,
]
