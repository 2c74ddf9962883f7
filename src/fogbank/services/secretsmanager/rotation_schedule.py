"""When a secret is rotated: the windows that its rotation rules open.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
AWS's sentences about rules that do not hold together are not recorded.
"""

from datetime import UTC
from typing import Any, NamedTuple

from fogbank.core.schedule import Next, parse_cron, parse_rate
from fogbank.services.secretsmanager.errors import InvalidParameter

HOUR_MS = 3600 * 1000
DAY_MS = 24 * HOUR_MS
_INTERVAL_MIN_MS = 4 * HOUR_MS
_LOOKED_AHEAD = 12
"""How many windows of a cron expression are compared: a day has no more than six."""


class Window(NamedTuple):
    opens_ms: int
    closes_ms: int


def check_rules(rules: dict[str, Any], now_ms: int) -> None:
    days, expression, duration = (
        rules.get(name) for name in ("AutomaticallyAfterDays", "ScheduleExpression", "Duration")
    )
    if (days is None) == (expression is None):
        raise InvalidParameter("You must specify either AutomaticallyAfterDays or ScheduleExpression, but not both.")
    if expression is not None:
        _check_expression(expression, now_ms)
    if duration is not None and not duration[:-1].strip("0"):
        raise InvalidParameter("The Duration of the rotation window must be at least 1h.")
    moment = now_ms
    for _ in range(_LOOKED_AHEAD):
        window = next_window(rules, moment)
        if window is None:
            return
        following = next_window(rules, window.opens_ms)
        if window.closes_ms > _midnight(window.opens_ms) + DAY_MS or (
            following is not None and window.closes_ms > following.opens_ms
        ):
            raise InvalidParameter("The rotation window must not extend into the next rotation window or UTC day.")
        if following is not None and following.opens_ms - window.opens_ms < _INTERVAL_MIN_MS:
            raise InvalidParameter("The rotation schedule must have at least four hours between rotations.")
        moment = window.opens_ms


def next_window(rules: dict[str, Any], after_ms: int) -> Window | None:
    """The first window of the rules once a rotation was done at that moment; None if there is none."""
    days = rules.get("AutomaticallyAfterDays")
    expression = f"rate({days} days)" if days is not None else rules.get("ScheduleExpression", "")
    interval_ms = parse_rate(expression)
    if interval_ms is None:
        due = _cron(expression)
        opens_ms = due(after_ms) if due is not None else None
        in_hours = due is not None and not _cron_fields(expression)[1].isdigit()
    elif interval_ms % DAY_MS:
        opens_ms, in_hours = after_ms - after_ms % HOUR_MS + interval_ms, True
    else:
        opens_ms, in_hours = _midnight(after_ms) + interval_ms, False
    if opens_ms is None:
        return None
    duration = rules.get("Duration")
    if duration is not None:
        return Window(opens_ms, opens_ms + int(duration[:-1]) * HOUR_MS)
    return Window(opens_ms, opens_ms + HOUR_MS if in_hours else _midnight(opens_ms) + DAY_MS)


def days_between(rules: dict[str, Any], window: Window) -> int:
    """The days between rotations that a schedule comes to, which descriptions show."""
    following = next_window(rules, window.opens_ms)
    return 1 if following is None else max(round((following.opens_ms - window.opens_ms) / DAY_MS), 1)


def _midnight(moment_ms: int) -> int:
    return moment_ms - moment_ms % DAY_MS


def _check_expression(expression: str, now_ms: int) -> None:
    interval_ms = parse_rate(expression)
    if interval_ms is not None:
        sound = "minute" not in expression and interval_ms <= 1000 * DAY_MS
    else:
        sound = _cron(expression) is not None and _cron_fields(expression)[::5] == ["0", "*"]
    if not sound:
        raise InvalidParameter("The ScheduleExpression is not a valid rate() or cron() expression.")


def _cron_fields(expression: str) -> list[str]:
    return expression.removeprefix("cron(").removesuffix(")").split()


def _cron(expression: str) -> Next | None:
    """As elsewhere, but that hours may be written `/8`: every eight hours of the day."""
    return parse_cron(expression.replace(" /", " 0/", 1), UTC)
