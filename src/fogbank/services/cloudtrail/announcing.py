"""What a trail takes is told on the default event bus, too, unless it only reads.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html
"""

from fogbank.core.audit import Entry, Place
from fogbank.core.context import Context
from fogbank.services.cloudtrail.base import Base
from fogbank.services.cloudtrail.selectors import takes

_DETAIL_TYPE = "AWS API Call via CloudTrail"


class Announcing(Base):
    """The part of `CloudTrailService` that watches the audit record."""

    def _announce(self, ctx: Context, place: Place, entry: Entry) -> None:
        account, region, at_ms, _ = place
        if "events" not in self.cloud.running_services():
            return  # Nobody has ever made a rule.
        event = self._event(account, region, at_ms, entry)
        for key, trail in self._tables.trails.scan((account,)):
            if trail.logging and (trail.multi_region or key[1] == region) and takes(trail, event):
                self.cloud.events.put_service_event(
                    ctx.at(account=account, region=region),
                    source=f"aws.{event.source.removesuffix('.amazonaws.com')}",
                    detail_type=_DETAIL_TYPE,
                    detail=event.document(),
                    resources=[],
                    time_ms=at_ms,
                )
                return
