"""The model's constraints, and the sentence that AWS answers with when they are violated.

This is the slow path: it runs when the compiled type has refused an input, and for shapes that contain
themselves. The wording is recorded from AWS: `2 validation errors detected: Value 'x' at 'queueName' failed
to satisfy constraint: Member must have length less than or equal to 80; …`. Elements of a list, and keys and
values of a map, are reported at the list or map itself (`Member must satisfy constraint: [...]`) where they
are plain values.
"""

from collections.abc import Mapping, Set
from functools import reduce
from itertools import chain
from typing import Any

from fogbank.wire.model import Ref, ServiceModel, Shape
from fogbank.wire.patterns import matcher

_SCALARS = frozenset({"string", "integer", "long", "float", "double", "blob", "character", "short", "byte"})
_FRACTIONS = frozenset({"float", "double"})
_NAMES_ITS_BODIES = "apigateway"
"""To it the body of `CreateRestApi` is a member `createRestApiInput`, which is looked at before path and query."""
VIOLATIONS_MAX = 100  # a sentence about more helps nobody; AWS too stops somewhere


class Violations:
    """What is wrong with one input, in the order of its members."""

    def __init__(self, model: ServiceModel, *, validates: bool, raw_shapes: frozenset[str] = frozenset()) -> None:
        self._model = model
        self._validates = validates
        self._raw_shapes = raw_shapes
        self.found: list[str] = []
        self.missing: list[str] = []
        """Names of absent required members, as the model spells them."""
        self.parameters: dict[str, Any] = {}
        """What was checked."""

    def sentence(self) -> str:
        count = len(self.found)
        return f"{count} validation error{'s' if count != 1 else ''} detected: {'; '.join(self.found)}"

    def check_all(self, shape_name: str, parameters: dict[str, Any]) -> None:
        """Check the parameters of an operation."""
        self.parameters = parameters
        if self._model.name != _NAMES_ITS_BODIES:
            self.check(shape_name, parameters)
            return
        shape = self._model.shapes[shape_name]
        body = {member for member, ref in shape.members.items() if ref.location is None}
        self._members(shape, body, parameters, f"{_lowered(shape_name.removesuffix('Request'))}Input")
        self._members(shape, shape.members.keys() - body, parameters, "")

    def check(self, shape_name: str, value: Any, path: str = "") -> None:
        if shape_name in self._raw_shapes or len(self.found) >= VIOLATIONS_MAX:
            return
        shape = self._model.shapes[shape_name]
        if shape.type == "structure":
            self._structure(shape, value, path)
            return
        if self._validates:
            for text in constraints(shape, value):
                self._add(as_typed(shape, value), path, text, sensitive=shape.sensitive)
        if shape.type == "list":
            self._list(shape, value, path)
        elif shape.type == "map":
            self._map(shape, value, path)

    def _add(self, value: Any, path: str, constraint: str, *, sensitive: bool = False) -> None:
        """What the model calls sensitive is not repeated."""
        shown = "" if sensitive else "null " if value is None else f"'{java_text(value)}' "
        self.found.append(f"Value {shown}at '{path}' failed to satisfy constraint: {constraint}")

    def _structure(self, shape: Shape, value: Any, path: str) -> None:
        if shape.document or shape.eventstream or not isinstance(value, Mapping):
            return
        self._members(shape, shape.members.keys(), value, path)

    def _members(self, shape: Shape, members: Set[str], value: Mapping[str, Any], path: str) -> None:
        for member in shape.required:
            if member in members and value.get(member) is None:
                self.missing.append(member)
                self._add(None, _join(path, member), "Member must not be null")
        for member, ref in shape.members.items():
            inner = value.get(member)
            if member in members and inner is not None:
                self.check(ref.shape, inner, _join(path, member))

    def _list(self, shape: Shape, value: Any, path: str) -> None:
        assert shape.member is not None
        if self._plain(shape.member):
            self._elements(shape.member, value, value, path, "Member must satisfy constraint")
            return
        for index, element in enumerate(value, 1):
            self.check(shape.member.shape, element, f"{path}.{index}.member")

    def _map(self, shape: Shape, value: Any, path: str) -> None:
        assert shape.key is not None
        assert shape.value is not None
        keys = self._model.shapes[shape.key.shape]
        if self._validates and any(constraints(keys, key) for key in value):
            self._add(value, path, f"Map keys must satisfy constraint: [{', '.join(own_constraints(keys))}]")
        words = "Map value must satisfy constraint"
        if self._plain(shape.value):
            held = self._model.shapes[shape.value.shape]
            typed = {key: as_typed(held, element) for key, element in value.items()}
            self._elements(shape.value, typed.values(), typed, path, words)
            return
        held = self._model.shapes[shape.value.shape]
        if held.type == "list":
            # A list of the wrong length is reported at the map that holds it, what is wrong within it at its place.
            if self._validates and any(constraints(held, element) for element in value.values()):
                self._add(value, path, f"{words}: [{', '.join(bounds(held))}]")
            for key, element in value.items():
                self._list(held, element, f"{path}.{key}.member")
            return
        for key, element in value.items():
            self.check(shape.value.shape, element, f"{path}.{key}.member")

    def _plain(self, ref: Ref) -> bool:
        return self._model.shapes[ref.shape].type in _SCALARS and ref.shape not in self._raw_shapes

    def _elements(self, ref: Ref, elements: Any, whole: Any, path: str, words: str) -> None:
        shape = self._model.shapes[ref.shape]
        if self._validates and any(constraints(shape, element) for element in elements):
            listed = own_constraints(shape) if self._model.name == _NAMES_ITS_BODIES else every_constraint(shape)
            self._add(whole, path, f"{words}: [{', '.join(listed)}]")


