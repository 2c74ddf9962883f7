"""What DynamoDB refuses because there is too much of it, or because it is not one of the values that there are."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.dynamodb.conftest import MakeTable, key_schema

ALL = {"ProjectionType": "ALL"}


def text(length: int) -> dict[str, str]:
    return {"S": "x" * length}


def index(name: str, *keys: str, **settings: Any) -> dict[str, Any]:
    return {"IndexName": name, "KeySchema": key_schema(*keys), "Projection": ALL, **settings}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"BillingMode": "FREE"}, "'FREE' at 'billingMode' .* enum value set: \\[PROVISIONED, PAY_PER_REQUEST\\]"),
        ({"TableClass": "COLD"}, "'COLD' at 'tableClass'"),
        ({"GlobalSecondaryIndexes": []}, "List of GlobalSecondaryIndexes is empty"),
        ({"LocalSecondaryIndexes": []}, "List of LocalSecondaryIndexes is empty"),
        (
            {"GlobalSecondaryIndexes": [index(f"index-{number}", "id") for number in range(21)]},
            "GlobalSecondaryIndex count exceeds the per-table limit of 20",
        ),
        (
            {"LocalSecondaryIndexes": [index(f"index-{number}", "id", "n") for number in range(6)]},
            "Number of LocalSecondaryIndexes exceeds per-table limit of 5",
        ),
        ({"LocalSecondaryIndexes": [index("by-id", "id")]}, "does not have a range key for index: by-id"),
        (
            {"LocalSecondaryIndexes": [index("by-n", "n", "id")]},
            "same leading hash key as table KeySchema for index: by-n. index hash key: n, table hash key: id",
        ),
        ({"GlobalSecondaryIndexes": [index("twice", "id"), index("twice", "n")]}, "Duplicate index name: twice"),
    ],
)
def test_a_table_that_dynamodb_would_not_make_is_refused(
    make_table: MakeTable, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ClientError, match=words):
        make_table("id", "n", **options)


def test_a_local_index_needs_a_table_with_a_sort_key(make_table: MakeTable) -> None:
    with pytest.raises(ClientError, match="Table KeySchema does not have a range key"):
        make_table("id", types={"n": "S"}, LocalSecondaryIndexes=[index("by-n", "id", "n")])


def test_the_indexes_of_a_table_project_a_hundred_named_attributes_together(make_table: MakeTable) -> None:
    def including(name: str, first: int) -> dict[str, Any]:
        names = [f"a{number}" for number in range(first, first + 20)]
        return index(name, "id", Projection={"ProjectionType": "INCLUDE", "NonKeyAttributes": names})

    make_table("id", GlobalSecondaryIndexes=[including(f"index-{number}", 0) for number in range(5)])
    with pytest.raises(ClientError, match="at most 100 NonKeyAttributes"):
        make_table("id", GlobalSecondaryIndexes=[including(f"index-{number}", 0) for number in range(6)])


@pytest.mark.parametrize(
    ("operation", "parameters", "words"),
    [
        ("scan", {"Select": "SOME"}, "'SOME' at 'select'"),
        ("scan", {"Segment": 0, "TotalSegments": 1_000_001}, "'1000001' at 'totalSegments' .* equal to 1000000"),
        ("put_item", {"Item": {"id": text(1)}, "ReturnValues": "SOME"}, "'SOME' at 'returnValues'"),
        ("put_item", {"Item": {"id": text(1)}, "ReturnConsumedCapacity": "SOME"}, "'SOME' at 'returnConsumedCapacity'"),
        ("put_item", {"Item": {"id": text(2049)}}, "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ("put_item", {"Item": {"id": text(1), "v": text(409_600)}}, "Item size has exceeded the maximum allowed size"),
    ],
)
def test_a_value_out_of_bounds_is_refused_by_name(
    aws: Aws, make_table: MakeTable, operation: str, parameters: dict[str, Any], words: str
) -> None:
    table = make_table("id")

    with pytest.raises(ClientError, match=words):
        getattr(aws("dynamodb"), operation)(TableName=table, **parameters)


def test_a_batch_that_is_too_long_for_one_table_is_refused_at_the_map_that_holds_it(
    aws: Aws, make_table: MakeTable
) -> None:
    first, second = make_table("id"), make_table("id")

    def puts(count: int) -> list[dict[str, Any]]:
        return [{"PutRequest": {"Item": {"id": {"S": str(number)}}}} for number in range(count)]

    with pytest.raises(
        ClientError, match=r"at 'requestItems' .* Map value must satisfy constraint: \[Member must"
    ) as no:
        aws("dynamodb").batch_write_item(RequestItems={first: puts(26)})
    assert no.value.response["Error"]["Message"].endswith(
        "[Member must have length less than or equal to 25, Member must have length greater than or equal to 1]"
    )
    with pytest.raises(ClientError, match="Too many items requested for the BatchWriteItem call"):
        aws("dynamodb").batch_write_item(RequestItems={first: puts(13), second: puts(13)})
    assert aws("dynamodb").scan(TableName=first)["Count"] == 0


def test_a_transaction_has_at_most_four_megabytes(aws: Aws, make_table: MakeTable) -> None:
    table, dynamodb = make_table("id"), aws("dynamodb")

    def puts(count: int) -> list[dict[str, Any]]:
        items = [{"id": {"S": str(number)}, "v": text(400_000)} for number in range(count)]
        return [{"Put": {"TableName": table, "Item": item}} for item in items]

    with pytest.raises(ClientError, match="cannot exceed 4 MB"):
        dynamodb.transact_write_items(TransactItems=puts(11))
    assert dynamodb.scan(TableName=table)["Count"] == 0
    dynamodb.transact_write_items(TransactItems=puts(10))
    dynamodb.put_item(TableName=table, Item={"id": {"S": "10"}, "v": text(400_000)})

    gets = [{"Get": {"TableName": table, "Key": {"id": {"S": str(number)}}}} for number in range(11)]
    assert len(dynamodb.transact_get_items(TransactItems=gets[:10])["Responses"]) == 10
    with pytest.raises(ClientError, match="cannot exceed 4 MB"):
        dynamodb.transact_get_items(TransactItems=gets)


def test_a_query_begins_behind_an_item_that_it_could_have_answered_with(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id", "n")

    def query(partition: str, sort: str) -> dict[str, Any]:
        found: dict[str, Any] = aws("dynamodb").query(
            TableName=table,
            KeyConditionExpression="id = :id AND n > :n",
            ExpressionAttributeValues={":id": {"S": "a"}, ":n": {"S": "5"}},
            ExclusiveStartKey={"id": {"S": partition}, "n": {"S": sort}},
        )
        return found

    with pytest.raises(ClientError, match="outside query boundaries based on provided conditions"):
        query("b", "6")
    with pytest.raises(ClientError, match="does not match the range key predicate"):
        query("a", "5")
    assert query("a", "6")["Count"] == 0


def test_time_to_live_changes_once_an_hour(aws: Aws, make_table: MakeTable, clock: MovableClock) -> None:
    table, dynamodb = make_table("id"), aws("dynamodb")

    def switch(*, on: bool) -> None:
        specification = {"Enabled": on, "AttributeName": "until"}
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=specification)

    switch(on=True)
    with pytest.raises(ClientError, match="modified multiple times within a fixed interval"):
        switch(on=False)
    clock.advance(s=3_600)
    switch(on=False)
    assert dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
