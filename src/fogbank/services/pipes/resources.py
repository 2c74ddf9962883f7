"""The CloudFormation type of EventBridge Pipes."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.moments import iso_seconds
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.pipes.errors import NotFound

_NUMBERS = frozenset(
    {
        "BatchSize",
        "MaximumBatchingWindowInSeconds",
        "MaximumRecordAgeInSeconds",
        "MaximumRetryAttempts",
        "ParallelizationFactor",
    }
)
_UPDATABLE = (
    *("RoleArn", "Description", "DesiredState", "SourceParameters"),
    *("Enrichment", "EnrichmentParameters", "Target", "TargetParameters"),
)


class PipeFailed(AwsError):
    code = "NotStabilized"


class PipeResource(ResourceType):
    type_name = "AWS::Pipes::Pipe"
    supported = frozenset({"Name", "Source", "Tags", *_UPDATABLE})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("Name") or request.generated_name(length_max=64)
        wanted = _settings(request.properties) | {"Name": name, "Tags": request.tags() or None}
        await ctx.call(ctx.cloud.pipes.create_pipe, **wanted)
        return await self._state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.physical_id
        cleared = {
            "Description": "",
            "DesiredState": "RUNNING",
            "Enrichment": "",
            "EnrichmentParameters": {},
            "TargetParameters": {},
        }
        given = _settings(request.properties)
        wanted = cleared | {member: given[member] for member in _UPDATABLE if member in given}
        pipes = ctx.cloud.pipes
        await ctx.call(pipes.update_pipe, Name=name, **wanted)
        arn = ctx.arn("pipes", f"pipe/{name}")
        there = (await ctx.call(pipes.list_tags_for_resource, resourceArn=arn))["tags"]
        gone = [key for key in there if key not in request.tags()]
        await ctx.call(pipes.untag_resource, resourceArn=arn, tagKeys=gone)
        if request.tags():
            await ctx.call(pipes.tag_resource, resourceArn=arn, tags=request.tags())
        return await self._state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.pipes.delete_pipe, Name=request.physical_id)
        except NotFound:
            return

    async def _state(self, ctx: Context, name: str) -> ResourceState:
        pipe = await ctx.call(ctx.cloud.pipes.describe_pipe, Name=name)
        if pipe["CurrentState"].endswith("_FAILED"):
            raise PipeFailed(pipe["StateReason"])
        attributes = {"Arn": pipe["Arn"], "CurrentState": pipe["CurrentState"], "StateReason": ""}
        for member in ("CreationTime", "LastModifiedTime"):
            attributes[member] = iso_seconds(int(pipe[member] * 1000))
        return ResourceState(physical_id=name, attributes=attributes)


def _settings(properties: dict[str, Any]) -> dict[str, Any]:
    return {name: _with_numbers(value) for name, value in properties.items() if name not in ("Name", "Tags")}


def _with_numbers(value: Any) -> Any:
    """Templates may write numbers as text."""
    if not isinstance(value, dict):
        return value
    return {name: int(inner) if name in _NUMBERS else _with_numbers(inner) for name, inner in value.items()}


RESOURCES: list[type[ResourceType]] = [PipeResource]
