"""The expression language against a small evaluator of its own, which reads trees instead of text."""

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.services.dynamodb.expressions import Bindings, ExpressionWriter, parse_condition, parse_update

Value = dict[str, Any]
Path = tuple[str | int, ...]

PATHS: list[Path] = [("a",), ("b",), ("tags",), ("m",), ("m", "x"), ("m", "x", "deep"), ("l",), ("l", 0), ("l", 1, "y")]
numbers = st.integers(-3, 12).map(lambda n: {"N": str(n)})
strings = st.text("ab", max_size=3).map(lambda s: {"S": s})
scalars = st.one_of(numbers, strings, st.booleans().map(lambda b: {"BOOL": b}), st.just({"NULL": True}))
string_sets = st.sets(st.text("ab", min_size=1, max_size=2), min_size=1, max_size=3).map(lambda s: {"SS": sorted(s)})
number_sets = st.sets(st.integers(0, 4), min_size=1, max_size=3).map(lambda s: {"NS": [str(n) for n in sorted(s)]})
values = st.one_of(scalars, string_sets, number_sets, st.lists(scalars, max_size=2).map(lambda v: {"L": v}))
maps = st.dictionaries(st.sampled_from(["x", "y", "deep"]), scalars, max_size=2).map(lambda m: {"M": m})
items = st.dictionaries(
    st.sampled_from(["a", "b", "tags", "m", "l"]), st.one_of(values, maps, st.lists(maps).map(lambda v: {"L": v}))
)

# ---- conditions as trees ----------------------------------------------------------------------------------------

paths = st.sampled_from(PATHS)
operands = st.one_of(
    st.tuples(st.just("path"), paths), st.tuples(st.just("value"), values), st.tuples(st.just("size"), paths)
)
places = st.one_of(st.tuples(st.just("path"), paths), st.tuples(st.just("size"), paths))
comparisons = st.one_of(
    st.tuples(st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), places, operands),
    st.tuples(st.just("BETWEEN"), places, operands, operands),
    st.tuples(st.just("IN"), places, st.lists(operands, min_size=1, max_size=3)),
    st.tuples(st.sampled_from(["attribute_exists", "attribute_not_exists"]), paths),
    st.tuples(st.just("attribute_type"), paths, st.sampled_from(["S", "N", "SS", "M", "L", "BOOL", "NULL"])),
    st.tuples(st.just("begins_with"), paths, strings),
    st.tuples(st.just("contains"), paths, operands),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(st.tuples(st.just("NOT"), inner), st.tuples(st.sampled_from(["AND", "OR"]), inner, inner)),
    max_leaves=6,
)


def operand_text(operand: Any, writer: ExpressionWriter) -> str:
    kind, content = operand
    if kind == "value":
        return writer.value(content)
    return writer.path(content) if kind == "path" else f"size({writer.path(content)})"


def condition_text(tree: Any, writer: ExpressionWriter) -> str:
    match tree:
        case ("NOT", inner):
            return f"NOT ({condition_text(inner, writer)})"
        case ("AND" | "OR" as word, left, right):
            return f"({condition_text(left, writer)}) {word} ({condition_text(right, writer)})"
        case ("BETWEEN", left, low, high):
            texts = [operand_text(operand, writer) for operand in (left, low, high)]
            return f"{texts[0]} BETWEEN {texts[1]} AND {texts[2]}"
        case ("IN", left, choices):
            texts = [operand_text(choice, writer) for choice in choices]
            return f"{operand_text(left, writer)} IN ({', '.join(texts)})"
        case ("attribute_exists" | "attribute_not_exists" as name, path):
            return f"{name}({writer.path(path)})"
        case ("attribute_type", path, kind):
            return f"attribute_type({writer.path(path)}, {writer.value({'S': kind})})"
        case ("begins_with", path, value):
            return f"begins_with({writer.path(path)}, {writer.value(value)})"
        case ("contains", path, operand):
            return f"contains({writer.path(path)}, {operand_text(operand, writer)})"
        case (sign, left, right):
            return f"{operand_text(left, writer)} {sign} {operand_text(right, writer)}"
    raise AssertionError(tree)


def find(item: dict[str, Value], path: Path) -> Value | None:
    found: Any = {"M": item}
    for step in path:
        held = found.get("M" if isinstance(step, str) else "L", {})
        if step not in (held if isinstance(step, str) else range(len(held))):
            return None
        found = held[step]
    return found  # type: ignore[no-any-return]


def native(value: Value | None) -> Any:
    """A Python value, with its type, that is equal if the attribute values are."""
    if value is None:
        return None
    ((kind, content),) = value.items()
    if kind == "N":
        return kind, Decimal(content)
    if kind in ("SS", "NS"):
        return kind, frozenset(content)
    if kind == "L":
        return kind, tuple(native(part) for part in content)
    if kind == "M":
        return kind, frozenset((name, native(part)) for name, part in content.items())
    return kind, content


