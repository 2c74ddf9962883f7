"""Timestamps in AWS's formats, to and from epoch seconds."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?\d{1,13}(\.\d{1,9})?([eE][+]?\d{1,2})?\Z", re.ASCII)
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?)?\Z", re.ASCII)
# What the formats can say: years 1 to 9999.
EARLIEST, LATEST = -62_135_596_800, 253_402_300_799


def parse(text: str) -> float | int:
    """Epoch seconds of a date in any of the formats that AWS takes. Raises `ValueError`."""
    if _NUMBER.match(text):
        return in_range(float(text))
    match = _ISO.match(text)
    if match is None:
        return _whole(_seconds(_parse_rfc822(text)))
    day, clock, fraction, zone = match.groups()
    moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}")
    offset = timedelta(0)
    if zone not in (None, "Z"):
        hours, minutes = int(zone[1:3]), int(zone[-2:])
        offset = timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
    seconds = _seconds(moment.replace(tzinfo=UTC)) - offset.total_seconds()
    return in_range(seconds + float(fraction or 0))


def _parse_rfc822(text: str) -> datetime:
    try:
        moment = parsedate_to_datetime(text)
    except (TypeError, IndexError, OverflowError) as error:
        raise ValueError(text) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(moment: datetime) -> float:
    return (moment - _EPOCH).total_seconds()


def in_range(seconds: float) -> float | int:
    if not EARLIEST <= seconds <= LATEST:
        raise ValueError(seconds)
    return _whole(seconds)


def _whole(seconds: float) -> float | int:
    return int(seconds) if seconds == int(seconds) else seconds


def unix(seconds: float) -> float | int:
    """For JSON and CBOR: whole seconds as an integer, others with milliseconds."""
    whole = int(seconds)
    return whole if whole == seconds else round(seconds, 3)


def iso8601(seconds: float) -> str:
    """`2026-01-01T00:00:00Z`, or with milliseconds if there are any."""
    milliseconds = round(seconds * 1000)
    text = (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat(
        timespec="milliseconds" if milliseconds % 1000 else "seconds"
    )
    return text.removesuffix("+00:00") + "Z"


@lru_cache(maxsize=4096)  # What is listed was often made within the same seconds.
def iso8601_milliseconds(seconds: float) -> str:
    """Always with milliseconds, as most of AWS's XML has it: `2026-01-01T00:00:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=round(seconds * 1000))
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


@lru_cache(maxsize=4096)
def rfc822(seconds: float) -> str:
    """`Thu, 01 Jan 2026 00:00:00 GMT`, as in HTTP headers."""
    return formatdate(int(seconds), usegmt=True)
