"""Step scaling: which adjustment a breach of an alarm's threshold calls for, and the capacity that it leads to.

https://docs.aws.amazon.com/autoscaling/application/userguide/step-scaling-policy-overview.html
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from fogbank.services.applicationautoscaling.errors import Invalid

COOLDOWN_S = 300
STEPS_MAX = 20  # "Step adjustments in a step scaling policy: 20"
_AGGREGATIONS: dict[str, Callable[[Sequence[float]], float]] = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
}


def check(configuration: dict[str, Any]) -> None:
    """The rules of StepAdjustment. AWS's sentences are not published."""
    kind = configuration.get("AdjustmentType")
    if kind is None:
        raise Invalid("AdjustmentType must be specified.")
    steps = configuration.get("StepAdjustments")
    if not steps:
        raise Invalid("At least one StepAdjustment must be specified.")
    if len(steps) > STEPS_MAX:
        raise Invalid(f"A step scaling policy can have at most {STEPS_MAX} step adjustments.")
    if configuration.get("MinAdjustmentMagnitude") is not None and kind != "PercentChangeInCapacity":
        raise Invalid("MinAdjustmentMagnitude is only supported for AdjustmentType PercentChangeInCapacity.")
    if kind == "ExactCapacity" and any(step["ScalingAdjustment"] < 0 for step in steps):
        raise Invalid("ScalingAdjustment must not be negative for AdjustmentType ExactCapacity.")
    if configuration.get("Cooldown", 0) < 0:
        raise Invalid("Cooldown must not be negative.")
    bounds = sorted(_bounds(step) for step in steps)
    for low, high in bounds:
        if (low, high) == (-math.inf, math.inf):
            raise Invalid("The upper and lower bound of a step adjustment must not both be null.")
        if low >= high:
            raise Invalid("The upper bound of a step adjustment must be greater than its lower bound.")
    if sum(low == -math.inf for low, _ in bounds) > 1 or sum(high == math.inf for _, high in bounds) > 1:
        raise Invalid("At most one step adjustment can have a null lower bound, and one a null upper bound.")
    for (_, high), (low, _) in pairwise(bounds):
        if high != low:
            raise Invalid(f"The ranges of step adjustments must not {'overlap' if high > low else 'have a gap'}.")
    if bounds[0][0] != -math.inf and bounds[0][0] < 0:
        raise Invalid("With a negative lower bound there must be a step adjustment with a null lower bound.")
    if bounds[-1][1] != math.inf and bounds[-1][1] > 0:
        raise Invalid("With a positive upper bound there must be a step adjustment with a null upper bound.")


def breach(configuration: dict[str, Any], values: Sequence[float], threshold: float) -> float:
    """How far the values that an alarm went off for are above its threshold; none are known if somebody set its state,
    which is then taken to be at the threshold.
    """
    aggregate = _AGGREGATIONS[configuration.get("MetricAggregationType") or "Average"]
    return aggregate(values) - threshold if values else 0.0


def adjustment(configuration: dict[str, Any], delta: float) -> int | None:
    """The step whose range has the breach: above the threshold with its lower bound, below it with its upper one."""
    for step in configuration["StepAdjustments"]:
        low, high = _bounds(step)
        if (low <= delta < high) if delta >= 0 else (low < delta <= high):
            found: int = step["ScalingAdjustment"]
            return found
    # What lies exactly at the threshold belongs to the step below where there is none above.
    if delta == 0:
        below = (step for step in configuration["StepAdjustments"] if _bounds(step)[1] == 0)
        return next((step["ScalingAdjustment"] for step in below), None)
    return None


def wanted(configuration: dict[str, Any], amount: int, capacity: int) -> int:
    """The capacity after the adjustment. Percentages are rounded towards zero, but never to nothing."""
    match configuration["AdjustmentType"]:
        case "ExactCapacity":
            return amount
        case "ChangeInCapacity":
            return max(capacity + amount, 0)
    change = capacity * amount / 100
    size = max(math.floor(abs(change)), 1 if change else 0, configuration.get("MinAdjustmentMagnitude") or 0)
    return max(capacity + (size if amount > 0 else -size), 0) if amount else capacity


def _bounds(step: dict[str, Any]) -> tuple[float, float]:
    low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
    return (-math.inf if low is None else low, math.inf if high is None else high)
