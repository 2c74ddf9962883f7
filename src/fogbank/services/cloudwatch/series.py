"""Reads time series: the samples of a metric, gathered by period, as values of one statistic."""

from collections.abc import Iterator
from typing import NamedTuple

from fogbank.core.metrics import MINUTE_MS
from fogbank.services.cloudwatch.distribution import Distribution
from fogbank.services.cloudwatch.records import CloudWatchTables
from fogbank.services.cloudwatch.retention import first_kept_ms, resolution_ms
from fogbank.services.cloudwatch.statistics import statistic

SUB_MINUTE_PERIODS_S = (1, 5, 10, 20, 30)
"""The periods below a minute; they need metrics put with a storage resolution of one second."""

Points = dict[int, float]
"""Values by the start of their period (epoch ms), in the order of time."""


class SeriesKey(NamedTuple):
    account: str
    region: str
    namespace: str
    name: str
    dimensions: str


def is_period(period_s: int) -> bool:
    return period_s > 0 and (period_s % 60 == 0 or period_s in SUB_MINUTE_PERIODS_S)


def gather(
    tables: CloudWatchTables,
    series: SeriesKey,
    unit: str | None,
    *,
    period_s: int,
    start_s: float,
    end_s: float,
    now_ms: int,
) -> dict[tuple[int, str], Distribution]:
    """The samples of each period and unit in the span, as far as there still are such short periods.

    The span's start is rounded down: to the period if that is below a minute, or to what is kept at that age.
    """
    period_ms = period_s * 1000
    given_ms = int(start_s * 1000)
    step_ms = min(period_ms, max(resolution_ms(now_ms - given_ms), MINUTE_MS))
    start_ms = max(given_ms // step_ms * step_ms, first_kept_ms(period_ms, now_ms))
    buckets: dict[tuple[int, str], Distribution] = {}
    for key, samples in _samples(tables, series, unit, start_ms, int(end_s * 1000)):
        place = (key[6] // period_ms * period_ms, key[5])
        if place in buckets:
            buckets[place].merge(samples)
        else:
            buckets[place] = samples
    return buckets


def points(
    tables: CloudWatchTables,
    series: SeriesKey,
    unit: str | None,
    stat: str,
    *,
    period_s: int,
    start_s: float,
    end_s: float,
    now_ms: int,
) -> Points:
    """One statistic of the metric, all units together unless one is given."""
    merged: dict[int, Distribution] = {}
    gathered = gather(tables, series, unit, period_s=period_s, start_s=start_s, end_s=end_s, now_ms=now_ms)
    for (at_ms, _), samples in gathered.items():
        if at_ms in merged:
            merged[at_ms].merge(samples)
        else:
            merged[at_ms] = samples
    values = ((at_ms, statistic(samples, stat)) for at_ms, samples in sorted(merged.items()))
    return {at_ms: value for at_ms, value in values if value is not None}


def _samples(
    tables: CloudWatchTables, series: SeriesKey, unit: str | None, start_ms: int, end_ms: int
) -> Iterator[tuple[tuple[str, str, str, str, str, str, int], Distribution]]:
    for known in (unit,) if unit is not None else tables.units(series):
        place = (*series, known)
        for key, samples in tables.minutes.scan(place, start=(*place, start_ms)):
            if key[6] >= end_ms:
                break
            yield key, samples
