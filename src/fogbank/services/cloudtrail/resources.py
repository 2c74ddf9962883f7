"""CloudFormation: AWS::CloudTrail::Trail.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-cloudtrail-trail.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.tags import tag_list
from fogbank.services.cloudtrail.errors import TrailNotFound
from fogbank.services.cloudtrail.selectors import DEFAULT

_FLAGS = {"EnableLogFileValidation": False, "IncludeGlobalServiceEvents": True, "IsMultiRegionTrail": False}
_TEXTS = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId", "S3KeyPrefix", "SnsTopicName")


class TrailResource(ResourceType):
    """Ref is the trail's name."""

    type_name = "AWS::CloudTrail::Trail"
    supported = frozenset(
        (
            *_FLAGS,
            *_TEXTS,
            "AdvancedEventSelectors",
            "EventSelectors",
            "IsLogging",
            "S3BucketName",
            "Tags",
            "TrailName",
        )
    )
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name = request.properties.get("TrailName") or request.generated_name(length_max=128)
        tags = tag_list(request.tags())
        made = await ctx.call(
            ctx.cloud.cloudtrail.create_trail, Name=name, **_wanted(request.properties), TagsList=tags
        )
        return await self._settle(ctx, name, request, made)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        cloudtrail, name = ctx.cloud.cloudtrail, request.physical_id
        changed = await ctx.call(cloudtrail.update_trail, Name=name, **_wanted(request.properties))
        arn = changed["TrailARN"]
        (before,) = (await ctx.call(cloudtrail.list_tags, ResourceIdList=[arn]))["ResourceTagList"]
        await ctx.call(cloudtrail.remove_tags, ResourceId=arn, TagsList=before["TagsList"])
        await ctx.call(cloudtrail.add_tags, ResourceId=arn, TagsList=tag_list(request.tags()))
        return await self._settle(ctx, name, request, changed)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.cloudtrail.delete_trail, Name=request.physical_id)
        except TrailNotFound:
            return

    async def _settle(self, ctx: Context, name: str, request: ResourceRequest, trail: dict[str, Any]) -> ResourceState:
        cloudtrail, given = ctx.cloud.cloudtrail, request.properties
        if advanced := given.get("AdvancedEventSelectors"):
            selectors = {"AdvancedEventSelectors": advanced}
        else:
            selectors = {"EventSelectors": [_basic(one) for one in given.get("EventSelectors") or [DEFAULT]]}
        await ctx.call(cloudtrail.put_event_selectors, TrailName=name, **selectors)
        switch = cloudtrail.start_logging if _is_true(given["IsLogging"]) else cloudtrail.stop_logging
        await ctx.call(switch, Name=name)
        attributes = {"Arn": trail["TrailARN"], "SnsTopicArn": trail.get("SnsTopicARN", "")}
        return ResourceState(physical_id=name, attributes=attributes)


def _wanted(given: dict[str, Any]) -> dict[str, Any]:
    flags = {name: _is_true(given.get(name, default)) for name, default in _FLAGS.items()}
    return {"S3BucketName": given["S3BucketName"]} | flags | {name: given.get(name, "") for name in _TEXTS}


def _basic(selector: dict[str, Any]) -> dict[str, Any]:
    management = selector.get("IncludeManagementEvents", True)
    return selector | {"IncludeManagementEvents": _is_true(management)}


def _is_true(value: Any) -> bool:
    return str(value).lower() == "true"


RESOURCES: list[type[ResourceType]] = [TrailResource]
