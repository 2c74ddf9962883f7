"""Where a query's rows come from: columns of a batch of events, and the fields that are discovered in them."""

from fogbank.engines.sql.statement import Parameters
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.formats import FIELDS_MAX, LAMBDA_LINE, PATTERNS, Pattern
from fogbank.services.logs.insights.steps import Step
from fogbank.services.logs.insights.values import Sql

# The fields of every event: the column of a batch that has it.
SYSTEM = {
    "@message": Sql("message", "any", simple=True),
    "@timestamp": Sql("time_ms", "time", simple=True),
    "@ingestionTime": Sql("ingested_ms", "time", simple=True),
    "@logStream": Sql("stream", "any", simple=True),
    "@log": Sql("log", "any", simple=True),
}
COLUMNS = {
    "message": "VARCHAR",
    "time_ms": "BIGINT",
    "number": "BIGINT",
    "origin": "BIGINT",
    "ingested_ms": "BIGINT",
    "stream": "VARCHAR",
    "log": "VARCHAR",
}
PLACE = ("origin", "time_ms", "number")
"""The columns that tell which event a row is: its stream, its time and its number."""


class Discovered:
    """The fields that a query asks for, each a column."""

    def __init__(self, parameters: Parameters) -> None:
        self._parameters = parameters
        self._columns: dict[str, Sql] = {}

    def __bool__(self) -> bool:
        return bool(self._columns)

    def column(self, name: str) -> Sql:
        """Raises MalformedQuery if there are more fields than are discovered."""
        if len(self._columns) >= FIELDS_MAX and name not in self._columns:
            raise MalformedQuery(f"A query can name up to {FIELDS_MAX} discovered fields.")
        return self._columns.setdefault(name, Sql(f"f{len(self._columns)}", "any", simple=True))

    def steps(self) -> list[Step]:
        """What makes the columns, from the events' own."""
        paths: list[str] = []
        made: list[str] = []
        for name, column in self._columns.items():
            choices = []
            for path in _paths(name):
                paths.append(path)
                choices.append(f"cwl_scalar(j[{len(paths)}])")
            if name in PATTERNS:
                choices.append(self._extracted(PATTERNS[name]))
            made.append(f"coalesce({', '.join(choices)}) AS {column.text}")
        steps = [Step(f"*, {', '.join(made)}")]
        if not paths:
            return steps
        line = self._parameters.add(LAMBDA_LINE)
        document = f"""CASE WHEN json_valid(message) THEN message
            WHEN regexp_matches(message, {line}) THEN regexp_extract(message, '(?s)\\{{.*\\}}') END"""
        values = f"CASE WHEN json_valid(d) THEN json_extract(d, {self._parameters.add(paths)}::VARCHAR[]) END"
        return [Step(f"*, {document} AS d"), Step(f"*, {values} AS j"), *steps]

    def _extracted(self, pattern: Pattern) -> str:
        # By a name, since numbers of groups end with 9.
        groups = ", ".join(f"'g{at}'" for at in range(1, pattern.group + 1))
        regex = self._parameters.add(pattern.regex)
        found = f"nullif(regexp_extract(message, {regex}, [{groups}]).g{pattern.group}, '')"
        if pattern.kind == "text":
            return found
        return f"list_transform([cwl_number({found}) * {pattern.scale}], lambda x: cwl_double(x))[1]"


def batch_source(columns: frozenset[str]) -> str:
    """The rows of a batch, whose columns are parameters: lists of the same length."""
    return f"(SELECT {', '.join(f'unnest(${name}::{COLUMNS[name]}[]) AS {name}' for name in sorted(columns))})"


def _paths(name: str) -> list[str]:
    """Where in a document the field may lie: the dots of its name are steps, or parts of a key.

    A key that begins with @ gets another one, since the first is for Insights' own fields.
    """
    if name.startswith("@") and not name.startswith("@@"):
        return []
    escaped = name.removeprefix("@").replace("~", "~0").replace("/", "~1")
    return [f"/{escaped}"] if "." not in name else [f"/{escaped.replace('.', '/')}", f"/{escaped}"]
