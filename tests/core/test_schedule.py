"""Schedule expressions, without a server."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from fogbank.core.schedule import parse_at, parse_cron, parse_schedule

# A Friday.
NOW = datetime(2026, 1, 30, 23, 58, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "due"),
    [
        ("rate(1 minute)", "2026-01-30 23:59:30"),
        ("rate(2 hours)", "2026-01-31 01:58:30"),
        ("cron(* * * * ? *)", "2026-01-30 23:59:00"),
        ("cron(0 10 * * ? *)", "2026-01-31 10:00:00"),
        ("cron(0/15 * * * ? *)", "2026-01-31 00:00:00"),
        ("cron(0 18 ? * MON-FRI *)", "2026-02-02 18:00:00"),
        ("cron(0 8 1 * ? *)", "2026-02-01 08:00:00"),
        ("cron(0 0 L 2 ? *)", "2026-02-28 00:00:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00:00"),
        ("cron(0 2 ? * SAT#3 *)", "2026-02-21 02:00:00"),
        ("cron(15 10 ? * 6L *)", "2026-02-27 10:15:00"),
        ("cron(0 9 15W 2 ? *)", "2026-02-16 09:00:00"),
        ("cron(0 0 1 JAN ? 2030)", "2030-01-01 00:00:00"),
    ],
)
def test_a_schedule_is_due_next(expression: str, due: str) -> None:
    following = parse_schedule(expression)
    assert following is not None
    next_ms = following(int(NOW.timestamp() * 1000))
    assert next_ms is not None
    assert f"{datetime.fromtimestamp(next_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}" == due


def test_a_year_that_is_over_never_comes() -> None:
    following = parse_schedule("cron(0/5 5 ? JAN 1-5 2022)")
    assert following is not None
    assert following(int(NOW.timestamp() * 1000)) is None


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        ("cron(0 9 * * ? *)", "2026-03-28T12:00:00+01:00", "2026-03-29T09:00:00+02:00"),
        # 02:30 does not exist on the day when the clock is set forward.
        ("cron(30 2 * * ? *)", "2026-03-28T12:00:00+01:00", "2026-03-30T02:30:00+02:00"),
        # 02:30 comes twice on the day when the clock is set back.
        ("cron(30 2 * * ? *)", "2026-10-24T12:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ("cron(30 2 * * ? *)", "2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"),
        ("cron(0/15 * * * ? *)", "2026-10-25T02:45:00+02:00", "2026-10-25T03:00:00+01:00"),
        ("cron(0/15 * * * ? *)", "2026-10-25T02:10:00+01:00", "2026-10-25T03:00:00+01:00"),
    ],
)
def test_a_cron_time_follows_the_clock_of_its_zone(expression: str, after: str, due: str) -> None:
    following = parse_cron(expression, BERLIN)
    assert following is not None
    next_ms = following(int(datetime.fromisoformat(after).timestamp()) * 1000)
    assert next_ms is not None
    assert next_ms == datetime.fromisoformat(due).timestamp() * 1000


def test_an_at_is_a_moment_of_its_zone() -> None:
    moment = datetime(2026, 7, 1, 12, 0, tzinfo=BERLIN)
    assert parse_at("at(2026-07-01T12:00:00)", BERLIN) == moment.timestamp() * 1000
    for bad in ("at(2026-07-01T12:00:00Z)", "at(2026-07-01)", "at(2026-13-01T12:00:00)", "at()"):
        assert parse_at(bad, BERLIN) is None
