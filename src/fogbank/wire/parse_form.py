"""Forms of the query protocols: `Tag.1.Key=a&Tag.1.Value=b` to a tree, and the tree to parameters."""

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_plus

from fogbank.wire import timestamps
from fogbank.wire.errors import MalformedInput, MalformedQueryString
from fogbank.wire.model import Ref, ServiceModel, Shape, flattened
from fogbank.wire.parse_json import Coerce
from fogbank.wire.parse_typed import INT32, INT64

Tree = dict[str, Any]
"""Names to values (str) or to subtrees; a name that has both keeps its own value under the empty name."""

PARAMETERS_MAX = 20_000
DEPTH_MAX = 64  # the deepest shape of a query API has 12 levels


def pairs(text: str) -> list[tuple[str, str]]:
    """Names and values of a form or a query string."""
    parts = text.split("&")
    if len(parts) > PARAMETERS_MAX:
        raise MalformedQueryString(f"The request has more than {PARAMETERS_MAX} parameters.")
    found = []
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            found.append((_unquote(name), _unquote(value)))
    return found


def _unquote(text: str) -> str:
    if "%" not in text and "+" not in text:
        return text
    try:
        return unquote_plus(text, errors="strict")
    except UnicodeDecodeError:
        raise MalformedQueryString() from None


def form_text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise MalformedQueryString() from None


def tree_of(parameters: list[tuple[str, str]]) -> Tree:
    root: Tree = {}
    for name, value in parameters:
        if "." not in name:
            _leaf(root, name, value)
            continue
        steps = name.split(".")
        if len(steps) > DEPTH_MAX:
            raise MalformedQueryString(f"A parameter is nested more than {DEPTH_MAX} levels deep.")
        node = root
        for step in steps[:-1]:
            inner = node.get(step)
            if not isinstance(inner, dict):
                inner = node[step] = {} if inner is None else {"": inner}
            node = inner
        _leaf(node, steps[-1], value)
    return root


def _leaf(node: Tree, name: str, value: str) -> None:
    there = node.get(name)
    if isinstance(there, dict):
        there[""] = value
    else:
        node[name] = value


class FormReader:
    """Compiles shapes to functions from a tree to parameters. The ec2 protocol has its own names and flat
    lists.
    """

    def __init__(self, model: ServiceModel, *, ec2: bool = False) -> None:
        self._model = model
        self._ec2 = ec2

    def reader(self, ref: Ref) -> Coerce:
        shape = self._model.shapes[ref.shape]
        if shape.type not in ("structure", "list", "map"):
            return SCALARS[shape.type]
        key = ("form", self._ec2, ref.shape, flattened(ref, shape))
        compiled = self._model.compiled
        found: Coerce | None = compiled.get(key)
        if found is None:
            compiled[key] = lambda node: compiled[key](node)
            match shape.type:
                case "structure":
                    found = self._structure(shape)
                case "list":
                    found = self._list(ref, shape)
                case _:
                    found = self._map(ref, shape)
            compiled[key] = found
        return found

    def _name(self, ref: Ref, member: str) -> str:
        if self._ec2:
            # https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html#query-key-resolution
            if ref.query_name:
                return ref.query_name
            if ref.location_name:
                return ref.location_name[:1].upper() + ref.location_name[1:]
            return member
        shape = self._model.shapes[ref.shape]
        if shape.type == "list" and flattened(ref, shape):
            assert shape.member is not None
            if shape.member.location_name:
                return shape.member.location_name
        return ref.location_name or member

    def _structure(self, shape: Shape) -> Coerce:
        members = [(member, self._name(ref, member), self.reader(ref)) for member, ref in shape.members.items()]

        def read(node: Any) -> dict[str, Any]:
            if not isinstance(node, dict):
                if node == "":
                    return {}
                raise MalformedInput("Unexpected value found where a structure was expected")
            answer = {}
            for member, name, inner in members:
                value = node.get(name)
                if value is not None:
                    answer[member] = inner(value)
            return answer

        return read

    def _list(self, ref: Ref, shape: Shape) -> Coerce:
        assert shape.member is not None
        element = self.reader(shape.member)
        step = None if self._ec2 or flattened(ref, shape) else shape.member.location_name or "member"

        def read(node: Any) -> list[Any]:
            return [element(inner) for inner in _numbered(node, step)]

        return read

    def _map(self, ref: Ref, shape: Shape) -> Coerce:
        assert shape.key is not None
        assert shape.value is not None
        step = None if flattened(ref, shape) else "entry"
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        read_key, read_value = self.reader(shape.key), self.reader(shape.value)

        def read(node: Any) -> dict[str, Any]:
            answer = {}
            for entry in _numbered(node, step):
                if not isinstance(entry, dict) or key_name not in entry:
                    raise MalformedInput(f"Key {key_name} not found where expected")
                answer[read_key(entry[key_name])] = read_value(entry.get(value_name, ""))
            return answer

        return read


def _numbered(node: Any, step: str | None) -> list[Any]:
    """The values under 1, 2, 3 …, in the order of their numbers; gaps are closed as AWS does."""
    if not isinstance(node, dict):
        if node == "":
            return []
        raise MalformedInput("Unexpected value found where a list was expected")
    if step is not None:
        inner = node.get(step)
        if inner is not None:
            return _numbered(inner, None)
        # AWS takes a list without its "member" too: older SDKs sent some that way.
    numbers = {}
    for name, value in node.items():
        if name.isascii() and name.isdigit() and len(name) < 10:
            numbers[int(name)] = value
        elif name:
            raise MalformedInput(f"Unexpected list element termination: {name[:100]}")
    return [numbers[number] for number in sorted(numbers)]


def _text(node: Any) -> str:
    if isinstance(node, str):
        return node
    if isinstance(node.get(""), str):
        text: str = node[""]
        return text
    raise MalformedInput("Start of structure or map found where not expected.")


def _boolean(node: Any) -> bool:
    text = _text(node)
    lowered = text.lower()
    if lowered in ("true", "1"):
        return True
    if lowered in ("false", "0"):
        return False
    raise MalformedInput(f"{text[:100]} can not be converted to a Boolean")


def _number(low: int, high: int, name: str) -> Callable[[Any], int]:
    def read(node: Any) -> int:
        text = _text(node)
        try:
            value = int(text) if len(text) < 32 else None
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise MalformedInput(f"{text[:100]} can not be converted to {name}")
        return value

    return read


def _float(node: Any) -> float:
    text = _text(node)
    try:
        return float(text)
    except ValueError:
        raise MalformedInput(f"{text[:100]} can not be converted to a Double") from None


def _blob(node: Any) -> bytes:
    try:
        return base64.b64decode(_text(node), validate=True)
    except (binascii.Error, ValueError):
        raise MalformedInput("Invalid Base64 in a binary value") from None


def _timestamp(node: Any) -> float:
    text = _text(node)
    try:
        return timestamps.parse(text)
    except ValueError:
        raise MalformedInput(f"timestamp must follow ISO8601: {text[:100]}") from None


SCALARS: dict[str, Coerce] = {
    "string": _text,
    "character": _text,
    "boolean": _boolean,
    "integer": _number(*INT32, "an Integer"),
    "short": _number(*INT32, "a Short"),
    "byte": _number(*INT32, "a Byte"),
    "long": _number(*INT64, "a Long"),
    "bigInteger": _number(*INT64, "a BigInteger"),
    "float": _float,
    "double": _float,
    "bigDecimal": _float,
    "blob": _blob,
    "timestamp": _timestamp,
}
