"""How long datapoints are kept, and how finely."""

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.clock import Clock
from fogbank.core.cloud import Cloud
from fogbank.core.store import Store
from fogbank.services import SERVICES
from fogbank.services.cloudwatch.distribution import Distribution
from fogbank.services.cloudwatch.records import CloudWatchTables, Metric
from fogbank.services.cloudwatch.retention import DAY_MS, HOUR_MS, TIERS, first_kept_ms, roll_up
from fogbank.services.cloudwatch.series import SeriesKey, gather
from tests.conftest import Aws, LiveServer, MovableClock
from tests.patience import eventually

DAY_S = 86_400


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws("cloudwatch")


def put(cloudwatch: Any, at_s: float, value: float, *, name: str = "m", resolution: int = 60) -> None:
    datum = {
        "MetricName": name, "Value": value, "Timestamp": datetime.fromtimestamp(at_s, UTC),
        "StorageResolution": resolution,
    }  # fmt: skip
    cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])


def sums(cloudwatch: Any, start_s: float, period: int, *, name: str = "m") -> list[float]:
    """The sums of the periods of the hour from then on."""
    points = cloudwatch.get_metric_statistics(
        Namespace="App", MetricName=name, Statistics=["Sum"], Period=period,
        StartTime=datetime.fromtimestamp(start_s, UTC), EndTime=datetime.fromtimestamp(start_s + 3600, UTC),
    )["Datapoints"]  # fmt: skip
    return [point["Sum"] for point in sorted(points, key=lambda point: point["Timestamp"])]


@pytest.mark.parametrize(
    ("age_days", "seconds", "minutes", "fives", "hours"),
    [
        (0.04, [1.0, 2.0, 4.0, 8.0], [3.0, 4.0, 8.0], [7.0, 8.0], [15.0]),
        (0.2, [], [3.0, 4.0, 8.0], [7.0, 8.0], [15.0]),
        (14.9, [], [3.0, 4.0, 8.0], [7.0, 8.0], [15.0]),
        (15.2, [], [], [7.0, 8.0], [15.0]),
        (62.9, [], [], [7.0, 8.0], [15.0]),
        (63.2, [], [], [], [15.0]),
        (454.9, [], [], [], [15.0]),
        (456, [], [], [], []),
    ],
)
def test_datapoints_grow_coarser_with_their_age_and_are_forgotten_after_455_days(
    aws: Aws, age_days: float, seconds: list[float], minutes: list[float], fives: list[float], hours: list[float]
) -> None:
    live = LiveServer("--ephemeral", "--virtual-clock")
    try:
        clock, cloudwatch = MovableClock(live), live.client("cloudwatch", account="111111111111")
        now_s = clock.now_ms() / 1000
        clock.advance(s=3600 - now_s % 3600 + 1800)
        start_s = clock.now_ms() // 3_600_000 * 3600
        for second, value in ((0, 1.0), (10, 2.0), (60, 4.0), (600, 8.0)):
            put(cloudwatch, start_s + second, value, resolution=1)
        wanted = {10: seconds, 60: minutes, 300: fives, 3600: hours}
        # In one leap the roll-up has not come by; then it has, at every hour of the days that follow.
        clock.advance(s=age_days * DAY_S)
        for period, expected in wanted.items():
            assert (period, sums(cloudwatch, start_s, period)) == (period, expected)
        clock.advance(s=3600)
        for period, expected in wanted.items():
            assert eventually(lambda p=period, e=expected: sums(cloudwatch, start_s, p) == e), period  # type: ignore[misc]
    finally:
        live.stop()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("slice_rows", [3, 50, 10_000])
def test_rolling_up_changes_the_rows_and_no_answer(tmp_path: Path, seed: int, slice_rows: int) -> None:
    store = Store(tmp_path)
    tables, draw = CloudWatchTables(store), random.Random(seed)
    series, now_ms = SeriesKey("1", "r", "App", "m", ""), 1_700_000_123_456

    def answers() -> dict[int, list[tuple[int, float]]]:
        found = {}
        for period_s in (1, 10, 60, 300, 900, 3600, 86_400):
            gathered = gather(
                tables, series, None, period_s=period_s, start_s=0, end_s=now_ms / 1000, now_ms=now_ms
            )  # fmt: skip
            found[period_s] = [(at_ms, samples.total().sum) for (at_ms, _), samples in sorted(gathered.items())]
        return found

    with store.transaction():
        tables.metrics.put(series, Metric(now_ms))
        for age_ms in (HOUR_MS, 3 * HOUR_MS, DAY_MS, 15 * DAY_MS, 63 * DAY_MS, 455 * DAY_MS):
            for _ in range(60):
                at_ms = (now_ms - age_ms + draw.randrange(-HOUR_MS, HOUR_MS)) // 1000 * 1000
                tables.minutes.put((*series, "None", at_ms), Distribution({float(draw.randrange(100)): 1.0}))
    before = answers()
    done = slice_rows
    while done >= slice_rows:
        with store.transaction():
            metric = tables.metrics.get(series)
            assert metric is not None
            done = roll_up(tables, series, metric, now_ms, limit=slice_rows)
    assert answers() == before
    rows = [key[6] for key, _ in tables.minutes.scan(series)]
    assert all(at_ms >= now_ms - 455 * DAY_MS - HOUR_MS for at_ms in rows)
    for limit_ms, step_ms in TIERS:
        assert all(at_ms % step_ms == 0 for at_ms in rows if at_ms < now_ms - limit_ms - step_ms)
    store.close()


