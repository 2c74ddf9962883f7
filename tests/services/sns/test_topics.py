"""Topics, subscriptions, permissions and tags."""

import json
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.queues import taken
from tests.services.sns.http_endpoint import Endpoint
from tests.services.sns.test_publish import make_queue

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
        ("sms", "+15--55", r"Invalid SMS endpoint: \+15--55"),
        ("firehose", "x", "Invalid parameter: Firehose endpoint ARN"),
    ]:
        with pytest.raises(ClientError, match=sentence):
            sns.subscribe(TopicArn=topic, Protocol=protocol, Endpoint=endpoint)
    with pytest.raises(ClientError, match="Topic does not exist"):
        sns.subscribe(TopicArn=f"{topic}-not", Protocol="sqs", Endpoint="http://x")


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
    with pytest.raises(sns.exceptions.TagLimitExceededException):
        sns.tag_resource(ResourceArn=topic, Tags=[{"Key": str(number), "Value": ""} for number in range(50)])
    assert sns.list_tags_for_resource(ResourceArn=topic)["Tags"] == [{"Key": "b", "Value": "2"}]


def confirmed(sns: Any, topic: str, endpoint: Endpoint, **attributes: str) -> str:
    """A confirmed subscription of the endpoint."""
    sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url, Attributes=attributes)
    asked = json.loads(endpoint.take(1)[0][1])
    arn: str = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    return arn


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
    with pytest.raises(ClientError, match="Invalid parameter: Token"):
        sns.confirm_subscription(TopicArn=topic, Token="0" * 288)
    arn = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    again = sns.confirm_subscription(TopicArn=topic, Token=asked["Token"])["SubscriptionArn"]
    assert again == arn
    sns.publish(TopicArn=topic, Message="hello")
    headers, body = endpoint.take(2)[1]
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == arn
    assert json.loads(body)["Message"] == "hello"
    endpoint.server.server_close()


def test_a_subscription_confirmed_with_authentication_can_only_be_ended_by_its_owners(aws: Aws) -> None:
    sns = aws("sns")
    with Endpoint() as endpoint:
        topic = sns.create_topic(Name="t")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        token = json.loads(endpoint.take(1)[0][1])["Token"]
        arn = sns.confirm_subscription(TopicArn=topic, Token=token, AuthenticateOnUnsubscribe="true")["SubscriptionArn"]
        sns.publish(TopicArn=topic, Message="hello")
        link = json.loads(endpoint.take(2)[1][1])["UnsubscribeURL"]
    attributes = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    assert attributes["ConfirmationWasAuthenticated"] == "true"

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(link)
    assert refused.value.code == 403
    with pytest.raises(ClientError, match="is not authorized to perform: SNS:Unsubscribe"):
        aws("sns", account="999988887777").unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)
    assert sns.list_subscriptions()["Subscriptions"] == []


POLICY = {
    "healthyRetryPolicy": {
        "minDelayTarget": 2,
        "maxDelayTarget": 50,
        "numRetries": 3,
        "numNoDelayRetries": 1,
        "backoffFunction": "exponential",
    },
    "requestPolicy": {"headerContentType": "application/json"},
}


def test_a_failing_endpoint_is_tried_as_its_delivery_policy_says(aws: Aws, clock: MovableClock) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    with Endpoint(200, 503, 429) as endpoint:
        confirmed(sns, topic, endpoint, DeliveryPolicy=json.dumps(POLICY))
        sns.publish(TopicArn=topic, Message="at last")
        posts = endpoint.take(3)
        assert [headers["content-type"] for headers, _ in posts[1:]] == ["application/json"] * 2
        while len(posts) < 4:
            clock.advance(s=2)
            endpoint.wait(0.2)
        clock.advance(s=60)
        endpoint.wait(0.2)
        assert [json.loads(body)["Message"] for _, body in posts[1:]] == ["at last"] * 3


def test_what_an_endpoint_refuses_for_good_goes_to_the_dead_letter_queue(aws: Aws) -> None:
    sns, sqs = aws("sns"), aws("sqs")
    topic = sns.create_topic(Name="t")["TopicArn"]
    url, dead = make_queue(sqs, "dead")
    with Endpoint(200, 404) as endpoint:
        confirmed(sns, topic, endpoint, RedrivePolicy=json.dumps({"deadLetterTargetArn": dead}))
        sns.publish(TopicArn=topic, Message="nobody home")
        endpoint.take(2)
        (message,) = taken(sqs, url, 1)
    assert json.loads(message["Body"])["Message"] == "nobody home"


