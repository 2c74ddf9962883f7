"""Pages of lists: the token is a number, of what comes next."""

from typing import TypeVar

from fogbank.core.numerals import whole_number
from fogbank.services.cloudformation.errors import ValidationError

T = TypeVar("T")
PAGE = 100
NUMBER_MAX = 10**18  # beyond it a number is no part of a key


def page(found: list[T], token: str | None, *, size: int = PAGE) -> tuple[list[T], dict[str, str]]:
    """The part of the list that the token asks for, and the answer's NextToken if there is more."""
    start = number(token) if token is not None else 0
    return found[start : start + size], {"NextToken": str(start + size)} if start + size < len(found) else {}


def number(token: str) -> int:
    found = whole_number(token)
    if found is None or found > NUMBER_MAX:
        raise ValidationError("The token is invalid")
    return found


def refuse(token: str | None) -> None:
    """For what has one page only, so that no token was ever given."""
    if token is not None:
        raise ValidationError("The token is invalid")