def _join(path: str, member: str) -> str:
    return f"{path}.{_lowered(member)}" if path else _lowered(member)


def _lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def constraints(shape: Shape, value: Any) -> list[str]:
    """The constraints of a shape that a value violates, in AWS's words."""
    broken: list[str] = []
    match shape.type:
        case "string" | "blob" | "list" | "map" | "character":
            if not hasattr(value, "__len__"):
                return broken
            if shape.enum:
                if value not in shape.enum:
                    broken.append(_enum(shape))
                return broken
            size = len(value)
            if shape.max is not None and size > shape.max:
                broken.append(_at_most("length", _number(shape, shape.max)))
            if shape.min is not None and size < shape.min:
                broken.append(_at_least("length", _number(shape, shape.min)))
            if shape.pattern is not None and shape.type == "string":
                pattern = matcher(shape.pattern)
                if pattern is not None and not pattern.search(value):
                    broken.append(_pattern(shape))
        case "integer" | "long" | "float" | "double" | "short" | "byte":
            if shape.max is not None and value > shape.max:
                broken.append(_at_most("value", _number(shape, shape.max)))
            if shape.min is not None and value < shape.min:
                broken.append(_at_least("value", _number(shape, shape.min)))
    return broken


def as_typed(shape: Shape, value: Any) -> Any:
    """A number as its shape has it: JSON's `2` may be a fraction."""
    return float(value) if shape.type in _FRACTIONS and isinstance(value, int | float) else value


def every_constraint(shape: Shape) -> list[str]:
    """All constraints of a plain shape, as AWS lists them for an element."""
    return [*own_constraints(shape), "Member must not be null"]


def own_constraints(shape: Shape) -> list[str]:
    if shape.enum:
        return [_enum(shape)]
    pattern = [_pattern(shape)] if shape.pattern is not None else []
    return [*bounds(shape), *pattern]


def bounds(shape: Shape) -> list[str]:
    """The least and the most that a shape takes, the most first."""
    what = "value" if shape.type in ("integer", "long", "float", "double") else "length"
    words = []
    if shape.max is not None:
        words.append(_at_most(what, _number(shape, shape.max)))
    if shape.min is not None:
        words.append(_at_least(what, _number(shape, shape.min)))
    return words


def _number(shape: Shape, limit: float) -> str:
    whole = limit == int(limit) and shape.type not in _FRACTIONS
    return str(int(limit)) if whole else str(limit)


def _at_most(what: str, limit: str) -> str:
    return f"Member must have {what} less than or equal to {limit}"


def _at_least(what: str, limit: str) -> str:
    return f"Member must have {what} greater than or equal to {limit}"


def _pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _enum(shape: Shape) -> str:
    """AWS keeps the values in 32 buckets by Java's hash of them; of those in one bucket the last comes first."""
    buckets: list[list[str]] = [[] for _ in range(32)]
    for value in reversed(shape.enum):
        buckets[_java_hash(value) % 32].append(value)
    return f"Member must satisfy enum value set: [{', '.join(chain.from_iterable(buckets))}]"


def _java_hash(text: str) -> int:
    """Java's `String.hashCode`, without a sign."""
    return reduce(lambda code, character: (31 * code + ord(character)) % 2**32, text, 0)


def java_text(value: Any) -> str:
    """A value as Java's `toString` shows it, which is how AWS's messages quote it."""
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
        case Mapping():
            return "{" + ", ".join(f"{key}={java_text(inner)}" for key, inner in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(java_text, value)) + "]"
        case None:
            return "null"
        case _:
            return str(value)
