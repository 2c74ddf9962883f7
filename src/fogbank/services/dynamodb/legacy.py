"""The parameters that expressions replaced: `Expected`, `AttributeUpdates`, `AttributesToGet`, `KeyConditions`,
`QueryFilter`, `ScanFilter` and `ConditionalOperator`, written as the expressions that mean the same.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions import Bindings, ExpressionWriter
from fogbank.services.dynamodb.values import SETS, Value, check

_INVALID = "One or more parameter values were invalid:"
_SIGNS = {"EQ": "=", "NE": "<>", "LE": "<=", "LT": "<", "GE": ">=", "GT": ">"}
# How many values an operator takes; IN takes any number.
_VALUES = {**dict.fromkeys(_SIGNS, 1), "NULL": 0, "NOT_NULL": 0, "CONTAINS": 1, "NOT_CONTAINS": 1, "BEGINS_WITH": 1}
_VALUES["BETWEEN"] = 2
_SCALARS = frozenset(("S", "N", "B"))
# The types of values that an operator takes, where it does not take all.
_TYPES = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "BETWEEN", "IN"), _SCALARS),
    **dict.fromkeys(("CONTAINS", "NOT_CONTAINS"), _SCALARS | {"BOOL", "NULL"}),
    "BEGINS_WITH": frozenset(("S", "B")),
}
_KEY_CONDITIONS_MAX = 8  # of a global index, whose keys have so many attributes
_KEY_OPERATORS = ("EQ", "LE", "LT", "GE", "GT", "BEGINS_WITH", "BETWEEN")


class Translated(NamedTuple):
    """A request's expressions, and what their placeholders stand for."""

    bindings: Bindings
    condition: str | None = None
    update: str | None = None
    projection: str | None = None
    key_condition: str | None = None
    filter: str | None = None


def translate(given: Mapping[str, Any], *, expressions: Mapping[str, Any], bindings: Bindings) -> Translated:
    """Write the legacy parameters as expressions; a request that has `expressions` or bindings too is refused."""
    legacy = {name: value for name, value in given.items() if value is not None}
    modern = sorted(name for name, value in expressions.items() if value is not None)
    if modern:
        raise Validation(
            "Can not use both expression and non-expression parameters in the same request: Non-expression "
            f"parameters: {{{', '.join(sorted(legacy))}}} Expression parameters: {{{', '.join(modern)}}}"
        )
    bindings.finish(used=False)
    operator = legacy.pop("ConditionalOperator", None)
    conditions = next((legacy[name] for name in ("Expected", "QueryFilter", "ScanFilter") if name in legacy), None)
    if operator is not None and len(conditions or ()) < 2:
        raise Validation(
            "ConditionalOperator cannot be used without Filter or Expected"
            if not conditions
            else "ConditionalOperator can only be used when Filter or Expected has two or more elements"
        )
    writer = ExpressionWriter()
    joint = f" {operator or 'AND'} "
    written = {
        member: write(legacy[name], joint, writer) for name, (member, write) in _WRITERS.items() if name in legacy
    }
    return Translated(writer.bindings(), **written)


def expect(
    expected: Mapping[str, Any] | None, operator: str | None, condition: str | None, bindings: Bindings
) -> tuple[Bindings, str | None]:
    """The condition of a PutItem or DeleteItem that has Expected, with its bindings."""
    translated = translate(
        {"Expected": expected, "ConditionalOperator": operator},
        expressions={"ConditionExpression": condition},
        bindings=bindings,
    )
    return translated.bindings, translated.condition


def check_query_filter(conditions: Mapping[str, Any], keys: list[str]) -> None:
    for name in conditions:
        if name in keys:
            raise Validation(f"QueryFilter can only contain non-primary key attributes: Primary key attribute: {name}")


# ---- conditions -------------------------------------------------------------------------------------------------


def _expected(expected: Mapping[str, Mapping[str, Any]], joint: str, writer: ExpressionWriter) -> str | None:
    return joint.join(_expectation(name, wanted, writer) for name, wanted in expected.items()) or None


