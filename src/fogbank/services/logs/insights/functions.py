"""The functions of queries.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax-operations-functions.html
"""

import ipaddress
import math
from collections.abc import Callable
from typing import NamedTuple

from fogbank.engines.sql.statement import Parameters
from fogbank.services.logs.insights.errors import MalformedQuery
from fogbank.services.logs.insights.syntax import Call, Expression, Period, Text
from fogbank.services.logs.insights.values import NUMERIC, Sql, Type, number, shown, text


class Function(NamedTuple):
    """How many arguments it takes, and what it is made of these; `most` is None if there is no limit."""

    least: int
    most: int | None
    write: Callable[..., Sql]


class Functions:
    """Writes calls. `write` is what writes any expression, `timestamp` gives the row's `@timestamp`."""

    def __init__(
        self,
        parameters: Parameters,
        write: Callable[[Expression], Sql],
        timestamp: Callable[[Call], Sql],
        *,
        now_s: int,
    ) -> None:
        self._parameters = parameters
        self._write = write
        self._timestamp = timestamp
        self._now_s = now_s

    def call(self, node: Call) -> Sql:
        if node.function in _PERIODS:
            return self._rounded(node)
        if node.function in _SUBNETS:
            return self._in_subnet(node)
        if node.function == "now":
            check_arguments(node, 0, 0)
            return Sql(f"{self._now_s}::DOUBLE", "number", simple=True)
        function = _FUNCTIONS.get(node.function)
        if function is None:
            raise MalformedQuery(f"unknown function {node.token.text}", node.token.start, node.token.end)
        check_arguments(node, function.least, function.most)
        return function.write(*(self._write(argument) for argument in node.arguments))

    def _rounded(self, node: Call) -> Sql:
        """`bin`, `datefloor` and `dateceil`."""
        given = 1 if node.function == "bin" else 2
        check_arguments(node, given, given)
        span = node.arguments[-1]
        if not isinstance(span, Period):
            raise MalformedQuery(f"{node.token.text} needs a period.", node.token.start, node.token.end)
        time = self._timestamp(node) if node.function == "bin" else self._write(node.arguments[0])
        at = time.text if time.type == "time" else f"cwl_moment({number(time)})"
        up = span.length - 1 if node.function == "dateceil" else 0
        if span.unit == "ms":
            return Sql(f"cwl_moment(floor((({at}) + {up}) / {span.length}) * {span.length})", "time")
        # Months since the year 0, down to a whole number of periods. A month that has begun is rounded up.
        month = f"list_transform([make_timestamp_ms({at})], lambda t: year(t) * 12 + month(t) - 1"
        if node.function == "dateceil":
            month += f" + CASE WHEN t > date_trunc('month', t) THEN {span.length} ELSE {up} END"
        months = f"{month})[1] // {span.length} * {span.length}"
        moment = f"list_transform([{months}], lambda m: make_timestamp(m // 12, m % 12 + 1, 1, 0, 0, 0))[1]"
        return Sql(f"epoch_ms({moment})", "time")

    def _in_subnet(self, node: Call) -> Sql:
        check_arguments(node, 2, 2)
        address, subnet = node.arguments
        try:
            network = ipaddress.ip_network(subnet.value if isinstance(subnet, Text) else "", strict=False)
        except ValueError:
            raise MalformedQuery(
                f"{node.token.text} needs a subnet in CIDR notation.", node.token.start, node.token.end
            ) from None
        versions = _SUBNETS[node.function]
        if network.version not in versions:
            return Sql("false", "bool", simple=True)
        first, last = int(network.network_address), int(network.broadcast_address)
        value = f"cwl_ipv{network.version}({text(self._write(address))})"
        return Sql(f"coalesce({value} BETWEEN {first}::UHUGEINT AND {last}::UHUGEINT, false)", "bool")


def check_arguments(node: Call, least: int, most: int | None) -> None:
    if len(node.arguments) < least or (most is not None and len(node.arguments) > most):
        wanted = str(least) if least == most else f"{least} or more" if most is None else f"{least} to {most}"
        raise MalformedQuery(
            f"{node.token.text} takes {wanted} arguments, not {len(node.arguments)}.", node.token.start, node.token.end
        )


