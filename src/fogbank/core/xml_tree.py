"""XML as a tree, without document types and so without entities."""

from typing import Any
from xml.parsers import expat

DEPTH_MAX = 128


class XmlRefused(ValueError):
    """The text is not well-formed, too deep, or has a document type."""


class Element:
    """An element with its local name; namespaces only matter for attributes (`xsi:type`)."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: dict[str, str]) -> None:
        self.name = name
        self.attributes = attributes
        self.children: list[Element] = []
        self.text = ""


def parse(body: bytes) -> Element:
    """The root of a document. Raises XmlRefused."""
    parser = expat.ParserCreate()
    parser.buffer_text = True
    top = Element("", {})
    stack = [top]

    def start(name: str, attributes: dict[str, str]) -> None:
        if len(stack) > DEPTH_MAX:
            raise XmlRefused(f"more than {DEPTH_MAX} levels")
        element = Element(name.rpartition(":")[2], attributes)
        stack[-1].children.append(element)
        stack.append(element)

    def end(_: str) -> None:
        stack.pop()

    def text(data: str) -> None:
        stack[-1].text += data

    def refuse(*_: Any) -> int:
        raise XmlRefused("a document type")

    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise XmlRefused(str(error)) from None
    return top.children[0]
