"""Pages of keys, with common prefixes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html"""

import base64
import binascii
import heapq
from collections.abc import Iterator
from urllib.parse import quote

import msgspec

from fogbank.core.store import Table
from fogbank.services.s3.errors import InvalidArgument
from fogbank.services.s3.records import ObjectVersion

PAGE_MAX = 1000
_LAST = "\U0010ffff"


class Page(msgspec.Struct):
    """Keys and common prefixes in order; `last` is the last one of either if there are more."""

    objects: list[tuple[str, ObjectVersion]] = []
    prefixes: list[str] = []
    last: str = ""
    truncated: bool = False


def page(objects: Table[ObjectVersion], bucket: str, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
    """The keys behind `after`. A common prefix counts as one, and the keys below it are skipped, not read."""
    found = Page()
    start = max(prefix, after)
    if delimiter and after.startswith(prefix):
        shared = common_prefix(after, prefix, delimiter)
        if shared == after:
            start = shared + _LAST
    while True:
        restart = None
        for (_, key), version in objects.scan((bucket,), start=(bucket, start)):
            if not key.startswith(prefix):
                if key > prefix:
                    return found
                continue
            if key <= after:
                continue
            shared = common_prefix(key, prefix, delimiter)
            if shared is not None and shared in (after, found.last):
                continue  # Below a prefix that is listed already, at the very end of Unicode.
            if len(found.objects) + len(found.prefixes) >= limit:
                found.truncated = limit > 0
                return found
            if shared is None:
                found.objects.append((key, version))
                found.last = key
            else:
                found.prefixes.append(shared)
                found.last = shared
                restart = shared + _LAST
                break
        if restart is None:
            return found
        start = restart


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What `key` is rolled up to, or None if it is listed by itself."""
    if not delimiter:
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def all_versions(
    objects: Table[ObjectVersion], versions: Table[ObjectVersion], bucket: str, *, prefix: str
) -> Iterator[tuple[str, ObjectVersion, bool]]:
    """Every version below `prefix`, newest first within a key, and whether it is the latest."""
    current = (
        (key, -version.sequence, version) for (_, key), version in objects.scan((bucket,), start=(bucket, prefix))
    )
    others = ((key, place, version) for (_, key, place), version in versions.scan((bucket,), start=(bucket, prefix)))
    before = None
    for key, _, version in heapq.merge(current, others, key=lambda entry: entry[:2]):
        if not key.startswith(prefix):
            return
        yield key, version, key != before
        before = key


def token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def untoken(text: str) -> str:
    try:
        return base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise InvalidArgument(
            "The continuation token provided is incorrect", members={"ArgumentName": "continuation-token"}
        ) from None


def url_encoded(text: str) -> str:
    """As `encoding-type=url` writes keys."""
    return quote(text, safe="/*-._")
