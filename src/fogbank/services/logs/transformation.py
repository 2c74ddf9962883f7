"""What a transformer makes of a log event: a chain of processors, each of which changes a document.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Transformation-Processors.html
The document begins with the message as `@message`, which is not part of what comes out. An event that a parser cannot
read is not transformed. Keys may have dots, which lead into objects.
"""

import csv
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.json_text import NOT_JSON, parse
from fogbank.services.logs.errors import InvalidParameter

Document = dict[str, Any]
Process = Callable[[Document], None]
Make = Callable[[dict[str, Any]], Process]

MESSAGE = "@message"
PARSERS_MAX = 5
METADATA = ("@logGroupName", "@logGroupStream", "@accountId", "@regionName")
# Regular expressions whose time grows with the text and no more: they repeat nothing without limit.
_PLAIN_REGEX = re.compile(r"(?:\\.|\[(?:\\.|[^\]\\])+\]|[^\\\[\]*+{}()])+")
_ABSENT: Any = object()


class Untransformable(Exception):
    """A parser cannot read the event."""


class Transformer:
    """A compiled chain of processors."""

    def __init__(self, processes: list[Process]) -> None:
        self._processes = processes

    def transform(self, message: str, metadata: Mapping[str, str] = {}) -> str | None:
        """The transformed message; None if the event cannot be transformed."""
        document: Document = {MESSAGE: message, **metadata}
        try:
            for process in self._processes:
                process(document)
        except Untransformable:
            return None
        for name in (MESSAGE, *METADATA):
            document.pop(name, None)
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def compile_transformer(processors: list[dict[str, Any]]) -> Transformer:
    """Raises InvalidParameter for processors that make no transformer."""
    names: list[str] = []
    for processor in processors:
        if len(processor) != 1:
            raise InvalidParameter("Each member of a transformer's configuration must have one processor.")
        names += processor
    if names[0] not in _PARSERS:
        raise InvalidParameter("The first processor of a transformer must be a parser.")
    if sum(name in _PARSERS for name in names) > PARSERS_MAX:
        raise InvalidParameter(f"A transformer can have up to {PARSERS_MAX} parsers.")
    return Transformer([_process(name, given) for processor in processors for name, given in processor.items()])


@lru_cache(maxsize=256)
def stored_transformer(processors: str) -> Transformer:
    """The transformer of a stored configuration, which has been compiled before."""
    return compile_transformer(json.loads(processors))


def _process(name: str, given: dict[str, Any]) -> Process:
    make = _PROCESSORS.get(name)
    if make is None:
        raise NotImplementedInFogbank(f"Fogbank's log transformers do not have the processor {name} yet.")
    return make(given)


# ---- places in a document -------------------------------------------------------------------------------------------


def _get(document: Document, key: str) -> Any:
    if key in document:
        return document[key]
    found: Any = document
    for step in key.split("."):
        if not isinstance(found, dict) or step not in found:
            return _ABSENT
        found = found[step]
    return found


def _put(document: Document, key: str, value: Any, *, overwrite: bool) -> None:
    *steps, last = key.split(".")
    place = document
    for step in steps:
        inner = place.setdefault(step, {})
        if not isinstance(inner, dict):
            if not overwrite:
                return
            inner = place[step] = {}
        place = inner
    if overwrite or last not in place:
        place[last] = value


def _remove(document: Document, key: str) -> None:
    if key in document:
        del document[key]
        return
    *steps, last = key.split(".")
    place = _get(document, ".".join(steps)) if steps else document
    if isinstance(place, dict):
        place.pop(last, None)


def _place_all(document: Document, given: dict[str, Any], found: Document, *, overwrite: bool) -> None:
    """Put what a parser found under its destination, or at the root."""
    destination = given.get("destination")
    for name, value in found.items():
        if destination:
            _put(document, f"{destination}.{name}", value, overwrite=overwrite)
        elif overwrite or name not in document:
            document[name] = value


def _text(document: Document, given: dict[str, Any]) -> str:
    """The text that a parser is to read."""
    found = _get(document, given.get("source", MESSAGE))
    if not isinstance(found, str):
        raise Untransformable
    return found


# ---- parsers --------------------------------------------------------------------------------------------------------


def _parse_json(given: dict[str, Any]) -> Process:
    def process(document: Document) -> None:
        found = parse(_text(document, given))
        if found is NOT_JSON or not isinstance(found, dict):
            raise Untransformable
        if "destination" in given:
            _put(document, given["destination"], found, overwrite=True)
        else:
            document.update(found)

    return process


def _parse_csv(given: dict[str, Any]) -> Process:
    delimiter = given.get("delimiter", ",").replace("\\t", "\t")
    quote = given.get("quoteCharacter", '"')
    if len(delimiter) != 1 or len(quote) != 1:
        raise InvalidParameter("The delimiter and the quote character of csv must be single characters.")
    columns: list[str] = given.get("columns") or []

    def process(document: Document) -> None:
        try:
            rows = list(csv.reader([_text(document, given)], delimiter=delimiter, quotechar=quote))
        except csv.Error:
            raise Untransformable from None
        found = {}
        for index, value in enumerate(rows[0] if rows else ()):
            found[columns[index] if index < len(columns) else f"column_{index + 1}"] = value
        _place_all(document, given, found, overwrite=True)

    return process


def _parse_key_value(given: dict[str, Any]) -> Process:
    between, within = given.get("fieldDelimiter", "&"), given.get("keyValueDelimiter", "=")
    prefix, unsplit = given.get("keyPrefix", ""), given.get("nonMatchValue")

    def process(document: Document) -> None:
        found = {}
        for pair in _text(document, given).split(between):
            name, split, value = pair.partition(within)
            if split:
                found[prefix + name] = value
            elif unsplit is not None and name:
                found[prefix + name] = unsplit
        _place_all(document, given, found, overwrite=bool(given.get("overwriteIfExists")))

    return process


