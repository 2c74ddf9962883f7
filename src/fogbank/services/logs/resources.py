"""CloudFormation: AWS::Logs::LogGroup and AWS::Logs::LogStream.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Logs.html
"""

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.logs.errors import ResourceNotFound


class LogGroupResource(ResourceType):
    """Ref is the group's name."""

    type_name = "AWS::Logs::LogGroup"
    supported = frozenset(("LogGroupName", "RetentionInDays", "Tags"))
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("LogGroupName") or request.generated_name(length_max=512)
        await ctx.call(ctx.cloud.logs.create_log_group, logGroupName=name, tags=request.tags())
        return await self._retain(ctx, name, request)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        logs, name = ctx.cloud.logs, request.physical_id
        arn = ctx.arn("logs", f"log-group:{name}")
        tags = (await ctx.call(logs.list_tags_for_resource, resourceArn=arn))["tags"]
        gone = [key for key in tags if key not in request.tags()]
        await ctx.call(logs.untag_resource, resourceArn=arn, tagKeys=gone)
        await ctx.call(logs.tag_resource, resourceArn=arn, tags=request.tags())
        return await self._retain(ctx, name, request)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.logs.delete_log_group, logGroupName=request.physical_id)
        except ResourceNotFound:
            return

    async def _retain(self, ctx: Context, name: str, request: ResourceRequest) -> ResourceState:
        days = int(request.properties.get("RetentionInDays") or 0)
        await ctx.call(ctx.cloud.logs.put_retention_policy, logGroupName=name, retentionInDays=days)
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


RESOURCES: list[type[ResourceType]] = [LogGroupResource, LogStreamResource]
