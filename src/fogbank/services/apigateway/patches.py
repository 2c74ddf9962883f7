"""PATCH: changes of documents by JSON pointers.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
Values are text. AWS words what it does not take in two ways: for small resources it lists the paths (`replaced`), for
documents it names the path (`change`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fogbank.services.apigateway.errors import BadRequest, NotFound

LARGEST = 1 << 31
Given = Sequence[dict[str, Any]]


class Patch(NamedTuple):
    op: str
    path: str
    value: str | None
    source: str | None = None

    @property
    def steps(self) -> list[str]:
        return [step.replace("~1", "/").replace("~0", "~") for step in self.path.split("/")[1:]]


def parsed(given: Given | None) -> list[Patch]:
    patches = []
    for each in given or ():
        path = each.get("path")
        if path is None:
            raise BadRequest("Invalid patch path null")
        patches.append(Patch(each.get("op", ""), path, each.get("value"), each.get("from")))
    return patches


def replaced(given: Given | None, names: Sequence[str]) -> dict[str, str]:
    """The new values of a resource that has only members to replace."""
    values: dict[str, str] = {}
    for patch in parsed(given):
        start = f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'."
        if patch.op != "replace":
            raise BadRequest(f"{start} Please choose supported operations")
        if patch.path.removeprefix("/") not in names:
            listed = ", ".join(f"/{name}" for name in names)
            raise BadRequest(f"{start} Must be one of: [{listed}]")
        values[patch.path[1:]] = patch.value or ""
    return values


Convert = Callable[[str | None], Any]


class Member(NamedTuple):
    """A member that has one value. `remove` says whether it can be taken away."""

    convert: Convert
    remove: bool = False


class Entries(NamedTuple):
    """A member that is a map; `missing` is what is said of a key that is not there."""

    convert: Convert
    missing: str = "Invalid parameter name specified"


class Elements(NamedTuple):
    """A member that is a list of texts."""


Members = Mapping[str, Member | Entries | Elements]


def text(value: str | None) -> str:
    return value or ""


def flag(value: str | None) -> bool:
    return (value or "").lower() == "true"


def number(value: str | None, *, whole: bool) -> int | float | None:
    """The number that the text says; None if it says none, or a negative one."""
    try:
        found = int(value or "") if whole else float(value or "")
    except ValueError:
        return None
    return found if 0 <= found < LARGEST else None


def change(document: dict[str, Any], patch: Patch, members: Members) -> None:
    """Apply one operation to one of the document's members."""
    name, *rest = patch.steps or [""]
    match members.get(name):
        case Member() as member if not rest:
            if patch.op == "replace":
                document[name] = member.convert(patch.value)
            elif patch.op == "remove" and member.remove:
                document.pop(name, None)
            else:
                raise only_replace()
        case Entries() as entries if len(rest) == 1:
            _change_map(document, name, rest[0], patch, entries)
        case Elements() if len(rest) == 1:
            _change_list(document, name, rest[0], patch)
        case _:
            raise invalid_path(patch.path)


def only_replace() -> BadRequest:
    return BadRequest("Invalid patch operation specified. Must be one of: [replace]")


def invalid_path(path: str) -> BadRequest:
    return BadRequest(f"Invalid patch path {path}")


def _change_map(document: dict[str, Any], name: str, key: str, patch: Patch, entries: Entries) -> None:
    there = document.get(name) or {}
    match patch.op:
        case "add":
            document[name] = {**there, key: entries.convert(patch.value)}
        case "replace":
            if key not in there:
                raise NotFound(entries.missing)
            document[name] = {**there, key: entries.convert(patch.value)}
        case "remove":
            if key not in there:
                raise NotFound(entries.missing)
            left = {other: value for other, value in there.items() if other != key}
            document.pop(name)
            if left:
                document[name] = left
        case _:
            raise BadRequest("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")


def _change_list(document: dict[str, Any], name: str, key: str, patch: Patch) -> None:
    there: list[str] = document.get(name) or []
    match patch.op:
        case "add":
            changed = there if key in there else [*there, key]
        case "replace":
            value = patch.value or ""
            changed = [*(each for each in there if each not in (key, value)), value]
        case "remove":
            changed = [each for each in there if each != key]
        case _:
            raise BadRequest("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
    document.pop(name, None)
    if changed:
        document[name] = changed
