"""Target tracking: when its alarms go off, and the capacity that brings a metric to its target.

A predefined utilization is watched as what is used in a minute, so that the thresholds follow the capacity; any other
metric is compared with the target itself, and is taken to change in proportion to the capacity.
https://docs.aws.amazon.com/autoscaling/application/userguide/target-tracking-scaling-policy-overview.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/AutoScaling.html
"""

import math

import msgspec

MINUTE_S = 60
HIGH, LOW = "AlarmHigh", "AlarmLow"
LOW_PERIODS = 15
# DynamoDB scales in once 20 percentage points of the target are not used; a metric of one's own below nine tenths.
UTILIZATION_MARGIN = 20
METRIC_MARGIN = 0.9


class Tracking(msgspec.Struct, frozen=True):
    """`target` is a percentage if the metric is a utilization."""

    target: float
    of_utilization: bool

    @property
    def high_periods(self) -> int:
        return 2 if self.of_utilization else 3

    def thresholds(self, capacity: int) -> tuple[float, float]:
        """Above the first for some minutes the capacity is too small, below the second for longer it is too large."""
        if not self.of_utilization:
            return self.target, self.target * METRIC_MARGIN
        full = capacity * MINUTE_S / 100
        return full * self.target, full * max(self.target - UTILIZATION_MARGIN, 0)

    def wanted(self, capacity: int, value: float) -> int:
        """The smallest capacity at which the metric, `value` at that capacity, would not be above the target."""
        if self.of_utilization:
            return math.ceil(round(value / MINUTE_S * 100 / self.target, 6))
        return math.ceil(round(capacity * value / self.target, 6))
