"""How records go out: each is one text, delimiter included, which the SQL engine makes."""

from typing import NamedTuple, Protocol

import msgspec

from fogbank.engines.sql.statement import Parameters, apply
from fogbank.services.s3.select.statement import Sql, to_json_text, to_text

Column = tuple[str, Sql]


class Output(Protocol):
    """Writes the expression for a record's text."""

    def record(self, columns: list[Column]) -> str:
        """A record of named columns."""

    def csv_star(self, fields: str, names: list[str]) -> str:
        """A record of CSV as it is: the expression of its fields, and the names of the columns that have some."""

    def json_star(self, record: str) -> str:
        """A record that is a value of JSON, as it is."""


class CsvOptions(NamedTuple):
    field_delimiter: str = ","
    record_delimiter: str = "\n"
    quote: str = '"'
    escape: str = '"'
    always: bool = False


class CsvOutput:
    """`OutputSerialization` with CSV."""

    def __init__(self, options: CsvOptions, parameters: Parameters) -> None:
        self._options = options
        self._parameters = parameters
        self._delimiter = parameters.add(options.field_delimiter)
        self._end = parameters.add(options.record_delimiter)
        self._quote = parameters.add(options.quote)
        self._escaped = parameters.add(options.escape + options.quote)

    def record(self, columns: list[Column]) -> str:
        fields = [self._field(Sql(f"coalesce({to_text(value)}, '')", "string")) for _, value in columns]
        return f"concat_ws({self._delimiter}, {', '.join(fields)}) || {self._end}"

    def csv_star(self, fields: str, names: list[str]) -> str:
        field = self._field(Sql("x", "string", simple=True))
        return f"array_to_string(list_transform({fields}, lambda x: {field}), {self._delimiter}) || {self._end}"

    def json_star(self, record: str) -> str:
        field = self._field(Sql("s3_flat(x)", "string"))
        values = (
            f"CASE WHEN {record} IS NULL THEN [] WHEN json_type({record}) = 'OBJECT' THEN s3_fields({record}) "
            f"ELSE [{record}] END"
        )
        return f"array_to_string(list_transform({values}, lambda x: {field}), {self._delimiter}) || {self._end}"

    def _field(self, text: Sql) -> str:
        if not self._options.quote:
            return text.text
        return apply(self._quoted if self._options.always else self._quoted_as_needed, text)

    def _quoted(self, text: str) -> str:
        return f"{self._quote} || replace({text}, {self._quote}, {self._escaped}) || {self._quote}"

    def _quoted_as_needed(self, text: str) -> str:
        special = (self._delimiter, self._end, self._quote)
        needed = " OR ".join(f"contains({text}, {one})" for one in special)
        return f"CASE WHEN {needed} THEN {self._quoted(text)} ELSE {text} END"


class JsonOutput:
    """`OutputSerialization` with JSON."""

    def __init__(self, record_delimiter: str, parameters: Parameters) -> None:
        self._parameters = parameters
        self._end = parameters.add(record_delimiter)

    def record(self, columns: list[Column]) -> str:
        # concat_ws leaves out what is NULL, and so what is MISSING.
        pairs = [f"{self._key(name)} || {to_json_text(value)}" for name, value in columns]
        return f"'{{' || concat_ws(',', {', '.join(pairs)}) || '}}' || {self._end}"

    def csv_star(self, fields: str, names: list[str]) -> str:
        keys = self._parameters.add([_key(name) for name in names])
        begin, end = self._parameters.add('"_'), self._parameters.add('":')
        pair = f"coalesce(list_extract({keys}::VARCHAR[], i), {begin} || i || {end}) || to_json(x)::VARCHAR"
        pairs = f"array_to_string(list_transform({fields}, lambda x, i: {pair}), ',')"
        return f"'{{' || {pairs} || '}}' || {self._end}"

    def json_star(self, record: str) -> str:
        return f"s3_record_json({record}) || {self._end}"

    def _key(self, name: str) -> str:
        return self._parameters.add(_key(name))


def _key(name: str) -> str:
    return msgspec.json.encode(name).decode() + ":"
