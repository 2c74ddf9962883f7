"""From a query's commands to statements in the SQL engine's dialect.

Commands up to the first that needs all rows are one statement, run on each batch of events. What it gives is gathered,
and made less where that command allows it: the first rows of an order are, and sums are. The commands from there on are
the statement that gives the results.
"""

import re
from typing import NamedTuple

from fogbank.engines.sql.statement import Parameters
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.events import PLACE, SYSTEM, Discovered, batch_source
from fogbank.services.logs.insights.formats import PATTERNS
from fogbank.services.logs.insights.lexer import Token
from fogbank.services.logs.insights.steps import Step, chained
from fogbank.services.logs.insights.sums import Sums
from fogbank.services.logs.insights.syntax import (
    Call,
    Command,
    Dedup,
    Display,
    Field,
    Fields,
    Filter,
    Item,
    Limit,
    Parse,
    Query,
    Sort,
    Stats,
    Unnest,
)
from fogbank.services.logs.insights.values import MISSING, Sql, number, scalar, shown, text
from fogbank.services.logs.insights.writer import Writer, element

_COLUMN = re.compile(r"\bc\d+\b")
GATHERED = "gathered"
"""The table of what the batches gave."""


class Plan(NamedTuple):
    """`batch` takes a batch of events, whose `columns` are parameters; `reduce` makes less of what is gathered, and
    `result` gives the rows: the shown fields as texts, behind the place of the event if rows are `located`. Where the
    events are summed up, GATHERED has a column `matched`: how many there were.
    """

    batch: str
    reduce: str
    result: str
    names: tuple[str, ...]
    columns: frozenset[str]
    summed: bool
    located: bool
    parameters: dict[str, object]


def compile_query(query: Query, *, limit: int, now_s: int) -> Plan:
    """Raises MalformedQuery. `limit` is of the results."""
    return _Compiler(now_s).plan(query, limit)


