"""The names of objects: a prefix with expressions, then the stream, its version, the moment and a UUID.

https://docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html
https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fogbank.services.firehose.date_patterns import BadPattern, compile_pattern
from fogbank.services.firehose.errors import InvalidArgument

_EXPRESSION = re.compile(r"!\{(?:([^:{}]*):([^{}]*))?\}?")
_DEFAULT_TIME = "!{timestamp:yyyy/MM/dd/HH/}"
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_RANDOM_LENGTH = 11
QUERY, LAMBDA = "partitionKeyFromQuery", "partitionKeyFromLambda"


class Moment(NamedTuple):
    """What a name is made of beside the prefix. `at` is when the oldest record arrived, in the stream's time zone."""

    at: datetime
    uuid: str
    """What is random in a name follows from it, so that a second try gives an object the same name."""
    partition_keys: Mapping[str, str] = {}
    """By `namespace:name`."""
    error_type: str = ""


_Part = Callable[[Moment], str]


class Prefix:
    """A prefix that was read. `keys` are the partition keys that it names, as `namespace:name`."""

    def __init__(self, parts: list[_Part], keys: list[str], namespaces: set[str], *, names_error_type: bool) -> None:
        self._parts = parts
        self.keys = keys
        self.has_expressions = bool(namespaces)
        self.has_time = "timestamp" in namespaces
        self.names_error_type = names_error_type

    def fill(self, moment: Moment) -> str:
        return "".join(part(moment) for part in self._parts)


@lru_cache(maxsize=1024)
def read_prefix(text: str, parameter: str = "Prefix") -> Prefix:
    """Raises InvalidArgument for what is no prefix."""
    parts: list[_Part] = []
    keys: list[str] = []
    namespaces: set[str] = set()
    names_error_type = False
    at = 0
    for match in _EXPRESSION.finditer(text):
        parts.append(_literal(text[at : match.start()]))
        at = match.end()
        namespace, value = match[1], match[2]
        if namespace is None or not match[0].endswith("}"):
            raise InvalidArgument(f"{parameter} contains an invalid expression: {match[0]}")
        namespaces.add(namespace)
        match namespace, value:
            case "timestamp", _:
                parts.append(_timestamp(value, parameter))
            case "firehose", "random-string":
                parts.append(_random_string(len(parts)))
            case "firehose", "error-output-type":
                names_error_type = True
                parts.append(lambda moment: moment.error_type)
            case (("partitionKeyFromQuery" | "partitionKeyFromLambda"), _) if value:
                keys.append(f"{namespace}:{value}")
                parts.append(_partition_key(keys[-1]))
            case _:
                raise InvalidArgument(f"{parameter} contains an invalid expression: {match[0]}")
    parts.append(_literal(text[at:]))
    return Prefix(parts, keys, namespaces, names_error_type=names_error_type)


def check_prefixes(prefix: str | None, error_prefix: str | None) -> None:
    """What AWS demands of the two prefixes of a configuration."""
    read = read_prefix(prefix or "")
    if read.names_error_type:
        raise InvalidArgument("Prefix cannot contain the expression !{firehose:error-output-type}")
    if error_prefix is None:
        if read.has_expressions:
            raise InvalidArgument("ErrorOutputPrefix must be specified when Prefix contains expressions")
        return
    failed = read_prefix(error_prefix, "ErrorOutputPrefix")
    if failed.keys:
        raise InvalidArgument(f"ErrorOutputPrefix cannot contain the namespaces {QUERY} and {LAMBDA}")
    if failed.has_expressions and not failed.names_error_type:
        raise InvalidArgument("ErrorOutputPrefix must contain the expression !{firehose:error-output-type}")


def object_key(
    prefix: str | None, error_prefix: str | None, stream: str, version: int, moment: Moment, extension: str
) -> str:
    """The key of an object, of failed records if the moment has an error type."""
    text = prefix or ""
    if moment.error_type:
        text = error_prefix if error_prefix is not None else text
        if not read_prefix(text).has_expressions:
            text = f"{text}!{{firehose:error-output-type}}/{_DEFAULT_TIME}"
    elif not read_prefix(text).has_time:
        text += _DEFAULT_TIME
    filled = read_prefix(text).fill(moment)
    return f"{filled}{stream}-{version}-{moment.at:%Y-%m-%d-%H-%M-%S}-{moment.uuid}{extension}"


@lru_cache(maxsize=64)
def time_zone(name: str) -> tzinfo:
    """Raises InvalidArgument if there is none of that name."""
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidArgument(f"CustomTimeZone {name} is not supported") from None


def _literal(text: str) -> _Part:
    return lambda moment: text


def _timestamp(pattern: str, parameter: str) -> _Part:
    try:
        form = compile_pattern(pattern)
    except BadPattern as error:
        raise InvalidArgument(f"{parameter} contains an invalid timestamp format: {error}") from None
    return lambda moment: form(moment.at)


def _random_string(place: int) -> _Part:
    """Each one in a prefix is another."""

    def part(moment: Moment) -> str:
        digest = hashlib.sha256(f"{moment.uuid}/{place}".encode()).digest()
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest[:_RANDOM_LENGTH])

    return part


def _partition_key(name: str) -> _Part:
    return lambda moment: moment.partition_keys.get(name, "")
