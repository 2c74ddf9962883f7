"""The expression language on items, without a server."""

from typing import Any

import pytest

from fogbank.services.dynamodb.errors import Validation
from fogbank.services.dynamodb.expressions import (
    Bindings,
    parse_condition,
    parse_key_condition,
    parse_projection,
    parse_update,
)

ITEM: dict[str, Any] = {
    "id": {"S": "a"},
    "n": {"N": "10"},
    "tags": {"SS": ["x", "y"]},
    "elems": {"L": [{"N": "1"}, {"S": "two"}, {"M": {"deep": {"N": "3"}}}]},
    "doc": {"M": {"leaf": {"S": "value"}}},
    "blob": {"B": "aGVsbG8="},
}
VALUES: dict[str, Any] = {
    ":ten": {"N": "10"},
    ":five": {"N": "5"},
    ":x": {"S": "x"},
    ":a": {"S": "a"},
    ":val": {"S": "val"},
    ":xs": {"SS": ["x", "z"]},
    ":l": {"L": [{"S": "end"}]},
    ":N": {"S": "N"},
}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("n = :ten", True),
        ("n <> :ten", False),
        ("n > :five AND id = :a", True),
        ("n < :five OR NOT id = :a", False),
        ("NOT (n < :five) AND id = :a", True),
        ("n BETWEEN :five AND :ten", True),
        ("n IN (:five, :ten)", True),
        ("id > :ten", False),
        ("attribute_exists(doc.leaf)", True),
        ("attribute_not_exists(doc.nothing)", True),
        ("attribute_type(n, :N)", True),
        ("begins_with(doc.leaf, :val)", True),
        ("contains(tags, :x)", True),
        ("contains(id, :x)", False),
        ("size(elems) < :five", True),
        ("elems[2].deep < :ten", True),
        ("nothing = :ten", False),
        ("nothing < :ten", False),
    ],
)
def test_conditions_hold_as_documented(text: str, holds: bool) -> None:
    assert parse_condition(text, "ConditionExpression", Bindings(None, VALUES))(ITEM) is holds


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("name = :a", "Attribute name is a reserved keyword; reserved keyword: name"),
        ("#x = :a", "attribute name used in the document path is not defined; attribute name: #x"),
        ("id = :zzz", "attribute value used in expression is not defined; attribute value: :zzz"),
        ("id = ", 'Syntax error; token: "<EOF>"'),
        ("nope(id)", "Invalid function name; function: nope"),
    ],
)
def test_a_wrong_condition_is_refused_in_the_services_words(text: str, complaint: str) -> None:
    with pytest.raises(Validation, match=complaint):
        parse_condition(text, "ConditionExpression", Bindings(None, VALUES))


def test_a_value_that_no_expression_uses_is_refused() -> None:
    bindings = Bindings(None, {":a": {"S": "a"}, ":b": {"S": "b"}})
    parse_condition("id = :a", "FilterExpression", bindings)
    with pytest.raises(Validation, match=r"unused in expressions: keys: \{:b\}"):
        bindings.finish(used=True)


@pytest.mark.parametrize(
    ("text", "name", "result"),
    [
        ("SET n = n + :five", "n", {"N": "15"}),
        ("SET n = n - :ten", "n", {"N": "0"}),
        ("SET fresh = if_not_exists(fresh, :five) + :five", "fresh", {"N": "10"}),
        ("SET n = if_not_exists(n, :five)", "n", {"N": "10"}),
        ("ADD n :five", "n", {"N": "15"}),
        ("ADD fresh :five", "fresh", {"N": "5"}),
        ("ADD tags :xs", "tags", {"SS": ["x", "y", "z"]}),
        ("DELETE tags :xs", "tags", {"SS": ["y"]}),
        ("REMOVE doc.leaf", "doc", {"M": {}}),
        ("SET doc.leaf = :a", "doc", {"M": {"leaf": {"S": "a"}}}),
        ("REMOVE elems[0], elems[1]", "elems", {"L": [{"M": {"deep": {"N": "3"}}}]}),
        ("SET elems[9] = :a REMOVE elems[0], elems[1], elems[2]", "elems", {"L": [{"S": "a"}]}),
        ("REMOVE id", "id", None),
    ],
)
def test_updates_change_what_they_name(text: str, name: str, result: Any) -> None:
    before = repr(ITEM)
    assert parse_update(text, Bindings(None, VALUES)).apply(ITEM).get(name) == result
    assert repr(ITEM) == before


def test_every_clause_sees_the_item_as_it_was() -> None:
    changed = parse_update("SET n = :five, twin = n", Bindings(None, VALUES)).apply(ITEM)
    assert changed["twin"] == {"N": "10"}


def test_list_append_joins_in_the_order_given() -> None:
    changed = parse_update("SET elems = list_append(:l, elems)", Bindings(None, VALUES)).apply(ITEM)
    assert changed["elems"]["L"][0] == {"S": "end"}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SET n = nothing", "refers to an attribute that does not exist in the item"),
        ("SET n = id + :five", "incorrect data type"),
        ("ADD id :five", "incorrect data type"),
        ("ADD fresh :a", "operator: ADD, operand type: STRING"),
        ("SET nothing.leaf = :a", "document path provided in the update expression is invalid for update"),
        ("SET n = :five SET id = :a", 'The "SET" section can only be used once'),
        ("SET doc = :a, doc.leaf = :a", r"path one: \[doc\], path two: \[doc, leaf\]"),
    ],
)
def test_a_wrong_update_is_refused_in_the_services_words(text: str, complaint: str) -> None:
    with pytest.raises(Validation, match=complaint):
        parse_update(text, Bindings(None, VALUES)).apply(ITEM)


def test_a_projection_keeps_the_shape_of_what_it_picks() -> None:
    project = parse_projection("id, elems[2].deep, #m.leaf, nothing", Bindings({"#m": "doc"}, None))
    assert project(ITEM) == {
        "id": {"S": "a"},
        "elems": {"L": [{"M": {"deep": {"N": "3"}}}]},
        "doc": {"M": {"leaf": {"S": "value"}}},
    }


def test_a_key_condition_needs_the_partition_key() -> None:
    schema = {"id": "S", "n": "N"}
    with pytest.raises(Validation, match="Query condition missed key schema element: id"):
        parse_key_condition("n = :ten", Bindings(None, VALUES), schema=schema)
    wanted = parse_key_condition("id = :a AND n >= :five", Bindings(None, VALUES), schema=schema)
    assert wanted.partition == b"a"
    assert wanted.low is not None
