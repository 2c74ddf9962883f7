"""Topics, subscriptions, permissions and tags."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.exceptions import ClientError

Aws = Callable[..., Any]
QUEUE = "arn:aws:sqs:us-east-1:123456789012:q"


def test_a_topic_shows_its_attributes(aws: Aws) -> None:
    sns = aws("sns")
    arn = sns.create_topic(Name="t", Attributes={"DisplayName": "Tea"})["TopicArn"]
    found = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert found["TopicArn"] == arn
    assert found["DisplayName"] == "Tea"
    assert found["SubscriptionsConfirmed"] == "0"
    retry = json.loads(found["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]
    assert (retry["numRetries"], retry["minDelayTarget"]) == (3, 20)
    assert json.loads(found["Policy"])["Statement"][0]["Sid"] == "__default_statement_ID"
    sns.delete_topic(TopicArn=arn)
    sns.delete_topic(TopicArn=arn)
    with pytest.raises(ClientError, match="Topic does not exist") as refused:
        sns.get_topic_attributes(TopicArn=arn)
    assert refused.value.response["Error"]["Code"] == "NotFound"


def test_creating_a_topic_again_is_the_same_topic_unless_it_differs(aws: Aws) -> None:
    sns = aws("sns")
    arn = sns.create_topic(Name="t", Tags=[{"Key": "a", "Value": "1"}])["TopicArn"]
    assert sns.create_topic(Name="t")["TopicArn"] == arn
    with pytest.raises(ClientError, match="Topic already exists with different tags"):
        sns.create_topic(Name="t", Tags=[{"Key": "b", "Value": "1"}])
    with pytest.raises(ClientError, match="Topic already exists with different attributes"):
        sns.create_topic(Name="t", Attributes={"DisplayName": "x"})
    with pytest.raises(ClientError, match="Invalid parameter: Topic Name"):
        sns.create_topic(Name="t t")
    with pytest.raises(ClientError, match="Invalid parameter: Topic Name"):
        sns.create_topic(Name="t", Attributes={"FifoTopic": "true"})


def test_a_subscription_shows_its_attributes(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    arn = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes={"FilterPolicy": '{"a":["b"]}'})[
        "SubscriptionArn"
    ]
    found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert found["FilterPolicyScope"] == "MessageAttributes"
    assert found["PendingConfirmation"] == "false"
    assert found["RawMessageDelivery"] == "false"
    assert sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"] == arn
    with pytest.raises(ClientError, match="Subscription already exists with different attributes"):
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes={"RawMessageDelivery": "true"})
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == arn
    assert sns.list_subscriptions()["Subscriptions"] == [listed]
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    with pytest.raises(ClientError, match="Subscription does not exist"):
        sns.get_subscription_attributes(SubscriptionArn=arn)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"RawMessageDelivery": "odd"}, "RawMessageDelivery: Invalid value [odd]. Must be true or false."),
        ({"FilterPolicy": '{"key":[]}'}, "FilterPolicy: Empty arrays are not allowed\n at"),
        (
            {"FilterPolicy": '{"key":[{"suffix":100}]}'},
            "FilterPolicy: suffix match pattern must be a string\n at",
        ),
        ({"FilterPolicy": json.dumps({str(n): ["a"] for n in range(6)})}, "can not have more than 5 keys"),
        ({"FilterPolicy": json.dumps({"a": list("xyz") * 51})}, "Filter policy is too complex"),
        ({"FilterPolicy": '{"a":{"b":["c"]}}'}, "MessageAttributes does not support nested filter policy"),
        ({"FilterPolicy": "invalid"}, "FilterPolicy: failed to parse JSON. Unrecognized token 'invalid'"),
        ({"RedrivePolicy": '{"deadLetterTargetArn":"x"}'}, "deadLetterTargetArn is an invalid arn"),
    ],
)
def test_bad_subscription_attributes_are_refused(aws: Aws, attributes: dict[str, str], reason: str) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    with pytest.raises(ClientError) as refused:
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes=attributes)
    assert refused.value.response["Error"]["Code"] == "InvalidParameter"
    assert reason in refused.value.response["Error"]["Message"]


def test_what_cannot_be_subscribed_is_refused(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    for protocol, endpoint, sentence in [
        ("sqs", "http://x", "SQS endpoint ARN"),
        ("sqs", f"{QUEUE}.fifo", "FIFO SQS Queues can not be subscribed to standard SNS topics"),
        ("carrier-pigeon", "x", "does not support this protocol string: carrier-pigeon"),
        ("sms", "+1555", "sms subscriptions are not implemented in Fogbank"),
    ]:
        with pytest.raises(ClientError, match=sentence):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)


def test_an_email_subscription_stays_pending(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ann@example.com")
    assert answer["SubscriptionArn"] == "pending confirmation"
    (listed,) = sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"


def test_permissions_are_added_to_the_policy(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    wanted = {"TopicArn": topic, "Label": "l", "AWSAccountId": ["111122223333"], "ActionName": ["Publish"]}
    sns.add_permission(**wanted)
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "l",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
        "Action": "SNS:Publish",
        "Resource": topic,
    }
    with pytest.raises(ClientError, match="Statement already exists"):
        sns.add_permission(**wanted)
    sns.remove_permission(TopicArn=topic, Label="l")
    policy = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert len(policy["Statement"]) == 1


def test_topics_have_tags(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.tag_resource(ResourceArn=topic, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=topic, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]
    twice = [{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}]
    with pytest.raises(ClientError, match="Duplicated keys are not allowed"):
        sns.tag_resource(ResourceArn=topic, Tags=twice)


class Endpoint:
    """An HTTP endpoint that keeps what is posted to it."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], str]] = []
        posts = self.posts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def take(self, count: int) -> list[tuple[dict[str, str], str]]:
        """Serve until there are that many posts."""
        self.server.timeout = 10
        while len(self.posts) < count:
            thread = Thread(target=self.server.handle_request)
            thread.start()
            thread.join()
        return self.posts


def test_an_http_endpoint_confirms_and_is_notified(aws: Aws) -> None:
    sns = aws("sns")
    endpoint = Endpoint()
    topic = sns.create_topic(Name="t")["TopicArn"]
    answer = sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
    assert answer["SubscriptionArn"] == "pending confirmation"
    headers, body = endpoint.take(1)[0]
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    asked = json.loads(body)
    assert asked["SubscribeURL"].endswith(f"/?Action=ConfirmSubscription&TopicArn={topic}&Token={asked['Token']}")
    sns.publish(TopicArn=topic, Message="too early")
    with pytest.raises(ClientError, match="Invalid token"):
        sns.confirm_subscription(TopicArn=topic, Token="0" * 288)
    arn = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    sns.publish(TopicArn=topic, Message="hello")
    headers, body = endpoint.take(2)[1]
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert json.loads(body)["Message"] == "hello"
    endpoint.server.server_close()
