"""Records of JSON as rows of columns, by the rules of the two deserializers.

OpenX's is lenient: a text that says a number is one, a single value is an array of it, and what is no text is its JSON.
Hive's takes values of the right kind only. Where AWS's sentences are known they are used; what does not fit in a nested
value makes the whole record fail, as on AWS.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple

import msgspec

from fogbank.engines.columnar.interface import Array, DecimalType, Field, Map, Scalar, Struct, Text, Type
from fogbank.services.firehose.conversion_times import (
    compile_format,
    from_number,
    parse_date,
    parse_openx_timestamp,
    parse_timestamp,
)

Read = Callable[[Any], Any]
"""Makes a value of what JSON has; None stays None. Raises DoesNotFit."""

_INTEGER_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "bigint": 64}
_SHOWN_MAX = 1_000  # of a value in a message
_FLOAT_MAX = 3.4028234663852886e38
_SPACE = re.compile(r"[ \t\r\n]+")
# What decoders raise: also of numbers that are beyond all bounds, and of documents within documents.
_NO_DOCUMENT = (ValueError, ArithmeticError, RecursionError)
_EXACTLY = Context(prec=100, rounding=ROUND_HALF_UP)


class NotJson(Exception):
    """The record is not made of JSON documents."""


class DoesNotFit(Exception):
    """The record's values do not fit the schema; the message is Firehose's."""


class Rules(NamedTuple):
    """What a deserializer does; `lenient` is OpenX's. `keys_of_columns` says which columns have other names in JSON."""

    lenient: bool
    case_insensitive: bool = True
    dots_to_underscores: bool = False
    keys_of_columns: tuple[tuple[str, str], ...] = ()
    timestamp_formats: tuple[str, ...] = ()


class RecordReader:
    """Reads the records of one schema."""

    def __init__(self, fields: Sequence[Field], rules: Rules) -> None:
        self.fields = fields
        self._row = _Members(fields, rules)
        # A decimal has the digits that were written. Without any, floats are read as such, in a third of the time.
        exact = any(_has_decimals(field.type) for field in fields)
        self._decode = msgspec.json.Decoder(float_hook=Decimal if exact else None).decode
        self._decode_some = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant).raw_decode

    def rows(self, record: bytes) -> list[list[Any]]:
        """The rows of a record, one for each JSON object in it. Raises NotJson and DoesNotFit."""
        try:
            documents = [self._decode(record)]
        except (*_NO_DOCUMENT, msgspec.DecodeError):
            documents = self._documents(record)
        return [self._values(document) for document in documents]

    def _values(self, document: Any) -> list[Any]:
        if type(document) is not dict:
            raise _misfit("A JSON object is required.")
        return self._row.read(document)

    def _documents(self, record: bytes) -> list[Any]:
        """Several documents that follow each other, or one that the quicker decoder does not take."""
        documents = []
        try:
            text = record.decode()
            at = _next(text, 0)
            while at < len(text):
                document, end = self._decode_some(text, at)
                documents.append(document)
                at = _next(text, end)
        except _NO_DOCUMENT as error:
            raise NotJson(str(error)) from None
        if not documents:
            raise NotJson("There is no content.")
        return documents


