"""CloudFormation: the tags of a resource of CloudWatch Logs follow its template's and its stack's."""

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest


async def keep_tags(ctx: Context, arn: str, request: ResourceRequest) -> None:
    """Give a resource that is there the tags of the request, and no others."""
    logs = ctx.cloud.logs
    there = (await ctx.call(logs.list_tags_for_resource, resourceArn=arn))["tags"]
    wanted = request.tags()
    gone = [key for key in there if key not in wanted]
    if gone:
        await ctx.call(logs.untag_resource, resourceArn=arn, tagKeys=gone)
    if wanted and wanted != there:
        await ctx.call(logs.tag_resource, resourceArn=arn, tags=wanted)