class _Compiler:
    def __init__(self, now_s: int) -> None:
        self._parameters = Parameters()
        self._discovered = Discovered(self._parameters)
        self._writer = Writer(self._parameters, self._field, self._timestamp, now_s=now_s)
        self._now_s = now_s
        self._names: dict[str, Sql] = dict(SYSTEM)
        self._made: set[str] = set()
        self._events = True
        """Whether rows are still events, in which fields can be discovered."""
        self._shown: list[tuple[str, Sql]] = []
        self._order = [Order(Sql("time_ms", "time"), True), Order(Sql("number", "number"), True)]
        self._steps: list[Step] = []
        self._read: set[str] = set()
        """Columns that are referred to; `_used` are those since events were gathered, `_fresh` were made since then."""
        self._used: set[str] = set()
        self._fresh: set[str] = set()
        self._columns = 0
        self._making: Step | None = None
        """The step that makes columns, and those that it makes."""
        self._made_last: set[str] = set()

    def plan(self, query: Query, limit: int) -> Plan:
        if not any(isinstance(command, Fields | Display | Stats) for command in query.commands):
            self._shown = [(name, SYSTEM[name]) for name in ("@timestamp", "@message")]
        commands: list[Command] = [*query.commands, Limit(limit)]
        first = next(at for at, command in enumerate(commands) if isinstance(command, Limit | Dedup | Stats))
        for command in commands[:first]:
            self._row_command(command)
        batch, self._steps = self._steps, []
        self._used, self._fresh = set(PLACE), set()
        gathering = commands[first]
        if isinstance(gathering, Stats):
            sums = self._sums(gathering)
            batch.append(sums.batch)
            self._steps.append(sums.merge)
            self._after_sums(sums)
        else:
            self._whole_command(gathering)
        reduce = self._steps[0]
        for command in commands[first + 1 :]:
            self._any_command(command)
        self._steps.append(self._result())
        if not isinstance(gathering, Stats):
            batch.append(Step(", ".join(sorted(self._used - self._fresh))))
        if self._discovered:
            batch = [*self._discovered.steps(), *batch]
            self._read.add("message")
        columns = frozenset({*PLACE, *(self._read & {sql.text for sql in SYSTEM.values()})})
        return Plan(
            batch=chained(batch_source(columns), batch),
            reduce=chained(GATHERED, [reduce]),
            result=chained(GATHERED, self._steps),
            names=tuple(name for name, _ in self._shown),
            columns=columns,
            summed=isinstance(gathering, Stats),
            located=self._events,
            parameters=self._parameters.values,
        )

    def _result(self) -> Step:
        place = PLACE if self._events else ()
        texts = [f"{shown(self._use(sql))} AS s{at}" for at, (_, sql) in enumerate(self._shown)]
        return Step(", ".join([*place, *texts]) or "1", f"ORDER BY {self._ordered()}")

    # ---- commands -----------------------------------------------------------------------------------------------

    def _any_command(self, command: Command) -> None:
        if isinstance(command, Stats):
            sums = self._sums(command)
            self._steps.append(sums.batch)
            self._after_sums(sums)
        elif isinstance(command, Limit | Dedup):
            self._whole_command(command)
        else:
            self._row_command(command)

    def _row_command(self, command: Command) -> None:
        match command:
            case Fields():
                self._show(command.items)
            case Display():
                self._shown = []
                self._show(command.items)
            case Filter():
                self._steps.append(Step("*", f"WHERE {self._writer.condition(command.condition)}"))
            case Sort():
                self._sort(command)
            case Parse():
                self._parse(command)
            case Unnest():
                self._unnest(command)

    def _whole_command(self, command: Command) -> None:
        if isinstance(command, Limit):
            self._steps.append(Step("*", f"ORDER BY {self._ordered()} LIMIT {command.rows}"))
        elif isinstance(command, Dedup):
            keys = [text(scalar(self._field(field))) for field in command.fields]
            absent = " OR ".join(f"({key}) IS NULL" for key in keys)
            window = f"PARTITION BY {', '.join(keys)} ORDER BY {self._ordered()}"
            self._steps.append(Step("*", f"QUALIFY row_number() OVER ({window}) = 1 OR {absent}"))

    def _show(self, items: tuple[Item, ...]) -> None:
        for item in items:
            if isinstance(item.expression, Field) and not item.aliased:
                column = self._field(item.expression)
                column = column if column.simple else self._column(column)
            else:
                column = self._column(self._writer.write(item.expression))
            if item.aliased:
                self._name(item.name, column, item.token)
            if item.name not in (name for name, _ in self._shown) and item.name != "@ptr":
                self._shown.append((item.name, column))

    def _sort(self, command: Sort) -> None:
        """Missing fields come before texts, and these before numbers."""
        keys: list[Order] = []
        for key in command.keys:
            value = scalar(self._writer.write(key.expression))
            if value.type in ("any", "string"):
                value = self._column(value)
                found = self._column(Sql(number(value), "number"))
                kind = f"CASE WHEN {value.text} IS NULL THEN 0 WHEN {found.text} IS NULL THEN 1 ELSE 2 END"
                words = f"CASE WHEN {found.text} IS NULL THEN cwl_natural({value.text}) END"
                columns = [self._column(Sql(kind, "number")), found, self._column(Sql(words, "any"))]
            else:
                columns = [self._column(value)]
            keys += [Order(column, key.descending) for column in columns]
        self._order = [*keys, *self._order]

    def _parse(self, command: Parse) -> None:
        regex = self._parameters.add(f"({command.regex})")
        groups = ", ".join(f"'g{at}'" for at in range(len(command.names) + 1))
        source = text(scalar(self._writer.write(command.source)))
        found = self._column(Sql(f"regexp_extract({source}, {regex}, [{groups}])", "any")).text
        for at, name in enumerate(command.names, start=1):
            column = self._column(Sql(f"CASE WHEN {found}.g0 <> '' THEN {found}.g{at} END", "any"))
            self._name(name, column, command.token)
            self._shown.append((name, column))

    def _unnest(self, command: Unnest) -> None:
        source = self._writer.write(command.source)
        if source.type == "json":
            value = self._column(source).text
            elements = self._column(Sql(f"cwl_elements({value})", "any")).text
            # Both in one step: side by side they give an element and its place.
            at, source = self._made_of(
                Sql(f"generate_subscripts({elements}, 1)", "number"), Sql(f"unnest({elements})", "json")
            )
            self._order.append(Order(at, False))
        self._name(command.name, source, command.token)
        self._shown.append((command.name, source))

    # ---- sums ---------------------------------------------------------------------------------------------------

    def _sums(self, command: Stats) -> Sums:
        return Sums(command, self._writer, self._earlier, self._parameters, now_s=self._now_s)

    def _after_sums(self, sums: Sums) -> None:
        """Rows are what was summed up: those of a time in descending order, others as their keys are."""
        self._steps.append(sums.total)
        self._events = False
        self._names = dict(sums.columns)
        self._made = set(sums.columns)
        self._shown = list(sums.columns.items())
        self._fresh |= {column.text for column in sums.columns.values()}
        keys = sums.keys
        self._order = [Order(key, True) for key in keys if key.type == "time"]
        self._order += [Order(key, False) for key in keys if key.type != "time"]

    # ---- pieces -------------------------------------------------------------------------------------------------

    def _field(self, field: Field) -> Sql:
        """A field's column: one that the query has made, a part of a structure, or one to be discovered."""
        name = field.name
        if name in self._names:
            return self._use(self._names[name])
        for cut in range(len(field.steps) - 1, 0, -1):
            value = self._names.get(".".join(field.steps[:cut]))
            if value is not None and value.type == "json":
                self._use(value)
                for step in field.steps[cut:]:
                    value = element(value, step, self._parameters)
                return value
        if not self._events or (name.startswith("@") and not name.startswith("@@") and name not in PATTERNS):
            return MISSING
        return self._use(self._discovered.column(name))

    def _timestamp(self, node: Call) -> Sql:
        value = self._names.get("@timestamp")
        if value is None:
            raise MalformedQuery(f"{node.token.text} needs @timestamp here.", node.token.start, node.token.end)
        return self._use(value)

    def _earlier(self, node: Call) -> str:
        """What tells of two events which one is earlier."""
        time = self._timestamp(node)
        return f"{{'t': {time.text}, 'n': {self._use(Sql('number', 'number')).text}}}" if self._events else time.text

    def _use(self, column: Sql) -> Sql:
        self._read.add(column.text)
        self._used.add(column.text)
        return column

    def _column(self, value: Sql) -> Sql:
        """The value as a column of its own."""
        return self._made_of(value)[0]

    def _made_of(self, *values: Sql) -> list[Sql]:
        """Columns of these values, made in one step: the last one, if it makes columns and none that they refer to."""
        columns = [Sql(f"c{self._columns + at}", value.type, simple=True) for at, value in enumerate(values)]
        self._columns += len(values)
        self._fresh |= {column.text for column in columns}
        made = ", ".join(f"{value.text} AS {column.text}" for value, column in zip(values, columns, strict=True))
        last = self._steps[-1] if self._steps else None
        if last is None or last != self._making or self._made_last & _columns_in(made):
            self._made_last = set()
            last = Step("*")
            self._steps.append(last)
        self._making = self._steps[-1] = Step(f"{last.select}, {made}")
        self._made_last |= {column.text for column in columns}
        return [self._use(column) for column in columns]

    def _name(self, name: str, column: Sql, token: Token) -> None:
        if name in self._made:
            raise MalformedQuery(f"Ephemeral field {name} is already defined", token.start, token.end)
        self._made.add(name)
        self._names[name] = column

    def _ordered(self) -> str:
        terms = []
        for order in self._order:
            column = self._use(order.column).text
            terms.append(f"{column} DESC NULLS LAST" if order.descending else f"{column} ASC NULLS FIRST")
        return ", ".join(terms) or "1"


class Order(NamedTuple):
    column: Sql
    descending: bool


def _columns_in(text: str) -> set[str]:
    return set(_COLUMN.findall(text))
