"""Types as Hive and the Glue Data Catalog write them, such as `map<string,array<struct<a:date,b:decimal(10,2)>>>`.

https://cwiki.apache.org/confluence/display/Hive/LanguageManual+Types
"""

import re
from functools import lru_cache
from typing import get_args

from fogbank.engines.columnar.interface import Array, DecimalType, Field, Map, Plain, Scalar, Struct, Text, Type

_DEPTH_MAX = 30
_PRECISION_MAX = 38
_LENGTHS_MAX = {"char": 255, "varchar": 65535}
_TOKEN = re.compile(r"\s*(?:([<>(),:])|`([^`]+)`|([^\s<>(),:`]+))")
_PLAIN = frozenset(get_args(Plain))
_OTHER_NAMES = {"integer": "int", "long": "bigint", "real": "float", "numeric": "decimal"}


class BadType(ValueError):
    """The text is no type."""


@lru_cache(maxsize=4096)
def parse_hive_type(text: str) -> Type:
    """The type that the text says. Raises BadType."""
    reader = _Reader(text)
    found = reader.type(depth=0)
    if not reader.is_done:
        raise BadType(text)
    return found


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    @property
    def is_done(self) -> bool:
        return not self._text[self._at :].strip()

    def type(self, depth: int) -> Type:
        if depth > _DEPTH_MAX:
            raise BadType(self._text)
        name = self._word().lower()
        if name == "double":
            self._take("precision")
        name = _OTHER_NAMES.get(name, name)
        match name:
            case "array":
                self._expect("<")
                element = self.type(depth + 1)
                self._expect(">")
                return Array(element)
            case "map":
                self._expect("<")
                key = self.type(depth + 1)
                self._expect(",")
                value = self.type(depth + 1)
                self._expect(">")
                if isinstance(key, Array | Map | Struct):
                    raise BadType(self._text)
                return Map(key, value)
            case "struct":
                return self._struct(depth)
            case "decimal":
                return self._decimal()
            case "char" | "varchar":
                self._expect("(")
                length = self._number(1, _LENGTHS_MAX[name])
                self._expect(")")
                return Text(length)
        if name not in _PLAIN:
            raise BadType(self._text)
        return Scalar(name)  # type: ignore[arg-type]

    def _struct(self, depth: int) -> Struct:
        fields: list[Field] = []
        self._expect("<")
        while True:
            name = self._word()
            self._expect(":")
            fields.append(Field(name, self.type(depth + 1)))
            if not self._take(","):
                break
        self._expect(">")
        if len({field.name.lower() for field in fields}) < len(fields):
            raise BadType(self._text)
        return Struct(tuple(fields))

    def _decimal(self) -> DecimalType:
        if not self._take("("):
            return DecimalType(10, 0)
        precision = self._number(1, _PRECISION_MAX)
        scale = self._number(0, precision) if self._take(",") else 0
        self._expect(")")
        return DecimalType(precision, scale)

    def _number(self, least: int, most: int) -> int:
        word = self._word()
        if not (word.isascii() and word.isdigit() and len(word) <= 5 and least <= int(word) <= most):
            raise BadType(self._text)
        return int(word)

    def _word(self) -> str:
        found = _TOKEN.match(self._text, self._at)
        if found is None or found[1]:
            raise BadType(self._text)
        self._at = found.end()
        return str(found[2] or found[3])

    def _take(self, token: str) -> bool:
        found = _TOKEN.match(self._text, self._at)
        if found is None or (found[1] or found[3] or "").lower() != token:
            return False
        self._at = found.end()
        return True

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise BadType(self._text)
