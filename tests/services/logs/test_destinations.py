"""Destinations take the events of other accounts on to a stream."""

import gzip
import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.patience import eventually

SENDER = "222233334444"
FILLER = b"x" * 262_000
ROLE = "arn:aws:iam::{account}:role/to-kinesis"


class Central:
    """An account with a stream of one shard and a destination that leads to it."""

    def __init__(self, aws: Callable[..., Any], account: str, stream_region: str = "us-east-1") -> None:
        self.logs, self.kinesis = aws("logs"), aws("kinesis", region=stream_region)
        self.kinesis.create_stream(StreamName="all", ShardCount=1)
        self.kinesis.get_waiter("stream_exists").wait(StreamName="all", WaiterConfig={"Delay": 0})
        described = self.kinesis.describe_stream(StreamName="all")["StreamDescription"]
        self.stream_arn: str = described["StreamARN"]
        self.account = account
        self.arn: str = self.put(tags={"team": "core"})["arn"]

    def put(self, **given: Any) -> Any:
        return self.logs.put_destination(
            destinationName="central",
            targetArn=self.stream_arn,
            roleArn=ROLE.format(account=self.account),
            **given,
        )["destination"]

    def let(self, account: str) -> None:
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": "logs:PutSubscriptionFilter",
            "Resource": self.arn,
        }
        self.logs.put_destination_policy(
            destinationName="central", accessPolicy=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )

    def documents(self) -> list[dict[str, Any]]:
        """What CloudWatch Logs has put into the stream."""
        shard = self.kinesis.list_shards(StreamName="all")["Shards"][0]["ShardId"]
        place = {"StreamName": "all", "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
        iterator = self.kinesis.get_shard_iterator(**place)["ShardIterator"]
        records = [record["Data"] for record in self.kinesis.get_records(ShardIterator=iterator)["Records"]]
        return [json.loads(gzip.decompress(data)) for data in records if data != FILLER]


@pytest.fixture
def central(aws: Any, account: str) -> Central:
    return Central(aws, account)


@pytest.fixture
def sender(aws: Any) -> Any:
    logs = aws("logs", account=SENDER)
    logs.create_log_group(logGroupName="/app")
    logs.create_log_stream(logGroupName="/app", logStreamName="one")
    yield logs
    logs.delete_log_group(logGroupName="/app")


def subscribe(logs: Any, arn: str, **given: Any) -> None:
    logs.put_subscription_filter(logGroupName="/app", filterName="f", filterPattern="", destinationArn=arn, **given)


def put_events(logs: Any, clock: Any, *messages: str) -> None:
    events = [{"timestamp": clock.now_ms(), "message": text} for text in messages]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)


def test_a_destination_is_tried_out_described_and_deleted(central: Central, account: str) -> None:
    assert central.arn == f"arn:aws:logs:us-east-1:{account}:destination:central"
    (control,) = central.documents()
    assert (control["messageType"], control["owner"]) == ("CONTROL_MESSAGE", "CloudwatchLogs")
    (found,) = central.logs.describe_destinations(DestinationNamePrefix="cen")["destinations"]
    assert (found["targetArn"], "accessPolicy" in found) == (central.stream_arn, False)
    assert central.logs.list_tags_for_resource(resourceArn=central.arn)["tags"] == {"team": "core"}
    assert central.put()["creationTime"] == found["creationTime"]
    central.logs.delete_destination(destinationName="central")
    assert central.logs.describe_destinations()["destinations"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        central.logs.delete_destination(destinationName="central")


def test_events_of_an_account_that_may_subscribe_reach_the_stream(central: Central, sender: Any, clock: Any) -> None:
    central.let(SENDER)
    subscribe(sender, central.arn, distribution="Random")
    put_events(sender, clock, "one", "two")
    *_, document = central.documents()
    assert (document["owner"], document["logGroup"], document["messageType"]) == (SENDER, "/app", "DATA_MESSAGE")
    assert [event["message"] for event in document["logEvents"]] == ["one", "two"]


def test_an_account_that_the_policy_does_not_name_is_refused(central: Central, sender: Any) -> None:
    central.let("999999999999")
    denied = f"AccessDenied.*accountId: {SENDER} is not authorized to perform: logs:PutSubscriptionFilter on resource"
    with pytest.raises(ClientError, match=denied):
        subscribe(sender, central.arn)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        subscribe(sender, central.arn + "-other")


def test_the_stream_may_be_in_another_region(aws: Any, account: str, sender: Any, clock: Any) -> None:
    central = Central(aws, account, stream_region="eu-west-1")
    central.let(SENDER)
    subscribe(sender, central.arn)
    put_events(sender, clock, "one")
    assert len(central.documents()) == 2


def test_a_target_that_is_no_stream_or_not_there_is_refused(central: Central, account: str) -> None:
    for target in (f"arn:aws:kinesis:us-east-1:{account}:stream/none", f"arn:aws:sqs:us-east-1:{account}:q"):
        with pytest.raises(ClientError, match="Could not deliver test message"):
            central.logs.put_destination(
                destinationName="other", targetArn=target, roleArn=ROLE.format(account=account)
            )


def test_a_policy_must_be_one(central: Central) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        central.logs.put_destination_policy(destinationName="central", accessPolicy="{}")


def test_what_a_busy_shard_refuses_is_sent_again(central: Central, sender: Any, clock: Any) -> None:
    central.let(SENDER)
    subscribe(sender, central.arn)
    late = secrets.token_hex(200_000)

    def arrived() -> list[dict[str, Any]]:
        clock.advance(s=2)
        return central.documents()[1:]

    with clock.standing():
        for number in range(4):  # A megabyte a second is what a shard takes.
            central.kinesis.put_record(StreamName="all", Data=FILLER, PartitionKey=str(number))
        put_events(sender, clock, late)
        assert len(central.documents()) == 1
        (document,) = eventually(arrived)
    assert document["logEvents"][0]["message"] == late
