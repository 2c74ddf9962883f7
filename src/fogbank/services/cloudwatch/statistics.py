"""Statistics of a distribution: how often each value was seen.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from collections.abc import Mapping

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


def percentile(distribution: Mapping[float, float], percent: float) -> float:
    """The least value that at least `percent` of the samples do not exceed."""
    total = sum(distribution.values())
    rank = max(math.ceil(total * percent / 100 - 1e-9), 1)
    seen = 0.0
    value = 0.0
    for value in sorted(distribution):
        seen += distribution[value]
        if seen >= rank:
            return value
    return value


def statistic(distribution: Mapping[float, float], name: str) -> float | None:
    """`Sum`, `p99.9` and their like; None if there is no statistic of that name."""
    samples = sum(distribution.values())
    match name:
        case "SampleCount":
            return samples
        case "Sum":
            return sum(value * count for value, count in distribution.items())
        case "Average":
            return sum(value * count for value, count in distribution.items()) / samples
        case "Minimum":
            return min(distribution)
        case "Maximum":
            return max(distribution)
    found = _PERCENTILE.fullmatch(name)
    return percentile(distribution, float(found.group(1))) if found is not None else None
