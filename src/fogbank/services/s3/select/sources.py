"""What a query reads from: the table of the statement, and what a path in the expression refers to."""

import re
from typing import NamedTuple, Protocol

from fogbank.engines.sql.statement import Parameters, apply
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.output import Output
from fogbank.services.s3.select.statement import Sql, Type
from fogbank.services.s3.select.syntax import Index, Name, Select, Step, Wild

_POSITION = re.compile(r"_([1-9]\d{0,5})")

_RECORDS = "SELECT unnest(string_split($text, $record_end)) AS record"


class Source(Protocol):
    table: str
    """What comes behind FROM."""

    def path(self, steps: tuple[Step, ...]) -> Sql:
        """Raises SelectError where there is no such column."""

    def star(self, output: Output) -> str:
        """The text of a record as it is."""


class _Columns:
    """Finds columns by name. Names in quotes are case-sensitive, others are not."""

    def __init__(self, select: Select, names: list[str]) -> None:
        self._alias = select.alias
        self._names = names

    def name_of(self, steps: tuple[Step, ...]) -> tuple[Name, bool]:
        """The column's name in a path, and whether the table's alias is before it."""
        first, *rest = steps
        assert isinstance(first, Name)
        if not rest:
            return first, False
        if first.text.lower() != (self._alias or "S3Object").lower():
            place = first.token.place
            raise SelectError(
                "InvalidTableAlias", f"Invalid table alias is specified {place}. Please check the file and try again."
            )
        second, *deeper = rest
        if deeper or not isinstance(second, Name):
            raise SelectError("InvalidKeyPath", "The key path in the SQL expression is not valid.")
        return second, True

    def find(self, name: Name) -> int | None:
        found = [n for n, one in enumerate(self._names) if one == name.text]
        if not found and not name.exact:
            found = [n for n, one in enumerate(self._names) if one.lower() == name.text.lower()]
        if len(found) > 1:
            raise SelectError("AmbiguousFieldName")
        return found[0] if found else None


class CsvSource:
    """Records are lists `f` of strings. `names` are the header's, if that is to be used."""

    def __init__(self, select: Select, names: list[str] | None) -> None:
        if select.source:
            raise SelectError("UnsupportedSqlStructure")
        self._columns = _Columns(select, names or [])
        self._names = names
        self.table = f"(SELECT string_split(record, $field_end) AS f FROM ({_RECORDS}) WHERE record <> '')"

    def path(self, steps: tuple[Step, ...]) -> Sql:
        name, qualified = self._columns.name_of(steps)
        found = self._columns.find(name)
        position = _POSITION.fullmatch(name.text)
        if found is None and position is not None:
            found = int(position[1]) - 1
        if found is None and self._names is None and not qualified:
            place = name.token.place
            raise SelectError(
                "InvalidColumnIndex",
                f"The column index {place} is invalid. Please check the service documentation and try again.",
            )
        if found is None:
            raise SelectError("MissingHeaders")
        return Sql(f"f[{found + 1}]", "string", simple=True, may_miss=True)

    def star(self, output: Output) -> str:
        return output.csv_star("f", self._names or [])


