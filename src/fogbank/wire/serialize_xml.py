"""Answers as XML, for query, ec2 and rest-xml: shapes compiled to functions that append text."""

import base64
import math
import re
from collections.abc import Callable
from typing import Any

from fogbank.wire import timestamps
from fogbank.wire.model import Ref, ServiceModel, Shape, flattened

Out = list[str]
Write = Callable[[Out, str, Any], None]
"""Appends a value as an element (or, flattened, as elements) of the given name."""

_NESTED = ("structure", "list", "map")
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_FORBIDDEN = re.compile("[\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def escape(text: str) -> str:
    """Text for XML. Characters that XML 1.0 forbids become references, as S3 has them."""
    if _SPECIAL.search(text) is None:
        return text
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    return _FORBIDDEN.sub(lambda match: f"&#x{ord(match[0]):x};", text)


class XmlWriter:
    """Compiles the shapes of one model; `iso8601` is how the protocol writes timestamps."""

    def __init__(self, model: ServiceModel, iso8601: Callable[[float], str]) -> None:
        self._model = model
        self._formats: dict[str | None, Callable[[Any], str]] = {
            None: iso8601,
            "iso8601": iso8601,
            "unixTimestamp": lambda value: str(timestamps.unix(value)),
            "rfc822": timestamps.rfc822,
        }
        self._iso8601 = iso8601

    def writer(self, ref: Ref) -> Write:
        shape = self._model.shapes[ref.shape]
        if shape.type not in _NESTED:
            return _element(self._text(ref, shape))
        key = ("xml", self._iso8601, ref.shape, flattened(ref, shape), _namespace(ref, shape))
        compiled = self._model.compiled
        found: Write | None = compiled.get(key)
        if found is None:
            compiled[key] = lambda out, name, value: compiled[key](out, name, value)
            match shape.type:
                case "structure":
                    found = self._structure(ref, shape)
                case "list":
                    found = self._list(ref, shape)
                case _:
                    found = self._map(ref, shape)
            compiled[key] = found
        return found

    def contents(self, shape: Shape, *, lists_last: bool = False) -> Callable[[Out, Any], None]:
        """Writes the members of a structure that are in the body, without an element around them; in the order of the
        model, or with its lists behind all else.
        """
        scalars: dict[str, tuple[str, Callable[[Any], str], str]] = {}
        nested: dict[str, tuple[str, Write]] = {}
        for member, ref in shape.members.items():
            if ref.xml_attribute or ref.location is not None:
                continue
            name, inner = self.element_name(ref, member), self._model.shapes[ref.shape]
            if inner.type in _NESTED:
                nested[member] = name, self.writer(ref)
            else:
                scalars[member] = f"<{name}>", self._text(ref, inner), f"</{name}>"
        members = [member for member in shape.members if member in scalars or member in nested]
        if lists_last:
            types = {member: self._model.shapes[ref.shape].type for member, ref in shape.members.items()}
            members.sort(key=lambda member: types[member] == "list")

        def write(out: Out, value: Any) -> None:
            for member in members:
                part = value.get(member)
                if part is None:
                    continue
                if member in scalars:
                    begin, text, end = scalars[member]
                    out += begin, text(part), end
                else:
                    name, inner = nested[member]
                    inner(out, name, part)

        return write

    def element_name(self, ref: Ref, member: str) -> str:
        shape = self._model.shapes[ref.shape]
        if shape.type == "list" and flattened(ref, shape):
            assert shape.member is not None
            if shape.member.location_name:
                return shape.member.location_name
        return ref.location_name or member

    def _structure(self, ref: Ref, shape: Shape) -> Write:
        attributes = [
            (member, attribute.location_name or member)
            for member, attribute in shape.members.items()
            if attribute.xml_attribute
        ]
        contents = self.contents(shape)
        namespace = _namespace(ref, shape)

        def write(out: Out, name: str, value: Any) -> None:
            out.append(f"<{name}{namespace}")
            for member, attribute in attributes:
                if value.get(member) is not None:
                    out.append(f' {attribute}="{escape(str(value[member]))}"')
            out.append(">")
            contents(out, value)
            out.append(f"</{name}>")

        return write

    def _list(self, ref: Ref, shape: Shape) -> Write:
        assert shape.member is not None
        element = self.writer(shape.member)
        if flattened(ref, shape):

            def write_flat(out: Out, name: str, value: Any) -> None:
                for inner in value:
                    element(out, name, inner)

            return write_flat
        item = shape.member.location_name or "member"

        def write(out: Out, name: str, value: Any) -> None:
            if not value:
                out.append(f"<{name}/>")
                return
            out.append(f"<{name}>")
            for inner in value:
                element(out, item, inner)
            out.append(f"</{name}>")

        return write

    def _map(self, ref: Ref, shape: Shape) -> Write:
        assert shape.key is not None
        assert shape.value is not None
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        write_key, write_value = self.writer(shape.key), self.writer(shape.value)

        def write_entries(out: Out, name: str, value: Any) -> None:
            for key, inner in value.items():
                out.append(f"<{name}>")
                write_key(out, key_name, key)
                write_value(out, value_name, inner)
                out.append(f"</{name}>")

        if flattened(ref, shape):
            return write_entries

        def write(out: Out, name: str, value: Any) -> None:
            out.append(f"<{name}>")
            write_entries(out, "entry", value)
            out.append(f"</{name}>")

        return write

    def _text(self, ref: Ref, shape: Shape) -> Callable[[Any], str]:
        match shape.type:
            case "timestamp":
                return self._formats[ref.timestamp_format or shape.timestamp_format]
            case "blob":
                return blob_text
            case "boolean":
                return lambda value: "true" if value else "false"
            case "float" | "double" | "bigDecimal":
                return float_text
            case "string" | "character":
                return _string
            case _:
                return str


def _string(value: Any) -> str:
    return escape(value if isinstance(value, str) else str(value))


def _element(text: Callable[[Any], str]) -> Write:
    return lambda out, name, value: out.append(f"<{name}>{text(value)}</{name}>")


def _namespace(ref: Ref, shape: Shape) -> str:
    return namespace_attribute(ref.xml_namespace or shape.xml_namespace)


def namespace_attribute(namespace: Any) -> str:
    """The `xmlns` attribute of an element, or nothing."""
    if not namespace:
        return ""
    if isinstance(namespace, str):
        return f' xmlns="{namespace}"'
    prefix = f":{namespace['prefix']}" if namespace.get("prefix") else ""
    return f' xmlns{prefix}="{namespace["uri"]}"'


def blob_text(value: bytes | str) -> str:
    data = value.encode() if isinstance(value, str) else value
    return base64.b64encode(data).decode()


def float_text(value: float) -> str:
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
