"""Random expressions of S3 Select: each has values or one of S3's errors, and none is too much for the engine below."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from fogbank.engines.sql.duckdb import DuckDb
from fogbank.engines.sql.statement import Parameters
from fogbank.services.s3.select.compiler import compile_select
from fogbank.services.s3.select.errors import SelectError
from fogbank.services.s3.select.macros import MACROS
from fogbank.services.s3.select.output import CsvOptions, CsvOutput, JsonOutput
from fogbank.services.s3.select.parser import parse
from fogbank.services.s3.select.selection import Selection
from fogbank.services.s3.select.sources import CsvSource, JsonSource

CSV = {"text": "Ann\x1f31\x1fx\x1eBob\x1f\x1e1\x1f2.5\x1f2020-01-01T00:00Z", "record_end": "\x1e", "field_end": "\x1f"}
JSON = {
    "text": '{"a":1,"b":{"c":"x"},"l":[1,"2",null],"n":null}\n{"a":"z","b":{"C":2.5},"l":{},"n":true}\n[1]\n5\n"x"',
    "record_end": "\n",
}
LEAVES = {
    "string": ["'x'", "'12'", "''", "'é%_'", "NULL"],
    "int": ["1", "-3", "0", "9007199254740993", "NULL"],
    "number": ["2.5", "1e2", "0.0", "`3d1`", "MISSING"],
    "bool": ["TRUE", "FALSE", "NULL"],
    "timestamp": ["`2010-01-01T`", "`2017-01-02T03:04:05.006-07:08`", "UTCNOW()", "`2010T`"],
}
COLUMNS = {
    "csv": {"string": ["_1", "s._2", "name", "s._9"]},
    "json": {"string": ["s.b.c", "s.missing"], "int": ["s.a", "s.l[0]"], "number": ["s.a"], "bool": ["s.n", "s.l"]},
}
# `?X` stands for an expression of type X, `?any` for one of any type, `?same` for the same type in all places.
FORMS = {
    "string": [
        "(?string || ?string)", "CAST(?any AS STRING)", "LOWER(?string)", "TRIM(LEADING ?string FROM ?string)",
        "SUBSTRING(?string FROM ?int FOR ?int)", "TO_STRING(?timestamp, 'MMMM y-M-dd a h SSS XXX')",
    ],
    "int": [
        "(?int + ?int)", "(?int / ?int)", "(?int % ?int)", "CAST(?number AS INT)", "CHAR_LENGTH(?string)",
        "DATE_DIFF(day, ?timestamp, ?timestamp)", "EXTRACT(timezone_hour FROM ?timestamp)",
    ],
    "number": ["(?number * ?int)", "(?number / ?number)", "CAST(?int AS DECIMAL(20, 4))", "CAST(?number AS FLOAT)"],
    "bool": [
        "(?same = ?same)", "(?same <> ?same)", "(?same < ?same)", "(?any = ?any)", "(?any >= ?any)", "(NOT ?bool)",
        "(?bool AND ?bool)", "(?bool OR ?bool)", "(?any IS NULL)", "(?any IS NOT MISSING)", "(?string LIKE ?string)",
        "(?same BETWEEN ?same AND ?same)", "(?same NOT IN (?same, ?same))", "(?int IN (1, 2))", "(?string IN ('x'))",
    ],
    "timestamp": ["DATE_ADD(month, 13, ?timestamp)", "CAST(?timestamp AS TIMESTAMP)", "TO_TIMESTAMP('2020T')"],
}  # fmt: skip
COMMON = ["CASE WHEN ?bool THEN ?{0} ELSE ?{0} END", "CASE ?int WHEN ?int THEN ?{0} END", "COALESCE(?{0}, ?{0})",
          "NULLIF(?{0}, ?{0})", "COALESCE(?any, ?any)"]  # fmt: skip
TYPES = list(LEAVES)
QUERIES = 30


class Writer:
    def __init__(self, kind: str, seed: int) -> None:
        self.kind = kind
        self.random = random.Random(seed)

    def expression(self, type_: str, depth: int) -> str:
        choose = self.random.choice
        if depth == 0 or self.random.random() < 0.15:
            return choose(LEAVES[type_] + COLUMNS[self.kind].get(type_, []) * 2)
        form = choose(FORMS[type_] * 2 + [common.format(type_) for common in COMMON])
        same = choose(TYPES)
        for name in (*TYPES, "any", "same"):
            while f"?{name}" in form:
                inner = same if name == "same" else choose(TYPES) if name == "any" else name
                form = form.replace(f"?{name}", self.expression(inner, depth - 1), 1)
        return form

    def query(self) -> str:
        aggregated = self.random.random() < 0.3
        if aggregated:
            items = f"SUM({self.expression('int', 2)}), COUNT({self.expression('string', 2)})"
        else:
            items = ", ".join(self.expression(self.random.choice(TYPES), 3) for _ in range(2))
        return f"SELECT {items} FROM S3Object s WHERE {self.expression('bool', 3)}"


async def run(kind: str, query: str) -> bytes:
    parameters = Parameters()
    output = JsonOutput("\n", parameters) if kind == "json" else CsvOutput(CsvOptions(), parameters)
    select = parse(query)
    make: dict[str, Callable[[], CsvSource | JsonSource]] = {
        "csv": lambda: CsvSource(select, ["name", "age", "x"]),
        "json": lambda: JsonSource(select, parameters),
    }
    plan = compile_select(select, make[kind](), output, parameters, now="2020-01-01T00:00:00.000Z")
    session = await DuckDb().open()
    try:
        await session.run("; ".join(MACROS))
        selection = Selection(session, plan)
        found = [event async for event in selection.batch(CSV if kind == "csv" else JSON)]
        found += [event async for event in selection.batch(CSV if kind == "csv" else JSON)]
        found += [event async for event in selection.total()]
        return b"".join(event["Records"]["Payload"] for event in found)
    finally:
        await session.close()


@pytest.mark.parametrize("kind", ["csv", "json"])
@pytest.mark.parametrize("seed", range(2))
def test_any_expression_has_values_or_an_error_of_s3(kind: str, seed: int) -> None:
    writer = Writer(kind, seed)
    answered = 0
    for _ in range(QUERIES):
        with suppress(SelectError):  # Any other error is a failure.
            asyncio.run(run(kind, writer.query()))
            answered += 1
    assert answered > QUERIES / 4, "the expressions are too wild to show anything"
