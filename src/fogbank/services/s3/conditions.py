"""Ranges and conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
and RFC 9110, sections 13 and 14.
"""

import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any, NamedTuple

from fogbank.services.s3.errors import (
    ConditionalRequestConflict,
    HeaderNotImplemented,
    InvalidArgument,
    InvalidRange,
    InvalidRequest,
    NoSuchKey,
    NotModified,
    PreconditionFailed,
)
from fogbank.services.s3.records import ObjectVersion

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COPIED_RANGE = re.compile(r"bytes=(\d+)-(\d+)\Z", re.ASCII)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header; None for one to be ignored (several ranges, another unit)."""
    match = _RANGE.fullmatch(header.replace(" ", ""))
    if match is None or match.group(1) == match.group(2) == "":
        return None
    if match.group(1) == "":
        length = int(match.group(2))
        if length == 0 or size == 0:
            raise InvalidRange(members={"RangeRequested": header, "ActualObjectSize": str(size)})
        return max(size - length, 0), size - 1
    first = int(match.group(1))
    last = int(match.group(2)) if match.group(2) else size - 1
    if match.group(2) and last < first:
        return None
    if first >= size:
        raise InvalidRange(members={"RangeRequested": header, "ActualObjectSize": str(size)})
    return first, min(last, size - 1)


def etag_matches(header: str, etag: str) -> bool:
    if header.strip() == "*":
        return True
    return any(part.strip().removeprefix("W/").strip('"') == etag for part in header.split(","))


def copied_range(header: str | None, size: int) -> tuple[int, int]:
    """First byte and length of a copy's source: x-amz-copy-source-range takes one form only."""
    if header is None:
        return 0, size
    match = _COPIED_RANGE.match(header)
    named = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": header}
    if match is None or int(match[1]) > int(match[2]):
        raise InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
            members=named,
        )
    first, last = int(match[1]), int(match[2])
    if first >= size:
        raise InvalidRequest("The specified copy range is invalid for the source object size")
    if last >= size:
        raise InvalidArgument(f"Range specified is not valid for source object of size: {size}", members=named)
    return first, last - first + 1


def check_read(version: ObjectVersion, conditions: Mapping[str, Any], *, now_ms: int) -> None:
    """Raises what a conditional read answers. A date in the future is no condition."""
    failed = _failed(version, conditions, "", now_ms)
    if failed in ("If-None-Match", "If-Modified-Since"):
        raise NotModified(
            headers={"ETag": f'"{version.etag}"', "Last-Modified": formatdate(version.modified_ms // 1000, usegmt=True)}
        )
    if failed:
        raise PreconditionFailed(members={"Condition": failed})


def check_source(version: ObjectVersion, conditions: Mapping[str, Any], *, now_ms: int) -> None:
    """As `check_read`, for the source of a copy, which fails where a read is merely not modified."""
    failed = _failed(version, conditions, "CopySource", now_ms)
    if failed:
        raise PreconditionFailed(members={"Condition": f"x-amz-copy-source-{failed}"})


def _failed(version: ObjectVersion, conditions: Mapping[str, Any], prefix: str, now_ms: int) -> str:
    """The condition that does not hold, or nothing. ETags count before dates."""
    modified_s = version.modified_ms // 1000
    if_match = conditions.get(f"{prefix}IfMatch")
    if if_match is not None:
        if not etag_matches(if_match, version.etag):
            return "If-Match"
    else:
        unmodified_since = conditions.get(f"{prefix}IfUnmodifiedSince")
        if unmodified_since is not None and modified_s > unmodified_since:
            return "If-Unmodified-Since"
    if_none_match = conditions.get(f"{prefix}IfNoneMatch")
    if if_none_match is not None:
        return "If-None-Match" if etag_matches(if_none_match, version.etag) else ""
    modified_since = conditions.get(f"{prefix}IfModifiedSince")
    if modified_since is not None and modified_s <= modified_since <= now_ms / 1000:
        return "If-Modified-Since"
    return ""


class WriteCondition(NamedTuple):
    """What a write demands of the object that it replaces."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check_form(self) -> None:
        """General purpose buckets take `*` in If-None-Match and an ETag in If-Match, and one of the two."""
        if self.if_match is not None and self.if_none_match is not None:
            raise _refused("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
        if self.if_none_match not in (None, "*"):
            raise _refused("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
        if self.if_match == "*":
            raise _refused("If-Match", "We don't accept the provided value of If-Match header for this API")

    def check(
        self, key: str, current: ObjectVersion | None, *, since: int | None = None, deleted: bool = False
    ) -> None:
        """`since` is where the write began in the sequence of changes: a later one got in between. `deleted`: whether
        the object was deleted in between.
        """
        if self.if_none_match is not None and current is not None:
            raise PreconditionFailed(members={"Condition": "If-None-Match"})
        if self.if_none_match is not None and deleted:
            raise ConditionalRequestConflict(members={"Condition": "If-None-Match", "Key": key})
        if self.if_match is None:
            return
        if current is None:
            raise NoSuchKey(members={"Key": key})
        if not etag_matches(self.if_match, current.etag):
            raise PreconditionFailed(members={"Condition": "If-Match"})
        if since is not None and current.sequence > since:
            raise ConditionalRequestConflict(members={"Condition": "If-Match", "Key": key})


def _refused(header: str, why: str) -> HeaderNotImplemented:
    return HeaderNotImplemented(members={"Header": header, "additionalMessage": why})
