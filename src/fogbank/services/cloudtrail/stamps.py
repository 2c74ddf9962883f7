"""Times in the names of CloudTrail's files."""

from fogbank.core.moments import iso_seconds


def day_folder(ms: int) -> str:
    """`2026/01/30`"""
    return iso_seconds(ms)[:10].replace("-", "/")


def compact_minute(ms: int) -> str:
    """`20260130T2358Z`"""
    return iso_seconds(ms)[:16].replace("-", "").replace(":", "") + "Z"


def compact_second(ms: int) -> str:
    """`20260130T235830Z`"""
    return iso_seconds(ms).replace("-", "").replace(":", "")
