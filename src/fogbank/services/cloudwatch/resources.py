"""CloudFormation: AWS::CloudWatch::Alarm and AWS::CloudWatch::Dashboard.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CloudWatch.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.services.cloudwatch.errors import DashboardNotFound

_NUMBERS = {"Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int, "Threshold": float}
_PASSED = (
    "AlarmActions",
    "AlarmDescription",
    "ComparisonOperator",
    "Dimensions",
    "ExtendedStatistic",
    "InsufficientDataActions",
    "MetricName",
    "Metrics",
    "Namespace",
    "OKActions",
    "Statistic",
    "TreatMissingData",
    "Unit",
)


class AlarmResource(ResourceType):
    """Ref is the alarm's name."""

    type_name = "AWS::CloudWatch::Alarm"
    supported = frozenset((*_PASSED, *_NUMBERS, "ActionsEnabled", "AlarmName", "Tags"))
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.properties.get("AlarmName") or request.generated_name())

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        await ctx.call(ctx.cloud.cloudwatch.delete_alarms, AlarmNames=[request.physical_id])

    async def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        properties = request.properties
        wanted: dict[str, Any] = {key: properties[key] for key in _PASSED if key in properties}
        wanted |= {key: kind(properties[key]) for key, kind in _NUMBERS.items() if key in properties}
        wanted["ActionsEnabled"] = str(properties.get("ActionsEnabled", True)).lower() == "true"
        if "Metrics" in wanted:
            wanted["Metrics"] = [_query(query) for query in wanted["Metrics"]]
        cloudwatch, arn = ctx.cloud.cloudwatch, ctx.arn("cloudwatch", f"alarm:{name}")
        await ctx.call(cloudwatch.put_metric_alarm, AlarmName=name, **wanted)
        tags = request.tags()
        known = (await ctx.call(cloudwatch.list_tags_for_resource, ResourceARN=arn))["Tags"]
        gone = [tag["Key"] for tag in known if tag["Key"] not in tags]
        await ctx.call(cloudwatch.untag_resource, ResourceARN=arn, TagKeys=gone)
        pairs = [{"Key": key, "Value": value} for key, value in tags.items()]
        await ctx.call(cloudwatch.tag_resource, ResourceARN=arn, Tags=pairs)
        return ResourceState(physical_id=name, attributes={"Arn": arn})


class DashboardResource(ResourceType):
    """Ref is the dashboard's name."""

    type_name = "AWS::CloudWatch::Dashboard"
    supported = frozenset(("DashboardBody", "DashboardName"))

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.properties.get("DashboardName") or request.generated_name())

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return await self._put(ctx, request, request.physical_id)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await ctx.call(ctx.cloud.cloudwatch.delete_dashboards, DashboardNames=[request.physical_id])
        except DashboardNotFound:
            return

    async def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        body = request.properties["DashboardBody"]
        await ctx.call(ctx.cloud.cloudwatch.put_dashboard, DashboardName=name, DashboardBody=body)
        return ResourceState(physical_id=name)


def _query(given: dict[str, Any]) -> dict[str, Any]:
    """A metric data query with its numbers and booleans as the API takes them."""
    query = dict(given)
    if "ReturnData" in query:
        query["ReturnData"] = str(query["ReturnData"]).lower() == "true"
    if "Period" in query:
        query["Period"] = int(query["Period"])
    if "MetricStat" in query:
        query["MetricStat"] = {**query["MetricStat"], "Period": int(query["MetricStat"]["Period"])}
    return query


RESOURCES: list[type[ResourceType]] = [AlarmResource, DashboardResource]
