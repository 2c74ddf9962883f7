"""The steps that CloudTrail's operations are made of."""

from fogbank.core.arn import parse_arn
from fogbank.core.audit import Entry
from fogbank.core.context import Context
from fogbank.core.service import Service
from fogbank.services.cloudtrail.errors import CloudTrailArnInvalid, InvalidHomeRegion, TrailNotFound
from fogbank.services.cloudtrail.events import Event
from fogbank.services.cloudtrail.records import Trail, TrailKey, TrailTables


class Base(Service):
    _tables: TrailTables

    def _event(self, account: str, region: str, at_ms: int, entry: Entry) -> Event:
        key = self.cloud.access_keys.peek((entry.access_key,)) if entry.access_key else None
        return Event(account, region, at_ms, entry, key)

    def _trail(self, ctx: Context, name: str) -> tuple[TrailKey, Trail]:
        """The trail of a name in this region, or of an ARN."""
        key = self._key(ctx, name)
        trail = self._tables.trails.get(key)
        if trail is None:
            raise TrailNotFound(f"Unknown trail: {name} for the user: {ctx.account}")
        return key, trail

    def _own_trail(self, ctx: Context, name: str) -> tuple[TrailKey, Trail]:
        """A trail that may be changed: here it must be at home."""
        key, trail = self._trail(ctx, name)
        if key[1] != ctx.region:
            raise InvalidHomeRegion(f"Trail {name} can be changed only in its home region {key[1]}.")
        return key, trail

    def _key(self, ctx: Context, name: str) -> TrailKey:
        if not name.startswith("arn:"):
            return ctx.account, ctx.region, name
        arn = parse_arn(name)
        if arn is None or arn.service != "cloudtrail" or not arn.resource.startswith("trail/"):
            raise CloudTrailArnInvalid(f"Invalid ARN: {name}")
        return arn.account, arn.region, arn.resource.removeprefix("trail/")
