"""Statistics of a distribution: how often each value was seen.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from fogbank.services.cloudwatch.distribution import Distribution

SIMPLE = frozenset(("SampleCount", "Sum", "Average", "Minimum", "Maximum"))
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")
_SHORT = re.compile(rf"(tm|tc|ts|wm)({_NUMBER})")
_RANGE = re.compile(rf"(TM|TC|TS|WM|PR)\((-?{_NUMBER})?(%?):(-?{_NUMBER})?(%?)\)")


class Trim(msgspec.Struct, frozen=True):
    """A statistic of the samples between two bounds: percentages of the samples, or values."""

    kind: str
    low: float
    high: float
    by_rank: bool


def is_statistic(name: str) -> bool:
    return name in SIMPLE or _PERCENTILE.fullmatch(name) is not None or trim_of(name) is not None


@lru_cache(maxsize=512)
def trim_of(name: str) -> Trim | None:
    """What `tm99`, `TC(0.5:2)`, `WM(10%:90%)`, `PR(:300)` or `IQM` means; None for any other name."""
    if name == "IQM":
        return Trim("tm", 25, 75, by_rank=True)
    if (short := _SHORT.fullmatch(name)) is not None:
        return Trim(short[1], 0, float(short[2]), by_rank=True) if float(short[2]) <= 100 else None
    found = _RANGE.fullmatch(name)
    if found is None:
        return None
    kind, low, low_sign, high, high_sign = found.groups()
    signs = {sign for bound, sign in ((low, low_sign), (high, high_sign)) if bound is not None}
    if len(signs) != 1 or (kind == "PR" and signs == {"%"}):
        return None  # No bound at all, or a percentage beside a value.
    by_rank = signs == {"%"}
    first = float(low) if low is not None else (0.0 if by_rank else -math.inf)
    last = float(high) if high is not None else (100.0 if by_rank else math.inf)
    valid = first < last and (not by_rank or (first >= 0 and last <= 100))
    return Trim(kind.lower(), first, last, by_rank) if valid else None


def statistic(distribution: Distribution, name: str) -> float | None:
    """`Sum`, `p99.9`, `TM(2%:98%)` and their like.

    None for what needs each sample where only statistics of them are known, or where a value is negative.
    """
    match name:
        case "SampleCount":
            return distribution.total().count
        case "Sum":
            return distribution.total().sum
        case "Average":
            total = distribution.total()
            return total.sum / total.count
        case "Minimum":
            return distribution.total().minimum
        case "Maximum":
            return distribution.total().maximum
    if distribution.summary is not None:
        return None
    values, known = distribution.values, distribution.known()
    if known.minimum < 0:
        return None
    found = _PERCENTILE.fullmatch(name)
    if found is not None:
        return min(max(percentile(values, float(found.group(1))), known.minimum), known.maximum)
    trim = trim_of(name)
    return None if trim is None else _trimmed(values, trim)


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


def _trimmed(values: Mapping[float, float], trim: Trim) -> float | None:
    total = sum(values.values())
    kept = _by_rank(values, trim, total) if trim.by_rank else _by_value(values, trim)
    count = sum(kept.values())
    amount = sum(value * times for value, times in kept.items())
    match trim.kind:
        case "pr":
            return 100 * count / total
        case "tc":
            return count
        case "ts":
            return amount
        case "wm":
            return _winsorized(values, trim, total, count, amount)
        case _:
            return amount / count if count else None


def _by_rank(values: Mapping[float, float], trim: Trim, total: float) -> dict[float, float]:
    """The samples whose rank lies between the two percentages; one at a bound counts in part."""
    first, last = total * trim.low / 100, total * trim.high / 100
    kept: dict[float, float] = {}
    seen = 0.0
    for value in sorted(values):
        times = min(seen + values[value], last) - max(seen, first)
        seen += values[value]
        if times > 1e-9:
            kept[value] = times
    return kept


def _by_value(values: Mapping[float, float], trim: Trim) -> dict[float, float]:
    """The upper bound belongs to the range, the lower one does not."""
    return {value: times for value, times in values.items() if trim.low < value <= trim.high}


def _winsorized(values: Mapping[float, float], trim: Trim, total: float, count: float, amount: float) -> float | None:
    """The mean with what lies outside counted as the value at the bound."""
    if trim.by_rank:
        below, above = total * trim.low / 100, total * (100 - trim.high) / 100
        low, high = percentile(values, trim.low), percentile(values, trim.high)
    else:
        below = sum(times for value, times in values.items() if value <= trim.low)
        above = total - count - below
        low, high = trim.low, trim.high
    outside = (below * low if below else 0.0) + (above * high if above else 0.0)
    return (amount + outside) / total