class JsonSource:
    """Records are values `r` of JSON."""

    def __init__(self, select: Select, parameters: Parameters) -> None:
        self._parameters = parameters
        names = [step.text for step in select.source if isinstance(step, Name)]
        last = names[-1] if names and isinstance(select.source[-1], Name) else "_1"
        self._alias = select.alias or (last if select.source else "S3Object")
        space = parameters.add(" \t\r\n")
        self.table = f"(SELECT record::JSON AS r FROM ({_RECORDS}) WHERE trim(record, {space}) <> '')"
        for step in select.source:
            match step:
                case Wild(fields=fields):
                    expression = f"unnest({'s3_fields' if fields else 's3_elements'}(r))"
                case _:
                    expression = self._step(Sql("r", "any", simple=True), step).text
            self.table = f"(SELECT {expression} AS r FROM {self.table})"

    def path(self, steps: tuple[Step, ...]) -> Sql:
        first = steps[0]
        assert isinstance(first, Name)
        if first.text == self._alias or (not first.exact and first.text.lower() == self._alias.lower()):
            steps = steps[1:]
        found = Sql("r", "any", simple=True, may_miss=True)
        for step in steps:
            found = self._step(found, step)
        plain = self._plain_path(steps)
        if plain is None:
            return found
        # Most records spell names as the query does: then one look is enough.
        return Sql(f"coalesce(json_extract(r, {self._parameters.add(plain)}), {found.text})", "any", may_miss=True)

    def _plain_path(self, steps: tuple[Step, ...]) -> str | None:
        names = [step.text for step in steps if isinstance(step, Name)]
        if not names or len(names) < len(steps) or any(name.isdecimal() for name in names):
            return None
        return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)

    def _step(self, value: Sql, step: Step) -> Sql:
        match step:
            case Index(at=at):
                text = apply(lambda one: f"s3_element({one}, {at})", value)
            case Name(text=name, exact=exact):
                function, key = "s3_field" if exact else "s3_any_field", self._parameters.add(name)
                text = apply(lambda one: f"{function}({one}, {key})", value)
            case _:
                raise SelectError("UnsupportedSqlStructure")
        return Sql(text, "any", may_miss=True)

    def star(self, output: Output) -> str:
        return output.json_star("r")


class ParquetColumn(NamedTuple):
    """A column as the engine describes it."""

    name: str
    type: str


class ParquetSource:
    """Records are rows of a file."""

    def __init__(self, select: Select, columns: list[ParquetColumn], rows: range | None) -> None:
        if select.source:
            raise SelectError("UnsupportedSqlStructure")
        self._columns = _Columns(select, [column.name for column in columns])
        self._all = columns
        self.table = "read_parquet($file)"
        if rows is not None:
            numbers = f"file_row_number >= {rows.start} AND file_row_number < {rows.stop}"
            self.table = f"(SELECT * FROM read_parquet($file, file_row_number = true) WHERE {numbers})"

    def path(self, steps: tuple[Step, ...]) -> Sql:
        name, _ = self._columns.name_of(steps)
        found = self._columns.find(name)
        if found is None:
            raise SelectError("MissingHeaders")
        return _parquet_value(self._all[found])

    def star(self, output: Output) -> str:
        return output.record([(column.name, _parquet_value(column)) for column in self._all])


_PARQUET_TYPES: tuple[tuple[str, Type], ...] = (
    ("BOOLEAN", "bool"),
    ("DECIMAL", "decimal"),
    ("DOUBLE", "float"),
    ("FLOAT", "float"),
    ("VARCHAR", "string"),
    ("ENUM", "string"),
    ("UUID", "string"),
    ("TINYINT", "int"),
    ("SMALLINT", "int"),
    ("INTEGER", "int"),
    ("BIGINT", "int"),
    ("UTINYINT", "int"),
    ("USMALLINT", "int"),
    ("UINTEGER", "int"),
    ("UBIGINT", "int"),
    ("HUGEINT", "int"),
)


def _parquet_value(column: ParquetColumn) -> Sql:
    quoted = '"' + column.name.replace('"', '""') + '"'
    if column.type.endswith("]") or column.type.startswith(("STRUCT", "MAP")):
        return Sql(f"to_json({quoted})", "any")
    if column.type.startswith("TIMESTAMP"):
        return Sql(f"s3_of_timestamp({quoted}, 7)", "timestamp")
    if column.type == "DATE":
        return Sql(f"s3_of_timestamp({quoted}, 2)", "timestamp")
    for prefix, type_ in _PARQUET_TYPES:
        if column.type.startswith(prefix):
            text = f"{quoted}::BIGINT" if type_ == "int" and column.type not in ("UBIGINT", "HUGEINT") else quoted
            text = f"{quoted}::VARCHAR" if column.type.startswith(("ENUM", "UUID")) else text
            return Sql(f"({text})", type_, simple=True)
    if column.type == "BLOB":
        return Sql(f"decode({quoted})", "string")
    raise SelectError("UnsupportedParquetType", "The specified Parquet type is not supported.")
