"""Patterns of Java's DateTimeFormatter, as prefixes have them.

https://docs.oracle.com/javase/8/docs/api/java/time/format/DateTimeFormatter.html
What depends on a locale is in English, as with Firehose.
"""

import re
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|.", re.DOTALL)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

Form = Callable[[datetime], str]


class BadPattern(ValueError):
    """The text is no pattern, or has a letter that is not supported."""


@lru_cache(maxsize=1024)
def compile_pattern(pattern: str) -> Form:
    """A function that writes a moment by the pattern. Raises BadPattern."""
    forms: list[Form] = []
    for match in _TOKEN.finditer(pattern):
        token, quoted, letter = match[0], match[1], match[2]
        if quoted is not None:
            forms.append(_constant(quoted.replace("''", "'") or "'"))
        elif letter is not None:
            forms.append(_field(letter, len(token)))
        elif token in "'{}#":
            raise BadPattern(pattern)
        elif token not in "[]":  # An optional section: all that is in it can be written.
            forms.append(_constant(token))
    return lambda moment: "".join(form(moment) for form in forms)


def _constant(text: str) -> Form:
    return lambda moment: text


def _field(letter: str, width: int) -> Form:
    match letter:
        case "y" | "u":
            return _year(lambda moment: moment.year, width)
        case "Y":
            return _year(lambda moment: _week_of(moment)[0], width)
        case "M" | "L":
            return _month(width)
        case "d":
            return _number(lambda moment: moment.day, width, 2)
        case "D":
            return _number(lambda moment: moment.timetuple().tm_yday, width, 3)
        case "H":
            return _number(lambda moment: moment.hour, width, 2)
        case "k":
            return _number(lambda moment: moment.hour or 24, width, 2)
        case "K":
            return _number(lambda moment: moment.hour % 12, width, 2)
        case "h":
            return _number(lambda moment: moment.hour % 12 or 12, width, 2)
        case "m":
            return _number(lambda moment: moment.minute, width, 2)
        case "s":
            return _number(lambda moment: moment.second, width, 2)
        case "S" if width <= 9:
            return lambda moment: f"{moment.microsecond * 1000:09d}"[:width]
        case "A":
            return _number(lambda moment: _millisecond_of_day(moment), width, 19)
        case "n":
            return _number(lambda moment: moment.microsecond * 1000, width, 19)
        case "a" if width == 1:
            return lambda moment: "AM" if moment.hour < 12 else "PM"
        case "E" if width <= 5:
            return _text(lambda moment: _DAYS[moment.weekday()], width)
        case "e" | "c":
            return _day_of_week(width)
        case "w":
            return _number(lambda moment: _week_of(moment)[1], width, 2)
        case "Q" | "q":
            return _quarter(width)
        case "G" if width <= 5:
            return lambda moment: {4: "Anno Domini", 5: "A"}.get(width, "AD")
        case "V" if width == 2:
            return lambda moment: getattr(moment.tzinfo, "key", "UTC")
        case "z" if width <= 4:
            return lambda moment: moment.tzname() or "UTC"
        case "Z" if width <= 3:
            return lambda moment: moment.strftime("%z")
        case "X" | "x" if width <= 3:
            return _offset(width, zulu=letter == "X")
    raise BadPattern(letter * width)


def _number(value: Callable[[datetime], int], width: int, width_max: int) -> Form:
    if width > width_max:
        raise BadPattern(f"a number of {width} digits")
    return lambda moment: f"{value(moment):0{width}d}"


def _year(value: Callable[[datetime], int], width: int) -> Form:
    if width == 2:
        return lambda moment: f"{value(moment) % 100:02d}"
    return lambda moment: f"{value(moment):0{width}d}"


def _month(width: int) -> Form:
    if width <= 2:
        return _number(lambda moment: moment.month, width, 2)
    return _text(lambda moment: _MONTHS[moment.month - 1], width)


def _text(value: Callable[[datetime], str], width: int) -> Form:
    """A name: in full with four letters, its initial with five, else abbreviated."""
    if width > 5:
        raise BadPattern(f"a text of {width} letters")
    length = {4: None, 5: 1}.get(width, 3)
    return lambda moment: value(moment)[:length]


def _day_of_week(width: int) -> Form:
    """Weeks begin on Sunday, as they do in the United States."""
    if width <= 2:
        return _number(lambda moment: moment.isoweekday() % 7 + 1, width, 2)
    return _text(lambda moment: _DAYS[moment.weekday()], width)


def _quarter(width: int) -> Form:
    if width <= 2:
        return _number(lambda moment: (moment.month + 2) // 3, width, 2)
    if width > 4:
        raise BadPattern(f"a quarter of {width} letters")
    names = ("1st quarter", "2nd quarter", "3rd quarter", "4th quarter")
    return lambda moment: names[(moment.month - 1) // 3] if width == 4 else f"Q{(moment.month + 2) // 3}"


def _offset(width: int, *, zulu: bool) -> Form:
    def form(moment: datetime) -> str:
        text = moment.strftime("%z")
        if zulu and text == "+0000":
            return "Z"
        hours, minutes = text[:3], text[3:5]
        if width == 1:
            return hours if minutes == "00" else hours + minutes
        return f"{hours}:{minutes}" if width == 3 else hours + minutes

    return form


def _millisecond_of_day(moment: datetime) -> int:
    return ((moment.hour * 60 + moment.minute) * 60 + moment.second) * 1000 + moment.microsecond // 1000


def _week_of(moment: datetime) -> tuple[int, int]:
    """The week-based year and its week as in the United States: weeks begin on Sunday, the first has January 1st."""
    day = moment.date()
    first_of_next = day.replace(year=day.year + 1, month=1, day=1)
    if (first_of_next - day).days <= first_of_next.isoweekday() % 7:
        return day.year + 1, 1
    january_first = day.replace(month=1, day=1)
    return day.year, ((day - january_first).days + january_first.isoweekday() % 7) // 7 + 1
