"""Writing conditions and changes in DynamoDB's expression language, which gives them their meaning."""

from collections.abc import Sequence

from fogbank.services.dynamodb.expressions import ExpressionWriter
from fogbank.services.dynamodb.partiql.statements import (
    All,
    AnyOf,
    Appended,
    Assign,
    Change,
    ChangeSet,
    Comparison,
    Condition,
    Missing,
    Not,
    Operand,
    PathOperand,
    Remove,
    SizeOperand,
    Sum,
    Term,
    ValueOperand,
)


def condition_text(condition: Condition, writer: ExpressionWriter) -> str:
    match condition:
        case Comparison():
            return _comparison(condition, writer)
        case Missing(path):
            return f"attribute_not_exists({writer.path(path)})"
        case Not(Missing(path)):
            return f"attribute_exists({writer.path(path)})"
        case Not(inner):
            return f"NOT ({condition_text(inner, writer)})"
        case All(parts):
            return joined(parts, writer)
        case AnyOf(parts):
            return " OR ".join(f"({condition_text(part, writer)})" for part in parts)


def joined(parts: Sequence[Condition], writer: ExpressionWriter) -> str:
    """All of the conditions, as one."""
    return " AND ".join(f"({condition_text(part, writer)})" for part in parts)


def _comparison(comparison: Comparison, writer: ExpressionWriter) -> str:
    left = _operand(comparison.left, writer)
    right = [_operand(operand, writer) for operand in comparison.right]
    match comparison.sign:
        case "BETWEEN":
            return f"{left} BETWEEN {right[0]} AND {right[1]}"
        case "IN":
            return f"{left} IN ({', '.join(right)})"
        case "begins_with" | "contains" | "attribute_type" as function:
            return f"{function}({left}, {right[0]})"
        case sign:
            return f"{left} {sign} {right[0]}"


def _operand(operand: Operand, writer: ExpressionWriter) -> str:
    match operand:
        case PathOperand(path):
            return writer.path(path)
        case SizeOperand(path):
            return f"size({writer.path(path)})"
        case ValueOperand(value):
            return writer.value(value)


def update_text(changes: list[Change], writer: ExpressionWriter) -> str:
    clauses: dict[str, list[str]] = {}
    for change in changes:
        match change:
            case Assign(path, term):
                clauses.setdefault("SET", []).append(f"{writer.path(path)} = {_term(term, writer)}")
            case Remove(path):
                clauses.setdefault("REMOVE", []).append(writer.path(path))
            case ChangeSet(clause, path, value):
                clauses.setdefault(clause, []).append(f"{writer.path(path)} {writer.value(value)}")
    return " ".join(f"{clause} {', '.join(parts)}" for clause, parts in clauses.items())


def _term(term: Term, writer: ExpressionWriter) -> str:
    match term:
        case PathOperand(path):
            return writer.path(path)
        case ValueOperand(value):
            return writer.value(value)
        case Appended(first, second):
            return f"list_append({_term(first, writer)}, {_term(second, writer)})"
        case Sum(left, sign, right):
            return f"{_term(left, writer)} {sign} {_term(right, writer)}"
