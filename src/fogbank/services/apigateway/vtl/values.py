"""Values as Velocity sees them: Java's maps, lists, texts and numbers.

What came from JSON is written as AWS was recorded to write it: maps as Java does (`{a=b}`), lists as JSON.
"""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from fogbank.core.linear_regex import BadExpression, whole_match
from fogbank.services.apigateway.vtl.errors import TemplateError


class ArrayList(list[Any]):
    """A list that does not come from JSON."""


class Entry(NamedTuple):
    """Of a map's `entrySet()`."""

    key: Any
    value: Any


def to_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float_text(value)
    if isinstance(value, Entry):
        return f"{_inner_text(value.key)}={_inner_text(value.value)}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_inner_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, ArrayList):
        return "[" + ", ".join(map(_inner_text, value)) + "]"
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return str(value)


def _inner_text(value: Any) -> str:
    return "null" if value is None else to_text(value)


def _float_text(value: float) -> str:
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return repr(value)
    mantissa, _, exponent = f"{value:e}".partition("e")
    digits = repr(float(repr(value).partition("e")[0])) if "e" in repr(value) else mantissa.rstrip("0")
    return f"{digits + '0' if digits.endswith('.') else digits}E{int(exponent)}"


def truth(value: Any) -> bool:
    """Velocity 1: false and null are not true, all else is."""
    return value is not None and value is not False


def equal(left: Any, right: Any) -> bool:
    if left is None or right is None:
        # As recorded: what is null is equal to null and to the empty text.
        return left in (None, "") and right in (None, "")
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left == right
    if type(left) is type(right) or isinstance(left, list | dict):
        return bool(left == right)
    return to_text(left) == to_text(right)


def prop(value: Any, name: str) -> Any:
    """`$value.name`"""
    if isinstance(value, dict):
        return value.get(name)
    if isinstance(value, Entry):
        return {"key": value.key, "value": value.value}.get(name)
    if isinstance(value, Scope):
        return value.prop(name)
    return None


class Scope:
    """A value that is an object of API Gateway's: subclasses have methods for templates to call."""

    methods: frozenset[str] = frozenset()

    def prop(self, name: str) -> Any:
        return None


def item(value: Any, key: Any) -> Any:
    """`$value[key]`"""
    if isinstance(value, dict):
        return value.get(to_text(key))
    if isinstance(value, list) and isinstance(key, int) and not isinstance(key, bool):
        return value[key] if -len(value) <= key < len(value) else None
    return None


def put(value: Any, key: Any, new: Any) -> None:
    """`#set($value.key = …)` and `#set($value[key] = …)`"""
    if isinstance(value, dict):
        value[to_text(key)] = new
    elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        value[key] = new


def call(value: Any, name: str, arguments: list[Any]) -> Any:
    """`$value.name(arguments)`; what there is no method for gives null."""
    method: Callable[..., Any] | None = None
    if isinstance(value, Scope):
        method = getattr(value, _snake(name)) if name in value.methods else None
    elif value is not None:
        table = next((table for kind, table in _METHODS if isinstance(value, kind)), {})
        bound = table.get(name) or _ANY.get(name)
        method = None if bound is None else lambda *given: bound(value, *given)
    if method is None:
        return None
    try:
        return method(*arguments)
    except (TypeError, ValueError, IndexError, AttributeError, re.error, BadExpression) as error:
        raise TemplateError(f"{name}: {error}") from error


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", lambda match: f"_{match[1].lower()}", name)


def _java_replacement(text: str) -> str:
    """`$1` as Python has it."""
    return re.sub(r"\$(\d)", r"\\\1", text.replace("\\", "\\\\"))


