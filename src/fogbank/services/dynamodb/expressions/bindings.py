"""ExpressionAttributeNames and ExpressionAttributeValues, and document paths that use them."""

from collections.abc import Mapping
from typing import Any

from fogbank.services.dynamodb.errors import InvalidValue, Validation
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.expressions.reserved import RESERVED
from fogbank.services.dynamodb.values import Item, Value, check

Path = tuple[str | int, ...]


class Bindings:
    """What `#name` and `:value` stand for in the expressions of one request; knows which were used."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Value] | None) -> None:
        self._names = names or {}
        self._values = values or {}
        self._unused_names = set(self._names)
        self._unused_values = set(self._values)
        self._watched: set[str] = set()
        if names is not None and not names:
            raise Validation("ExpressionAttributeNames must not be empty")
        if values is not None and not values:
            raise Validation("ExpressionAttributeValues must not be empty")
        for name in self._names:
            if not name.startswith("#"):
                raise Validation(f'ExpressionAttributeNames contains invalid key: Syntax error; key: "{name}"')
        for name, value in self._values.items():
            if not name.startswith(":"):
                raise Validation(f'ExpressionAttributeValues contains invalid key: Syntax error; key: "{name}"')
            try:
                check(value)
            except Validation as error:
                refused = InvalidValue(
                    f"ExpressionAttributeValues contains invalid value: {error.message} for key {name}"
                )
                refused.reason = error.message
                raise refused from None

    def watch_names(self) -> set[str]:
        """A set that receives the attribute names that are read from now on."""
        self._watched = set()
        return self._watched

    def name(self, text: str, kind: str) -> str:
        name = self._name(text, kind)
        self._watched.add(name)
        return name

    def _name(self, text: str, kind: str) -> str:
        if not text.startswith("#"):
            if text.upper() in RESERVED:
                raise Validation(f"Invalid {kind}: Attribute name is a reserved keyword; reserved keyword: {text}")
            return text
        if text not in self._names:
            raise Validation(
                f"Invalid {kind}: An expression attribute name used in the document path is not defined; "
                f"attribute name: {text}"
            )
        self._unused_names.discard(text)
        return self._names[text]

    def value(self, text: str, kind: str) -> Value:
        if text not in self._values:
            raise Validation(
                f"Invalid {kind}: An expression attribute value used in expression is not defined; "
                f"attribute value: {text}"
            )
        self._unused_values.discard(text)
        return self._values[text]

    def finish(self, *, used: bool) -> None:
        """Refuse what no expression used; `used` tells whether the request has an expression at all."""
        if not used:
            if self._names:
                raise Validation("ExpressionAttributeNames can only be specified when using expressions")
            if self._values:
                raise Validation("ExpressionAttributeValues can only be specified when using expressions")
        for kind, unused in (("Names", self._unused_names), ("Values", self._unused_values)):
            if unused:
                raise Validation(
                    f"Value provided in ExpressionAttribute{kind} unused in expressions: "
                    f"keys: {{{', '.join(sorted(unused))}}}"
                )


NO_BINDINGS = Bindings(None, None)


def bind(names: Mapping[str, str] | None, values: Mapping[str, Value] | None) -> Bindings:
    """The bindings of a request; shared by all that have none."""
    return NO_BINDINGS if names is None and values is None else Bindings(names, values)


def read_path(reader: Reader, bindings: Bindings) -> Path:
    """A document path: `a.b[2].#c`."""
    token = reader.take()
    if token.kind != "name":
        reader.step_back()
        raise reader.error()
    path: list[str | int] = [bindings.name(token.text, reader.kind)]
    while True:
        if reader.accept("."):
            token = reader.take()
            if token.kind != "name":
                reader.step_back()
                raise reader.error()
            path.append(bindings.name(token.text, reader.kind))
        elif reader.accept("["):
            token = reader.take()
            if token.kind != "number":
                reader.step_back()
                raise reader.error()
            path.append(int(token.text))
            reader.expect("]")
        else:
            return tuple(path)


def lookup(item: Item, path: Path) -> Value | None:
    """The value at a path, or None."""
    found: Any = item.get(path[0])  # type: ignore[arg-type]
    for step in path[1:]:
        if found is None:
            return None
        if isinstance(step, str):
            found = found.get("M", {}).get(step)
        else:
            elements = found.get("L", ())
            found = elements[step] if step < len(elements) else None
    return found  # type: ignore[no-any-return]


def path_text(path: Path) -> str:
    return "[" + ", ".join(f"[{step}]" if isinstance(step, int) else step for step in path) + "]"
