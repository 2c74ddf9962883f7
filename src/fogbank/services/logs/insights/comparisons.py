"""What `=` and `<` mean between values that may be numbers or texts."""

from fogbank.engines.sql.statement import apply
from fogbank.services.logs.insights.values import NUMERIC, Sql, number, scalar, text


def compare(operator: str, left: Sql, right: Sql) -> str:
    """Numbers are compared as numbers and texts as texts; where both sides may be either, the values decide."""
    left, right = scalar(left), scalar(right)
    if left.type in NUMERIC or right.type in NUMERIC:
        return _against_number(operator, left, right)
    if operator in ("=", "!=") and (isinstance(left.literal, str) or isinstance(right.literal, str)):
        return f"({left.text} {operator} {right.text})"
    if left.type == "string" and right.type == "string":
        return f"({left.text} {operator} {right.text})"
    return apply(lambda a, b: _either(operator, a, b), left, right)


def _against_number(operator: str, left: Sql, right: Sql) -> str:
    """A literal text that is no number equals what is shown so."""
    for one in (left, right):
        if isinstance(one.literal, str) and not _is_number(one.literal):
            return f"({text(left)} {operator} {text(right)})"
    return f"({number(left)} {operator} {number(right)})"


def _either(operator: str, a: str, b: str) -> str:
    return (
        f"CASE WHEN cwl_number({a}) IS NOT NULL AND cwl_number({b}) IS NOT NULL "
        f"THEN cwl_number({a}) {operator} cwl_number({b}) ELSE {a} {operator} {b} END"
    )


def _is_number(given: str) -> bool:
    try:
        float(given)
    except ValueError:
        return False
    return True
