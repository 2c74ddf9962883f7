"""Keys that are disabled or wait for their deletion shut what they lock, in each service's own words."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock

Use = Callable[[], object]


def queue(aws: Aws, key: str) -> list[Use]:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="q", Attributes={"KmsMasterKeyId": key})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="text")
    return [lambda: sqs.send_message(QueueUrl=url, MessageBody="text"), lambda: sqs.receive_message(QueueUrl=url)]


def topic(aws: Aws, key: str) -> list[Use]:
    sns = aws("sns")
    arn = sns.create_topic(Name="t", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    sns.publish(TopicArn=arn, Message="text")
    return [lambda: sns.publish(TopicArn=arn, Message="text")]


def stream(aws: Aws, key: str) -> list[Use]:
    kinesis = aws("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    kinesis.start_stream_encryption(StreamName="s", EncryptionType="KMS", KeyId=key)
    record = {"StreamName": "s", "PartitionKey": "a", "Data": b"text"}
    first = {"ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    kinesis.put_record(**record)

    def read() -> None:
        kinesis.get_records(ShardIterator=kinesis.get_shard_iterator(StreamName="s", **first)["ShardIterator"])

    return [lambda: kinesis.put_record(**record), read]


def group(aws: Aws, key: str) -> list[Use]:
    logs, names = aws("logs"), {"logGroupName": "g", "logStreamName": "s"}
    logs.create_log_group(logGroupName="g", kmsKeyId=key)
    logs.create_log_stream(**names)

    def put() -> None:
        made = logs.describe_log_streams(logGroupName="g")["logStreams"][0]["creationTime"]
        logs.put_log_events(**names, logEvents=[{"timestamp": made, "message": "text"}])

    put()
    return [put, lambda: logs.get_log_events(**names)]


@pytest.mark.parametrize(
    ("keep", "disabled", "deleted"),
    [
        (queue, "KMS.DisabledException", "KMS.InvalidStateException"),
        (topic, "KMSDisabled", "KMSInvalidState"),
        (stream, "KMSDisabledException", "KMSInvalidStateException"),
        (group, "AccessDeniedException", "AccessDeniedException"),
    ],
)
def test_a_key_that_cannot_be_used_stops_writing_and_reading(
    aws: Aws, clock: MovableClock, keep: Callable[[Aws, str], list[Use]], disabled: str, deleted: str
) -> None:
    # given
    kms: Any = aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    uses = keep(aws, key)
    for change, code in (("disable_key", disabled), ("schedule_key_deletion", deleted)):
        # when
        getattr(kms, change)(KeyId=key)
        clock.advance(s=301)
        # then
        for use in uses:
            with pytest.raises(ClientError) as refused:
                use()
            assert refused.value.response["Error"]["Code"] == code
    kms.cancel_key_deletion(KeyId=key)
    kms.enable_key(KeyId=key)
    for use in uses:
        use()
