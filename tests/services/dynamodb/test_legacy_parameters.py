"""The parameters that expressions replaced, and item collections."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable, key_schema

ITEM: dict[str, Any] = {
    "id": {"S": "a"},
    "at": {"N": "1"},
    "name": {"S": "ada"},
    "age": {"N": "36"},
    "tags": {"SS": ["x"]},
}


@pytest.fixture
def table(aws: Aws, make_table: MakeTable) -> str:
    name = make_table("id", "at", types={"at": "N"})
    aws("dynamodb").put_item(TableName=name, Item=ITEM)
    aws("dynamodb").put_item(TableName=name, Item={"id": {"S": "a"}, "at": {"N": "2"}, "name": {"S": "bob"}})
    return name


def condition(operator: str, *values: Any) -> dict[str, Any]:
    return {"ComparisonOperator": operator, **({"AttributeValueList": list(values)} if values else {})}


@pytest.mark.parametrize(
    ("filter_", "operator", "found"),
    [
        ({"age": condition("EQ", {"N": "36"})}, None, ["1"]),
        ({"name": condition("NE", {"S": "ada"})}, None, ["2"]),
        ({"age": condition("NULL")}, None, ["2"]),
        ({"age": condition("NOT_NULL")}, None, ["1"]),
        ({"name": condition("BEGINS_WITH", {"S": "b"})}, None, ["2"]),
        ({"name": condition("CONTAINS", {"S": "d"})}, None, ["1"]),
        ({"tags": condition("NOT_CONTAINS", {"S": "x"})}, None, ["2"]),
        ({"name": condition("IN", {"S": "ada"}, {"S": "bob"})}, None, ["1", "2"]),
        ({"name": condition("BETWEEN", {"S": "b"}, {"S": "c"})}, None, ["2"]),
        ({"age": condition("GT", {"N": "9"}), "name": condition("EQ", {"S": "bob"})}, "OR", ["1", "2"]),
        ({"age": condition("GT", {"N": "9"}), "name": condition("EQ", {"S": "bob"})}, None, []),
    ],
)
def test_filters_of_scans_and_queries_mean_what_their_operators_say(
    aws: Aws, table: str, filter_: dict[str, Any], operator: str | None, found: list[str]
) -> None:
    joint = {"ConditionalOperator": operator} if operator else {}
    partition = {"id": condition("EQ", {"S": "a"})}

    scanned = aws("dynamodb").scan(TableName=table, ScanFilter=filter_, **joint)
    queried = aws("dynamodb").query(TableName=table, KeyConditions=partition, QueryFilter=filter_, **joint)

    assert [item["at"]["N"] for item in scanned["Items"]] == found
    assert queried["Items"] == scanned["Items"]


def test_key_conditions_bound_the_sort_key_and_attributes_to_get_choose(aws: Aws, table: str) -> None:
    keys = {"id": condition("EQ", {"S": "a"}), "at": condition("GE", {"N": "2"})}

    answer = aws("dynamodb").query(TableName=table, KeyConditions=keys, AttributesToGet=["name"])

    assert answer["Items"] == [{"name": {"S": "bob"}}]
    key = {"id": {"S": "a"}, "at": {"N": "1"}}
    assert aws("dynamodb").get_item(TableName=table, Key=key, AttributesToGet=["age"])["Item"] == {"age": {"N": "36"}}
    batch = aws("dynamodb").batch_get_item(RequestItems={table: {"Keys": [key], "AttributesToGet": ["age"]}})
    assert batch["Responses"] == {table: [{"age": {"N": "36"}}]}


@pytest.mark.parametrize(
    ("expected", "operator", "holds"),
    [
        ({"age": {"Value": {"N": "36"}}}, None, True),
        ({"age": {"Value": {"N": "37"}}}, None, False),
        ({"age": {"Exists": False}}, None, False),
        ({"other": {"Exists": False}}, None, True),
        ({"age": condition("LT", {"N": "40"})}, None, True),
        ({"age": condition("LT", {"N": "4"}), "name": {"Value": {"S": "ada"}}}, "OR", True),
        ({"age": condition("LT", {"N": "4"}), "name": {"Value": {"S": "ada"}}}, "AND", False),
    ],
)
def test_a_write_happens_if_what_is_expected_holds(
    aws: Aws, table: str, expected: dict[str, Any], operator: str | None, holds: bool
) -> None:
    dynamodb = aws("dynamodb")
    given = {"TableName": table, "Expected": expected, **({"ConditionalOperator": operator} if operator else {})}
    key = {"id": {"S": "a"}, "at": {"N": "1"}}
    writes = [
        lambda: dynamodb.put_item(Item=ITEM, **given),
        lambda: dynamodb.update_item(Key=key, AttributeUpdates={"seen": {"Value": {"N": "1"}}}, **given),
        lambda: dynamodb.delete_item(Key=key, **given),
    ]

    for write in writes:
        if holds:
            write()
        else:
            with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException):
                write()


def test_attribute_updates_put_add_and_delete(aws: Aws, table: str) -> None:
    updates = {
        "name": {"Action": "PUT", "Value": {"S": "eve"}},
        "age": {"Action": "ADD", "Value": {"N": "1"}},
        "tags": {"Action": "ADD", "Value": {"SS": ["y"]}},
        "gone": {"Action": "DELETE"},
    }
    key = {"id": {"S": "a"}, "at": {"N": "1"}}

    new = aws("dynamodb").update_item(TableName=table, Key=key, AttributeUpdates=updates, ReturnValues="ALL_NEW")

    assert new["Attributes"] == ITEM | {"name": {"S": "eve"}, "age": {"N": "37"}, "tags": {"SS": ["x", "y"]}}
    less = {"tags": {"Action": "DELETE", "Value": {"SS": ["x"]}}, "age": {"Action": "DELETE"}}
    old = aws("dynamodb").update_item(TableName=table, Key=key, AttributeUpdates=less, ReturnValues="UPDATED_NEW")
    assert old["Attributes"] == {"tags": {"SS": ["y"]}}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        (
            {"ScanFilter": {"a": condition("NULL")}, "FilterExpression": "attribute_exists(a)"},
            r"Non-expression parameters: \{ScanFilter\} Expression parameters: \{FilterExpression\}",
        ),
        (
            {"AttributesToGet": ["a"], "ExpressionAttributeNames": {"#a": "a"}},
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        ({"ConditionalOperator": "OR"}, "ConditionalOperator cannot be used without Filter or Expected"),
        (
            {"ScanFilter": {"a": condition("NULL")}, "ConditionalOperator": "OR"},
            "ConditionalOperator can only be used when Filter or Expected has two or more elements",
        ),
        ({"ScanFilter": {"a": condition("EQ")}}, r"Invalid number of argument\(s\) for the EQ ComparisonOperator"),
        (
            {"ScanFilter": {"a": condition("LT", {"SS": ["x"]})}},
            "ComparisonOperator LT is not valid for SS AttributeValue type",
        ),
        ({"AttributesToGet": ["a", "a"]}, "Duplicate value in attribute name: a"),
        ({"AttributesToGet": ["a"], "Select": "COUNT"}, "when choosing to get only the Count"),
    ],
)
def test_a_mixture_and_a_malformed_filter_are_refused(
    aws: Aws, table: str, parameters: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match=words):
        aws("dynamodb").scan(TableName=table, **parameters)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "Conditions can be of length 1 or 2 only"),
        (dict.fromkeys(("id", "at", "more"), condition("EQ", {"S": "a"})), "Conditions can be of length 1 or 2 only"),
        ({"id": condition("NE", {"S": "a"})}, "Attempted conditional constraint is not an indexable operation"),
        ({"id": condition("GT", {"S": "a"})}, "Query key condition not supported"),
        ({"at": condition("EQ", {"N": "1"})}, "Query condition missed key schema element: id"),
    ],
)
def test_key_conditions_that_no_key_answers_are_refused(aws: Aws, table: str, keys: dict[str, Any], words: str) -> None:
    with pytest.raises(ClientError, match=words):
        aws("dynamodb").query(TableName=table, KeyConditions=keys)


def test_writes_tell_the_size_of_their_item_collection_where_there_is_a_local_index(
    aws: Aws, make_table: MakeTable
) -> None:
    index = {"IndexName": "by-n", "KeySchema": key_schema("id", "n"), "Projection": {"ProjectionType": "ALL"}}
    with_index = make_table("id", "at", LocalSecondaryIndexes=[index], types={"n": "N"})
    without = make_table("id", "at")
    item = {"id": {"S": "a"}, "at": {"S": "1"}}
    metrics = {"ItemCollectionKey": {"id": {"S": "a"}}, "SizeEstimateRangeGB": [0, 1]}
    put = {"Item": item, "ReturnItemCollectionMetrics": "SIZE"}

    assert aws("dynamodb").put_item(TableName=with_index, **put)["ItemCollectionMetrics"] == metrics
    assert "ItemCollectionMetrics" not in aws("dynamodb").put_item(TableName=without, **put)
    batch = aws("dynamodb").batch_write_item(
        RequestItems={with_index: [{"PutRequest": {"Item": item}}]}, ReturnItemCollectionMetrics="SIZE"
    )
    assert batch["ItemCollectionMetrics"] == {with_index: [metrics]}
    transaction = aws("dynamodb").transact_write_items(
        TransactItems=[{"Delete": {"TableName": with_index, "Key": item}}], ReturnItemCollectionMetrics="SIZE"
    )
    assert transaction["ItemCollectionMetrics"] == {with_index: [metrics]}
