"""Schedule expressions: `rate(5 minutes)`, `cron(0 12 * * ? *)` and `at(2030-01-01T12:00:00)`.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
In a time zone with daylight saving time, a cron time that the clock skips is skipped, and one that it passes twice
is due once, the first time.
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE_MS = 60_000
_UNITS_MS = {"minute": MINUTE_MS, "hour": 60 * MINUTE_MS, "day": 1440 * MINUTE_MS}
_RATE = re.compile(r"rate\(([1-9][0-9]*) (minute|hour|day)(s?)\)")
_AT = re.compile(r"at\((\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAY_NAMES = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_MONTHS = {name: at for at, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: at for at, name in enumerate(_DAY_NAMES, 1)}
_YEARS = (1970, 2199)

# When it is due next, after a moment in epoch ms; None if never again.
Next = Callable[[int], int | None]


def parse_schedule(expression: str) -> Next | None:
    """When a rule's expression is due next, in UTC; None if it is not valid."""
    rate = _RATE.fullmatch(expression)
    if rate is not None and (int(rate[1]) > 1) != bool(rate[3]):
        return None
    interval_ms = parse_rate(expression)
    if interval_ms is not None:
        return lambda after_ms: after_ms + interval_ms
    return parse_cron(expression, UTC)


def parse_rate(expression: str) -> int | None:
    """The interval of a rate in milliseconds; None if it is not a valid one."""
    rate = _RATE.fullmatch(expression)
    return None if rate is None else int(rate[1]) * _UNITS_MS[rate[2]]


def parse_at(expression: str, zone: tzinfo) -> int | None:
    """The moment of an `at` expression; None if it is not a valid one."""
    at = _AT.fullmatch(expression)
    if at is None:
        return None
    try:
        return int(datetime.fromisoformat(at[1]).replace(tzinfo=zone).timestamp()) * 1000
    except ValueError:
        return None


def parse_cron(expression: str, zone: tzinfo) -> Next | None:
    """When a cron expression is due next; None if it is not a valid one."""
    cron = _CRON.fullmatch(expression.upper().replace("CRON(", "cron("))
    if cron is None:
        return None
    try:
        return _Cron(*cron.groups(), zone=zone).next
    except ValueError:
        return None


