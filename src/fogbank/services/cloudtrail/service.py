"""AWS CloudTrail. https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/Welcome.html"""

from collections.abc import Iterator, Mapping

from fogbank.core.context import Context
from fogbank.core.service import Tagged
from fogbank.services.cloudtrail.announcing import Announcing
from fogbank.services.cloudtrail.lookup import Lookup
from fogbank.services.cloudtrail.records import trail_arn
from fogbank.services.cloudtrail.trails import Trails


class CloudTrailService(Trails, Lookup, Announcing):
    """The event history of every management call, and trails to buckets, log groups, topics and the
    default event bus, with digests.

    Event data stores, queries, channels, Insights, dashboards and trails of organizations answer NotImplemented.
    """

    name = "cloudtrail"

    async def start(self) -> None:
        self.cloud.audit.watchers.append(self._announce)
        await super().start()

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for key, trail in self._tables.trails.scan((ctx.account, ctx.region)):
            yield Tagged(trail_arn(*key), "cloudtrail:trail", trail.tags)

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        trail = self._tables.trails.peek(self._key(ctx, arn))
        return trail.tags if trail is not None else {}

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self.add_tags(ctx, ResourceId=arn, TagsList=[{"Key": key, "Value": value} for key, value in tags.items()])

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self.remove_tags(ctx, ResourceId=arn, TagsList=[{"Key": key} for key in keys])
