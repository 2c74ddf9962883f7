"""Ranges and conditional requests.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
and RFC 9110, sections 13 and 14.
"""

import re

from fogbank.services.s3.errors import InvalidRange, NotModified, PreconditionFailed

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


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


def check_read(
    etag: str,
    modified_ms: int,
    *,
    if_match: str | None,
    if_none_match: str | None,
    if_modified_since: float | None,
    if_unmodified_since: float | None,
    not_modified_is_an_error: bool = False,
) -> None:
    """Raises what a conditional read answers; a copy's source fails where a read is merely not modified."""
    modified_s = modified_ms // 1000
    if if_match is not None:
        if not etag_matches(if_match, etag):
            raise PreconditionFailed(members={"Condition": "If-Match"})
    elif if_unmodified_since is not None and modified_s > if_unmodified_since:
        raise PreconditionFailed(members={"Condition": "If-Unmodified-Since"})
    unchanged = PreconditionFailed if not_modified_is_an_error else NotModified
    if if_none_match is not None:
        if etag_matches(if_none_match, etag):
            raise unchanged()
    elif if_modified_since is not None and modified_s <= if_modified_since:
        raise unchanged()
