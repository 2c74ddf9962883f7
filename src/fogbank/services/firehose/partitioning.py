"""Partition keys by a JQ query on each record: what the MetadataExtraction processor does.

https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-partitioning-keys.html
"""

from collections.abc import Sequence

from fogbank.engines.jq.interface import BadQuery, Found, JqEngine
from fogbank.engines.jq.process import JqProcess
from fogbank.services.firehose.errors import InvalidArgument

Keys = dict[str, str]

_engine: JqEngine = JqProcess()


class ExtractionFailed(Exception):
    """A record has no partition keys. `code` and the message are as Firehose writes them into the error output."""

    code = "DynamicPartitioning.MetadataExtractionFailed"


class Query:
    """The query of a MetadataExtraction processor, for the engine JQ-1.6."""

    def __init__(self, text: str) -> None:
        self._text = text

    def keys(self, records: Sequence[bytes]) -> list[Keys | ExtractionFailed]:
        """The partition keys of each record by their names, which are those of the query's object; numbers and
        booleans as text. For threads: it waits.
        """
        return [_keys(found) for found in _engine.run(self._text, records)]


def compile_query(text: str) -> Query:
    """The query, such as `{customer: .id, year: .at | strftime("%Y")}`. Raises InvalidArgument."""
    try:
        _engine.check(text)
    except BadQuery as error:
        # AWS's sentence is not recorded.
        raise InvalidArgument(f"MetadataExtractionQuery is no JQ expression: {error}") from None
    return Query(text)


def close() -> None:
    """Give back what the engine of all queries holds."""
    _engine.close()


def _keys(found: Found) -> Keys | ExtractionFailed:
    if not found.is_json:
        return ExtractionFailed("Non JSON record provided")
    if found.error:
        return ExtractionFailed(f"The query failed: {found.error}")
    if not isinstance(found.value, dict):
        return ExtractionFailed("The query did not give an object")
    keys = {name: _text(value) for name, value in found.value.items()}
    for name, value in keys.items():
        if not value:
            return ExtractionFailed(f"The partition key {name} is null, empty, or no scalar")
    return keys


def _text(value: object) -> str:
    """A scalar as text; empty for what is none."""
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
    return ""
