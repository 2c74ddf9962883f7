"""Dates and timestamps in records, as Firehose's deserializers read them.

https://docs.aws.amazon.com/firehose/latest/dev/record-format-conversion.html
Moments are nanoseconds since 1970 in UTC; what does not fit 64 bits is no timestamp. Every function raises ValueError.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache

Parse = Callable[[str], int]

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_SECOND_NS = 1_000_000_000
_NS_MAX = (1 << 63) - 1
# Below it a number is of seconds, from it on of milliseconds, as AWS was seen to read them.
_MILLISECONDS_FROM = 1_000_000_000_000

_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_SPACED = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) (\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?", re.ASCII)
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z?", re.ASCII)
_MILLIS = re.compile(r"-?\d{1,18}", re.ASCII)

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_JODA = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']", re.DOTALL)


class BadFormat(ValueError):
    """The text is no format of timestamps, or has a letter that is not supported."""


def parse_date(text: str) -> int:
    """The days since 1970."""
    found = _DATE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return _days(int(found[1]), int(found[2]), int(found[3]))


def parse_timestamp(text: str) -> int:
    """`2026-1-30 23:58:30.125`, as java.sql.Timestamp has it."""
    found = _SPACED.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return _moment(found)


def parse_openx_timestamp(text: str) -> int:
    """As `parse_timestamp`, or ISO 8601 in UTC, or a number of seconds or milliseconds since 1970."""
    found = _SPACED.fullmatch(text) or _ISO.fullmatch(text)
    if found is not None:
        return _moment(found)
    try:
        return from_number(Decimal(text))
    except InvalidOperation:
        raise ValueError(text) from None


def from_number(number: int | float | Decimal) -> int:
    """A number of seconds since 1970, or of milliseconds if it is that large."""
    exact = Decimal(repr(number)) if isinstance(number, float) else Decimal(number)
    if not exact.is_finite() or exact.adjusted() > 18:
        raise ValueError(str(number))
    unit = 1_000_000 if abs(exact) >= _MILLISECONDS_FROM else _SECOND_NS
    return _fitting(int(exact * unit))


@lru_cache(maxsize=1024)
def compile_format(text: str) -> Parse:
    """What reads timestamps in a format of the Hive JSON SerDe: Joda's patterns, or `millis`. Raises BadFormat."""
    if text == "millis":
        return _parse_millis
    regex, fields = "", []
    tokens = list(_JODA.finditer(text))
    if "".join(token[0] for token in tokens) != text:
        raise BadFormat(text)
    for number, token in enumerate(tokens):
        letter = token[2]
        if letter is None:
            literal = token[0] if token[1] is None else token[1].replace("''", "'") or "'"
            regex += re.escape(literal)
            continue
        following = tokens[number + 1][2] if number + 1 < len(tokens) else None
        regex += _field(letter, len(token[0]), is_fixed=following in _DIGITS)
        fields.append(letter)
    if len(set(fields)) < len(fields):
        raise BadFormat(text)
    try:
        pattern = re.compile(regex, re.ASCII | re.IGNORECASE)
    except re.error:
        raise BadFormat(text) from None

    def parse(value: str) -> int:
        found = pattern.fullmatch(value)
        if found is None:
            raise ValueError(value)
        return _of_fields(found.groupdict())

    return parse


_DIGITS: Mapping[str | None, int] = {"y": 4, "Y": 4, "M": 2, "d": 2, "D": 3, "H": 2, "h": 2, "m": 2, "s": 2, "S": 9}
_TEXTS = {
    "a": "am|pm",
    "E": "[a-z]+",
    "Z": r"z|[+-]\d\d:?\d\d",
}


def _field(letter: str, width: int, *, is_fixed: bool) -> str:
    if letter == "M" and width >= 3:
        return "(?P<M>[a-z]{3,9})"
    if letter in _TEXTS:
        return f"(?P<{letter}>{_TEXTS[letter]})"
    if letter not in _DIGITS:
        raise BadFormat(letter)
    if letter in "yY" and width == 2:
        return rf"(?P<{letter}>\d\d)"
    most = max(_DIGITS[letter], width)
    return rf"(?P<{letter}>\d{{{width}}})" if is_fixed else rf"(?P<{letter}>\d{{1,{most}}})"


def _of_fields(found: Mapping[str, str]) -> int:
    year = _year(found.get("y") or found.get("Y") or "1970")
    if "D" in found:
        days = _days(year, 1, 1) + int(found["D"]) - 1
    else:
        days = _days(year, _month(found.get("M", "1")), int(found.get("d", "1")))
    hour = int(found.get("H", "0"))
    if "h" in found:
        hour = int(found["h"]) % 12 + (12 if found.get("a", "").lower() == "pm" else 0)
    at = _time(days, hour, int(found.get("m", "0")), int(found.get("s", "0")), found.get("S"))
    return _fitting(at - _offset_s(found.get("Z", "z")) * _SECOND_NS)


def _year(digits: str) -> int:
    return int(digits) if len(digits) != 2 else 2000 + int(digits) - (100 if int(digits) > 70 else 0)


def _month(text: str) -> int:
    if text.isdigit():
        return int(text)
    return _MONTHS.index(text[:3].lower()) + 1


def _offset_s(text: str) -> int:
    if text in "zZ":
        return 0
    digits = text[1:].replace(":", "")
    offset = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return -offset if text[0] == "-" else offset


def _parse_millis(text: str) -> int:
    if _MILLIS.fullmatch(text) is None:
        raise ValueError(text)
    return _fitting(int(text) * 1_000_000)


def _moment(found: re.Match[str]) -> int:
    year, month, day, hour, minute, second, fraction = found.groups()
    return _time(_days(int(year), int(month), int(day)), int(hour), int(minute), int(second), fraction)


def _days(year: int, month: int, day: int) -> int:
    return date(year, month, day).toordinal() - _EPOCH_DAY


def _time(days: int, hour: int, minute: int, second: int, fraction: str | None) -> int:
    if hour > 23 or minute > 59 or second > 59:
        raise ValueError(f"{hour}:{minute}:{second}")
    nanoseconds = int(fraction.ljust(9, "0")) if fraction else 0
    return _fitting((((days * 24 + hour) * 60 + minute) * 60 + second) * _SECOND_NS + nanoseconds)


def _fitting(nanoseconds: int) -> int:
    if not -_NS_MAX <= nanoseconds <= _NS_MAX:
        raise ValueError("the timestamp is out of range")
    return nanoseconds