def _substring(text: str, begin: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    if not 0 <= begin <= end <= len(text):
        raise IndexError("begin or end is out of the text")
    return text[begin:end]


def _split(text: str, pattern: str, limit: int = 0) -> ArrayList:
    parts = re.split(pattern, text, maxsplit=max(limit - 1, 0))
    while limit == 0 and len(parts) > 1 and parts[-1] == "":
        parts.pop()
    return ArrayList(parts)


def _map_put(value: dict[str, Any], key: Any, new: Any) -> Any:
    old = value.get(to_text(key))
    value[to_text(key)] = new
    return old


def _map_put_all(value: dict[str, Any], other: dict[str, Any]) -> None:
    value.update(other)


def _add(value: list[Any], *arguments: Any) -> bool | None:
    if len(arguments) == 2:
        value.insert(*arguments)
        return None
    value.append(*arguments)
    return True


def _add_all(value: list[Any], others: list[Any]) -> bool:
    value.extend(others)
    return bool(others)


def _remove(value: list[Any], which: Any) -> Any:
    if isinstance(which, int):
        return value.pop(which)
    if which in value:
        value.remove(which)
        return True
    return False


def _set(value: list[Any], index: int, new: Any) -> Any:
    old, value[index] = value[index], new
    return old


def _index(value: list[Any], sought: Any) -> int:
    return value.index(sought) if sought in value else -1


_ANY: dict[str, Callable[..., Any]] = {"toString": to_text, "equals": equal}
_TEXT: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
    "trim": str.strip,
    "substring": _substring,
    "charAt": lambda text, index: text[index],
    "indexOf": lambda text, sought, begin=0: text.find(to_text(sought), begin),
    "lastIndexOf": lambda text, sought: text.rfind(sought),
    "contains": lambda text, sought: sought in text,
    "startsWith": lambda text, start: text.startswith(start),
    "endsWith": lambda text, end: text.endswith(end),
    "equalsIgnoreCase": lambda text, other: text.lower() == to_text(other).lower(),
    "compareTo": lambda text, other: (text > other) - (text < other),
    "concat": lambda text, other: text + other,
    "replace": lambda text, old, new: text.replace(old, new),
    "replaceAll": lambda text, pattern, new: re.sub(pattern, _java_replacement(new), text),
    "replaceFirst": lambda text, pattern, new: re.sub(pattern, _java_replacement(new), text, count=1),
    "matches": lambda text, pattern: whole_match(pattern)(text),
    "split": _split,
}
_MAP: dict[str, Callable[..., Any]] = {
    "get": item,
    "getOrDefault": lambda value, key, other: value.get(to_text(key), other),
    "put": _map_put,
    "putAll": _map_put_all,
    "remove": lambda value, key: value.pop(to_text(key), None),
    "clear": dict.clear,
    "containsKey": lambda value, key: to_text(key) in value,
    "containsValue": lambda value, sought: sought in value.values(),
    "keySet": lambda value: ArrayList(value),
    "values": lambda value: ArrayList(value.values()),
    "entrySet": lambda value: ArrayList(Entry(key, inner) for key, inner in value.items()),
    "size": len,
    "isEmpty": lambda value: not value,
}
_LIST: dict[str, Callable[..., Any]] = {
    "get": lambda value, index: value[index],
    "set": _set,
    "add": _add,
    "addAll": _add_all,
    "remove": _remove,
    "clear": list.clear,
    "contains": lambda value, sought: sought in value,
    "containsAll": lambda value, others: all(sought in value for sought in others),
    "indexOf": _index,
    "subList": lambda value, begin, end: ArrayList(value[begin:end]),
    "size": len,
    "isEmpty": lambda value: not value,
}
_ENTRY: dict[str, Callable[..., Any]] = {"getKey": lambda entry: entry.key, "getValue": lambda entry: entry.value}
_NUMBER: dict[str, Callable[..., Any]] = {
    "intValue": int,
    "longValue": int,
    "doubleValue": float,
    "compareTo": lambda value, other: (value > other) - (value < other),
}
_METHODS: tuple[tuple[Any, dict[str, Callable[..., Any]]], ...] = (
    (str, _TEXT),
    (dict, _MAP),
    (list, _LIST),
    (Entry, _ENTRY),
    (bool, {}),
    ((int, float), _NUMBER),
)
