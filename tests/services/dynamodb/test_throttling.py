"""Provisioned throughput: what is refused, and that the metrics count exactly that."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.services.dynamodb.conftest import MakeTable, key_schema

SMALL = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
LARGE = {"ReadCapacityUnits": 1000, "WriteCapacityUnits": 1000}
WORDS = "provisioned throughput for the table was exceeded"
INDEX_WORDS = "provisioned throughput for one or more global secondary indexes of the table was exceeded"


def small_index(units: dict[str, int]) -> dict[str, Any]:
    return {
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "by-colour",
                "KeySchema": key_schema("colour"),
                "Projection": {"ProjectionType": "ALL"},
                "ProvisionedThroughput": units,
            }
        ],
        "types": {"colour": "S"},
    }


def metric(aws: Aws, clock: MovableClock, name: str, **dimensions: str) -> float:
    now_s = clock.now_ms() / 1000
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/DynamoDB",
        MetricName=name,
        Dimensions=[{"Name": k, "Value": v} for k, v in dimensions.items()],
        StartTime=now_s - 3600,
        EndTime=now_s + 3600,
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in points)


def put_until_refused(aws: Aws, table: str, item: dict[str, Any]) -> tuple[int, int, str]:
    """Puts that were accepted and refused out of 5, and the last refusal's words; no time must pass in them."""
    accepted = refused = 0
    words = ""
    for _ in range(5):
        try:
            aws("dynamodb").put_item(TableName=table, Item=item)
            accepted += 1
        except aws("dynamodb").exceptions.ProvisionedThroughputExceededException as error:
            words = error.response["Error"]["Message"]
            refused += 1
    return accepted, refused, words


def test_each_refused_write_is_a_throttle_event_and_a_throttled_request(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id", ProvisionedThroughput=SMALL)

    with clock.standing():
        accepted, refused, words = put_until_refused(aws, table, {"id": {"S": "a"}})

    assert WORDS in words
    assert (accepted, refused) == (2, 3), "two seconds' worth"
    assert metric(aws, clock, "WriteThrottleEvents", TableName=table) == refused
    assert metric(aws, clock, "ThrottledRequests", TableName=table, Operation="PutItem") == refused
    assert metric(aws, clock, "ConsumedWriteCapacityUnits", TableName=table) == accepted


def test_a_new_index_takes_ten_seconds_worth_of_writes_at_once(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id", ProvisionedThroughput=LARGE, **small_index(SMALL))

    with clock.standing():
        for number in range(10):
            aws("dynamodb").put_item(TableName=table, Item={"id": {"S": str(number)}, "colour": {"S": "blue"}})
        with pytest.raises(ClientError, match=INDEX_WORDS):
            aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "more"}, "colour": {"S": "blue"}})


def test_a_write_is_refused_when_an_index_that_it_changes_has_no_capacity(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id", ProvisionedThroughput=LARGE, **small_index(SMALL))
    blue = {"id": {"S": "a"}, "colour": {"S": "blue"}, "padding": {"S": "x" * 20_000}}
    with clock.standing():
        aws("dynamodb").put_item(TableName=table, Item=blue)
        with pytest.raises(ClientError) as refusal:
            aws("dynamodb").put_item(TableName=table, Item=blue | {"colour": {"S": "red"}})
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "b"}})  # Not in the index.

    assert INDEX_WORDS in refusal.value.response["Error"]["Message"]
    (reason,) = refusal.value.response["ThrottlingReasons"]
    assert reason["reason"] == "IndexWriteProvisionedThroughputExceeded"
    assert reason["resource"].endswith(f":table/{table}/index/by-colour")
    assert aws("dynamodb").get_item(TableName=table, Key={"id": {"S": "a"}})["Item"] == blue, "nothing was written"
    index = {"TableName": table, "GlobalSecondaryIndexName": "by-colour"}
    assert metric(aws, clock, "WriteThrottleEvents", **index) == 1
    assert metric(aws, clock, "WriteThrottleEvents", TableName=table) == 0
    assert metric(aws, clock, "ThrottledRequests", TableName=table, Operation="PutItem") == 1


def test_unused_capacity_is_kept_for_five_minutes(aws: Aws, clock: MovableClock, make_table: MakeTable) -> None:
    table = make_table("id", ProvisionedThroughput=SMALL)
    with clock.standing():
        put_until_refused(aws, table, {"id": {"S": "a"}})

        clock.advance(s=3600)
        item = {"id": {"S": "a"}, "padding": {"S": "x" * 298 * 1024}}
        aws("dynamodb").put_item(TableName=table, Item=item)  # 299 units of 300.
        accepted, refused, _ = put_until_refused(aws, table, {"id": {"S": "b"}})

    assert (accepted, refused) == (1, 4)


def test_a_batch_gives_back_what_was_throttled_and_counts_as_throttled_only_as_a_whole(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id", ProvisionedThroughput=SMALL)
    puts = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "padding": {"S": "x" * 20_000}}}} for n in range(25)]

    left = aws("dynamodb").batch_write_item(RequestItems={table: puts})["UnprocessedItems"][table]
    events = metric(aws, clock, "WriteThrottleEvents", TableName=table)
    with pytest.raises(ClientError, match=WORDS):
        aws("dynamodb").batch_write_item(RequestItems={table: puts[:2]})

    assert left == puts[1:], "the first item overdraws what the table has"
    assert events == 24
    assert metric(aws, clock, "WriteThrottleEvents", TableName=table) == 26
    assert metric(aws, clock, "ThrottledRequests", TableName=table, Operation="BatchWriteItem") == 1