def _expectation(name: str, wanted: Mapping[str, Any], writer: ExpressionWriter) -> str:
    value, values = wanted.get("Value"), wanted.get("AttributeValueList")
    operator, exists = wanted.get("ComparisonOperator"), wanted.get("Exists")
    if value is not None and values is not None:
        raise Validation(f"{_INVALID} Value and AttributeValueList cannot be used together for Attribute: {name}")
    if operator is not None:
        if exists is not None:
            raise Validation(f"{_INVALID} Exists and ComparisonOperator cannot be used together for Attribute: {name}")
        if value is None and values is None and _VALUES.get(operator) != 0:
            raise Validation(
                f"{_INVALID} Value or AttributeValueList must be used with ComparisonOperator: {operator} for "
                f"Attribute: {name}"
            )
        return _comparison(name, operator, values if value is None else [value], writer)
    if values is not None:
        raise Validation(
            f"{_INVALID} AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}"
        )
    if exists is False:
        if value is not None:
            raise Validation(f"{_INVALID} Value cannot be used when Exists is false for Attribute: {name}")
        return f"attribute_not_exists({writer.path((name,))})"
    if value is None:
        raise Validation(
            f"{_INVALID} Value must be provided when Exists is {'null' if exists is None else 'true'} for "
            f"Attribute: {name}"
        )
    return _comparison(name, "EQ", [value], writer)


def _filter(conditions: Mapping[str, Mapping[str, Any]], joint: str, writer: ExpressionWriter) -> str | None:
    return (
        joint.join(
            _comparison(name, condition["ComparisonOperator"], condition.get("AttributeValueList"), writer)
            for name, condition in conditions.items()
        )
        or None
    )


def _key_conditions(conditions: Mapping[str, Mapping[str, Any]], joint: str, writer: ExpressionWriter) -> str:
    if not 1 <= len(conditions) <= _KEY_CONDITIONS_MAX:
        raise Validation("Conditions can be of length 1 or 2 only")
    for condition in conditions.values():
        if condition["ComparisonOperator"] not in _KEY_OPERATORS:
            raise Validation("Attempted conditional constraint is not an indexable operation")
    return _filter(conditions, " AND ", writer) or ""


def _comparison(name: str, operator: str, values: list[Value] | None, writer: ExpressionWriter) -> str:
    values = values or []
    if len(values) != _VALUES.get(operator, len(values)) or (operator == "IN" and not values):
        raise Validation(f"{_INVALID} Invalid number of argument(s) for the {operator} ComparisonOperator")
    for value in values:
        check(value)
        kind = next(iter(value))
        if kind not in _TYPES.get(operator, value):
            raise Validation(f"{_INVALID} ComparisonOperator {operator} is not valid for {kind} AttributeValue type")
    path = writer.path((name,))
    texts = [writer.value(value) for value in values]
    match operator:
        case "NULL":
            return f"attribute_not_exists({path})"
        case "NOT_NULL":
            return f"attribute_exists({path})"
        case "IN":
            return f"{path} IN ({', '.join(texts)})"
        case "BETWEEN":
            return f"{path} BETWEEN {texts[0]} AND {texts[1]}"
        case "BEGINS_WITH":
            return f"begins_with({path}, {texts[0]})"
        case "CONTAINS":
            return f"contains({path}, {texts[0]})"
        case "NOT_CONTAINS":
            return f"NOT contains({path}, {texts[0]})"
        case _:
            return f"{path} {_SIGNS[operator]} {texts[0]}"


# ---- updates and projections ------------------------------------------------------------------------------------


def _updates(updates: Mapping[str, Mapping[str, Any]], joint: str, writer: ExpressionWriter) -> str | None:
    clauses: dict[str, list[str]] = {}
    for name, update in updates.items():
        action, value = update.get("Action", "PUT"), update.get("Value")
        if value is None:
            if action != "DELETE":
                raise Validation(f"{_INVALID} Only DELETE action is allowed when no attribute value is specified")
            clauses.setdefault("REMOVE", []).append(writer.path((name,)))
            continue
        check(value)
        kind = next(iter(value))
        if action == "DELETE" and kind not in SETS:
            raise Validation(f"{_INVALID} DELETE action with value is not supported for the type {kind}")
        if action == "ADD" and kind not in SETS and kind != "N":
            raise Validation(f"{_INVALID} ADD action is not supported for the type {kind}")
        clause, between = ("SET", " = ") if action == "PUT" else (action, " ")
        clauses.setdefault(clause, []).append(f"{writer.path((name,))}{between}{writer.value(value)}")
    return " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses.items()) or None


def _attributes(names: list[str], joint: str, writer: ExpressionWriter) -> str:
    for name in names:
        if names.count(name) > 1:
            raise Validation(f"{_INVALID} Duplicate value in attribute name: {name}")
    return ", ".join(writer.path((name,)) for name in names)


_Write = Callable[[Any, str, ExpressionWriter], str | None]
_WRITERS: dict[str, tuple[str, _Write]] = {
    "Expected": ("condition", _expected),
    "AttributeUpdates": ("update", _updates),
    "AttributesToGet": ("projection", _attributes),
    "KeyConditions": ("key_condition", _key_conditions),
    "QueryFilter": ("filter", _filter),
    "ScanFilter": ("filter", _filter),
}
