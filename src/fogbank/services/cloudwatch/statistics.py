"""Statistics of a distribution: how often each value was seen.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from collections.abc import Mapping

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.services.cloudwatch.records import Distribution

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_OTHER_EXTENDED = re.compile(r"(?:tm|wm|tc|ts)\d.*|(?:PR|TM|WM|TC|TS)\(.*\)|IQM", re.IGNORECASE)
SIMPLE = frozenset(("SampleCount", "Sum", "Average", "Minimum", "Maximum"))


def is_statistic(name: str) -> bool:
    """Whether AWS has a statistic of that name; one that only AWS has is refused as not implemented."""
    if _OTHER_EXTENDED.fullmatch(name):
        raise NotImplementedInFogbank(f"Fogbank's CloudWatch does not implement the statistic {name} yet.")
    return name in SIMPLE or _PERCENTILE.fullmatch(name) is not None


def percentile(values: Mapping[float, float], percent: float) -> float:
    """The least value that at least `percent` of the samples do not exceed."""
    total = sum(values.values())
    rank = max(math.ceil(total * percent / 100 - 1e-9), 1)
    seen = 0.0
    value = 0.0
    for value in sorted(values):
        seen += values[value]
        if seen >= rank:
            return value
    return value


def statistic(distribution: Distribution, name: str) -> float | None:
    """`Sum`, `p99.9` and their like. None for a percentile of samples of which only statistics are known."""
    values, summary = distribution.values, distribution.summary
    samples = sum(values.values()) + (summary.count if summary is not None else 0)
    total = sum(value * count for value, count in values.items()) + (summary.sum if summary is not None else 0)
    match name:
        case "SampleCount":
            return samples
        case "Sum":
            return total
        case "Average":
            return total / samples
        case "Minimum":
            return min([*values, summary.minimum] if summary is not None else values)
        case "Maximum":
            return max([*values, summary.maximum] if summary is not None else values)
    found = _PERCENTILE.fullmatch(name)
    if found is None or summary is not None:
        return None
    return percentile(values, float(found.group(1)))
