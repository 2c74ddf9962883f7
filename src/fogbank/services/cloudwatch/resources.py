"""CloudFormation: AWS::CloudWatch::Alarm, CompositeAlarm, Dashboard and MetricStream.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CloudWatch.html
"""

from abc import abstractmethod
from typing import Any

from fogbank.core.context import Context
from fogbank.core.moments import iso_offset
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.cloudwatch.errors import DashboardNotFound

_NUMBERS = {"Period": int, "EvaluationPeriods": int, "DatapointsToAlarm": int, "Threshold": float}
_PASSED = (
    "AlarmActions",
    "AlarmDescription",
    "ComparisonOperator",
    "Dimensions",
    "EvaluateLowSampleCountPercentile",
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


_COMPOSITE = (
    "ActionsSuppressor",
    "AlarmActions",
    "AlarmDescription",
    "AlarmRule",
    "InsufficientDataActions",
    "OKActions",
)
_PERIODS = ("ActionsSuppressorExtensionPeriod", "ActionsSuppressorWaitPeriod")
_STREAM = (
    "ExcludeFilters",
    "FirehoseArn",
    "IncludeFilters",
    "OutputFormat",
    "RoleArn",
    "StatisticsConfigurations",
)


class _AlarmType(TransactionalResourceType):
    """Alarms of both kinds are made and changed by one operation."""

    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._put(ctx, request, request.properties.get("AlarmName") or request.generated_name())

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._put(ctx, request, request.physical_id)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.cloudwatch.delete_alarms(ctx, AlarmNames=[request.physical_id])

    def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        enabled = str(request.properties.get("ActionsEnabled", True)).lower() == "true"
        self._put_alarm(ctx, request.properties, AlarmName=name, ActionsEnabled=enabled)
        arn = ctx.arn("cloudwatch", f"alarm:{name}")
        _set_tags(ctx, arn, request.tags())
        return ResourceState(physical_id=name, attributes={"Arn": arn})

    @abstractmethod
    def _put_alarm(self, ctx: Context, properties: dict[str, Any], **wanted: Any) -> None: ...


class AlarmResource(_AlarmType):
    """Ref is the alarm's name."""

    type_name = "AWS::CloudWatch::Alarm"
    supported = frozenset((*_PASSED, *_NUMBERS, "ActionsEnabled", "AlarmName", "Tags"))

    def _put_alarm(self, ctx: Context, properties: dict[str, Any], **wanted: Any) -> None:
        wanted |= {key: properties[key] for key in _PASSED if key in properties}
        wanted |= {key: kind(properties[key]) for key, kind in _NUMBERS.items() if key in properties}
        if "Metrics" in wanted:
            wanted["Metrics"] = [_query(query) for query in wanted["Metrics"]]
        ctx.cloud.cloudwatch.put_metric_alarm(ctx, **wanted)


class CompositeAlarmResource(_AlarmType):
    """Ref is the alarm's name."""

    type_name = "AWS::CloudWatch::CompositeAlarm"
    supported = frozenset((*_COMPOSITE, *_PERIODS, "ActionsEnabled", "AlarmName", "Tags"))

    def _put_alarm(self, ctx: Context, properties: dict[str, Any], **wanted: Any) -> None:
        wanted |= {key: properties[key] for key in _COMPOSITE if key in properties}
        wanted |= {key: int(properties[key]) for key in _PERIODS if key in properties}
        ctx.cloud.cloudwatch.put_composite_alarm(ctx, **wanted)


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


class MetricStreamResource(TransactionalResourceType):
    """Ref is the stream's name."""

    type_name = "AWS::CloudWatch::MetricStream"
    supported = frozenset((*_STREAM, "Name", "IncludeLinkedAccountsMetrics", "Tags"))
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._put(ctx, request, request.properties.get("Name") or request.generated_name())

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._put(ctx, request, request.physical_id)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        ctx.cloud.cloudwatch.delete_metric_stream(ctx, Name=request.physical_id)

    def _put(self, ctx: Context, request: ResourceRequest, name: str) -> ResourceState:
        properties, cloudwatch = request.properties, ctx.cloud.cloudwatch
        given = {member: properties[member] for member in _STREAM if member in properties}
        linked = str(properties.get("IncludeLinkedAccountsMetrics", False)).lower() == "true"
        arn = cloudwatch.put_metric_stream(ctx, Name=name, IncludeLinkedAccountsMetrics=linked, **given)["Arn"]
        _set_tags(ctx, arn, request.tags())
        made = cloudwatch.get_metric_stream(ctx, Name=name)
        attributes = {
            "Arn": arn,
            "State": made["State"],
            "CreationDate": iso_offset(int(made["CreationDate"] * 1000)),
            "LastUpdateDate": iso_offset(int(made["LastUpdateDate"] * 1000)),
        }
        return ResourceState(physical_id=name, attributes=attributes)


def _set_tags(ctx: Context, arn: str, tags: dict[str, str]) -> None:
    """These tags and no others."""
    cloudwatch = ctx.cloud.cloudwatch
    there = tag_map(cloudwatch.list_tags_for_resource(ctx, ResourceARN=arn)["Tags"])
    cloudwatch.untag_resource(ctx, ResourceARN=arn, TagKeys=[key for key in there if key not in tags])
    cloudwatch.tag_resource(ctx, ResourceARN=arn, Tags=tag_list(tags))


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


RESOURCES: list[type[ResourceType]] = [
    AlarmResource,
    CompositeAlarmResource,
    DashboardResource,
    MetricStreamResource,
]