@pytest.mark.parametrize(
    ("period_ms", "oldest_ms"),
    [
        (1000, 3 * HOUR_MS),
        (60_000, 15 * DAY_MS),
        (240_000, 15 * DAY_MS),
        (300_000, 63 * DAY_MS),
        (900_000, 63 * DAY_MS),
        (HOUR_MS, 455 * DAY_MS),
        (DAY_MS, 455 * DAY_MS),
    ],
)
def test_a_period_reaches_back_as_far_as_what_it_is_a_multiple_of(period_ms: int, oldest_ms: int) -> None:
    now_ms = 1_700_000_000_000
    first_ms = first_kept_ms(period_ms, now_ms)
    assert first_ms % period_ms == 0
    assert 0 <= first_ms - (now_ms - oldest_ms) < period_ms


def test_a_metric_without_data_for_two_weeks_is_not_listed_and_recently_active_ones_can_be_asked_for(
    aws: Aws, cloudwatch: Any, clock: MovableClock
) -> None:
    def names(**more: Any) -> list[str]:
        return [metric["MetricName"] for metric in cloudwatch.list_metrics(Namespace="App", **more)["Metrics"]]

    put(cloudwatch, clock.now_ms() / 1000, 1.0, name="old")
    clock.advance(s=4 * 3600)
    put(cloudwatch, clock.now_ms() / 1000, 1.0, name="new")
    assert (names(), names(RecentlyActive="PT3H")) == (["new", "old"], ["new"])
    clock.advance(s=14 * DAY_S - 2 * 3600)
    assert names() == ["new"]
    clock.advance(s=3 * 3600)
    assert names() == []


@pytest.mark.parametrize(
    ("ahead_s", "message"),
    [(-15 * DAY_S, "within the past two weeks"), (3 * 3600, "no more than two hours in the future")],
)
def test_data_is_at_most_two_weeks_old_and_two_hours_ahead(
    cloudwatch: Any, clock: MovableClock, ahead_s: int, message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        put(cloudwatch, clock.now_ms() / 1000 + ahead_s, 1.0)


def test_a_request_has_at_most_1000_data_and_a_datum_150_values(cloudwatch: Any) -> None:
    one = {"MetricName": "m", "Value": 1.0}
    with pytest.raises(ClientError, match="MetricData must not have a size greater than 1000"):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[one] * 1001)
    with pytest.raises(ClientError, match="Values must not have a size greater than 150"):
        cloudwatch.put_metric_data(
            Namespace="App", MetricData=[{"MetricName": "m", "Values": [float(n) for n in range(151)]}]
        )


def test_every_hour_all_metrics_are_rolled_up_however_many_rows_one_has(tmp_path: Path) -> None:
    async def rows_after_hours() -> int:
        cloud = Cloud(tmp_path, services=SERVICES, sync="process", clock=Clock(virtual=True))
        tables = CloudWatchTables(cloud.store)
        ctx = cloud.context(account="111111111111", region="us-east-1")
        minute_s = ctx.now_ms // 60_000 * 60
        for first in (0, 600):
            data = [
                {"MetricName": name, "Value": 1.0, "Timestamp": minute_s - second, "StorageResolution": 1}
                for name in ("a", "b", "c") if name != "b" or not first
                for second in range(first + 1, first + 601) if name == "a" or second % 10 == 0
            ]  # fmt: skip
            with cloud.store.transaction():
                cloud.cloudwatch.put_metric_data(ctx, Namespace="App", MetricData=data)
        for _ in range(50):  # The service starts.
            await asyncio.sleep(0)
        cloud.clock.advance(5 * HOUR_MS)
        count = 0
        for _ in range(1000):
            await asyncio.sleep(0)
            count = sum(key[2] == "App" for key, _ in tables.minutes.scan())
            if count == 20 + 10 + 20:
                break
        await cloud.stop()
        return count

    assert asyncio.run(rows_after_hours()) == 50