# ---- changes of structure -------------------------------------------------------------------------------------------


def _add_keys(given: dict[str, Any]) -> Process:
    def process(document: Document) -> None:
        for entry in given["entries"]:
            _put(document, entry["key"], entry["value"], overwrite=bool(entry.get("overwriteIfExists")))

    return process


def _copy_value(given: dict[str, Any]) -> Process:
    return _transfer(given, "source", lambda entry: entry["target"], keep=True)


def _move_keys(given: dict[str, Any]) -> Process:
    # The target is the object that the key is moved into.
    return _transfer(
        given, "source", lambda entry: f"{entry['target']}.{entry['source'].rpartition('.')[2]}", keep=False
    )


def _rename_keys(given: dict[str, Any]) -> Process:
    return _transfer(given, "key", lambda entry: entry["renameTo"], keep=False)


def _transfer(given: dict[str, Any], source: str, target_of: Callable[[dict[str, Any]], str], *, keep: bool) -> Process:
    def process(document: Document) -> None:
        for entry in given["entries"]:
            value, target = _get(document, entry[source]), target_of(entry)
            taken = not entry.get("overwriteIfExists") and _get(document, target) is not _ABSENT
            if value is _ABSENT or taken:
                continue
            if not keep:
                _remove(document, entry[source])
            _put(document, target, value, overwrite=True)

    return process


def _delete_keys(given: dict[str, Any]) -> Process:
    def process(document: Document) -> None:
        for key in given["withKeys"]:
            _remove(document, key)

    return process


def _list_to_map(given: dict[str, Any]) -> Process:
    flatten, kept = bool(given.get("flatten")), given.get("flattenedElement")
    if flatten and kept not in ("first", "last"):
        raise InvalidParameter("flattenedElement must be first or last where flatten is true.")

    def process(document: Document) -> None:
        entries = _get(document, given["source"])
        if not isinstance(entries, list):
            return
        found: dict[str, list[Any]] = {}
        for entry in entries:
            key = _get(entry, given["key"]) if isinstance(entry, dict) else _ABSENT
            value = _get(entry, given["valueKey"]) if "valueKey" in given and isinstance(entry, dict) else entry
            if key is not _ABSENT and value is not _ABSENT:
                found.setdefault(str(key), []).append(value)
        shown = {key: values[0 if kept == "first" else -1] for key, values in found.items()} if flatten else found
        for key, value in shown.items():
            _put(document, f"{given['target']}.{key}" if "target" in given else key, value, overwrite=True)

    return process


# ---- changes of values ----------------------------------------------------------------------------------------------


def _each_string(change: Callable[[str], str]) -> Make:
    def make(given: dict[str, Any]) -> Process:
        def process(document: Document) -> None:
            for key in given["withKeys"]:
                value = _get(document, key)
                if isinstance(value, str):
                    _put(document, key, change(value), overwrite=True)

        return process

    return make


def _split_string(given: dict[str, Any]) -> Process:
    def process(document: Document) -> None:
        for entry in given["entries"]:
            value = _get(document, entry["source"])
            if isinstance(value, str):
                _put(document, entry["source"], value.split(entry["delimiter"]), overwrite=True)

    return process


def _substitute_string(given: dict[str, Any]) -> Process:
    for entry in given["entries"]:
        if not _PLAIN_REGEX.fullmatch(entry["from"]):
            raise NotImplementedInFogbank("Fogbank's substituteString has no groups and no repetitions yet.")
    try:
        patterns = [(entry["source"], re.compile(entry["from"]), entry["to"]) for entry in given["entries"]]
    except re.error:
        raise InvalidParameter("The regular expression of substituteString is not valid.") from None

    def process(document: Document) -> None:
        for key, pattern, to in patterns:
            value = _get(document, key)
            if isinstance(value, str):
                _put(document, key, to.join(pattern.split(value)), overwrite=True)

    return process


def _type_converter(given: dict[str, Any]) -> Process:
    def process(document: Document) -> None:
        for entry in given["entries"]:
            value = _get(document, entry["key"])
            converted = _ABSENT if value is _ABSENT else _converted(value, entry["type"])
            if converted is not _ABSENT:
                _put(document, entry["key"], converted, overwrite=True)

    return process


def _converted(value: Any, kind: str) -> Any:
    """The value in another type; _ABSENT where it has no meaning there."""
    text = value if isinstance(value, str) else json.dumps(value)
    if kind == "string":
        return text
    if kind == "boolean":
        return {"true": True, "false": False}.get(text.lower(), _ABSENT)
    try:
        number = float(text)
        return int(number) if kind == "integer" else number
    except (ValueError, OverflowError):
        return _ABSENT


_PARSERS = frozenset(
    (
        *("parseJSON", "csv", "parseKeyValue", "grok", "parseCloudfront", "parsePostgres", "parseRoute53"),
        *("parseToOCSF", "parseVPC", "parseWAF"),
    )
)
_PROCESSORS: dict[str, Make] = {
    "addKeys": _add_keys,
    "copyValue": _copy_value,
    "csv": _parse_csv,
    "deleteKeys": _delete_keys,
    "listToMap": _list_to_map,
    "lowerCaseString": _each_string(str.lower),
    "moveKeys": _move_keys,
    "parseJSON": _parse_json,
    "parseKeyValue": _parse_key_value,
    "renameKeys": _rename_keys,
    "splitString": _split_string,
    "substituteString": _substitute_string,
    "trimString": _each_string(str.strip),
    "typeConverter": _type_converter,
    "upperCaseString": _each_string(str.upper),
}
