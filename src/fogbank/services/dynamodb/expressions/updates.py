"""Update expressions: SET, REMOVE, ADD and DELETE, all computed from the item as it was.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions.bindings import Bindings, Path, lookup, read_path
from fogbank.services.dynamodb.expressions.lexer import Reader
from fogbank.services.dynamodb.expressions.projection import check_overlaps
from fogbank.services.dynamodb.values import SETS, Item, Value, add_numbers

_KIND = "UpdateExpression"
_BAD_TYPE = "An operand in the update expression has an incorrect data type"
_BAD_PATH = "The document path provided in the update expression is invalid for update"
_MISSING = "The provided expression refers to an attribute that does not exist in the item"

Operand = Callable[[Item], Value]
Change = Callable[[Item, Item], None]


class Update:
    """A parsed update; `paths` are what it changes."""

    def __init__(self, changes: list[Change], paths: list[Path]) -> None:
        self._changes = changes
        self.paths = paths

    def apply(self, item: Item) -> Item:
        """The changed item; the given one stays as it is."""
        # A change at the top of the item needs no deep copy, and most changes are.
        shallow = all(len(path) == 1 for path in self.paths)
        changed = dict(item) if shallow else deepcopy(item)
        for change in self._changes:
            change(item, changed)
        return changed


def parse_update(text: str, bindings: Bindings) -> Update:
    reader = Reader(text, _KIND)
    changes: list[Change] = []
    paths: list[Path] = []
    removals: list[Path] = []
    seen: set[str] = set()
    while reader.peek().kind != "end":
        clause = reader.keyword()
        if clause not in _CLAUSES:
            raise reader.error()
        if clause in seen:
            raise Validation(f'Invalid {_KIND}: The "{clause}" section can only be used once in an update expression;')
        seen.add(clause)
        reader.take()
        while True:
            path, change = _CLAUSES[clause](reader, bindings)
            paths.append(path)
            if change is None:
                removals.append(path)
            else:
                changes.append(change)
            if not reader.accept(","):
                break
    check_overlaps(paths, _KIND)
    # From the end of lists to their start, so that an index still means what it meant.
    for path in sorted(removals, key=_removal_order, reverse=True):
        changes.append(_removal(path))
    return Update(changes, paths)


def _removal_order(path: Path) -> tuple[tuple[int, str | int], ...]:
    return tuple((int(isinstance(step, int)), step) for step in path)


# ---- clauses ----------------------------------------------------------------------------------------------------


def _set(reader: Reader, bindings: Bindings) -> tuple[Path, Change]:
    path = read_path(reader, bindings)
    reader.expect("=")
    value = _sum(reader, bindings)
    return path, lambda before, after: _assign(after, path, value(before))


def _sum(reader: Reader, bindings: Bindings) -> Operand:
    left = _operand(reader, bindings)
    for sign in ("+", "-"):
        if reader.accept(sign):
            right = _operand(reader, bindings)
            return _arithmetic(left, right, sign=1 if sign == "+" else -1)
    return left


def _arithmetic(left: Operand, right: Operand, *, sign: int) -> Operand:
    def value(item: Item) -> Value:
        a, b = left(item), right(item)
        if "N" not in a or "N" not in b:
            raise Validation(_BAD_TYPE)
        return {"N": add_numbers(a["N"], b["N"], sign=sign)}

    return value


def _operand(reader: Reader, bindings: Bindings) -> Operand:
    token = reader.peek()
    if token.kind == "value":
        reader.take()
        constant = bindings.value(token.text, _KIND)
        return lambda item: constant
    if token.text == "(":
        reader.take()
        inner = _sum(reader, bindings)
        reader.expect(")")
        return inner
    if token.kind == "name" and reader.peek(1).text == "(":
        return _function(reader, bindings)
    path = read_path(reader, bindings)

    def value(item: Item) -> Value:
        found = lookup(item, path)
        if found is None:
            raise Validation(_MISSING)
        return found

    return value


def _function(reader: Reader, bindings: Bindings) -> Operand:
    name = reader.take().text
    if name not in ("if_not_exists", "list_append"):
        raise Validation(f"Invalid {_KIND}: Invalid function name; function: {name}")
    reader.expect("(")
    if name == "if_not_exists":
        path = read_path(reader, bindings)
        reader.expect(",")
        default = _operand(reader, bindings)
        reader.expect(")")

        def existing(item: Item) -> Value:
            found = lookup(item, path)
            return default(item) if found is None else found

        return existing
    first = _operand(reader, bindings)
    reader.expect(",")
    second = _operand(reader, bindings)
    reader.expect(")")

    def joined(item: Item) -> Value:
        a, b = first(item), second(item)
        if "L" not in a or "L" not in b:
            raise Validation(_BAD_TYPE)
        return {"L": [*a["L"], *b["L"]]}

    return joined


def _remove(reader: Reader, bindings: Bindings) -> tuple[Path, None]:
    return read_path(reader, bindings), None


def _add(reader: Reader, bindings: Bindings) -> tuple[Path, Change]:
    path, value = _path_and_value(reader, bindings)
    kind = next(iter(value))
    if kind != "N" and kind not in SETS:
        raise Validation(
            f"Invalid {_KIND}: Incorrect operand type for operator or function; operator: ADD, "
            f"operand type: {_long(kind)}"
        )

    def change(before: Item, after: Item) -> None:
        old = lookup(before, path)
        if old is None:
            _assign(after, path, value)
        elif kind not in old:
            raise Validation(_BAD_TYPE)
        elif kind == "N":
            _assign(after, path, {"N": add_numbers(old["N"], value["N"])})
        else:
            known = set(old[kind])
            _assign(after, path, {kind: [*old[kind], *(part for part in value[kind] if part not in known)]})

    return path, change


def _delete(reader: Reader, bindings: Bindings) -> tuple[Path, Change]:
    path, value = _path_and_value(reader, bindings)
    kind = next(iter(value))
    if kind not in SETS:
        raise Validation(
            f"Invalid {_KIND}: Incorrect operand type for operator or function; operator: DELETE, "
            f"operand type: {_long(kind)}"
        )

    def change(before: Item, after: Item) -> None:
        old = lookup(before, path)
        if old is None:
            return
        if kind not in old:
            raise Validation(_BAD_TYPE)
        left = [part for part in old[kind] if part not in value[kind]]
        if left:
            _assign(after, path, {kind: left})
        else:
            _removal(path)(before, after)

    return path, change


def _path_and_value(reader: Reader, bindings: Bindings) -> tuple[Path, Value]:
    path = read_path(reader, bindings)
    token = reader.take()
    if token.kind != "value":
        reader.step_back()
        raise reader.error()
    return path, bindings.value(token.text, _KIND)


_LONG = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "M": "MAP",
    "L": "LIST",
}


def _long(kind: str) -> str:
    return _LONG.get(kind, kind)


_CLAUSES: dict[str, Callable[[Reader, Bindings], tuple[Path, Change | None]]] = {
    "SET": _set,
    "REMOVE": _remove,
    "ADD": _add,
    "DELETE": _delete,
}

# ---- writing at a path ------------------------------------------------------------------------------------------


def _parent(item: Item, path: Path) -> Any:
    """The map's dict or the list that holds the path's last step."""
    if len(path) == 1:
        return item
    holder = lookup(item, path[:-1])
    if holder is None:
        raise Validation(_BAD_PATH)
    content = holder.get("M") if isinstance(path[-1], str) else holder.get("L")
    if content is None:
        raise Validation(_BAD_PATH)
    return content


def _assign(item: Item, path: Path, value: Value) -> None:
    holder, last = _parent(item, path), path[-1]
    if isinstance(last, int) and last >= len(holder):
        holder.append(value)  # Beyond the end of a list: AWS adds it at the end.
    else:
        holder[last] = value


def _removal(path: Path) -> Change:
    def change(before: Item, after: Item) -> None:
        if len(path) > 1 and lookup(after, path[:-1]) is None:
            raise Validation(_BAD_PATH)
        holder, last = _parent(after, path), path[-1]
        if isinstance(last, int):
            if last < len(holder):
                del holder[last]
        else:
            holder.pop(last, None)

    return change
