"""Parameters for any operation, drawn from its model: mostly well-typed, often of things that exist, at times junk."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

DEPTH_MAX = 6
OPTIONAL = 0.25
WRONG_TYPE = 0.04
KNOWN = 0.7
_JUNK_VALUES: tuple[Any, ...] = (None, True, -1, 0, 2**63, 1.5, "", "x", [], {}, [None], {"": None}, b"\xff")
_TEXTS = (
    "", "a", "name", "é" * 40, "x" * 300, "*", "a.b/c", "arn:aws:sqs:us-east-1:444455556666:fuzz", "0", "-1", "true",
    "{", "{}", "[]", '{"Version": "2012-10-17", "Statement": []}', "2026-01-01T00:00:00Z", "::", "$", "%", "\x00", "😀",
    "http://127.0.0.1:9/", "us-east-1", "cron(0 12 * * ? *)", "rate(5 minutes)", "ALL", "NONE", "SET a = :b", "a = :b",
    '{"a": [1, {"prefix": "x"}]}', '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}', "#a = :b", "AAAA", "QQ==",
    "size(a) > :b AND NOT b IN (:b)",
)  # fmt: skip
_NUMBERS = (0, 1, 2, 5, 10, 60, 300, 1000, 100_000, -1, 2**31, 2**53)


class Draw:
    """Draws parameters; `known` maps names of members to values of things that exist."""

    def __init__(self, rng: random.Random, known: Mapping[str, Sequence[Any]]) -> None:
        self._rng = rng
        self._known = known

    def parameters(self, operation: OperationModel) -> dict[str, Any]:
        shape = operation.input_shape
        return self._structure(shape, 0) if isinstance(shape, StructureShape) else {}

    def _structure(self, shape: StructureShape, depth: int) -> dict[str, Any]:
        rng, found = self._rng, {}
        names = list(shape.members)
        if getattr(shape, "is_tagged_union", False) and names:
            names = [rng.choice(names)]
        for name in names:
            needed = name in shape.required_members or len(names) == 1
            if rng.random() < (0.98 if needed else OPTIONAL) and (needed or depth < DEPTH_MAX):
                found[name] = self._value(shape.members[name], name, depth + 1)
        return found

    def _value(self, shape: Shape, name: str, depth: int) -> Any:
        rng = self._rng
        if rng.random() < WRONG_TYPE:
            return rng.choice(_JUNK_VALUES)
        fitting = [value for value in self._known.get(name, ()) if _fits(value, shape)]
        if fitting and rng.random() < KNOWN:
            return rng.choice(fitting)
        if isinstance(shape, StructureShape):
            return self._structure(shape, depth)
        if isinstance(shape, ListShape):
            length = rng.choice((0, 1, 1, 1, 2, 3)) if depth < DEPTH_MAX else 0
            return [self._value(shape.member, name, depth + 1) for _ in range(length)]
        if isinstance(shape, MapShape):
            length = rng.choice((0, 1, 1, 2)) if depth < DEPTH_MAX else 0
            return {self._text(shape.key): self._value(shape.value, name, depth + 1) for _ in range(length)}
        match shape.type_name:
            case "boolean":
                return rng.random() < 0.5
            case "integer" | "long":
                return rng.choice(_NUMBERS)
            case "float" | "double":
                return rng.choice((0.0, 1.5, -2.0, 1e300))
            case "timestamp":
                return datetime.fromtimestamp(rng.choice((0, 1_700_000_000, 1_900_000_000)), UTC)
            case "blob":
                return rng.choice((b"", b"x", b"\x00\xff", b"{}", b'{"a": 1}', b"PK\x05\x06" + bytes(18)))
            case _:
                return self._text(shape)

    def _text(self, shape: Shape) -> str:
        values: list[str] = getattr(shape, "enum", None) or []
        if values and self._rng.random() < 0.9:
            return self._rng.choice(values)
        return self._rng.choice(_TEXTS)


def _fits(value: Any, shape: Shape) -> bool:
    return isinstance(value, str if shape.type_name == "string" else dict)
