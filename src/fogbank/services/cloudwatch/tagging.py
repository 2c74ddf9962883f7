"""Tags of alarms, dashboards and metric streams.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_TagResource.html
"""

from collections.abc import Iterator

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service, Tagged
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.cloudwatch.dashboards import dashboard_arn
from fogbank.services.cloudwatch.errors import ResourceNotFound
from fogbank.services.cloudwatch.metric_streams import stream_arn
from fogbank.services.cloudwatch.records import Alarm, CloudWatchTables, Dashboard, MetricStream

Owner = Alarm | Dashboard | MetricStream


class Tagging(Service):
    """The operations on tags of `CloudWatchService`."""

    _tables: CloudWatchTables

    def list_tags_for_resource(self, ctx: Context, *, ResourceARN: str) -> Answer:
        try:
            tags = self._tagged(ctx, ResourceARN).tags
        except ResourceNotFound:
            tags = {}  # AWS answers for an alarm that is gone as for one without tags.
        return {"Tags": tag_list(tags)}

    def tag_resource(self, ctx: Context, *, ResourceARN: str, Tags: list[dict[str, str]]) -> Answer:
        found = self._tagged(ctx, ResourceARN)
        found.tags |= tag_map(Tags)
        self._keep_tagged(ctx, found)
        return None

    def untag_resource(self, ctx: Context, *, ResourceARN: str, TagKeys: list[str]) -> Answer:
        found = self._tagged(ctx, ResourceARN)
        found.tags = {key: value for key, value in found.tags.items() if key not in TagKeys}
        self._keep_tagged(ctx, found)
        return None

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, alarm in self._tables.alarms.scan((ctx.account, ctx.region)):
            yield Tagged(ctx.arn("cloudwatch", f"alarm:{alarm.name}"), "cloudwatch:alarm", alarm.tags)
        for _, stream in self._tables.streams.scan((ctx.account, ctx.region)):
            yield Tagged(stream_arn(ctx, stream.name), "cloudwatch:metric-stream", stream.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.tag_resource(ctx, ResourceARN=arn, Tags=tag_list(tags))

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.untag_resource(ctx, ResourceARN=arn, TagKeys=keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _tagged(self, ctx: Context, arn: str) -> Owner:
        found: Owner | None = None
        if arn.startswith(dashboard := dashboard_arn(ctx, "")):
            found = self._tables.dashboards.get((ctx.account, arn.removeprefix(dashboard)))
        elif arn.startswith(alarm := ctx.arn("cloudwatch", "alarm:")):
            found = self._tables.alarms.get((ctx.account, ctx.region, arn.removeprefix(alarm)))
        elif arn.startswith(stream := stream_arn(ctx, "")):
            found = self._tables.streams.get((ctx.account, ctx.region, arn.removeprefix(stream)))
        if found is None:
            raise ResourceNotFound("Unknown")
        return found

    def _keep_tagged(self, ctx: Context, found: Owner) -> None:
        match found:
            case Alarm():
                self._tables.alarms.put((ctx.account, ctx.region, found.name), found)
            case MetricStream():
                self._tables.streams.put((ctx.account, ctx.region, found.name), found)
            case Dashboard():
                self._tables.dashboards.put((ctx.account, found.name), found)