def resolve(operand: Any, item: dict[str, Value]) -> Any:
    kind, content = operand
    if kind == "value":
        return native(content)
    found = find(item, content)
    if kind == "path":
        return native(found)
    sized = found is not None and next(iter(found)) in ("S", "SS", "NS", "L", "M")
    return ("N", Decimal(len(next(iter(found.values()))))) if sized and found is not None else None


def ordered(sign: str, a: Any, b: Any) -> bool:
    if a is None or b is None or a[0] != b[0] or a[0] not in ("S", "N"):
        return False
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[sign]


def holds(tree: Any, item: dict[str, Value]) -> bool:
    match tree:
        case ("NOT", inner):
            return not holds(inner, item)
        case ("AND", left, right):
            return holds(left, item) and holds(right, item)
        case ("OR", left, right):
            return holds(left, item) or holds(right, item)
        case ("BETWEEN", left, low, high):
            value = resolve(left, item)
            return ordered(">=", value, resolve(low, item)) and ordered("<=", value, resolve(high, item))
        case ("IN", left, choices):
            value = resolve(left, item)
            return value is not None and value in [resolve(choice, item) for choice in choices]
        case ("attribute_exists", path):
            return find(item, path) is not None
        case ("attribute_not_exists", path):
            return find(item, path) is None
        case ("attribute_type", path, kind):
            return kind in (find(item, path) or ())
        case ("begins_with", path, value):
            found = find(item, path) or {}
            return str(found["S"]).startswith(value["S"]) if "S" in found else False
        case ("contains", path, operand):
            return contained(native(find(item, path)), resolve(operand, item))
        case ("=", left, right):
            a, b = resolve(left, item), resolve(right, item)
            return a is not None and a == b
        case ("<>", left, right):
            return bool(resolve(left, item) != resolve(right, item))
        case (sign, left, right):
            return ordered(sign, resolve(left, item), resolve(right, item))
    raise AssertionError(tree)


def contained(whole: Any, part: Any) -> bool:
    if whole is None or part is None:
        return False
    (kind, content), (wanted, element) = whole, part
    if kind == "L":
        return part in content
    if kind in ("SS", "NS"):
        return bool(kind[0] == wanted and str(element) in content)
    return bool(kind == wanted == "S" and element in content)


@settings(max_examples=400)
@given(tree=conditions, item=items)
def test_a_condition_holds_as_its_tree_says(tree: Any, item: dict[str, Value]) -> None:
    writer = ExpressionWriter()
    text = condition_text(tree, writer)

    assert parse_condition(text, "ConditionExpression", writer.bindings())(item) is holds(tree, item), text


# ---- updates ----------------------------------------------------------------------------------------------------

STOCK = st.fixed_dictionaries(
    {"n": numbers, "tags": string_sets, "l": st.lists(scalars, min_size=2, max_size=4).map(lambda v: {"L": v})},
    optional={"m": maps, "n4": scalars},
)


@settings(max_examples=200)
@given(item=STOCK, by=st.integers(-5, 5), tags=string_sets, value=scalars, removed=st.integers(0, 3), more=numbers)
def test_an_update_changes_each_path_from_the_item_as_it_was(
    item: dict[str, Value], by: int, tags: Value, value: Value, removed: int, more: Value
) -> None:
    text = (
        f"SET n = n - :by, n2 = n, n4 = if_not_exists(n4, :value), l2 = list_append(l, :more) "
        f"REMOVE l[{removed}], m ADD tags :tags, n3 :by"
    )
    given_values = {":by": {"N": str(by)}, ":value": value, ":more": {"L": [more]}, ":tags": tags}

    changed = parse_update(text, Bindings(None, given_values)).apply(item)

    elements = item["l"]["L"]
    assert changed["n"] == {"N": str(int(item["n"]["N"]) - by)}
    assert changed["n2"] == item["n"]
    assert changed["n4"] == item.get("n4", value)
    assert changed["l2"] == {"L": [*elements, more]}
    assert changed["l"] == {"L": [element for place, element in enumerate(elements) if place != removed]}
    assert "m" not in changed
    assert set(changed["tags"]["SS"]) == {*item["tags"]["SS"], *tags["SS"]}
    assert changed["n3"] == {"N": str(by)}


@settings(max_examples=100)
@given(item=STOCK, tags=string_sets)
def test_deleting_elements_of_a_set_leaves_the_n4s_or_no_set(item: dict[str, Value], tags: Value) -> None:
    changed = parse_update("DELETE tags :tags", Bindings(None, {":tags": tags})).apply(item)

    left = set(item["tags"]["SS"]) - set(tags["SS"])
    assert set(changed.get("tags", {"SS": []})["SS"]) == left
    assert ("tags" in changed) == bool(left)