def _next(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return at if space is None else space.end()


class _Members:
    """The columns of a row, or the fields of a struct."""

    def __init__(self, fields: Sequence[Field], rules: Rules) -> None:
        keys = dict(rules.keys_of_columns)
        fold = str.lower if rules.case_insensitive else str
        self._readers = [(fold(keys.get(field.name, field.name)), _reader(field.type, rules)) for field in fields]
        self._fold = rules.case_insensitive
        self._dots = rules.dots_to_underscores

    def read(self, document: Mapping[str, Any]) -> list[Any]:
        if self._dots:
            document = {key.replace(".", "_"): value for key, value in document.items()}
        if self._fold:
            document = {key.lower(): value for key, value in document.items()}
        get = document.get
        return [read(get(key)) for key, read in self._readers]


def _reader(kind: Type, rules: Rules) -> Read:
    match kind:
        case Scalar("boolean"):
            return _boolean if rules.lenient else _strict_boolean
        case Scalar(("tinyint" | "smallint" | "int" | "bigint") as name):
            return _integer(name, lenient=rules.lenient)
        case Scalar("float"):
            return partial(_floating, rules.lenient, _FLOAT_MAX)
        case Scalar("double"):
            return partial(_floating, rules.lenient, float("inf"))
        case Scalar("string"):
            return _text if rules.lenient else _strict_text
        case Text(length):
            return _cut(_text if rules.lenient else _strict_text, length)
        case Scalar("binary"):
            return _binary(_text if rules.lenient else _strict_text)
        case Scalar("date"):
            return _date
        case Scalar("timestamp"):
            return _openx_timestamp if rules.lenient else _hive_timestamp(rules.timestamp_formats)
        case DecimalType(precision, scale):
            return _decimal(precision, scale, lenient=rules.lenient)
        case Array(element):
            return _array(_reader(element, rules), lenient=rules.lenient)
        case Map(key, value):
            # Keys of JSON are texts, whatever they say.
            return _map(_reader(key, rules._replace(lenient=True)), _reader(value, rules), lenient=rules.lenient)
        case Struct(fields):
            return _struct(fields, rules)
    raise AssertionError(kind)


# ---- scalars -----------------------------------------------------------------------------------------------------


def _boolean(value: Any) -> bool | None:
    if value is None or type(value) is bool:
        return value
    if type(value) is str and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _no_number(value)


def _strict_boolean(value: Any) -> bool | None:
    if value is None or type(value) is bool:
        return value
    raise _misfit(f"Current token ({_token(value)}) not of boolean type")


def _integer(name: str, *, lenient: bool) -> Read:
    end = 1 << _INTEGER_BITS[name] - 1

    def read(value: Any) -> int | None:
        if value is None:
            return None
        if type(value) is not int:
            value = _integer_in(value) if lenient else int(_strict_number(value))
        if -end <= value < end:
            return int(value)
        raise _no_number(str(value)) if lenient else _misfit(f"Numeric value ({value}) out of range of {name}")

    return read


def _integer_in(value: Any) -> int:
    if type(value) is not str:
        raise _no_number(value)
    digits = value.strip()
    if not digits.lstrip("+-").isdecimal() or not digits.isascii() or len(digits) > 40:
        raise _no_number(value)
    try:
        return int(digits)
    except ValueError:
        raise _no_number(value) from None


def _floating(lenient: bool, most: float, value: Any) -> float | None:
    if type(value) is float:
        number = value
    elif value is None:
        return None
    elif type(value) in (int, Decimal):
        number = _float_of(value)
    elif lenient:
        number = _float_of(_number_in(value))
    else:
        number = _float_of(_strict_number(value))
    if -most <= number <= most and number not in (float("inf"), float("-inf")):
        return number
    raise _no_number(value)


def _float_of(value: int | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _decimal(precision: int, scale: int, *, lenient: bool) -> Read:
    unit = Decimal(1).scaleb(-scale)
    end = Decimal(10) ** (precision - scale)

    def read(value: Any) -> Decimal | None:
        if value is None:
            return None
        if type(value) is int:
            number = Decimal(value)
        elif type(value) in (float, Decimal):
            number = value if type(value) is Decimal else Decimal(repr(value))
        else:
            number = _number_in(value) if lenient else Decimal(_strict_number(value))
        # What is far too large or small is not written out digit by digit to find that.
        if not number or number.adjusted() < -scale - 1:
            return Decimal(0).quantize(unit)
        if number.adjusted() < precision:
            number = number.quantize(unit, context=_EXACTLY)
            if abs(number) < end:
                return number
        raise _misfit(f"Numeric value ({value}) out of range of decimal({precision},{scale})")

    return read


def _number_in(value: Any) -> Decimal:
    """The number that a text says."""
    if type(value) is not str:
        raise _no_number(value)
    try:
        number = Decimal(value.strip())
    except InvalidOperation:
        raise _no_number(value) from None
    if not number.is_finite() or "_" in value:
        raise _no_number(value)
    return number


def _strict_number(value: Any) -> Decimal:
    if type(value) in (float, Decimal):
        return Decimal(repr(value)) if type(value) is float else value
    raise _misfit(f"Current token ({_token(value)}) not numeric, can not use numeric value accessors")


def _text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) in (dict, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    return _written(value)


def _strict_text(value: Any) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) in (dict, list):
        raise DoesNotFit("One or more fields have incorrect format. Exception when validating field (root)")
    return _written(value)


def _written(value: Any) -> str:
    """A number or truth as JSON has it."""
    return str(value).lower() if type(value) is bool else str(value)


def _cut(read: Read, length: int) -> Read:
    def cut(value: Any) -> str | None:
        text = read(value)
        return None if text is None else text[:length]

    return cut


def _binary(read: Read) -> Read:
    def encoded(value: Any) -> bytes | None:
        text = read(value)
        return None if text is None else text.encode()

    return encoded


def _date(value: Any) -> int | None:
    if value is None:
        return None
    try:
        return parse_date(value)
    except (TypeError, ValueError):
        raise _no_number(value) from None


def _openx_timestamp(value: Any) -> int | None:
    if value is None:
        return None
    try:
        if type(value) in (int, float, Decimal):
            return from_number(value)
        return parse_openx_timestamp(value)
    except (TypeError, ValueError):
        raise _no_number(value) from None


def _hive_timestamp(formats: Sequence[str]) -> Read:
    parsers = [*(compile_format(text) for text in formats), parse_timestamp]

    def read(value: Any) -> int | None:
        if value is None:
            return None
        text = _strict_text(value)
        assert text is not None
        for parse in parsers:
            try:
                return parse(text)
            except ValueError:
                continue
        raise _misfit("Timestamp format must be yyyy-mm-dd hh:mm:ss[.fffffffff]")

    return read


# ---- what holds others -------------------------------------------------------------------------------------------


def _array(read: Read, *, lenient: bool) -> Read:
    def elements(value: Any) -> list[Any] | None:
        if type(value) is list:
            return [read(element) for element in value]
        if value is None:
            return None
        if lenient:
            return [read(value)]
        raise _misfit("java.io.IOException: Start of Array expected")

    return elements


def _map(read_key: Read, read: Read, *, lenient: bool) -> Read:
    def pairs(value: Any) -> list[tuple[Any, Any]] | None:
        if type(value) is dict:
            return [(read_key(key), read(inner)) for key, inner in value.items()]
        if value is None or lenient:
            return None
        raise _misfit("java.io.IOException: Start of Object expected")

    return pairs


def _struct(fields: Sequence[Field], rules: Rules) -> Read:
    members = _Members(fields, rules)
    names = [field.name for field in fields]

    def struct(value: Any) -> dict[str, Any] | None:
        if type(value) is dict:
            return dict(zip(names, members.read(value), strict=True))
        if value is None or rules.lenient:
            return None
        raise _misfit("java.io.IOException: Start of Object expected")

    return struct


def _has_decimals(kind: Type) -> bool:
    match kind:
        case DecimalType():
            return True
        case Array(element):
            return _has_decimals(element)
        case Map(key, value):
            return _has_decimals(key) or _has_decimals(value)
        case Struct(fields):
            return any(_has_decimals(field.type) for field in fields)
    return False


# ---- what is told ------------------------------------------------------------------------------------------------


def _misfit(why: str) -> DoesNotFit:
    return DoesNotFit(f"Data does not match the schema. {why}")


def _no_number(value: Any) -> DoesNotFit:
    shown = _text(value) or ""
    return _misfit(f'For input string: "{shown[:_SHOWN_MAX]}"')


_TOKENS = {str: "VALUE_STRING", dict: "START_OBJECT", list: "START_ARRAY", int: "VALUE_NUMBER_INT"}


def _token(value: Any) -> str:
    """What Jackson, which AWS reads with, calls a value."""
    if type(value) is bool:
        return "VALUE_TRUE" if value else "VALUE_FALSE"
    return _TOKENS.get(type(value), "VALUE_NUMBER_FLOAT")


def _no_constant(name: str) -> Any:
    raise ValueError(f"Non-standard token '{name}'")