def zone_of(name: str) -> tzinfo | None:
    """The time zone of that name; None if there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def is_schedule(expression: str, zone: tzinfo) -> bool:
    """Whether it is an `at`, a rate or a cron expression."""
    return (
        parse_at(expression, zone) is not None
        or parse_rate(expression) is not None
        or parse_cron(expression, zone) is not None
    )


def due_after(
    expression: str, zone: tzinfo, after_ms: int, *, made_ms: int, start_ms: int = 0, end_ms: int = 0
) -> int | None:
    """The first due time after that moment of an expression that has been checked; None if there is none.

    Start and end mean nothing to a one-time schedule. A rate counts from the start, or from when it was made, which is
    its first due time.
    """
    once_ms = parse_at(expression, zone)
    if once_ms is not None:
        return once_ms if once_ms > after_ms else None
    interval_ms = parse_rate(expression)
    if interval_ms is not None:
        anchor_ms = start_ms or made_ms
        passed = max((after_ms - anchor_ms) // interval_ms + 1, 0)
        due_ms: int | None = anchor_ms + passed * interval_ms
    else:
        cron = parse_cron(expression, zone)
        assert cron is not None, "the expression has been checked"
        due_ms = cron(max(after_ms, start_ms - 1))
    if due_ms is None or (end_ms and due_ms > end_ms):
        return None
    return due_ms


class _Cron:
    def __init__(
        self, minutes: str, hours: str, days: str, months: str, weekdays: str, years: str, *, zone: tzinfo
    ) -> None:
        if (days == "?") == (weekdays == "?"):
            raise ValueError("exactly one of day-of-month and day-of-week is ?")
        self._minutes = sorted(_field(minutes, 0, 59))
        self._hours = sorted(_field(hours, 0, 23))
        self._months = _field(months, 1, 12, _MONTHS)
        self._years = _field(years, *_YEARS)
        self._on_day = _weekdays(weekdays) if days == "?" else _days(days)
        self._zone = zone

    def next(self, after_ms: int) -> int | None:
        # Where the clock is set back, the same local time comes again; it was due the first time.
        local = datetime.fromtimestamp(after_ms // 1000, self._zone).replace(tzinfo=None, second=0)
        while True:
            local_next = self._next_local(local + timedelta(minutes=1))
            if local_next is None:
                return None
            due = local_next.replace(tzinfo=self._zone).astimezone(UTC)
            skipped_by_the_clock = due.astimezone(self._zone).replace(tzinfo=None) != local_next
            due_ms = int(due.timestamp()) * 1000
            if due_ms > after_ms and not skipped_by_the_clock:
                return due_ms
            local = local_next

    def _next_local(self, moment: datetime) -> datetime | None:
        """The first due time of the local clock at or after that moment."""
        day = moment.date()
        first = (moment.hour, moment.minute)
        last = date(max(self._years), 12, 31)
        while day <= last:
            if day.year not in self._years:
                following = min((year for year in self._years if year > day.year), default=None)
                if following is None:
                    return None
                day, first = date(following, 1, 1), (0, 0)
            elif day.month not in self._months:
                day, first = _next_month(day), (0, 0)
            else:
                due = self._time_on(day, first)
                if due is not None:
                    return due
                day, first = day + timedelta(days=1), (0, 0)
        return None

    def _time_on(self, day: date, first: tuple[int, int]) -> datetime | None:
        if not self._on_day(day):
            return None
        for hour in self._hours:
            for minute in self._minutes:
                if (hour, minute) >= first:
                    return datetime.combine(day, time(hour, minute))
        return None


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _field(text: str, low: int, high: int, names: dict[str, int] | None = None) -> set[int]:
    """The values of `*`, `3`, `1,2`, `1-5`, `0/15`, `10-20/2`."""

    def number(part: str) -> int:
        value = names[part] if names is not None and part in names else int(part)
        if not low <= value <= high or not part.isalnum():
            raise ValueError(part)
        return value

    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        if slash and not step.isdigit():
            raise ValueError(part)
        begin, dash, end = span.partition("-")
        if span == "*":
            first, last = low, high
        elif dash:
            first, last = number(begin), number(end)
        else:
            first = number(span)
            last = high if slash else first
        # A range may wrap around the end of a week or a year: FRI-MON.
        values = range(first, last + 1) if first <= last else [*range(first, high + 1), *range(low, last + 1)]
        every = int(step) if slash else 1
        if every < 1:
            raise ValueError(part)
        found.update(list(values)[::every])
    return found


def _days(text: str) -> Callable[[date], bool]:
    """Days of the month: `L` the last one, `15W` the weekday nearest to the 15th."""
    if text == "L":
        return lambda day: day.day == _month_length(day)
    if text == "LW":
        return lambda day: day.day == _nearest_weekday(day, _month_length(day))
    if text.endswith("W"):
        wanted = int(text[:-1])
        if not 1 <= wanted <= 31:
            raise ValueError(text)
        return lambda day: wanted <= _month_length(day) and day.day == _nearest_weekday(day, wanted)
    numbers = _field(text, 1, 31)
    return lambda day: day.day in numbers


def _weekdays(text: str) -> Callable[[date], bool]:
    """Days of the week, 1 is Sunday: `6L` the last Friday, `3#2` the second Tuesday."""
    if text.endswith("L") and text != "L":
        (last,) = _field(text[:-1], 1, 7, _DAYS)
        return lambda day: _weekday(day) == last and day.day + 7 > _month_length(day)
    if text == "L":
        return lambda day: _weekday(day) == 7
    name, hash_sign, nth = text.partition("#")
    if hash_sign:
        (wanted,) = _field(name, 1, 7, _DAYS)
        count = int(nth)
        if not 1 <= count <= 5:
            raise ValueError(text)
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == count
    numbers = _field(text, 1, 7, _DAYS)
    return lambda day: _weekday(day) in numbers


def _weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _month_length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _nearest_weekday(day: date, wanted: int) -> int:
    """The working day nearest to the `wanted`th of that month, within the month."""
    weekday = date(day.year, day.month, wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < _month_length(day) else wanted - 2
    return wanted
