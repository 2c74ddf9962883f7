"""Moments as AWS writes them, in UTC: ISO 8601 in messages, and HTTP's form in headers."""

from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache


def iso_seconds(ms: int) -> str:
    """`2026-01-30T23:58:30Z`; what is beyond the second is cut off."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(ms: int) -> str:
    """`2026-01-30T23:58:30.125Z`"""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def iso_offset(ms: int) -> str:
    """`2026-01-30T23:58:30.125+0000`"""
    return iso_milliseconds(ms).replace("Z", "+0000")


def clf_time(ms: int) -> str:
    """`30/Jan/2026:23:58:30 +0000`, as the common log format has it."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def http_date(ms: int) -> str:
    """`Fri, 30 Jan 2026 23:58:30 GMT`"""
    return _http_date(ms // 1000)


@lru_cache(maxsize=16)  # Every answer of a second has the same.
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
