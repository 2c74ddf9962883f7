"""How many events went through a mapping, for those that ask for it.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html#event-source-mapping-metrics
"""

from typing import Literal

from fogbank.core.context import Context
from fogbank.services.lambda_.records import Mapping

EVENT_COUNT = "EventCount"

Fate = Literal[
    "Polled", "FilteredOut", "Invoked", "FailedInvoke", "Dropped", "OnFailureDestinationDelivered", "Deleted"
]


class EventCounts:
    """Counts of one mapping: nothing, unless its MetricsConfig names EventCount."""

    def __init__(self, ctx: Context, mapping: Mapping) -> None:
        self._ctx = ctx
        self._wanted = EVENT_COUNT in mapping.metrics
        self._dimensions = {"EventSourceMappingUUID": mapping.uuid}

    def count(self, fate: Fate, events: int) -> None:
        """Add events that were polled, or with which that was done or happened."""
        if self._wanted and events:
            ctx = self._ctx
            metrics, name = ctx.cloud.metrics, f"{fate}EventCount"
            metrics.add(ctx.account, ctx.region, "AWS/Lambda", name, self._dimensions, events, "Count")
