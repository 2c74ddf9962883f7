import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import PATIENCE_S, eventually


@pytest.fixture
def sqs(aws: Aws) -> Any:
    return aws("sqs")


@pytest.fixture
def make_queue(sqs: Any) -> Callable[..., str]:
    def make(name: str = "jobs", **attributes: str) -> str:
        url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url

    return make


def _bodies(sqs: Any, url: str, **options: Any) -> list[str]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **options)
    return [message["Body"] for message in answer.get("Messages", [])]


def test_a_message_comes_back_as_it_was_sent(sqs: Any, make_queue: Callable[..., str]) -> None:
    url = make_queue()
    attributes = {
        "kind": {"DataType": "String", "StringValue": "grüße"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
        "count": {"DataType": "Number.int", "StringValue": "12"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="hello ✓", MessageAttributes=attributes)
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"])[
        "Messages"
    ]
    assert message["Body"] == "hello ✓"
    assert message["MD5OfBody"] == hashlib.md5("hello ✓".encode()).hexdigest()
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_a_received_message_is_hidden_until_its_visibility_timeout(
    sqs: Any, make_queue: Callable[..., str], clock: MovableClock
) -> None:
    url = make_queue(VisibilityTimeout="30")
    sqs.send_message(QueueUrl=url, MessageBody="once")
    assert _bodies(sqs, url) == ["once"]
    assert _bodies(sqs, url) == []
    clock.advance(s=31)
    assert _bodies(sqs, url) == ["once"]


def test_a_changed_visibility_timeout_counts_from_the_change(
    sqs: Any, make_queue: Callable[..., str], clock: MovableClock
) -> None:
    url = make_queue()
    sqs.send_message(QueueUrl=url, MessageBody="long work")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    clock.advance(s=599)
    assert _bodies(sqs, url) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    clock.advance(s=10)
    assert _bodies(sqs, url) == []


def test_visibility_timeout_zero_returns_the_message_at_once(sqs: Any, make_queue: Callable[..., str]) -> None:
    url = make_queue()
    sqs.send_message(QueueUrl=url, MessageBody="again")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert _bodies(sqs, url) == ["again"]


def test_a_delayed_message_waits_for_its_delay(sqs: Any, make_queue: Callable[..., str], clock: MovableClock) -> None:
    url = make_queue()
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    depth = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])
    assert depth["Attributes"] == {"ApproximateNumberOfMessagesDelayed": "1"}
    assert _bodies(sqs, url) == []
    clock.advance(s=61)
    assert _bodies(sqs, url) == ["later"]


def test_a_long_poll_ends_when_a_message_arrives(sqs: Any, make_queue: Callable[..., str], clock: MovableClock) -> None:
    url = make_queue()
    with clock.standing(), ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_bodies, sqs, url, WaitTimeSeconds=20)
        eventually(waiting.running)
        sqs.send_message(QueueUrl=url, MessageBody="ring")
        assert waiting.result(timeout=PATIENCE_S) == ["ring"]


