import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws
from tests.services.sns.http_endpoint import Endpoint
from tests.services.sns.test_publish import subscribed
from tests.services.sns.test_topics import confirmed

ROLE = "arn:aws:iam::123456789012:role/feedback"


def logged(aws: Aws, account: str, suffix: str = "") -> list[dict[str, Any]]:
    """The entries of the topic's group; empty if there is none."""
    logs = aws("logs")
    group = f"sns/us-east-1/{account}/t{suffix}"
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if not any(entry["logGroupName"] == group for entry in found):
        return []
    return [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]


def ask(sns: Any, topic: str, **attributes: str) -> None:
    for name, value in attributes.items():
        sns.set_topic_attributes(TopicArn=topic, AttributeName=name, AttributeValue=value)


def test_a_delivery_is_logged_once_the_topic_asks_for_it(aws: Aws, account: str) -> None:
    sns, topic, _, _, _ = subscribed(aws)
    sns.publish(TopicArn=topic, Message="before")
    ask(sns, topic, SQSSuccessFeedbackRoleArn=ROLE)
    sns.publish(TopicArn=topic, Message="none of a hundred")
    ask(sns, topic, SQSSuccessFeedbackSampleRate="100")
    sent = sns.publish(TopicArn=topic, Message="logged")
    (entry,) = logged(aws, account)
    assert entry["status"] == "SUCCESS"
    assert entry["notification"]["messageId"] == sent["MessageId"]
    assert entry["notification"]["messageMD5Sum"] == hashlib.md5(b"logged").hexdigest()
    assert entry["delivery"]["destination"] == f"arn:aws:sqs:us-east-1:{account}:q"
    assert entry["delivery"]["statusCode"] == 200
    assert json.loads(entry["delivery"]["providerResponse"]).keys() == {"sqsRequestId", "sqsMessageId"}


def test_a_failure_is_logged_apart(aws: Aws, account: str) -> None:
    sns, topic, sqs, url, _ = subscribed(aws)
    ask(sns, topic, SQSFailureFeedbackRoleArn=ROLE)
    sns.publish(TopicArn=topic, Message="fine")
    sqs.delete_queue(QueueUrl=url)
    sns.publish(TopicArn=topic, Message="lost")
    (entry,) = logged(aws, account, "/Failure")
    assert entry["status"] == "FAILURE"
    assert json.loads(entry["delivery"]["providerResponse"]) == {
        "ErrorCode": "AWS.SimpleQueueService.NonExistentQueue",
        "ErrorMessage": "The specified queue does not exist for this wsdl version.",
    }
    assert logged(aws, account) == []


def test_an_http_endpoints_answers_are_logged(aws: Aws, account: str) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    rates = {"HTTPSuccessFeedbackRoleArn": ROLE, "HTTPSuccessFeedbackSampleRate": "100"}
    ask(sns, topic, **rates, HTTPFailureFeedbackRoleArn=ROLE)
    with Endpoint(200, 202, 404) as endpoint:
        confirmed(sns, topic, endpoint)
        for message in ("taken", "refused"):
            sns.publish(TopicArn=topic, Message=message)
        endpoint.take(3)
        while not (logged(aws, account) and logged(aws, account, "/Failure")):
            pass
    assert [entry["delivery"]["statusCode"] for entry in logged(aws, account)] == [202]
    assert [entry["delivery"]["statusCode"] for entry in logged(aws, account, "/Failure")] == [404]


def test_a_sample_rate_is_a_percentage(aws: Aws) -> None:
    sns = aws("sns")
    topic = sns.create_topic(Name="t")["TopicArn"]
    with pytest.raises(ClientError, match="Must be between 0 and 100"):
        ask(sns, topic, LambdaSuccessFeedbackSampleRate="101")
