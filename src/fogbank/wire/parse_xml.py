"""XML input: shapes compiled to functions from a document's tree to parameters."""

from collections.abc import Callable
from typing import Any

from fogbank.core.xml_tree import Element, XmlRefused
from fogbank.core.xml_tree import parse as parse_tree
from fogbank.wire.errors import MalformedXML
from fogbank.wire.model import Ref, ServiceModel, Shape, flattened
from fogbank.wire.parse_form import SCALARS
from fogbank.wire.parse_json import Coerce


def parse(body: bytes) -> Element:
    """The root of a document. Raises MalformedXML."""
    try:
        return parse_tree(body)
    except XmlRefused:
        raise MalformedXML() from None


class XmlReader:
    """Compiles the shapes of one model."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model

    def reader(self, ref: Ref) -> Callable[[Any], Any]:
        """A function from an element (a flattened list or map: from all elements of its name) to a value."""
        shape = self._model.shapes[ref.shape]
        if shape.type not in ("structure", "list", "map"):
            return _scalar(SCALARS[shape.type])
        key = ("read_xml", ref.shape, flattened(ref, shape))
        compiled = self._model.compiled
        found: Coerce | None = compiled.get(key)
        if found is None:
            compiled[key] = lambda node: compiled[key](node)
            match shape.type:
                case "structure":
                    found = self.structure(shape)
                case "list":
                    found = self._list(ref, shape)
                case _:
                    found = self._map(ref, shape)
            compiled[key] = found
        return found

    def structure(self, shape: Shape) -> Coerce:
        elements: dict[str, tuple[str, bool, Coerce]] = {}
        attributes: list[tuple[str, str]] = []
        for member, ref in shape.members.items():
            inner = self._model.shapes[ref.shape]
            name = ref.location_name or member
            if ref.xml_attribute:
                attributes.append((name, member))
                continue
            if ref.location is not None:
                continue
            many = inner.type in ("list", "map") and flattened(ref, inner)
            if many and inner.member is not None and inner.member.location_name and not ref.location_name:
                name = inner.member.location_name
            elements[name] = (member, many, self.reader(ref))

        def read(node: Element) -> dict[str, Any]:
            answer: dict[str, Any] = {}
            repeated: dict[str, list[Element]] = {}
            for child in node.children:
                known = elements.get(child.name)
                if known is None:
                    continue
                if known[1]:
                    repeated.setdefault(child.name, []).append(child)
                else:
                    answer[known[0]] = known[2](child)
            for name, children in repeated.items():
                member, _, inner_read = elements[name]
                answer[member] = inner_read(children)
            for name, member in attributes:
                if name in node.attributes:
                    answer[member] = node.attributes[name]
            return answer

        return read

    def _list(self, ref: Ref, shape: Shape) -> Coerce:
        assert shape.member is not None
        element = self.reader(shape.member)
        if flattened(ref, shape):
            return lambda nodes: [element(node) for node in nodes]
        return lambda node: [element(child) for child in node.children]

    def _map(self, ref: Ref, shape: Shape) -> Coerce:
        assert shape.key is not None
        assert shape.value is not None
        key_name = shape.key.location_name or "key"
        value_name = shape.value.location_name or "value"
        read_key, read_value = self.reader(shape.key), self.reader(shape.value)

        def entries(nodes: list[Element]) -> dict[str, Any]:
            answer = {}
            for node in nodes:
                parts = {child.name: child for child in node.children}
                if key_name not in parts or value_name not in parts:
                    raise MalformedXML()
                answer[read_key(parts[key_name])] = read_value(parts[value_name])
            return answer

        if flattened(ref, shape):
            return entries
        return lambda node: entries(node.children)


def _scalar(read: Coerce) -> Coerce:
    # Text around values of other types is AWS's to trim, a string keeps its spaces.
    if read is SCALARS["string"]:
        return lambda node: node.text
    return lambda node: read(node.text.strip())
