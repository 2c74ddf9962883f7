"""Global indexes whose partition and sort keys are several attributes each."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.services.dynamodb.expressions import Bindings, parse_key_condition
from fogbank.services.dynamodb.values import part_bytes
from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable

Value = dict[str, Any]
SCHEMA = {"p": "S", "q": "N", "a": "S", "b": "N", "c": "S"}
PARTITION: dict[str, Value] = {":p": {"S": "p"}, ":q": {"N": "1"}}
INDEX = {
    "IndexName": "parts",
    "KeySchema": [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in (("p", "HASH"), ("q", "HASH"), ("a", "RANGE"), ("b", "RANGE"), ("c", "RANGE"))
    ],
    "Projection": {"ProjectionType": "ALL"},
}
# Characters around what ends an attribute in the store.
texts = st.text("\x00\x01a\xff", min_size=1, max_size=3)
sorts = st.tuples(texts, st.integers(-2, 2), texts)
Sort = tuple[str, int, str]
HOLDS: dict[str, Callable[[Any, Any, Any], bool]] = {
    "{0} = {1}": lambda part, low, high: part == low,
    "{0} < {1}": lambda part, low, high: part < low,
    "{0} <= {1}": lambda part, low, high: part <= low,
    "{0} > {1}": lambda part, low, high: part > low,
    "{0} >= {1}": lambda part, low, high: part >= low,
    "{0} BETWEEN {1} AND {2}": lambda part, low, high: low <= part <= high,
    "begins_with({0}, {1})": lambda part, low, high: part.startswith(low),
}


def value(of: str | int) -> Value:
    return {"S": of} if isinstance(of, str) else {"N": str(of)}


def encoded(sort: Sort) -> bytes:
    return part_bytes([value(part) for part in sort])


def comparable(part: str | int) -> Any:
    """Strings sort by their bytes."""
    return part.encode() if isinstance(part, str) else part


@given(sorts, sorts)
def test_several_attributes_sort_one_after_the_other(first: Sort, second: Sort) -> None:
    smaller = [comparable(part) for part in first] < [comparable(part) for part in second]
    assert (encoded(first) < encoded(second)) == smaller
    assert (encoded(first) == encoded(second)) == (first == second)


@settings(max_examples=300)
@given(st.lists(sorts, max_size=12), sorts, sorts, st.integers(0, 2))
def test_a_range_of_one_attribute_lets_those_behind_it_be_anything(
    stored: list[Sort], first: Sort, second: Sort, place: int
) -> None:
    names = list(SCHEMA)[2:]
    low, high = sorted((first[place], second[place]), key=comparable)
    before = [f"{name} = :{name}" for name in names[:place]]
    bound = PARTITION | {f":{name}": value(part) for name, part in zip(names[:place], first, strict=False)}
    for term, holds in HOLDS.items():
        if "begins" in term and isinstance(low, int):
            continue
        values = bound | {":low": value(low)} | ({":high": value(high)} if "{2}" in term else {})
        text = " AND ".join(("p = :p", "q = :q", *before, term.format(names[place], ":low", ":high")))
        wanted = parse_key_condition(text, Bindings(None, values), schema=SCHEMA, partition_parts=2)
        for sort in stored:
            within = holds(*(comparable(part) for part in (sort[place], low, high)))
            assert wanted.contains(encoded(sort)) == (sort[:place] == first[:place] and within), text


@pytest.fixture
def table(aws: Aws, make_table: MakeTable) -> str:
    name = make_table("id", types=SCHEMA, GlobalSecondaryIndexes=[INDEX])
    dynamodb = aws("dynamodb")
    for number, (a, b, c) in enumerate(product("xy", (1, 20), "uv")):
        item = {"id": str(number), "p": "p", "q": 1, "a": a, "b": b, "c": c}
        dynamodb.put_item(TableName=name, Item={key: value(part) for key, part in item.items()})
    dynamodb.put_item(TableName=name, Item={"id": {"S": "other"}, "p": {"S": "p"}, "q": {"N": "2"}, "a": {"S": "x"}})
    return name


def query(aws: Aws, table: str, condition: str, values: dict[str, Value], **options: Any) -> list[str]:
    pages = aws("dynamodb").get_paginator("query").paginate(
        TableName=table,
        IndexName="parts",
        KeyConditionExpression=f"p = :p AND q = :q{condition}",
        ExpressionAttributeValues=PARTITION | values,
        **options,
    )  # fmt: skip
    return ["".join((item["a"]["S"], item["b"]["N"], item["c"]["S"])) for page in pages for item in page["Items"]]


def test_an_index_of_several_attributes_is_read_in_the_order_of_all_of_them(aws: Aws, table: str) -> None:
    described = aws("dynamodb").describe_table(TableName=table)["Table"]["GlobalSecondaryIndexes"][0]
    assert described["KeySchema"] == INDEX["KeySchema"]
    everything = ["x1u", "x1v", "x20u", "x20v", "y1u", "y1v", "y20u", "y20v"]
    assert query(aws, table, "", {}) == everything, "what lacks a key is not in the index"
    assert query(aws, table, "", {}, ScanIndexForward=False) == everything[::-1]
    assert query(aws, table, "", {}, PaginationConfig={"PageSize": 3}) == everything
    assert query(aws, table, " AND a = :a", {":a": {"S": "y"}}) == everything[4:]
    a, b = {":a": {"S": "x"}}, {":b": {"N": "1"}}
    assert query(aws, table, " AND a = :a AND b > :b", a | b, ScanIndexForward=False) == ["x20v", "x20u"]
    assert query(aws, table, " AND a = :a AND b = :b AND begins_with(c, :c)", a | b | {":c": {"S": "v"}}) == ["x1v"]


def test_an_item_moves_and_leaves_with_any_of_its_keys(aws: Aws, table: str) -> None:
    dynamodb = aws("dynamodb")
    change = {"TableName": table, "Key": {"id": {"S": "0"}}}
    dynamodb.update_item(
        **change, UpdateExpression="SET b = :b", ExpressionAttributeValues={":b": {"N": "5"}}
    )  # fmt: skip
    assert query(aws, table, " AND a = :a", {":a": {"S": "x"}}) == ["x1v", "x5u", "x20u", "x20v"]
    dynamodb.update_item(**change, UpdateExpression="REMOVE c")
    assert query(aws, table, " AND a = :a", {":a": {"S": "x"}}) == ["x1v", "x20u", "x20v"]


@pytest.mark.parametrize(
    ("condition", "values", "sentence"),
    [
        ("p = :p", {":p": {"S": "p"}}, "Query condition missed key schema element: q"),
        ("p = :p AND q > :q", PARTITION, "Query key condition not supported"),
        ("p = :p AND q = :q AND b = :b", PARTITION | {":b": {"N": "1"}}, "missed key schema element: a"),
        (
            "p = :p AND q = :q AND a > :a AND b = :b",
            PARTITION | {":a": {"S": "x"}, ":b": {"N": "1"}},
            "Query key condition not supported",
        ),
    ],
)
def test_conditions_name_the_whole_partition_key_and_sort_keys_from_the_left(
    aws: Aws, table: str, condition: str, values: dict[str, Value], sentence: str
) -> None:
    with pytest.raises(ClientError, match=sentence):
        aws("dynamodb").query(
            TableName=table,
            IndexName="parts",
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
        )


def test_partiql_reads_an_index_of_several_attributes(aws: Aws, table: str) -> None:
    statement = f"SELECT id FROM \"{table}\".\"parts\" WHERE p = 'p' AND q = 1 AND a = 'x' AND b > 1"
    found = aws("dynamodb").execute_statement(Statement=statement)["Items"]
    assert sorted(item["id"]["S"] for item in found) == ["2", "3"]


@pytest.mark.parametrize(
    "kinds", [["RANGE"], ["HASH", "RANGE", "HASH"], ["HASH"] * 5, ["HASH", *["RANGE"] * 5]], ids="-".join
)
def test_a_key_has_up_to_four_attributes_of_each_kind(make_table: MakeTable, kinds: list[str]) -> None:
    names = [f"k{number}" for number in range(len(kinds))]
    schema = [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, kinds, strict=True)]
    with pytest.raises(ClientError, match="Invalid KeySchema"):
        make_table("id", types=dict.fromkeys(names, "S"), GlobalSecondaryIndexes=[INDEX | {"KeySchema": schema}])
