from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock


@pytest.fixture
def sqs(aws: Aws) -> Any:
    return aws("sqs")


@pytest.fixture
def url(sqs: Any) -> str:
    made: str = sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    return made


def _send(sqs: Any, url: str, body: str, group: str = "g") -> str:
    sent = sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body)
    number: str = sent["SequenceNumber"]
    return number


def _take(sqs: Any, url: str, limit: int = 10) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=limit).get("Messages", [])
    return messages


def test_a_group_is_received_in_order_and_its_numbers_grow(sqs: Any, url: str) -> None:
    numbers = [_send(sqs, url, f"m{n}") for n in range(5)]
    assert numbers == sorted(numbers)
    assert [m["Body"] for m in _take(sqs, url)] == [f"m{n}" for n in range(5)]


def test_a_message_in_flight_blocks_its_group_and_no_other(sqs: Any, url: str) -> None:
    for body, group in (("a1", "a"), ("a2", "a"), ("b1", "b")):
        _send(sqs, url, body, group)
    (first,) = _take(sqs, url, limit=1)
    assert first["Body"] == "a1"
    assert [m["Body"] for m in _take(sqs, url)] == ["b1"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    assert [m["Body"] for m in _take(sqs, url)] == ["a2"]


def test_a_message_whose_lease_ended_comes_first_again(sqs: Any, url: str, clock: MovableClock) -> None:
    _send(sqs, url, "one")
    _send(sqs, url, "two")
    assert [m["Body"] for m in _take(sqs, url, limit=1)] == ["one"]
    clock.advance(s=31)
    assert [m["Body"] for m in _take(sqs, url)] == ["one", "two"]


def test_a_repeated_deduplication_id_is_acknowledged_and_not_added(sqs: Any, url: str, clock: MovableClock) -> None:
    first = _send(sqs, url, "same")
    assert _send(sqs, url, "same") == first
    (message,) = _take(sqs, url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert _send(sqs, url, "same") == first
    clock.advance(s=301)
    assert _send(sqs, url, "same") > first
    assert len(_take(sqs, url)) == 1


def test_content_based_deduplication_takes_the_bodys_digest(sqs: Any) -> None:
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="content.fifo", Attributes=attributes)["QueueUrl"]
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="same", MessageGroupId="g")
    assert len(_take(sqs, url)) == 1


@pytest.mark.parametrize("missing", ["MessageGroupId", "MessageDeduplicationId"])
def test_a_fifo_queue_asks_for_group_and_deduplication_id(sqs: Any, url: str, missing: str) -> None:
    parameters = {"QueueUrl": url, "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    del parameters[missing]
    with pytest.raises(ClientError, match=missing):
        sqs.send_message(**parameters)


def test_an_expired_receipt_cannot_delete(sqs: Any, url: str, clock: MovableClock) -> None:
    _send(sqs, url, "slow")
    (message,) = _take(sqs, url)
    clock.advance(s=31)
    with pytest.raises(ClientError, match="The receipt handle has expired"):
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert [m["Body"] for m in _take(sqs, url)] == ["slow"]


def test_groups_take_turns_and_one_that_was_blocked_comes_last(sqs: Any, url: str) -> None:
    for body in ("a1", "b1", "b2", "c1", "a2"):
        _send(sqs, url, body, group=body[0])
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=0)["Messages"]
    assert [m["Body"] for m in first] == ["a1", "a2", "b1"]
    assert [m["Body"] for m in _take(sqs, url)] == ["c1", "a1", "a2", "b1", "b2"]


@pytest.mark.parametrize(("kept", "expected"), [(0, []), (1, ["m0"]), (2, ["m0", "m1"])])
def test_only_what_was_sent_before_the_first_message_in_flight_can_be_taken(
    sqs: Any, url: str, clock: MovableClock, kept: int, expected: list[str]
) -> None:
    for number in range(3):
        _send(sqs, url, f"m{number}")
    handle = _take(sqs, url)[kept]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=600)
    clock.advance(s=31)
    assert [m["Body"] for m in _take(sqs, url)] == expected


def test_a_receive_can_be_asked_again_until_something_happened_to_its_messages(
    sqs: Any, url: str, clock: MovableClock
) -> None:
    def attempt(name: str) -> list[str]:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, ReceiveRequestAttemptId=name)
        return [m["ReceiptHandle"] for m in answer.get("Messages", [])]

    for body in ("a1", "b1"):
        _send(sqs, url, body, group=body[0])
    handles = attempt("x")
    clock.advance(s=20)
    assert attempt("x") == handles
    clock.advance(s=20)
    assert attempt("y") == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handles[0])
    assert attempt("x") == []
    clock.advance(s=31)
    assert len(attempt("x")) == 1


def test_only_fifo_queues_take_an_attempt_id(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    with pytest.raises(ClientError, match="ReceiveRequestAttemptId is invalid"):
        sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="x")


def test_a_new_delay_holds_for_the_messages_already_there(sqs: Any) -> None:
    attributes = {"FifoQueue": "true", "DelaySeconds": "600"}
    url = sqs.create_queue(QueueName="late.fifo", Attributes=attributes)["QueueUrl"]
    _send(sqs, url, "first")
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "0"})
    _send(sqs, url, "second")
    assert [m["Body"] for m in _take(sqs, url)] == ["first", "second"]
