"""The samples of a metric in a stretch of time: exact while they are few, and in buckets where they are many.

Samples with more than `EXACT_MAX` different values are rounded to the middles of buckets, 64 for each power of two, so
that a value is off by less than 0.8 % and a row is bounded however many samples it holds. What can be known exactly is:
the number of samples, their sum and their extremes.
"""

import math

from fogbank.core.store import Record

EXACT_MAX = 256
_BUCKETS_OF_ONE = 128  # A mantissa is at least one half, so there are 64 of them for each power of two.


class Summary(Record):
    """Statistics of samples."""

    count: float
    sum: float
    minimum: float
    maximum: float

    def plus(self, other: "Summary") -> "Summary":
        return Summary(
            count=self.count + other.count,
            sum=self.sum + other.sum,
            minimum=min(self.minimum, other.minimum),
            maximum=max(self.maximum, other.maximum),
        )


class Distribution(Record):
    """`values` maps a value to its number of samples; `summary` is of further samples, of which no more is known
    (`StatisticValues`). Where the values are rounded, `exact` says what they were together.
    """

    values: dict[float, float]
    summary: Summary | None = None
    exact: Summary | None = None

    def merge(self, other: "Distribution") -> None:
        """Add the other's samples to these."""
        if other.values:
            self._add(other)
        if other.summary is not None:
            self.summary = other.summary if self.summary is None else self.summary.plus(other.summary)

    def known(self) -> Summary:
        """Of the samples whose values are known; there must be some."""
        return self.exact or _summary_of(self.values)

    def total(self) -> Summary:
        """Of all samples; there must be some."""
        if not self.values and self.summary is not None:
            return self.summary
        return self.known() if self.summary is None else self.known().plus(self.summary)

    def _add(self, other: "Distribution") -> None:
        mine, theirs = self.values, other.values
        if self.exact is None and other.exact is None and _are_few(mine, theirs):
            for value, count in theirs.items():
                mine[value] = mine.get(value, 0) + count
            return
        together = self.known().plus(other.known()) if mine else other.known()
        counts = mine if self.exact is not None else _rounded(mine)
        for value, count in (theirs if other.exact is not None else _rounded(theirs)).items():
            counts[value] = counts.get(value, 0) + count
        self.values, self.exact = counts, together


def _are_few(some: dict[float, float], more: dict[float, float]) -> bool:
    return len(some) + len(more) <= EXACT_MAX or len(some.keys() | more.keys()) <= EXACT_MAX


def _summary_of(values: dict[float, float]) -> Summary:
    total = sum(value * count for value, count in values.items())
    return Summary(count=sum(values.values()), sum=total, minimum=min(values), maximum=max(values))


def _rounded(values: dict[float, float]) -> dict[float, float]:
    counts: dict[float, float] = {}
    for value, count in values.items():
        middle = value
        if value:
            mantissa, exponent = math.frexp(value)
            bucket = math.trunc(mantissa * _BUCKETS_OF_ONE) + math.copysign(0.5, mantissa)
            middle = math.ldexp(bucket / _BUCKETS_OF_ONE, exponent)
        counts[middle] = counts.get(middle, 0) + count
    return counts
