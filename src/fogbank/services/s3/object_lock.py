"""Object Lock: what a lock is, what it forbids, and how one may be changed. Decisions only; they touch no store.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from fogbank.services.s3.errors import InvalidArgument, LockedObject, MalformedXML, MissingObjectLock
from fogbank.services.s3.records import Bucket, ObjectLock

COMPLIANCE, GOVERNANCE = "COMPLIANCE", "GOVERNANCE"
ON = "ON"
DAY_MS = 86_400_000
# S3's limits of a default retention: 100 years.
DAYS_MAX, YEARS_MAX = 36_500, 100

_MODE_HEADER = "x-amz-object-lock-mode"
_UNTIL_HEADER = "x-amz-object-lock-retain-until-date"
_PACIFIC = ZoneInfo("America/Los_Angeles")


def is_retained(lock: ObjectLock | None, now_ms: int) -> bool:
    return lock is not None and bool(lock.mode) and lock.until_ms > now_ms


def is_locked(lock: ObjectLock | None, now_ms: int) -> bool:
    """Whether a version must stay: lifecycle rules leave it, and deletions are refused."""
    return is_retained(lock, now_ms) or (lock is not None and lock.legal_hold == ON)


def check_removal(lock: ObjectLock | None, now_ms: int, *, bypass: bool) -> None:
    """A retention in governance mode gives way to those who say so; a legal hold to nobody."""
    if lock is None or not is_locked(lock, now_ms):
        return
    if lock.legal_hold == ON or lock.mode == COMPLIANCE or not bypass:
        raise LockedObject()


def given(
    bucket: Bucket, now_ms: int, *, mode: str | None, until: float | None, legal_hold: str | None
) -> ObjectLock | None:
    """The lock that a request to write an object asks for."""
    if mode is None and until is None and legal_hold is None:
        return None
    if not bucket.object_lock:
        raise MissingObjectLock()
    if (mode is None) != (until is None):
        raise InvalidArgument(
            f"{_UNTIL_HEADER} and {_MODE_HEADER} must both be supplied",
            members={"ArgumentName": _MODE_HEADER if mode is None else _UNTIL_HEADER},
        )
    if mode not in (None, GOVERNANCE, COMPLIANCE):
        raise InvalidArgument(
            "Unknown wormMode directive.", members={"ArgumentName": _MODE_HEADER, "ArgumentValue": mode}
        )
    until_ms = 0 if until is None else _in_future(until, now_ms, argument=_UNTIL_HEADER)
    return ObjectLock(mode=mode or "", until_ms=until_ms, legal_hold=legal_hold or "")


def retention(config: dict[str, Any] | None, lock: ObjectLock | None, now_ms: int) -> ObjectLock | None:
    """The lock of a new version: its own, or with the bucket's default retention where it has none."""
    default = ((config or {}).get("Rule") or {}).get("DefaultRetention")
    if default is None or (lock is not None and lock.mode):
        return lock
    if "Years" in default:
        until = _years_later(datetime.fromtimestamp(now_ms / 1000, UTC), default["Years"])
        until_ms = round(until.timestamp() * 1000)
    else:
        until_ms = now_ms + default["Days"] * DAY_MS
    return ObjectLock(default["Mode"], until_ms, lock.legal_hold if lock is not None else "")


def retained(lock: ObjectLock | None, wanted: dict[str, Any], now_ms: int, *, bypass: bool) -> ObjectLock:
    """The lock with another retention, or with none if `wanted` is empty.

    A retention that is in force may be extended, and made stricter. What weakens it needs the bypass in governance
    mode and is impossible in compliance mode.
    """
    mode, until = wanted.get("Mode"), wanted.get("RetainUntilDate")
    if (mode is None) != (until is None):
        raise MalformedXML()
    until_ms = 0 if until is None else _in_future(until, now_ms, argument="RetainUntilDate")
    if lock is not None and is_retained(lock, now_ms):
        weaker = until_ms < lock.until_ms or (lock.mode == COMPLIANCE and mode != COMPLIANCE)
        if weaker and (lock.mode == COMPLIANCE or not bypass):
            raise LockedObject()
    return ObjectLock(mode or "", until_ms, lock.legal_hold if lock is not None else "")


def check_configuration(config: dict[str, Any]) -> None:
    if config.get("ObjectLockEnabled") is None:
        raise MalformedXML()
    if "Rule" not in config:
        return
    default = config["Rule"].get("DefaultRetention") or {}
    if default.get("Mode") is None or ("Days" in default) == ("Years" in default):
        raise MalformedXML()
    for unit, most in (("Days", DAYS_MAX), ("Years", YEARS_MAX)):
        if unit not in default:
            continue
        if default[unit] <= 0:
            raise InvalidArgument(f"Default retention period must be a positive integer value for '{unit}'")
        if default[unit] > most:
            raise InvalidArgument(f"Default retention period too large for '{unit}'")


def headers(lock: ObjectLock | None) -> dict[str, Any]:
    """How GetObject and HeadObject tell of the lock."""
    if lock is None:
        return {}
    found: dict[str, Any] = {}
    if lock.mode:
        found |= {"ObjectLockMode": lock.mode, "ObjectLockRetainUntilDate": lock.until_ms / 1000}
    return found | ({"ObjectLockLegalHoldStatus": lock.legal_hold} if lock.legal_hold else {})


def _in_future(until: float, now_ms: int, *, argument: str) -> int:
    until_ms = int(until * 1000)
    if until_ms <= now_ms:
        raise InvalidArgument(
            "The retain until date must be in the future!",
            members={
                "ArgumentName": argument,
                # As recorded: this one argument is told in the time of Seattle.
                "ArgumentValue": datetime.fromtimestamp(until, _PACIFIC).strftime("%a %b %d %H:%M:%S %Z %Y"),
            },
        )
    return until_ms


def _years_later(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # the 29th of February
        return moment.replace(year=moment.year + years, month=3, day=1)
