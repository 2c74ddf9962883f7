"""Event source mappings of queues."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.patience import eventually
from tests.services.lambda_.test_invocation import create

Aws = Callable[..., Any]


def depth(sqs: Any, queue: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in attributes.values())


TIMED = (
    "import json, os, time, boto3\n"
    "sqs = boto3.client('sqs')\n"
    "begun, count = os.environ['BEGUN'], 'ApproximateNumberOfMessages'\n"
    "def handler(event, context):\n"
    "    began = time.time()\n"
    "    sqs.send_message(QueueUrl=begun, MessageBody='here')\n"
    "    while int(sqs.get_queue_attributes(QueueUrl=begun, AttributeNames=[count])['Attributes'][count]) < {meet}:\n"
    "        time.sleep(0.05)\n"
    "    time.sleep(0.1)\n"
    "    spans = [[r['attributes'].get('MessageGroupId'), r['body'], began, time.time()] for r in event['Records']]\n"
    "    sqs.send_message(QueueUrl=os.environ['OUT'], MessageBody=json.dumps(spans))\n"
)
Span = tuple[str | None, str, float, float]


def timed(aws: Aws, queue: str, *, meet: int, messages: int, **mapping: Any) -> list[Span]:
    """Map the queue to a function that waits until `meet` of it have begun; when each message began and ended in it."""
    sqs, client = aws("sqs"), aws("lambda")
    urls = {name.upper(): sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("begun", "out")}
    out = urls["OUT"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "120"})
    create(client, "f", TIMED.format(meet=meet), Environment={"Variables": urls}, Timeout=120)
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.create_event_source_mapping(FunctionName="f", EventSourceArn=arn, **mapping)
    spans: list[Span] = []
    while len(spans) < messages:
        answer = sqs.receive_message(QueueUrl=out, MaxNumberOfMessages=10, WaitTimeSeconds=20)
        for message in answer.get("Messages", ()):
            spans += [(group, body, began, ended) for group, body, began, ended in json.loads(message["Body"])]
    return spans


def most_at_once(spans: list[Span]) -> int:
    """How many of the spans overlapped at most."""
    edges = sorted([(began, 1) for _, _, began, _ in spans] + [(ended, -1) for _, _, _, ended in spans])
    running = highest = 0
    for _, change in edges:
        running += change
        highest = max(highest, running)
    return highest


def test_batches_run_beside_each_other_up_to_the_maximum_concurrency(aws: Aws) -> None:
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName="in")["QueueUrl"]
    for number in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    spans = timed(aws, queue, meet=10, messages=20, BatchSize=1, ScalingConfig={"MaximumConcurrency": 10})
    assert most_at_once(spans) == 10
    eventually(lambda: depth(sqs, queue) == 0)


def test_batches_of_a_fifo_queue_are_never_more_than_its_groups_and_keep_their_order(aws: Aws) -> None:
    sqs = aws("sqs")
    queue = sqs.create_queue(QueueName="in.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    for number in range(12):
        sqs.send_message(
            QueueUrl=queue,
            MessageBody=f"{number:02}",
            MessageGroupId=f"g{number % 3}",
            MessageDeduplicationId=str(number),
        )
    spans = timed(aws, queue, meet=3, messages=12, BatchSize=1)
    assert most_at_once(spans) == 3
    for group in ("g0", "g1", "g2"):
        own = sorted((began, ended, body) for name, body, began, ended in spans if name == group)
        assert most_at_once([span for span in spans if span[0] == group]) == 1
        assert [body for _, _, body in own] == sorted(body for _, _, body in own)


def throttled(aws: Aws, account: str, clock: Any, receives_max: int) -> tuple[Any, str, str]:
    """A function that may not run, with a message in its queue; the lambda client, the queue, its dead letters."""
    sqs, client = aws("sqs"), aws("lambda")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = {"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{account}:dead", "maxReceiveCount": receives_max}
    queue = sqs.create_queue(QueueName="in", Attributes={"RedrivePolicy": json.dumps(policy)})["QueueUrl"]
    create(client, "f", "def handler(event, context):\n    pass\n")
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    sqs.send_message(QueueUrl=queue, MessageBody="wait")
    client.create_event_source_mapping(FunctionName="f", EventSourceArn=f"arn:aws:sqs:us-east-1:{account}:in")
    eventually(lambda: throttles(aws, clock.now_ms() / 1000) > 0)
    return client, queue, dead


def throttles(aws: Aws, now_s: float) -> float:
    answer = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Throttles",
        Dimensions=[{"Name": "FunctionName", "Value": "f"}],
        StartTime=now_s - 3600,
        EndTime=now_s + 3600,
        Period=60,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def test_a_throttled_batch_is_tried_again_without_going_back_to_its_queue(aws: Aws, account: str, clock: Any) -> None:
    client, queue, dead = throttled(aws, account, clock, receives_max=1)
    client.delete_function_concurrency(FunctionName="f")
    eventually(lambda: depth(aws("sqs"), queue) == 0)
    assert depth(aws("sqs"), dead) == 0  # The one delivery that it had sufficed.


def test_a_batch_throttled_for_its_visibility_timeout_goes_back_and_counts_as_received(
    aws: Aws, account: str, clock: Any
) -> None:
    _, _, dead = throttled(aws, account, clock, receives_max=2)

    def dead_lettered() -> bool:
        clock.advance(s=31)
        return depth(aws("sqs"), dead) == 1

    eventually(dead_lettered)


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
