"""What statements and their conditions consist of."""

from typing import NamedTuple

from fogbank.services.dynamodb.expressions.bindings import Path
from fogbank.services.dynamodb.values import Item, Value


class PathOperand(NamedTuple):
    path: Path


class SizeOperand(NamedTuple):
    path: Path


class ValueOperand(NamedTuple):
    value: Value


Operand = PathOperand | SizeOperand | ValueOperand


class Comparison(NamedTuple):
    """`sign` is one of = <> < <= > >= BETWEEN IN begins_with contains attribute_type."""

    left: Operand
    sign: str
    right: list[Operand]

    def constants(self) -> list[Value] | None:
        """The values that the left side is compared with, if all are known."""
        values = [operand.value for operand in self.right if isinstance(operand, ValueOperand)]
        return values if len(values) == len(self.right) else None


class Missing(NamedTuple):
    path: Path


class Not(NamedTuple):
    inner: "Condition"


class All(NamedTuple):
    parts: "list[Condition]"


class AnyOf(NamedTuple):
    parts: "list[Condition]"


Condition = Comparison | Missing | Not | All | AnyOf


class Select(NamedTuple):
    """`paths` empty: everything. `order` says by which attribute, and whether upwards."""

    table: str
    index_name: str | None
    paths: list[Path]
    where: Condition | None
    order: list[tuple[str, bool]]


class Insert(NamedTuple):
    table: str
    item: Item


class Sum(NamedTuple):
    """`left` plus or minus `right`."""

    left: "Term"
    sign: str
    right: "Term"


class Appended(NamedTuple):
    """list_append: one list behind the other."""

    first: "Term"
    second: "Term"


Term = PathOperand | ValueOperand | Sum | Appended


class Assign(NamedTuple):
    path: Path
    value: Term


class Remove(NamedTuple):
    path: Path


class ChangeSet(NamedTuple):
    """set_add and set_delete: `clause` is ADD or DELETE, as in an update expression."""

    clause: str
    path: Path
    value: Value


Change = Assign | Remove | ChangeSet


class Update(NamedTuple):
    """`returns` is a ReturnValues of UpdateItem."""

    table: str
    changes: list[Change]
    where: Condition
    returns: str


class Delete(NamedTuple):
    table: str
    where: Condition
    returns: str


class Exists(NamedTuple):
    """A check within a transaction that an item is there."""

    select: Select


Statement = Select | Insert | Update | Delete | Exists
