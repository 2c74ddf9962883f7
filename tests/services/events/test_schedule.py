"""Schedule expressions, without a server."""

from datetime import UTC, datetime

import pytest

from fogbank.services.events.schedule import parse_schedule

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
