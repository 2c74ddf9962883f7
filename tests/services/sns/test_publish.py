"""Publishing to queues: envelopes, raw delivery, filters, batches, FIFO."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

Aws = Callable[..., Any]


def make_queue(sqs: Any, name: str = "q", **attributes: str) -> tuple[str, str]:
    url: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def receive(sqs: Any, url: str) -> list[Any]:
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    found: list[Any] = answer.get("Messages", [])
    return found


def subscribed(aws: Aws, **attributes: str) -> tuple[Any, str, Any, str, str]:
    """sns, topic, sqs, queue and subscription."""
    sns, sqs = aws("sns"), aws("sqs")
    url, arn = make_queue(sqs)
    topic = sns.create_topic(Name="t")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return sns, topic, sqs, url, answer["SubscriptionArn"]


def test_a_queue_gets_the_envelope(aws: Aws) -> None:
    sns, topic, sqs, url, subscription = subscribed(aws)
    sent = sns.publish(
        TopicArn=topic,
        Message='say "hi"\n',
        Subject="Greeting",
        MessageAttributes={
            "kind": {"DataType": "String", "StringValue": "x"},
            "blob": {"DataType": "Binary", "BinaryValue": b"\x00\x01"},
        },
    )
    (message,) = receive(sqs, url)
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
    ]
    assert body["Type"] == "Notification"
    assert body["MessageId"] == sent["MessageId"]
    assert body["TopicArn"] == topic
    assert body["Message"] == 'say "hi"\n'
    assert body["Subject"] == "Greeting"
    assert body["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert body["MessageAttributes"] == {
        "kind": {"Type": "String", "Value": "x"},
        "blob": {"Type": "Binary", "Value": "AAE="},
    }
    assert message["Body"].startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')


def test_raw_delivery_is_the_message_and_its_attributes(aws: Aws) -> None:
    sns, topic, sqs, url, _ = subscribed(aws, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="plain", MessageAttributes={"n": {"DataType": "Number", "StringValue": "1"}})
    (message,) = receive(sqs, url)
    assert message["Body"] == "plain"
    assert message["MessageAttributes"] == {"n": {"DataType": "Number", "StringValue": "1"}}


def test_each_protocol_has_its_own_body_with_the_json_structure(aws: Aws) -> None:
    sns, topic, sqs, url, _ = subscribed(aws, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message='{"default": "d", "sqs": "s"}', MessageStructure="json")
    sns.publish(TopicArn=topic, Message='{"default": "d"}', MessageStructure="json")
    assert [message["Body"] for message in receive(sqs, url)] == ["s", "d"]
    with pytest.raises(ClientError, match="No default entry in JSON message body"):
        sns.publish(TopicArn=topic, Message='{"sqs": "s"}', MessageStructure="json")
    with pytest.raises(ClientError, match="JSON message body failed to parse"):
        sns.publish(TopicArn=topic, Message="{", MessageStructure="json")


def test_a_filter_looks_at_attributes(aws: Aws) -> None:
    policy = {"kind": ["a", {"prefix": "b"}], "price": [{"numeric": [">", 10]}]}
    sns, topic, sqs, url, _ = subscribed(aws, RawMessageDelivery="true", FilterPolicy=json.dumps(policy))

    def publish(text: str, kind: str, price: str, kind_type: str = "String") -> None:
        attributes = {
            "kind": {"DataType": kind_type, "StringValue": kind},
            "price": {"DataType": "Number", "StringValue": price},
        }
        sns.publish(TopicArn=topic, Message=text, MessageAttributes=attributes)

    publish("in", "a", "10.5")
    publish("prefix", "bcd", "11")
    publish("array", '["x","a"]', "11", "String.Array")
    publish("cheap", "a", "10")
    publish("other", "c", "11")
    sns.publish(TopicArn=topic, Message="bare")
    assert [message["Body"] for message in receive(sqs, url)] == ["in", "prefix", "array"]


def test_a_filter_looks_at_the_body(aws: Aws) -> None:
    sns, topic, sqs, url, _ = subscribed(
        aws,
        RawMessageDelivery="true",
        FilterPolicyScope="MessageBody",
        FilterPolicy='{"order":{"state":[{"anything-but":"draft"}]}}',
    )
    for text in ('{"order":{"state":"paid"}}', '{"order":{"state":"draft"}}', "no json", "[]"):
        sns.publish(TopicArn=topic, Message=text)
    assert [message["Body"] for message in receive(sqs, url)] == ['{"order":{"state":"paid"}}']


def test_a_dotted_name_in_a_body_filter_is_a_path(aws: Aws) -> None:
    policy = json.dumps({"a.b.c": ["x"]})
    sns, topic, sqs, url, _ = subscribed(
        aws, FilterPolicyScope="MessageBody", FilterPolicy=policy, RawMessageDelivery="true"
    )
    accepted = [{"a": {"b": {"c": "x"}}}, {"a.b.c": "x"}, {"a.b": {"c": "x"}}, {"a": {"b.c": "x"}}]
    for body in (*accepted, {"a": {"b": {"c": "y"}}}, {"a.b.c": "y"}, {"a": "x"}):
        sns.publish(TopicArn=topic, Message=json.dumps(body))
    assert [json.loads(message["Body"]) for message in receive(sqs, url)] == accepted


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ({"wildcard": "a*"}, "Unrecognized match type wildcard"),
        ({"anything-but": {"suffix": "a"}}, "Unsupported anything-but pattern: suffix"),
    ],
)
def test_a_filter_has_not_all_of_the_pattern_language(aws: Aws, test: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        subscribed(aws, FilterPolicy=json.dumps({"key": [test]}))


def test_a_changed_filter_takes_effect_at_once(aws: Aws) -> None:
    sns, topic, sqs, url, subscription = subscribed(aws, RawMessageDelivery="true")
    sns.publish(TopicArn=topic, Message="1")
    sns.set_subscription_attributes(
        SubscriptionArn=subscription, AttributeName="FilterPolicy", AttributeValue='{"k":["v"]}'
    )
    sns.publish(TopicArn=topic, Message="2")
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.publish(TopicArn=topic, Message="3")
    assert [message["Body"] for message in receive(sqs, url)] == ["1"]


def test_what_a_queue_refuses_goes_to_the_dead_letter_queue(aws: Aws) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    dead_url, dead_arn = make_queue(sqs, "dead")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=dead_arn.replace(":dead", ":gone"),
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn})},
    )
    sns.publish(TopicArn=topic, Message="m")
    (message,) = receive(sqs, dead_url)
    assert json.loads(message["Body"])["Message"] == "m"


def test_bad_messages_are_refused(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    value = {"DataType": "String", "StringValue": "x"}
    for wrong, sentence in [
        ({"Message": ""}, "Invalid parameter: Empty message"),
        ({"Message": "x" * 262_145}, "Invalid parameter: Message too long"),
        ({"Message": "x", "Subject": "x" * 101}, "Invalid parameter: Subject"),
        ({"Message": "x", "Subject": "a\nb"}, "Invalid parameter: Subject"),
        ({"Message": "x", "TopicArn": "nonsense"}, "An ARN must have at least 6 elements, not 1"),
        ({"Message": "x", "TopicArn": f"{topic}-not"}, "Topic does not exist"),
        (
            {"Message": "x", "MessageAttributes": {"a": {**value, "DataType": "Odd"}}},
            "invalid message attribute type",
        ),
        ({"Message": "x", "MessageAttributes": {"a^": value}}, "'#x5E'"),
    ]:
        with pytest.raises(ClientError) as refused:
            sns.publish(**{"TopicArn": topic, **wrong})  # type: ignore[dict-item]
        assert sentence in refused.value.response["Error"]["Message"]


def test_a_bad_entry_fails_the_whole_batch(aws: Aws) -> None:
    sns, topic, sqs, url, _ = subscribed(aws, RawMessageDelivery="true")
    good = {"Id": "good", "Message": "1"}
    with pytest.raises(ClientError, match="No default entry in JSON message body"):
        sns.publish_batch(
            TopicArn=topic,
            PublishBatchRequestEntries=[good, {"Id": "bad", "Message": "{}", "MessageStructure": "json"}],
        )
    assert receive(sqs, url) == []
    answer = sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=[good])
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [message["Body"] for message in receive(sqs, url)] == ["1"]


def test_a_bad_batch_is_refused_as_a_whole(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    for entries, code in [
        ([{"Id": "a", "Message": "1"}, {"Id": "a", "Message": "2"}], "BatchEntryIdsNotDistinct"),
        ([{"Id": "a.b", "Message": "1"}], "InvalidBatchEntryId"),
        ([{"Id": str(n), "Message": "1"} for n in range(11)], "TooManyEntriesInBatchRequest"),
        ([{"Id": str(n), "Message": "x" * 200_000} for n in range(2)], "BatchRequestTooLong"),
    ]:
        with pytest.raises(ClientError) as refused:
            sns.publish_batch(TopicArn=topic, PublishBatchRequestEntries=entries)
        assert refused.value.response["Error"]["Code"].removesuffix("Exception") == code


def test_a_fifo_topic_keeps_order_and_drops_duplicates(aws: Aws) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    url, arn = make_queue(sqs, "q.fifo", FifoQueue="true")
    attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"}
    topic = sns.create_topic(Name="t.fifo", Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    first = sns.publish(TopicArn=topic, Message="1", MessageGroupId="g")
    again = sns.publish(TopicArn=topic, Message="1", MessageGroupId="g")
    second = sns.publish(TopicArn=topic, Message="2", MessageGroupId="g")
    assert first["MessageId"] == again["MessageId"]
    assert first["SequenceNumber"] == again["SequenceNumber"] < second["SequenceNumber"]
    assert [message["Body"] for message in receive(sqs, url)] == ["1", "2"]
    with pytest.raises(ClientError, match="MessageGroupId parameter is required for FIFO topics"):
        sns.publish(TopicArn=topic, Message="3")


@pytest.mark.parametrize(("scope", "expected"), [("Topic", ["1"]), ("MessageGroup", ["1", "2"])])
def test_duplicates_are_looked_for_in_the_throughput_scope(aws: Aws, scope: str, expected: list[str]) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    url, arn = make_queue(sqs, "q.fifo", FifoQueue="true", DeduplicationScope="messageGroup")
    attributes = {"FifoTopic": "true", "FifoThroughputScope": scope}
    topic = sns.create_topic(Name="t.fifo", Attributes=attributes)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for body, group in (("1", "a"), ("2", "b"), ("3", "a")):
        sns.publish(TopicArn=topic, Message=body, MessageGroupId=group, MessageDeduplicationId="same")
    assert [message["Body"] for message in receive(sqs, url)] == expected
