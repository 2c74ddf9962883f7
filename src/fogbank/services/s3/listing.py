"""Pages of keys, with common prefixes. https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-prefixes.html

What a page costs depends on its own rows: a list seeks to its first key, and behind a common prefix to what follows it.
Keys are ordered by their UTF-8 bytes, which is the order of Python's strings.
"""

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from fogbank.services.s3.errors import InvalidArgument

PAGE_MAX = 1000
_SAFE_IN_URLS = "/*-._"
_PLAIN = re.compile(r"[A-Za-z0-9~/*._-]*\Z").match

Row = TypeVar("Row")


class Page(Generic[Row]):
    """Rows and common prefixes in order; `last` is the last key or prefix, `truncated` whether there are more."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, Row]] = []
        self.prefixes: list[str] = []
        self.last = ""
        self.truncated = False

    def __len__(self) -> int:
        return len(self.rows) + len(self.prefixes)


def page(
    rows_from: Callable[[str], Iterable[tuple[str, Row]]], *, prefix: str, delimiter: str, after: str, limit: int
) -> Page[Row]:
    """What lies behind the key or common prefix `after`. `rows_from` gives the rows from a key on, with their keys."""
    return page_from(rows_from, first_key(prefix, delimiter, after), prefix=prefix, delimiter=delimiter, limit=limit)


def page_from(
    rows_from: Callable[[str], Iterable[tuple[str, Row]]],
    start: str | None,
    *,
    prefix: str,
    delimiter: str,
    limit: int,
) -> Page[Row]:
    """As `page`, from the key `start` on, which is not before the prefix; None is the end of all keys."""
    found: Page[Row] = Page()
    while start is not None:
        seek_to: str | None = None
        for key, row in rows_from(start):
            if not key.startswith(prefix):
                return found
            if len(found) == limit:
                found.truncated = limit > 0
                return found
            shared = common_prefix(key, prefix, delimiter)
            if shared is not None:
                found.prefixes.append(shared)
                found.last = shared
                seek_to = behind(shared)
                break
            found.rows.append((key, row))
            found.last = key
        start = seek_to
    return found


def first_key(prefix: str, delimiter: str, after: str) -> str | None:
    """Where to begin behind `after`; a marker below a common prefix stands for all of it."""
    if not after:
        return prefix
    shared = common_prefix(after, prefix, delimiter) if after.startswith(prefix) else None
    return behind(shared) if shared is not None else max(prefix, after + "\0")


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """What `key` is rolled up to, or None if it is listed by itself."""
    if not delimiter:
        return None
    end = key.find(delimiter, len(prefix))
    return None if end < 0 else key[: end + len(delimiter)]


def behind(prefix: str) -> str | None:
    """The first string that sorts behind everything that begins with `prefix`; None if nothing does."""
    stripped = prefix.rstrip("\U0010ffff")
    return stripped[:-1] + chr(ord(stripped[-1]) + 1) if stripped else None


def page_size(argument: str, wanted: int) -> int:
    """How many rows a page has if `wanted` are asked for by the parameter `argument`."""
    if wanted < 0:
        raise InvalidArgument(
            f"Argument {argument} must be an integer between 0 and 2147483647",
            members={"ArgumentName": argument, "ArgumentValue": str(wanted)},
        )
    return min(wanted, PAGE_MAX)


def namer(encoding_type: str | None) -> Callable[[str], str]:
    """How keys are written. `url` says percent-encoded, since XML 1.0 cannot hold every key."""
    if encoding_type is None:
        return str
    if encoding_type != "url":
        raise InvalidArgument(
            "Invalid Encoding Method specified in Request",
            members={"ArgumentName": "encoding-type", "ArgumentValue": encoding_type},
        )
    return lambda text: text if _PLAIN(text) else quote(text, safe=_SAFE_IN_URLS)


def members(found: Page[Any], named: Callable[[str], str], delimiter: str, encoding_type: str | None) -> dict[str, Any]:
    """The members that the answers of all lists with common prefixes have, where they apply."""
    answer: dict[str, Any] = {}
    if delimiter:
        answer["Delimiter"] = named(delimiter)
    if encoding_type:
        answer["EncodingType"] = encoding_type
    if found.prefixes:
        answer["CommonPrefixes"] = [{"Prefix": named(shared)} for shared in found.prefixes]
    return answer


def token(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def untoken(text: str) -> str:
    try:
        last = base64.b64decode(text, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        last = ""
    if not last:
        raise InvalidArgument(
            "The continuation token provided is incorrect", members={"ArgumentName": "continuation-token"}
        )
    return last
