"""Answers as JSON. Most shapes need no conversion at all: msgspec writes the handler's answer as it is."""

import math
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.wire import timestamps
from fogbank.wire.model import Ref, ServiceModel, Shape

Convert = Callable[[Any], Any]
_FORMATS: dict[str, Convert] = {
    "unixTimestamp": timestamps.unix,
    "iso8601": timestamps.iso8601,
    "rfc822": timestamps.rfc822,
}

encode = msgspec.json.Encoder(decimal_format="number").encode


def converter(model: ServiceModel, shape_name: str) -> Convert | None:
    """A function that makes an answer ready for `encode`, or None if it is ready as it is."""
    if not _needs_conversion(model, shape_name, set()):
        return None
    return _convert(model, Ref(shape_name))


def _needs_conversion(model: ServiceModel, shape_name: str, seen: set[str]) -> bool:
    if shape_name in seen:
        return False
    seen.add(shape_name)
    shape = model.shapes[shape_name]
    if shape.type in ("double", "float"):
        return False
    refs = [*shape.members.items(), ("", shape.member), ("", shape.value)]
    for member, ref in refs:
        if ref is None:
            continue
        if shape.type == "structure" and (ref.location_name not in (None, member) or ref.location is not None):
            return True
        if _format(model, ref) not in (None, "unixTimestamp"):
            return True
        if _needs_conversion(model, ref.shape, seen):
            return True
    return False


def _format(model: ServiceModel, ref: Ref) -> str | None:
    shape = model.shapes[ref.shape]
    if shape.type != "timestamp":
        return None
    return ref.timestamp_format or shape.timestamp_format or "unixTimestamp"


def _convert(model: ServiceModel, ref: Ref) -> Convert:
    shape = model.shapes[ref.shape]
    if shape.type == "timestamp":
        return _FORMATS[_format(model, ref) or "unixTimestamp"]
    key = ("convert_json", ref.shape)
    found: Convert | None = model.compiled.get(key)
    if found is None:
        model.compiled[key] = lambda value: model.compiled[key](value)
        found = model.compiled[key] = _build(model, shape)
    return found


def _build(model: ServiceModel, shape: Shape) -> Convert:
    match shape.type:
        case "structure" if not shape.document:
            return _structure(model, shape)
        case "list":
            assert shape.member is not None
            element = _convert(model, shape.member)
            return lambda value: [element(inner) for inner in value]
        case "map":
            assert shape.value is not None
            convert = _convert(model, shape.value)
            return lambda value: {key: convert(inner) for key, inner in value.items()}
        case "float" | "double":
            return _float
        case _:
            return _as_is


def _structure(model: ServiceModel, shape: Shape) -> Convert:
    members = {
        member: (ref.location_name or member, _convert(model, ref))
        for member, ref in shape.members.items()
        if ref.location is None
    }

    def convert(value: Any) -> dict[str, Any]:
        answer = {}
        for key, inner in value.items():
            member = members.get(key)
            if member is not None and inner is not None:
                answer[member[0]] = member[1](inner)
        return answer

    return convert


def _as_is(value: Any) -> Any:
    return value


def _float(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return value