def test_a_long_poll_sees_a_lease_end(sqs: Any, make_queue: Callable[..., str], clock: MovableClock) -> None:
    url = make_queue(VisibilityTimeout="15")
    sqs.send_message(QueueUrl=url, MessageBody="back")
    assert _bodies(sqs, url) == ["back"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_bodies, sqs, url, WaitTimeSeconds=20)
        clock.advance(s=16)
        assert waiting.result(timeout=PATIENCE_S) == ["back"]


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(
    sqs: Any, make_queue: Callable[..., str], account: str
) -> None:
    dead = make_queue("dead")
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    url = make_queue(RedrivePolicy=f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":2}}', VisibilityTimeout="0")
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    assert _bodies(sqs, url) == ["poison"]
    assert _bodies(sqs, url) == ["poison"]
    assert _bodies(sqs, url) == []
    (message,) = sqs.receive_message(QueueUrl=dead, MessageSystemAttributeNames=["All"])["Messages"]
    assert message["Body"] == "poison"
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == f"arn:aws:sqs:us-east-1:{account}:jobs"
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


def test_messages_older_than_the_retention_are_gone(
    sqs: Any, make_queue: Callable[..., str], clock: MovableClock
) -> None:
    url = make_queue(MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="stale")
    clock.advance(s=61)
    assert _bodies(sqs, url) == []


def test_a_batch_fails_entry_by_entry(sqs: Any, make_queue: Callable[..., str]) -> None:
    url = make_queue(MaximumMessageSize="1024")
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "x" * 1025}],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("bad", "InvalidParameterValue", True)
    ]
    assert _bodies(sqs, url) == ["x"]


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ([{"Id": str(n), "MessageBody": "x"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": "a", "MessageBody": "x"}, {"Id": "a", "MessageBody": "x"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "a b", "MessageBody": "x"}], "InvalidBatchEntryId"),
    ],
)
def test_an_impossible_batch_is_refused_whole(
    sqs: Any, make_queue: Callable[..., str], entries: list[dict[str, str]], code: str
) -> None:
    url = make_queue()
    with pytest.raises(ClientError) as refused:
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert refused.value.response["Error"]["Code"] == f"AWS.SimpleQueueService.{code}"
    assert _bodies(sqs, url) == []


def test_purge_empties_the_queue_once_a_minute(sqs: Any, make_queue: Callable[..., str], clock: MovableClock) -> None:
    url = make_queue()
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.purge_queue(QueueUrl=url)
    assert _bodies(sqs, url) == []
    with pytest.raises(sqs.exceptions.PurgeQueueInProgress):
        sqs.purge_queue(QueueUrl=url)
    clock.advance(s=61)
    sqs.purge_queue(QueueUrl=url)


def test_deleting_twice_is_no_error_and_a_foreign_receipt_is(sqs: Any, make_queue: Callable[..., str]) -> None:
    url, other = make_queue(), make_queue("other")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    with pytest.raises(sqs.exceptions.ReceiptHandleIsInvalid):
        sqs.delete_message(QueueUrl=other, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)


def test_a_queue_deleted_during_a_long_poll_ends_the_poll(sqs: Any, make_queue: Callable[..., str]) -> None:
    url = make_queue()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(_bodies, sqs, url, WaitTimeSeconds=20)
        eventually(waiting.running)
        sqs.delete_queue(QueueUrl=url)
        with pytest.raises(sqs.exceptions.QueueDoesNotExist):
            waiting.result(timeout=PATIENCE_S)


def test_parameters_that_are_not_there_are_refused_by_name(sqs: Any, make_queue: Callable[..., str]) -> None:
    with pytest.raises(ClientError, match="ReceiveRequestAttemptId"):
        sqs.receive_message(QueueUrl=make_queue(), ReceiveRequestAttemptId="1")


def test_a_move_task_brings_dead_letters_back_to_their_queue(
    sqs: Any, make_queue: Callable[..., str], account: str
) -> None:
    dead = make_queue("dead")
    arn = f"arn:aws:sqs:us-east-1:{account}:dead"
    url = make_queue(RedrivePolicy=f'{{"deadLetterTargetArn":"{arn}","maxReceiveCount":1}}', VisibilityTimeout="0")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number))
    assert len(_bodies(sqs, url)) == 3
    assert _bodies(sqs, url) == []
    sqs.start_message_move_task(SourceArn=arn)
    while sqs.list_message_move_tasks(SourceArn=arn)["Results"][0]["Status"] != "COMPLETED":
        pass
    assert _bodies(sqs, dead) == []
    assert sorted(_bodies(sqs, url)) == ["0", "1", "2"]
    with pytest.raises(ClientError, match="Dead Letter Queue"):
        sqs.start_message_move_task(SourceArn=f"arn:aws:sqs:us-east-1:{account}:jobs")


@pytest.mark.parametrize(
    "attributes",
    [
        {"AWSTraceHeader": {"DataType": "Binary", "BinaryValue": b"x"}},
        {"AWSTraceHeader": {"DataType": "String"}},
        {"Other": {"DataType": "String", "StringValue": "x"}},
    ],
)
def test_a_system_attribute_is_a_trace_header_or_refused(aws: Aws, attributes: dict[str, Any]) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    with pytest.raises(ClientError, match=r"Message \(system\) attribute"):
        sqs.send_message(QueueUrl=url, MessageBody="x", MessageSystemAttributes=attributes)


@pytest.mark.parametrize("limit", [-1, 0, 1001])
def test_a_page_has_from_one_to_a_thousand_queues(aws: Aws, limit: int) -> None:
    with pytest.raises(ClientError, match="parameter MaxResults is invalid"):
        aws("sqs").list_queues(MaxResults=limit)
