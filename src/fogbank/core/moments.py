"""Moments as AWS writes them in messages: ISO 8601, in UTC."""

from datetime import UTC, datetime


def iso_seconds(ms: int) -> str:
    """`2026-01-30T23:58:30Z`; what is beyond the second is cut off."""
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_milliseconds(ms: int) -> str:
    """`2026-01-30T23:58:30.125Z`"""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def iso_offset(ms: int) -> str:
    """`2026-01-30T23:58:30.125+0000`"""
    return iso_milliseconds(ms).replace("Z", "+0000")
