"""Filter patterns over space-delimited fields: `[ip, user, ..., status = 4* && status != 404, bytes > 1000]`."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from fogbank.services.logs.filter_scanner import Scanner, refuse

_NAME = re.compile(r"\$?([A-Za-z0-9_\-]*)")
# What lies between square brackets or double quotes is one field.
_FIELD = re.compile(r'\[([^\]]*)\]|"((?:[^"\\]|\\.)*)"|(\S+)')


class Column(msgspec.Struct):
    """One field of a pattern: its name (empty if it has none) and its condition."""

    name: str
    test: Callable[[Any], bool] | None = None


def compile_columns(text: str) -> Callable[[str], Mapping[str, str] | None]:
    """What gives a message's fields by name (`$status`, `$7` where it has none), or None if it does not match."""
    before, after = _columns(Scanner(text))

    def match(message: str) -> Mapping[str, str] | None:
        fields = fields_of(message)
        if before or after is not None:
            tail = after or []
            if len(fields) < len(before) + len(tail) or (after is None and len(fields) != len(before)):
                return None
            columns = [*before, *[Column("")] * (len(fields) - len(before) - len(tail)), *tail]
        else:
            columns = [Column("")] * len(fields)
        for column, value in zip(columns, fields, strict=True):
            if column.test is not None and not column.test(value):
                return None
        return {
            f"${column.name or number}": value
            for number, (column, value) in enumerate(zip(columns, fields, strict=True), start=1)
        }

    return match


def fields_of(message: str) -> list[str]:
    return [found[found.lastindex or 0] for found in _FIELD.finditer(message)]


def _columns(scanner: Scanner) -> tuple[list[Column], list[Column] | None]:
    """The columns before the ellipsis, and those behind it (None without one)."""
    scanner.expect("[")
    before: list[Column] = []
    after: list[Column] | None = None
    if not scanner.take("]"):
        while True:
            if scanner.take("...") or scanner.take("…"):
                if after is not None:
                    refuse()
                after = []
            else:
                (before if after is None else after).append(_column(scanner))
            if scanner.take("]"):
                break
            scanner.expect(",")
    if not scanner.done():
        refuse()
    return before, after


def _column(scanner: Scanner) -> Column:
    """`name`, or conditions that all name the same field; a field may go without a name."""
    names: list[str] = []

    def one() -> Callable[[Any], bool]:
        found = scanner.match(_NAME)
        name = found[1] if found is not None else ""
        if names and name != names[0]:
            refuse()
        names.append(name)
        scanner.space()
        if scanner.text[scanner.at : scanner.at + 1] in (",", "]", ")", "&", "|"):
            return _always
        return scanner.condition()

    test = scanner.any_of_all(one)
    return Column(names[0], None if test is _always else test)


def _always(value: Any) -> bool:
    return True
