"""Tokens of paged answers: where the next page begins, in a form that callers do not read."""

import base64
import binascii
from typing import Any

from fogbank.core.numerals import whole_number
from fogbank.services.logs.errors import InvalidParameter

PAGE_EVENTS_MAX = 10_000
PAGE_BYTES_MAX = 1_048_576  # of the messages in one answer of GetLogEvents and FilterLogEvents


def token(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def untoken(given: str) -> str:
    try:
        return base64.urlsafe_b64decode(given).decode()
    except (binascii.Error, ValueError):
        raise invalid() from None


def invalid() -> InvalidParameter:
    return InvalidParameter("The specified nextToken is invalid.")


def offset(given: str | None) -> int:
    number = whole_number(untoken(given)) if given else 0
    if number is None:
        raise invalid()
    return number


def page(name: str, rows: list[dict[str, Any]], given: str | None, limit: int) -> dict[str, Any]:
    """The rows from the token on, under `name`."""
    start = offset(given)
    answer: dict[str, Any] = {name: rows[start : start + limit]}
    return answer | ({"nextToken": token(str(start + limit))} if len(rows) > start + limit else {})
