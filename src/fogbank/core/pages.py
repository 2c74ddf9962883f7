"""Pages of lists: the token names the last thing that was seen."""

import base64
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from fogbank.core.errors import ValidationError
from fogbank.core.store import Key, Table

V = TypeVar("V")

_PAGE = 100
# Rows that one page looks at. Where most are not wanted it may have fewer than asked for, or none, and a token.
_LOOKED_AT_MAX = 10_000


def page(names: list[str], token: str | None, limit: int | None) -> tuple[list[str], dict[str, Any]]:
    """The names behind the token, and the answer's NextToken if there are more. `names` are in order."""
    if token is not None:
        last = _read(token)
        names = [name for name in names if name > last]
    size = limit or _PAGE
    if len(names) <= size:
        return names, {}
    return names[:size], _token(names[size - 1])


def page_of_table(
    table: Table[V],
    place: Key,
    token: str | None,
    limit: int | None,
    *,
    wanted: Callable[[Key, V], bool] = lambda key, value: True,
    start: Key | None = None,
    reverse: bool = False,
) -> tuple[list[tuple[Key, V]], dict[str, Any]]:
    """The wanted rows of `place`, and the answer's NextToken if there may be more: what a page costs is bounded.

    `start` is the first key that can be wanted; `reverse` begins with the last.
    """
    after = None
    if token is not None:
        after, start = (*place, *_parts(_read(token))), None
        if not table.is_key(after):
            raise _invalid()
    size = limit or _PAGE
    rows: list[tuple[Key, V]] = []
    last: Key = ()
    for looked_at, (key, value) in enumerate(table.scan(place, start=start, after=after, reverse=reverse)):
        fits = wanted(key, value)
        if looked_at == _LOOKED_AT_MAX or (fits and len(rows) == size):
            return rows, _token(msgspec.json.encode(last[len(place) :]).decode())
        last = key
        if fits:
            rows.append((key, value))
    return rows, {}


def _invalid() -> ValidationError:
    return ValidationError("Parameter NextToken is not valid.")


def _token(text: str) -> dict[str, str]:
    return {"NextToken": base64.b64encode(text.encode()).decode()}


def _read(token: str) -> str:
    try:
        return base64.b64decode(token, validate=True).decode()
    except ValueError:  # Also what base64 and UTF-8 raise.
        raise _invalid() from None


def _parts(text: str) -> list[str | int]:
    try:
        return msgspec.json.decode(text, type=list[str | int])
    except msgspec.DecodeError:
        raise _invalid() from None