def test_a_throttled_transaction_says_so_for_each_item_and_draws_nothing(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    full, empty = make_table("id", ProvisionedThroughput=LARGE), make_table("id", ProvisionedThroughput=SMALL)
    aws("dynamodb").put_item(TableName=empty, Item={"id": {"S": "a"}, "padding": {"S": "x" * 20_000}})
    puts = [{"Put": {"TableName": t, "Item": {"id": {"S": n}}}} for t, n in ((full, "1"), (empty, "1"), (empty, "2"))]

    with pytest.raises(ClientError) as refusal:
        aws("dynamodb").transact_write_items(TransactItems=puts)

    reasons = refusal.value.response["CancellationReasons"]
    throttled = "ProvisionedThroughputExceeded"
    assert [reason["Code"] for reason in reasons] == ["None", throttled, throttled]
    assert metric(aws, clock, "WriteThrottleEvents", TableName=empty) == 2
    assert metric(aws, clock, "ThrottledRequests", TableName=empty, Operation="TransactWriteItems") == 1
    assert metric(aws, clock, "ConsumedWriteCapacityUnits", TableName=full) == 0
    assert "Item" not in aws("dynamodb").get_item(TableName=full, Key={"id": {"S": "1"}})


def test_reads_are_throttled_by_the_size_of_what_they_read(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id", ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1000})
    aws("dynamodb").put_item(TableName=table, Item={"id": {"S": "a"}, "padding": {"S": "x" * 200 * 1024}})

    aws("dynamodb").query(
        TableName=table, KeyConditionExpression="id = :a", ExpressionAttributeValues={":a": {"S": "a"}}
    )
    with pytest.raises(ClientError, match=WORDS):
        aws("dynamodb").scan(TableName=table)
    with pytest.raises(ClientError, match=WORDS):
        aws("dynamodb").get_item(TableName=table, Key={"id": {"S": "a"}})

    assert metric(aws, clock, "ConsumedReadCapacityUnits", TableName=table) == 25.5
    assert metric(aws, clock, "ReadThrottleEvents", TableName=table) == 2
    assert metric(aws, clock, "ThrottledRequests", TableName=table, Operation="Scan") == 1


def test_an_on_demand_table_is_throttled_at_its_maximum_and_no_longer_without_one(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    dynamodb = aws("dynamodb")
    table = make_table("id", OnDemandThroughput={"MaxWriteRequestUnits": 1})
    large = {"id": {"S": "a"}, "padding": {"S": "x" * 20_000}}
    dynamodb.put_item(TableName=table, Item=large)

    with pytest.raises(ClientError) as refusal:
        dynamodb.put_item(TableName=table, Item=large)
    with pytest.raises(ClientError) as cancelled:
        dynamodb.transact_write_items(TransactItems=[{"Put": {"TableName": table, "Item": large}}])
    described = dynamodb.describe_table(TableName=table)["Table"]["OnDemandThroughput"]
    dynamodb.update_table(TableName=table, OnDemandThroughput={"MaxWriteRequestUnits": -1})
    dynamodb.put_item(TableName=table, Item=large)

    assert refusal.value.response["Error"]["Code"] == "ThrottlingException"
    (reason,) = refusal.value.response["throttlingReasons"]
    assert reason["reason"] == "TableWriteMaxOnDemandThroughputExceeded"
    assert cancelled.value.response["CancellationReasons"][0]["Code"] == "ThrottlingError"
    assert described == {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": 1}
    assert "OnDemandThroughput" not in dynamodb.describe_table(TableName=table)["Table"]
    assert metric(aws, clock, "WriteThrottleEvents", TableName=table) == 2
    dynamodb.scan(TableName=table)  # Reads have no maximum.


def test_an_index_may_have_a_maximum_of_its_own(aws: Aws, make_table: MakeTable) -> None:
    dynamodb = aws("dynamodb")
    index = {"IndexName": "by-colour", "KeySchema": key_schema("colour"), "Projection": {"ProjectionType": "ALL"}}
    maximum = {"OnDemandThroughput": {"MaxReadRequestUnits": 1}}
    table = make_table("id", GlobalSecondaryIndexes=[index | maximum], types={"colour": "S"})
    dynamodb.put_item(
        TableName=table, Item={"id": {"S": "a"}, "colour": {"S": "blue"}, "padding": {"S": "x" * 200_000}}
    )

    dynamodb.scan(TableName=table, IndexName="by-colour")
    with pytest.raises(ClientError) as refusal:
        dynamodb.scan(TableName=table, IndexName="by-colour")
    (reason,) = refusal.value.response["throttlingReasons"]
    assert reason["reason"] == "IndexReadMaxOnDemandThroughputExceeded"
    dynamodb.scan(TableName=table)


def test_a_provisioned_table_has_no_maximum_on_demand(aws: Aws, make_table: MakeTable) -> None:
    with pytest.raises(ClientError, match="OnDemandThroughput cannot be specified"):
        make_table("id", ProvisionedThroughput=SMALL, OnDemandThroughput={"MaxReadRequestUnits": 1})