@pytest.mark.parametrize(
    ("retry", "reason"),
    [
        ({"numRetries": 101}, "numRetries must be between 0 and 100"),
        ({"minDelayTarget": 30}, "minDelayTarget must be between 1 and maxDelayTarget"),
        ({"numRetries": 1, "numNoDelayRetries": 2}, "numRetries must not be less than"),
        ({"backoffFunction": "patient"}, "backoffFunction must be one of linear"),
        ({"numbers": 1}, "unknown attribute numbers"),
        ([], "must be JSON objects"),
    ],
)
def test_a_bad_delivery_policy_is_refused(aws: Aws, retry: Any, reason: str) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    policy = json.dumps({"http": {"defaultHealthyRetryPolicy": retry}})
    with pytest.raises(ClientError, match=reason):
        sns.set_topic_attributes(TopicArn=topic, AttributeName="DeliveryPolicy", AttributeValue=policy)


def test_a_topic_is_reached_in_its_own_region_only(aws: Aws) -> None:
    topic = aws("sns").create_topic(Name="t")["TopicArn"]
    with pytest.raises(ClientError, match="Invalid parameter: TopicArn"):
        aws("sns", region="eu-west-1").publish(TopicArn=topic, Message="x")


def test_a_data_protection_policy_is_kept(aws: Aws) -> None:
    sns = aws("sns")
    policy = json.dumps({"Name": "p", "Version": "2021-06-01", "Statement": []})
    topic = sns.create_topic(Name="t", DataProtectionPolicy=policy)["TopicArn"]
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == policy
    sns.put_data_protection_policy(ResourceArn=topic, DataProtectionPolicy="{}")
    assert sns.get_data_protection_policy(ResourceArn=topic)["DataProtectionPolicy"] == "{}"


def test_subscribing_again_is_the_same_subscription_also_with_defaults_spelled_out(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]

    def subscribe(**attributes: str) -> str:
        arn: str = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes=attributes)[
            "SubscriptionArn"
        ]
        return arn

    assert subscribe() == subscribe(RawMessageDelivery="False", FilterPolicyScope="MessageAttributes")
    with pytest.raises(ClientError, match="already exists with different attributes"):
        subscribe(RawMessageDelivery="true")


@pytest.mark.parametrize("policy", ["0", "[]", "{}", '{"Statement": 1}', '{"Statement": ["x"]}'])
def test_a_policy_without_statements_is_refused(aws: Aws, policy: str) -> None:
    with pytest.raises(ClientError, match="Policy Error"):
        aws("sns").create_topic(Name="t", Attributes={"Policy": policy})


def test_a_permission_joins_a_policy_of_one_statement_that_is_no_list(aws: Aws) -> None:
    sns = aws("sns")
    policy = json.dumps({"Statement": {"Sid": "own", "Effect": "Allow", "Principal": "*", "Action": "SNS:Publish"}})
    topic = sns.create_topic(Name="t", Attributes={"Policy": policy})["TopicArn"]
    sns.add_permission(TopicArn=topic, Label="more", AWSAccountId=["111111111111"], ActionName=["Publish"])
    kept = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert [statement["Sid"] for statement in kept["Statement"]] == ["own", "more"]


def test_the_urls_of_a_subscription_work_without_a_signature_in_any_region(aws: Aws) -> None:
    sns = aws("sns", region="eu-west-1")
    topic = sns.create_topic(Name="t")["TopicArn"]
    with Endpoint() as endpoint:
        sns.subscribe(TopicArn=topic, Protocol="http", Endpoint=endpoint.url)
        with urllib.request.urlopen(json.loads(endpoint.take(1)[0][1])["SubscribeURL"]):
            sns.publish(TopicArn=topic, Message="hello")
        with urllib.request.urlopen(json.loads(endpoint.take(2)[1][1])["UnsubscribeURL"]):
            assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
        assert endpoint.take(3)[2][0]["x-amz-sns-message-type"] == "UnsubscribeConfirmation"


@pytest.mark.parametrize(("queue", "refused"), [("q", False), ("q.fifo", True)])
def test_only_a_fifo_subscription_asks_for_a_fifo_dead_letter_queue(aws: Aws, queue: str, refused: bool) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": f"{QUEUE}-dead"})}
    with pytest.raises(ClientError, match="must use a FIFO queue as DLQ") if refused else nullcontext():
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE.removesuffix("q") + queue, Attributes=redrive)
