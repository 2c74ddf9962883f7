"""Tables and their settings."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.dynamodb.conftest import MakeTable, key_schema

UNITS = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 5}


def describe(aws: Aws, table: str) -> dict[str, Any]:
    found: dict[str, Any] = aws("dynamodb").describe_table(TableName=table)["Table"]
    return found


def test_warm_throughput_begins_with_what_the_table_has_and_only_grows(aws: Aws, make_table: MakeTable) -> None:
    table, provisioned = make_table("id"), make_table("id", ProvisionedThroughput=UNITS)
    assert describe(aws, table)["WarmThroughput"]["ReadUnitsPerSecond"] == 12_000
    assert describe(aws, provisioned)["WarmThroughput"]["WriteUnitsPerSecond"] == 5

    aws("dynamodb").update_table(TableName=table, WarmThroughput={"ReadUnitsPerSecond": 20_000})

    warm = describe(aws, table)["WarmThroughput"]
    assert warm == {"ReadUnitsPerSecond": 20_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}
    with pytest.raises(ClientError, match="decreasing WarmThroughput is not supported"):
        aws("dynamodb").update_table(TableName=table, WarmThroughput={"ReadUnitsPerSecond": 15_000})


def test_encryption_under_the_managed_key_names_one_key_an_account(aws: Aws, make_table: MakeTable) -> None:
    first, second = (make_table("id", SSESpecification={"Enabled": True}) for _ in range(2))

    described = describe(aws, first)["SSEDescription"]

    assert described["SSEType"] == "KMS"
    assert described == describe(aws, second)["SSEDescription"]
    ending = aws("dynamodb").update_table(TableName=first, SSESpecification={"Enabled": False})
    assert ending["TableDescription"]["SSEDescription"]["Status"] == "UPDATING"
    assert "SSEDescription" not in describe(aws, first)


def test_contributor_insights_are_kept_for_a_table_and_its_indexes(aws: Aws, make_table: MakeTable) -> None:
    index = {"IndexName": "by-n", "KeySchema": key_schema("n"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
    table = make_table("id", GlobalSecondaryIndexes=[index], types={"n": "N"})
    dynamodb = aws("dynamodb")
    assert dynamodb.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"] == "DISABLED"

    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="ENABLE")
    dynamodb.update_contributor_insights(TableName=table, IndexName="by-n", ContributorInsightsAction="ENABLE")

    first = dynamodb.list_contributor_insights(TableName=table, MaxResults=1)
    rest = dynamodb.list_contributor_insights(TableName=table, NextToken=first["NextToken"])
    found = first["ContributorInsightsSummaries"] + rest["ContributorInsightsSummaries"]
    assert [entry.get("IndexName") for entry in found] == [None, "by-n"]
    dynamodb.update_contributor_insights(TableName=table, ContributorInsightsAction="DISABLE")
    assert dynamodb.describe_contributor_insights(TableName=table)["ContributorInsightsStatus"] == "DISABLED"
    with pytest.raises(ClientError, match="Index: other not found"):
        dynamodb.describe_contributor_insights(TableName=table, IndexName="other")


def test_a_description_counts_the_items_of_the_table_and_of_each_index(aws: Aws, make_table: MakeTable) -> None:
    index = {"IndexName": "by-n", "KeySchema": key_schema("n"), "Projection": {"ProjectionType": "KEYS_ONLY"}}
    table = make_table("id", GlobalSecondaryIndexes=[index], types={"n": "N"})
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "a"}, "n": {"N": "1"}})
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "b"}})

    described = describe(aws, table)

    assert (described["ItemCount"], described["GlobalSecondaryIndexes"][0]["ItemCount"]) == (2, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({}, "At least one of ProvisionedThroughput"),
        ({"ProvisionedThroughput": UNITS}, "The provisioned throughput for the table will not change"),
        ({"StreamSpecification": {"StreamEnabled": False}}, "does not have a stream to disable"),
        (
            {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "a-1"}}, {"Delete": {"IndexName": "a-2"}}]},
            "Only 1 online index can be created or deleted simultaneously",
        ),
    ],
)
def test_a_change_that_changes_nothing_is_refused(
    aws: Aws, make_table: MakeTable, change: dict[str, Any], words: str
) -> None:
    table = make_table("id", ProvisionedThroughput=UNITS)

    with pytest.raises(ClientError, match=words):
        aws("dynamodb").update_table(TableName=table, **change)


def test_a_token_stands_for_a_request_whatever_the_order_of_its_attributes(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    dynamodb = aws("dynamodb")

    for item in ({"id": {"S": "a"}, "n": {"N": "1"}}, {"n": {"N": "1"}, "id": {"S": "a"}}):
        dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": item}}], ClientRequestToken="token"
        )
    with pytest.raises(dynamodb.exceptions.IdempotentParameterMismatchException):
        dynamodb.transact_write_items(
            TransactItems=[{"Put": {"TableName": table, "Item": {"id": {"S": "b"}}}}], ClientRequestToken="token"
        )


def test_the_one_shard_of_a_stream_has_no_children(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id", StreamSpecification={"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"})
    arn = describe(aws, table)["LatestStreamArn"]
    (shard,) = aws("dynamodbstreams").describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]

    children = aws("dynamodbstreams").describe_stream(
        StreamArn=arn, ShardFilter={"Type": "CHILD_SHARDS", "ShardId": shard["ShardId"]}
    )

    assert children["StreamDescription"]["Shards"] == []
