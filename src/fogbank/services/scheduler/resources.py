"""CloudFormation types of EventBridge Scheduler."""

from datetime import UTC, datetime
from typing import Any

from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.tags import tag_list
from fogbank.services.scheduler.errors import ResourceNotFound

_NUMBERS = ("MaximumEventAgeInSeconds", "MaximumRetryAttempts", "MaximumWindowInMinutes")


class ScheduleResource(ResourceType):
    type_name = "AWS::Scheduler::Schedule"
    supported = frozenset(
        {
            "ActionAfterCompletion",
            "Description",
            "EndDate",
            "FlexibleTimeWindow",
            "GroupName",
            "Name",
            "ScheduleExpression",
            "ScheduleExpressionTimezone",
            "StartDate",
            "State",
            "Target",
        }
    )

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        answer = await ctx.call(ctx.cloud.scheduler.create_schedule, Name=name, **_settings(request.properties))
        return ResourceState(physical_id=name, attributes={"Arn": answer["ScheduleArn"]})

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        answer = await ctx.call(ctx.cloud.scheduler.update_schedule, Name=name, **_settings(request.properties))
        return ResourceState(physical_id=name, attributes={"Arn": answer["ScheduleArn"]})

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        group = request.properties.get("GroupName") or "default"
        try:
            await ctx.call(ctx.cloud.scheduler.delete_schedule, Name=request.physical_id, GroupName=group)
        except ResourceNotFound:
            return


class ScheduleGroupResource(ResourceType):
    type_name = "AWS::Scheduler::ScheduleGroup"
    supported = frozenset({"Name", "Tags"})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        tags = tag_list(request.tags())
        await ctx.call(ctx.cloud.scheduler.create_schedule_group, Name=name, Tags=tags)
        return await self._state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn = ctx.arn("scheduler", f"schedule-group/{request.physical_id}")
        wanted = request.tags()
        scheduler = ctx.cloud.scheduler
        there = (await ctx.call(scheduler.list_tags_for_resource, ResourceArn=arn))["Tags"]
        gone = [tag["Key"] for tag in there if tag["Key"] not in wanted]
        await ctx.call(scheduler.untag_resource, ResourceArn=arn, TagKeys=gone)
        tags = tag_list(wanted)
        await ctx.call(scheduler.tag_resource, ResourceArn=arn, Tags=tags)
        return await self._state(ctx, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.scheduler.delete_schedule_group, Name=request.physical_id)
        except ResourceNotFound:
            return

    async def _state(self, ctx: Context, name: str) -> ResourceState:
        group = await ctx.call(ctx.cloud.scheduler.get_schedule_group, Name=name)
        attributes = {"Arn": group["Arn"], "State": group["State"]}
        for member in ("CreationDate", "LastModificationDate"):
            attributes[member] = iso_seconds(int(group[member] * 1000))
        return ResourceState(physical_id=name, attributes=attributes)


def _settings(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties as the API takes them: templates write dates as text, and may write numbers so."""
    wanted = {name: _with_numbers(value) for name, value in properties.items() if name != "Name"}
    for member in ("StartDate", "EndDate"):
        if member in wanted:
            moment = datetime.fromisoformat(wanted[member])
            wanted[member] = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    return wanted


def _with_numbers(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {name: int(inner) if name in _NUMBERS else _with_numbers(inner) for name, inner in value.items()}


RESOURCES: list[type[ResourceType]] = [ScheduleResource, ScheduleGroupResource]
