"""Event source mappings of queues."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.lambda_.test_invocation import create, eventually

Aws = Callable[..., Any]


def depth(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())


def test_batches_run_beside_each_other_up_to_the_maximum_concurrency(aws: Aws, account: str) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    queue = sqs.create_queue(QueueName="in")["QueueUrl"]
    out = sqs.create_queue(QueueName="out")["QueueUrl"]
    source = (
        "import time\n"
        "def handler(event, context):\n"
        "    began = time.time()\n"
        "    time.sleep(0.5)\n"
        "    print(len(event['Records']), began)\n"
    )
    create(client, "f", source)
    for number in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    began = time.monotonic()
    client.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:in",
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 10},
    )
    eventually(lambda: depth(sqs, queue) == 0)
    # One after the other would take ten seconds; the bound only tells the two apart.
    assert time.monotonic() - began < 5
    assert depth(sqs, out) == 0


def test_only_the_reported_messages_of_a_batch_come_back(aws: Aws, account: str, clock: Any) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{account}:dead", "maxReceiveCount": 1}
    queue = sqs.create_queue(QueueName="in", Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
    source = (
        "def handler(event, context):\n"
        "    bad = [r['messageId'] for r in event['Records'] if r['body'] == 'bad']\n"
        "    return {'batchItemFailures': [{'itemIdentifier': i} for i in bad]}\n"
    )
    create(client, "f", source)
    for body in ("good", "bad", "good"):
        sqs.send_message(QueueUrl=queue, MessageBody=body)
    client.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:in",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    eventually(lambda: depth(sqs, queue) == 1)
    clock.advance(s=31)
    (message,) = eventually(lambda: sqs.receive_message(QueueUrl=dead).get("Messages"))
    assert message["Body"] == "bad"


def test_messages_that_the_filter_does_not_pass_are_removed(aws: Aws, account: str) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    queue = sqs.create_queue(QueueName="in")["QueueUrl"]
    create(client, "f", "def handler(event, context):\n    raise ValueError('must not be called')\n")
    sqs.send_message(QueueUrl=queue, MessageBody='{"kind": "other"}')
    client.create_event_source_mapping(
        FunctionName="f",
        EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:in",
        FilterCriteria={"Filters": [{"Pattern": '{"body": {"kind": ["wanted"]}}'}]},
    )
    eventually(lambda: depth(sqs, queue) == 0)


def test_a_mapping_goes_through_its_states(aws: Aws, account: str) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    sqs.create_queue(QueueName="in")
    create(client, "f", "def handler(event, context):\n    pass\n")
    arn = f"arn:aws:sqs:us-east-1:{account}:in"
    made = client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    uuid = made["UUID"]
    assert made["State"] == "Creating"
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    assert client.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    assert client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    assert client.list_event_source_mappings()["EventSourceMappings"] == []


def test_a_mapping_of_a_queue_that_does_not_exist_is_refused(aws: Aws, account: str) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(event, context):\n    pass\n")
    with pytest.raises(ClientError, match=r"SQS Error Code: AWS.SimpleQueueService.NonExistentQueue"):
        client.create_event_source_mapping(FunctionName="f", EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:nowhere")
