"""When a schedule is due next.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fogbank.core.schedule import parse_at, parse_cron, parse_rate
from fogbank.services.scheduler.errors import Invalid
from fogbank.services.scheduler.records import Schedule


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # Not recorded.
        raise Invalid(f"Invalid Schedule Expression Timezone {name}.") from None


def is_one_time(expression: str) -> bool:
    return expression.startswith("at(")


def check_expression(expression: str, timezone: str) -> None:
    zone = zone_of(timezone)
    if parse_at(expression, zone) is None and parse_rate(expression) is None and parse_cron(expression, zone) is None:
        raise Invalid(f"Invalid Schedule Expression {expression}.")


def next_due_ms(schedule: Schedule, after_ms: int) -> int | None:
    """The first due time after that moment; None if there is none. The expression has been checked.

    Start and end mean nothing to a one-time schedule. A rate counts from the start, or from the creation, which is
    its first due time.
    """
    zone = zone_of(schedule.timezone)
    once_ms = parse_at(schedule.expression, zone)
    if once_ms is not None:
        return once_ms if once_ms > after_ms else None
    interval_ms = parse_rate(schedule.expression)
    if interval_ms is not None:
        anchor_ms = schedule.start_ms or schedule.created_ms
        passed = max((after_ms - anchor_ms) // interval_ms + 1, 0)
        due_ms: int | None = anchor_ms + passed * interval_ms
    else:
        cron = parse_cron(schedule.expression, zone)
        assert cron is not None, "the expression has been checked"
        due_ms = cron(max(after_ms, schedule.start_ms - 1))
    if due_ms is None or (schedule.end_ms and due_ms > schedule.end_ms):
        return None
    return due_ms
