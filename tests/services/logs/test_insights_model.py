"""Queries of Logs Insights beside a model of them, and queries put together at random, in the engine itself."""

import asyncio
import json
import math
import operator as operators
import statistics
from collections.abc import AsyncIterator, Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.engines.sql.duckdb import DuckDb
from fogbank.services.logs.insights.compiler import compile_query
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.execution import Execution
from fogbank.services.logs.insights.parser import parse
from fogbank.services.logs.insights.reading import Batch
from fogbank.services.logs.records import Event, Stream

Value = str | int | float | None
NOW_MS = 1_768_512_345_678
_LOOP = asyncio.new_event_loop()
_ENGINE = DuckDb()


async def _rows(query: str, messages: list[str], batches: int) -> list[dict[str, str]]:
    plan = compile_query(parse(query), limit=10_000, now_s=NOW_MS // 1000)
    size = max(-(-len(messages) // batches), 1)
    found = []
    for start in range(0, len(messages), size):
        batch = Batch()
        part = messages[start : start + size]
        entries = [((1, 2, NOW_MS + start + at, start + at), Event(text, NOW_MS)) for at, text in enumerate(part)]
        batch.add(Stream(2, "one", 0), "0:/app", entries)
        found.append(batch)

    async def rest() -> AsyncIterator[Batch]:
        for batch in found[1:]:
            yield batch

    session = await _ENGINE.open(memory_mb=256)
    try:
        rows = [row async for part in Execution(plan).rows(session, found[0], rest()) for row in part]
    finally:
        await session.close()
    places = 3 if plan.located else 0
    return [
        {name: value for name, value in zip(plan.names, row[places:], strict=True) if value is not None} for row in rows
    ]


def ask(query: str, messages: list[str], *, batches: int = 3) -> list[dict[str, str]]:
    return _LOOP.run_until_complete(_rows(query, messages, batches))


# ---- the model: values are numbers, texts or missing; what a missing value is compared with is neither true nor false


def number(value: Value) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


class Condition:
    """A condition's text, and what the model says of an event."""

    def __init__(self, text: str, holds: Any) -> None:
        self.text = text
        self.holds = holds


NAMES = ("a", "b", "c")
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    ">": operators.gt,
}
events = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.integers(-3, 12) | st.sampled_from(["x", "y", "x1", "7", ""])),
    min_size=1,
    max_size=12,
)


@st.composite
def comparisons(draw: Any) -> Condition:
    name, operator = draw(st.sampled_from(NAMES)), draw(st.sampled_from(["=", "!=", "<", ">"]))
    if operator in ("=", "!=") and draw(st.booleans()):
        text = draw(st.sampled_from(["x", "y", "7"]))

        def equal(event: dict[str, Value]) -> bool | None:
            value = event.get(name)
            return None if value is None else (str(value) == text) == (operator == "=")

        return Condition(f"{name} {operator} '{text}'", equal)
    other = draw(st.integers(-2, 9))

    def against(event: dict[str, Value]) -> bool | None:
        value = number(event.get(name))
        return None if value is None else COMPARE[operator](value, other)

    return Condition(f"{name} {operator} {other}", against)


def _negated(one: Condition) -> Condition:
    def holds(event: dict[str, Value]) -> bool | None:
        found = one.holds(event)
        return None if found is None else not found

    return Condition(f"not ({one.text})", holds)


def _joined(pair: tuple[Condition, Condition, str]) -> Condition:
    left, right, operator = pair
    decisive = operator == "or"

    def holds(event: dict[str, Value]) -> bool | None:
        found = left.holds(event), right.holds(event)
        if decisive in found:
            return decisive
        return None if None in found else not decisive

    return Condition(f"({left.text}) {operator} ({right.text})", holds)


present = st.sampled_from(NAMES).map(lambda name: Condition(f"ispresent({name})", lambda event: name in event))
conditions = st.recursive(
    comparisons() | present,
    lambda inner: inner.map(_negated) | st.tuples(inner, inner, st.sampled_from(["and", "or"])).map(_joined),
    max_leaves=5,
)


@given(events=events, condition=conditions)
@settings(max_examples=40)
def test_a_filter_keeps_what_the_model_keeps(events: list[dict[str, Value]], condition: Condition) -> None:
    found = ask(f"filter {condition.text} | fields @message | sort @timestamp asc", [json.dumps(one) for one in events])
    kept = [json.dumps(event) for event in events if condition.holds(event) is True]
    assert [row["@message"] for row in found] == kept


def near(left: str | None, right: float | None) -> bool:
    return (left is None) == (right is None) and (
        left is None or math.isclose(float(left), float(right or 0), abs_tol=2e-4)
    )


