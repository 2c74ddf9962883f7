"""Tables in several regions: what is written in one reaches the others, and the last writer wins."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.dynamodb.conftest import MakeTable, key_schema

HOME, AWAY, FAR = "us-east-1", "eu-west-1", "ap-south-1"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def add(aws: Aws, table: str, region: str, **options: Any) -> None:
    aws("dynamodb").update_table(TableName=table, ReplicaUpdates=[{"Create": {"RegionName": region, **options}}])
    eventually(lambda: replicas(aws, table).get(region) == "ACTIVE")


def replicas(aws: Aws, table: str, region: str = HOME) -> dict[str, str]:
    described = aws("dynamodb", region=region).describe_table(TableName=table)["Table"]
    return {replica["RegionName"]: replica["ReplicaStatus"] for replica in described.get("Replicas", [])}


def put(aws: Aws, table: str, region: str, name: str, value: str) -> None:
    item = {"id": {"S": name}, "v": {"S": value}}
    aws("dynamodb", region=region).put_item(TableName=table, Item=item)


def value(aws: Aws, table: str, region: str, name: str) -> str | None:
    item = aws("dynamodb", region=region).get_item(TableName=table, Key={"id": {"S": name}}).get("Item")
    return None if item is None else str(item["v"]["S"])


def test_a_new_replica_gets_what_is_there_and_then_every_write(aws: Aws, make_table: MakeTable) -> None:
    index = {"IndexName": "by-v", "KeySchema": key_schema("v"), "Projection": {"ProjectionType": "ALL"}}
    table = make_table("id", GlobalSecondaryIndexes=[index], types={"v": "S"})
    for first in range(0, 620, 20):  # More than one slice.
        items = [{"id": {"S": str(number)}, "v": {"S": "old"}} for number in range(first, first + 20)]
        aws("dynamodb").batch_write_item(RequestItems={table: [{"PutRequest": {"Item": item}} for item in items]})

    add(aws, table, AWAY)
    put(aws, table, HOME, "1", "new")
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": "2"}})

    eventually(lambda: value(aws, table, AWAY, "1") == "new")
    eventually(lambda: value(aws, table, AWAY, "2") is None)
    there = aws("dynamodb", region=AWAY)
    assert there.scan(TableName=table, Select="COUNT")["Count"] == 619
    found = there.query(
        TableName=table,
        IndexName="by-v",
        KeyConditionExpression="v = :v",
        ExpressionAttributeValues={":v": {"S": "new"}},
    )
    assert [item["id"]["S"] for item in found["Items"]] == ["1"]


def test_the_last_writer_wins_in_every_region(aws: Aws, clock: MovableClock, make_table: MakeTable) -> None:
    """With a lag both regions write before they hear of each other."""
    table = make_table("id", Tags=[{"Key": "fogbank:replication-lag-seconds", "Value": "60"}])
    add(aws, table, AWAY)
    arn = aws("dynamodb", region=AWAY).describe_table(TableName=table)["Table"]["TableArn"]
    lag = [{"Key": "fogbank:replication-lag-seconds", "Value": "30"}]
    aws("dynamodb", region=AWAY).tag_resource(ResourceArn=arn, Tags=lag)

    put(aws, table, HOME, "a", "first")
    put(aws, table, AWAY, "a", "second")
    put(aws, table, AWAY, "b", "first")
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": "b"}})  # Not there yet: nothing to delete.
    put(aws, table, HOME, "b", "second")
    aws("dynamodb").delete_item(TableName=table, Key={"id": {"S": "b"}})
    assert [value(aws, table, region, "a") for region in (HOME, AWAY)] == ["first", "second"]

    clock.advance(s=61)

    eventually(lambda: [value(aws, table, region, "a") for region in (HOME, AWAY)] == ["second", "second"])
    eventually(lambda: [value(aws, table, region, "b") for region in (HOME, AWAY)] == [None, None])


def test_a_region_that_is_cut_off_hears_of_everything_when_it_is_healed(
    aws: Aws, clock: MovableClock, make_table: MakeTable
) -> None:
    table = make_table("id")
    add(aws, table, AWAY)
    add(aws, table, FAR)
    there = aws("dynamodb", region=AWAY)
    arn = there.describe_table(TableName=table)["Table"]["TableArn"]
    there.tag_resource(ResourceArn=arn, Tags=[{"Key": "fogbank:cut-off", "Value": "yes"}])

    put(aws, table, HOME, "a", "of home")
    put(aws, table, AWAY, "b", "of away")
    eventually(lambda: value(aws, table, FAR, "a") == "of home")
    clock.advance(s=300)
    assert value(aws, table, AWAY, "a") is None
    assert [value(aws, table, region, "b") for region in (HOME, FAR)] == [None, None]

    there.untag_resource(ResourceArn=arn, TagKeys=["fogbank:cut-off"])
    clock.advance(s=21)
    eventually(lambda: value(aws, table, AWAY, "a") == "of home")
    eventually(lambda: [value(aws, table, region, "b") for region in (HOME, FAR)] == ["of away"] * 2)


def test_each_region_has_a_stream_of_its_own_that_tells_of_all_writes(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id", StreamSpecification=STREAM)
    add(aws, table, AWAY)
    put(aws, table, HOME, "a", "1")
    put(aws, table, HOME, "a", "2")
    eventually(lambda: value(aws, table, AWAY, "a") == "2")

    for region in (HOME, AWAY):
        arn = aws("dynamodb", region=region).describe_table(TableName=table)["Table"]["LatestStreamArn"]
        assert region in arn
        streams = aws("dynamodbstreams", region=region)
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        records = streams.get_records(ShardIterator=iterator)["Records"]
        assert [(r["eventName"], r["dynamodb"]["NewImage"]["v"]["S"]) for r in records] == [
            ("INSERT", "1"),
            ("MODIFY", "2"),
        ]


def test_regions_know_each_other_and_forget_those_that_leave(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id")
    key = aws("kms", region=AWAY).create_key()["KeyMetadata"]["KeyId"]
    add(aws, table, AWAY, KMSMasterKeyId=key)
    add(aws, table, FAR)
    assert replicas(aws, table) == {AWAY: "ACTIVE", FAR: "ACTIVE"}
    assert set(replicas(aws, table, AWAY)) == {HOME, FAR}
    assert set(replicas(aws, table, FAR)) == {HOME, AWAY}
    described = aws("dynamodb", region=FAR).describe_table(TableName=table)["Table"]
    assert described["GlobalTableVersion"] == "2019.11.21"
    assert key in [replica.get("KMSMasterKeyId") for replica in described["Replicas"]]
    put(aws, table, FAR, "a", "1")
    eventually(lambda: [value(aws, table, region, "a") for region in (HOME, AWAY)] == ["1", "1"])

    aws("dynamodb").update_table(TableName=table, ReplicaUpdates=[{"Delete": {"RegionName": AWAY}}])
    assert set(replicas(aws, table, FAR)) == {HOME}
    with pytest.raises(aws("dynamodb").exceptions.ResourceNotFoundException):
        aws("dynamodb", region=AWAY).describe_table(TableName=table)
    aws("dynamodb", region=FAR).delete_table(TableName=table)
    assert replicas(aws, table) == {}
    put(aws, table, HOME, "a", "2")
    assert value(aws, table, HOME, "a") == "2"


def test_indexes_billing_and_expiry_are_the_same_in_all_regions(aws: Aws, make_table: MakeTable) -> None:
    table = make_table("id")
    add(aws, table, AWAY)
    here, there = aws("dynamodb"), aws("dynamodb", region=AWAY)

    index = {"IndexName": "by-v", "KeySchema": key_schema("v"), "Projection": {"ProjectionType": "ALL"}}
    there.update_table(
        TableName=table,
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "v")],
        GlobalSecondaryIndexUpdates=[{"Create": index}],
    )
    there.update_time_to_live(TableName=table, TimeToLiveSpecification={"Enabled": True, "AttributeName": "until"})

    described = here.describe_table(TableName=table)["Table"]
    assert [found["IndexName"] for found in described["GlobalSecondaryIndexes"]] == ["by-v"]
    assert here.describe_time_to_live(TableName=table)["TimeToLiveDescription"]["AttributeName"] == "until"


@pytest.mark.parametrize(
    ("update", "words"),
    [
        ({"Create": {"RegionName": HOME}}, "Cannot add, delete, or update the local region through ReplicaUpdates"),
        ({"Create": {"RegionName": AWAY}}, "one or more replicas already existed as tables"),
        ({"Delete": {"RegionName": FAR}}, "one or more replicas were not part of the global table"),
    ],
)
def test_a_replica_that_cannot_be_is_refused(
    aws: Aws, make_table: MakeTable, update: dict[str, Any], words: str
) -> None:
    table = make_table("id")
    add(aws, table, AWAY)

    with pytest.raises(ClientError, match=words):
        aws("dynamodb").update_table(TableName=table, ReplicaUpdates=[update])