def literal_number(value: float) -> Sql:
    if not math.isfinite(value):
        raise MalformedQuery("A number is out of range.")
    return Sql(f"({value!r}::DOUBLE)", "number", simple=True, literal=value)


_PERIODS = frozenset(("bin", "datefloor", "dateceil"))
_SUBNETS = {"isipinsubnet": (4, 6), "isipv4insubnet": (4,), "isipv6insubnet": (6,)}


def _numeric(template: str) -> Function:
    count = template.count("{}")
    return Function(count, count, lambda *args: Sql(template.format(*map(number, args)), "number"))


def _textual(template: str, type_: Type = "string") -> Function:
    count = template.count("{}")
    return Function(count, count, lambda *args: Sql(template.format(*map(text, args)), type_))


def _most(function: str) -> Function:
    return Function(1, None, lambda *args: Sql(f"{function}({', '.join(map(number, args))})", "number"))


def _trimmed(function: str) -> Function:
    def write(*args: Sql) -> Sql:
        characters = text(args[1]) if len(args) == 2 else r"E' \t\n\r\f\v'"
        return Sql(f"{function}({text(args[0])}, {characters})", "string")

    return Function(1, 2, write)


def _coalesce(*args: Sql) -> Sql:
    types = {arg.type for arg in args}
    if len(types) == 1:
        return Sql(f"coalesce({', '.join(arg.text for arg in args)})", args[0].type)
    if types <= NUMERIC:
        return Sql(f"coalesce({', '.join(map(number, args))})", "number")
    return Sql(f"coalesce({', '.join(map(text, args))})", "any")


def _substr(*args: Sql) -> Sql:
    """The first character has index 0."""
    start = f"(cwl_size({number(args[1])}) + 1)"
    length = f", cwl_size({number(args[2])})" if len(args) == 3 else ""
    return Sql(f"substring({text(args[0])}, {start}{length})", "string")


def _from_millis(value: Sql) -> Sql:
    return Sql(f"cwl_moment({number(value)})", "time")


def _concat(*args: Sql) -> Sql:
    return Sql(f"concat({', '.join(map(shown, args))})", "string")


_FUNCTIONS: dict[str, Function] = {
    "abs": _numeric("abs({})"),
    "ceil": _numeric("ceil({})"),
    "floor": _numeric("floor({})"),
    "greatest": _most("greatest"),
    "least": _most("least"),
    "log": _numeric("ln(nullif(greatest({}, 0), 0))"),
    "sqrt": _numeric("sqrt({})"),
    "ispresent": Function(1, 1, lambda value: Sql(f"(({value.text}) IS NOT NULL)", "bool")),
    "coalesce": Function(1, None, _coalesce),
    "jsonparse": Function(1, 1, lambda value: Sql(f"TRY_CAST({text(value)} AS JSON)", "json")),
    "jsonstringify": Function(1, 1, lambda value: Sql(_stringified(value), "string")),
    "isempty": _textual("(coalesce({}, '') = '')", "bool"),
    "isblank": _textual(r"(trim(coalesce({}, ''), E' \t\n\r\f\v') = '')", "bool"),
    "concat": Function(1, None, _concat),
    "ltrim": _trimmed("ltrim"),
    "rtrim": _trimmed("rtrim"),
    "trim": _trimmed("trim"),
    "strlen": _textual("length({})::DOUBLE", "number"),
    "toupper": _textual("upper({})"),
    "tolower": _textual("lower({})"),
    "substr": Function(2, 3, _substr),
    "replace": _textual("replace({}, {}, {})"),
    "strcontains": _textual("contains({}, {})", "bool"),
    "frommillis": Function(1, 1, _from_millis),
    "tomillis": _numeric("{}"),
    "isvalidip": Function(
        1, 1, lambda value: Sql(f"(cwl_ipv4({text(value)}) IS NOT NULL OR cwl_ipv6({text(value)}) IS NOT NULL)", "bool")
    ),
    "isvalidipv4": _textual("(cwl_ipv4({}) IS NOT NULL)", "bool"),
    "isvalidipv6": _textual("(cwl_ipv6({}) IS NOT NULL)", "bool"),
}


def _stringified(value: Sql) -> str:
    return f"json({value.text})::VARCHAR" if value.type == "json" else f"to_json({text(value)})::VARCHAR"
