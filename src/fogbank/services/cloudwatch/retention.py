"""How long datapoints are kept, and how finely: rows are rolled up into longer stretches as they grow old.

A row begins where its stretch begins. It is rolled up once the whole stretch that takes it is old enough, so that a
read of any period finds what it may find, whether the roll-up has come by already or not.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#metrics-retention
"""

from fogbank.core.metrics import MINUTE_MS
from fogbank.core.store import Key
from fogbank.services.cloudwatch.distribution import Distribution
from fogbank.services.cloudwatch.records import CloudWatchTables, Metric

HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
# Older than the first, rows are of the second: coarsest first.
TIERS = ((63 * DAY_MS, HOUR_MS), (15 * DAY_MS, 5 * MINUTE_MS), (3 * HOUR_MS, MINUTE_MS))
KEPT_MS = 455 * DAY_MS
LISTED_MS = 14 * DAY_MS  # "Metrics that have not had any new data points in the past two weeks do not appear"
RECENT_MS = 3 * HOUR_MS

SeriesOf = tuple[str, str, str, str, str]


def resolution_ms(age_ms: int) -> int:
    """The shortest period of which there are datapoints of that age."""
    return next((step_ms for limit_ms, step_ms in TIERS if age_ms > limit_ms), 1000)


def first_kept_ms(period_ms: int, now_ms: int) -> int:
    """The beginning of the first whole period of that length that is still there."""
    finer = [limit_ms for limit_ms, step_ms in TIERS if period_ms % step_ms]
    oldest_ms = now_ms - min(finer, default=KEPT_MS)
    return -(-oldest_ms // period_ms) * period_ms


def start_of(at_ms: int, resolution_s: int, now_ms: int) -> int:
    """Where the row begins that a new datapoint belongs to."""
    step_ms = resolution_s * 1000 if now_ms - at_ms < TIERS[-1][0] else MINUTE_MS
    return at_ms // step_ms * step_ms


def roll_up(tables: CloudWatchTables, series: SeriesOf, metric: Metric, now_ms: int, *, limit: int) -> int:
    """Roll up and forget what has grown old of a metric; how many rows that were: if `limit`, more may be left."""
    done = 0
    for unit in list(tables.units(series)):
        place = (*series, unit)
        for key, _ in list(tables.minutes.scan(place, limit=limit - done)):
            if key[6] >= now_ms - KEPT_MS:
                break
            tables.minutes.delete(key)
            done += 1
        for limit_ms, step_ms in TIERS:
            if step_ms == MINUTE_MS and not metric.fine:
                continue
            since_ms = max(metric.rolled_ms - limit_ms, 0) // step_ms * step_ms
            until_ms = (now_ms - limit_ms) // step_ms * step_ms
            done += _roll(tables, place, since_ms, until_ms, step_ms, limit=limit - done)
        if done >= limit:
            return done
    if tables.minutes.first(series) is None:
        tables.metrics.delete(series)
    elif done or now_ms - metric.rolled_ms > DAY_MS:
        metric.rolled_ms = now_ms
        tables.metrics.put(series, metric)
    return done


def _roll(
    tables: CloudWatchTables, place: tuple[str, ...], since_ms: int, until_ms: int, step_ms: int, *, limit: int
) -> int:
    """Gather the rows of that time in longer ones."""
    gathered: dict[int, Distribution] = {}
    rolled: list[Key] = []
    aligned_ms, aligned = -1, Distribution({})
    for key, samples in tables.minutes.scan(place, start=(*place, since_ms)):
        at_ms = key[6]
        if at_ms >= until_ms or len(rolled) >= limit:
            break
        if at_ms % step_ms == 0:
            aligned_ms, aligned = at_ms, samples
            continue
        longer_ms = at_ms // step_ms * step_ms
        if longer_ms not in gathered:
            gathered[longer_ms] = aligned if longer_ms == aligned_ms else Distribution({})
        gathered[longer_ms].merge(samples)
        rolled.append(key)
    for key in rolled:
        tables.minutes.delete(key)
    for at_ms, samples in gathered.items():
        tables.minutes.put((*place, at_ms), samples)
    return len(rolled)