@given(events=events, batches=st.integers(1, 5))
@settings(max_examples=40)
def test_sums_of_groups_are_those_of_the_model(events: list[dict[str, Value]], batches: int) -> None:
    query = (
        "stats count(*) as n, count(b) as present, sum(b) as total, avg(b) as mean, stddev(b) as deviation, "
        "median(b) as middle, count_distinct(c) as kinds, earliest(b) as first, latest(b) as last by a"
    )
    found = ask(query, [json.dumps(one) for one in events], batches=batches)
    groups: dict[str | None, list[dict[str, Value]]] = {}
    for event in events:
        groups.setdefault(None if "a" not in event else str(event["a"]), []).append(event)
    assert {row.get("a") for row in found} == groups.keys()
    for row in found:
        group = groups[row.get("a")]
        values = [event["b"] for event in group if "b" in event]
        numbers = [one for one in map(number, values) if one is not None]
        assert (row["n"], row["present"]) == (str(len(group)), str(len(values)))
        assert row["kinds"] == str(len({str(event["c"]) for event in group if "c" in event}))
        assert near(row.get("total"), sum(numbers) if numbers else None)
        assert near(row.get("mean"), statistics.mean(numbers) if numbers else None)
        assert near(row.get("deviation"), statistics.stdev(numbers) if len(numbers) > 1 else None)
        assert near(row.get("middle"), statistics.median(numbers) if numbers else None)
        ends = (str(values[0]), str(values[-1])) if values else (None, None)
        assert (row.get("first"), row.get("last")) == ends


@given(value=st.floats(-1e12, 1e12))
def test_numbers_are_shown_with_four_digits(value: float) -> None:
    (row,) = ask(f"fields {value:.12f} as n", ["x"])
    assert near(row["n"], value)
    assert "." not in row["n"] or (len(row["n"].partition(".")[2]) <= 4 and not row["n"].endswith("0"))


ATOMS = st.sampled_from(
    [
        "a",
        "b.c",
        "@message",
        "@timestamp",
        "@duration",
        "action",
        "j",
        "j.x[0]",
        "1",
        "2.5",
        "1e300",
        "-3",
        "'x'",
        '"7"',
    ]
)
FUNCTIONS = [
    *("abs", "ceil", "floor", "log", "sqrt", "ispresent", "isempty", "isblank", "ltrim", "rtrim", "trim", "strlen"),
    *("toupper", "tolower", "jsonParse", "jsonStringify", "fromMillis", "toMillis", "isValidIp", "isValidIpV4"),
    *("isValidIpV6", "coalesce", "concat", "greatest", "least"),
]
TEMPLATES = [
    *("({} + {})", "({} - {})", "({}*{})", "({}/{})", "({}%{})", "({}^{})", "({} = {})", "({} != {})", "({} < {})"),
    *(
        "(not {})",
        "(-{})",
        "({} and {})",
        "({} or {})",
        "({} like 'x')",
        "({} like /[0-9]+x?/)",
        "({} in [1, 'x', {}])",
    ),
    *("substr({}, {})", "substr({}, {}, {})", "replace({}, {}, {})", "strcontains({}, {})", "trim({}, {})"),
    *(
        "datefloor({}, 1h)",
        "datefloor({}, 2mo)",
        "dateceil({}, 1y)",
        "isIpInSubnet({}, '10.0.0.0/8')",
        "concat({}, {})",
    ),
    *("coalesce({}, {})", "greatest({}, {})", *(f"{name}({{}})" for name in FUNCTIONS)),
]


def _applied(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def written(template: str) -> st.SearchStrategy[str]:
        return st.tuples(*[inner] * template.count("{}")).map(lambda given: template.format(*given))

    return st.sampled_from(TEMPLATES).flatmap(written)


EXPRESSIONS = st.recursive(ATOMS, _applied, max_leaves=6)
AGGREGATES = st.sampled_from(
    [
        *("count({})", "sum({})", "avg({})", "min({})", "max({})", "pct({}, 90)", "median({})", "stddev({})"),
        *("count_distinct({})", "sortsFirst({})", "sortsLast({})", "earliest({})", "latest({})", "max({}) - 1"),
    ]
)
COMMANDS = st.sampled_from(
    [
        *("fields {}", "fields {} as v, {} as w", "filter {}", "sort {} desc, {}", "stats {} as s by {}", "stats {}"),
        *("limit 2", "parse @message 'a=*, *' as p, q", "parse a /(?<r>[0-9])/", "fields jsonParse(@message) as k"),
        *("unnest k.b into u", "dedup a, v", "display v, s, {}"),
    ]
)
MESSAGES = [
    '{"a": "1.5", "b": {"c": [1, null]}, "x": 1e400}',
    "a=1, b=2 x5",
    '{"a": -99999999999999999999}',
    "\0 ü",
    "[]",
]


@st.composite
def queries(draw: Any) -> str:
    commands = []
    for template in draw(st.lists(COMMANDS, min_size=1, max_size=4)):
        text = template.replace("stats {}", f"stats {draw(AGGREGATES)}")
        commands.append(text.format(*(draw(EXPRESSIONS) for _ in range(text.count("{}")))))
    return " | ".join(commands)


@given(query=queries())
@settings(max_examples=120)
def test_any_query_gives_rows_or_is_told_to_be_malformed(query: str) -> None:
    try:
        ask(query, MESSAGES, batches=2)
    except MalformedQuery:
        return
