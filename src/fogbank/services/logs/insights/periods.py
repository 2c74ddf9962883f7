"""Periods such as `5m` and `1h`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html#CWL_QuerySyntax-datetime
"""

from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.lexer import Token
from fogbank.services.logs.insights.syntax import Period

_MS = {
    1: ("ms", "msec", "millisecond"),
    1_000: ("s", "sec", "second"),
    60_000: ("m", "min", "minute"),
    3_600_000: ("h", "hr", "hour"),
    86_400_000: ("d", "day"),
    604_800_000: ("w", "week"),
}
_MONTHS = {1: ("mo", "mon", "month"), 3: ("q", "qtr", "quarter"), 12: ("y", "yr", "year")}
_UNITS = {name: Period(size, "ms") for size, names in _MS.items() for name in names} | {
    name: Period(size, "months") for size, names in _MONTHS.items() for name in names
}


def period(token: Token) -> Period:
    unit = token.text.lstrip("0123456789").lower()
    count = int(token.text[: len(token.text) - len(unit)])
    found = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
    if found is None or not 0 < count < 10**9:
        raise MalformedQuery(f"{token.text} is not a period.", token.start, token.end)
    return Period(count * found.length, found.unit)
