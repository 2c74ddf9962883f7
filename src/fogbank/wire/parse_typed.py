"""Input shapes as msgspec types: decoding and checking in one pass of C.

The types carry the model's constraints. They say only yes or no: when one says no, the slow path
(`parse_json`, `validate`) goes over the input again to find out what AWS would say, and it has the last word.
"""

from typing import Annotated, Any, Literal, NotRequired, Required, TypedDict

import msgspec

from fogbank.wire.model import Ref, ServiceModel, Shape, has_cycle
from fogbank.wire.patterns import searchable

INT32 = (-(2**31), 2**31 - 1)
INT64 = (-(2**63), 2**63 - 1)
_INTEGERS = {
    "integer": INT32,
    "long": INT64,
    "short": (-(2**15), 2**15 - 1),
    "byte": (-128, 127),
    "bigInteger": INT64,
}


def typed(model: ServiceModel, shape_name: str, *, validates: bool, raw_shapes: frozenset[str]) -> Any | None:
    """The type of a shape; None if the shape contains itself, which these types cannot say."""
    if has_cycle(model, shape_name, raw_shapes):
        return None
    return _type(model, shape_name, validates, raw_shapes)


def _type(model: ServiceModel, name: str, validates: bool, raw_shapes: frozenset[str]) -> Any:
    if name in raw_shapes:
        return Any
    key = ("typed", name, validates, raw_shapes)
    found = model.compiled.get(key)
    if found is None:
        found = model.compiled[key] = _build(model, name, validates, raw_shapes)
    return found


def _build(model: ServiceModel, name: str, validates: bool, raw_shapes: frozenset[str]) -> Any:
    shape = model.shapes[name]

    def inner(ref: Ref | None) -> Any:
        assert ref is not None
        return _type(model, ref.shape, validates, raw_shapes)

    match shape.type:
        case "structure":
            if shape.document or shape.eventstream:
                return Any
            fields = {
                member: Required[inner(ref)] if member in shape.required else NotRequired[inner(ref)]
                for member, ref in shape.members.items()
            }
            return TypedDict(name, fields)  # type: ignore[operator]
        case "list":
            return _constrained(list[inner(shape.member)], shape, validates)  # type: ignore[misc]
        case "map":
            base: Any = dict.__class_getitem__((inner(shape.key), inner(shape.value)))
            return _constrained(base, shape, validates)
        case "string" | "character":
            if shape.enum and validates:
                return Literal[shape.enum]
            return _constrained(str, shape, validates)
        case "blob":
            return Any if shape.streaming else _constrained(bytes, shape, validates)
        case "boolean":
            return bool
        case "float" | "double" | "bigDecimal":
            return _bounded(float, shape, validates, (None, None))
        case "timestamp":
            return int | float
        case kind:
            return _bounded(int, shape, validates, _INTEGERS[kind])


def _constrained(base: Any, shape: Shape, validates: bool) -> Any:
    if not validates:
        return base
    meta: dict[str, Any] = {}
    if shape.min:
        meta["min_length"] = int(shape.min)
    if shape.max is not None and shape.max < 2**62:
        meta["max_length"] = int(shape.max)
    if shape.pattern is not None and shape.type == "string":
        pattern = searchable(shape.pattern)
        if pattern is not None:
            meta["pattern"] = pattern
    return Annotated[base, msgspec.Meta(**meta)] if meta else base


def _bounded(base: Any, shape: Shape, validates: bool, limits: tuple[int | None, int | None]) -> Any:
    low, high = limits
    if validates and shape.min is not None and (low is None or shape.min > low):
        low = int(shape.min) if base is int else shape.min  # type: ignore[assignment]
    if validates and shape.max is not None and (high is None or shape.max < high):
        high = int(shape.max) if base is int else shape.max  # type: ignore[assignment]
    meta: dict[str, Any] = {key: value for key, value in (("ge", low), ("le", high)) if value is not None}
    return Annotated[base, msgspec.Meta(**meta)] if meta else base
