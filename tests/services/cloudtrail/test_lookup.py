"""The event history."""

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def trail(aws: Any) -> Any:
    return aws("cloudtrail")


def names(answer: dict[str, Any]) -> list[str]:
    return [event["EventName"] for event in answer["Events"]]


def looked_up(trail: Any, key: str, value: str) -> list[str]:
    return names(trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}]))


def test_every_management_call_is_in_the_history_the_newest_first(aws: Any, trail: Any, account: str) -> None:
    aws("sqs").create_queue(QueueName="q")
    with pytest.raises(ClientError):
        aws("iam").get_role(RoleName="none")
    failed, made = trail.lookup_events()["Events"]
    assert (made["EventName"], made["EventSource"], made["ReadOnly"]) == ("CreateQueue", "sqs.amazonaws.com", "false")
    assert (made["Username"], made["Resources"]) == (
        "root",
        [{"ResourceType": "AWS::SQS::Queue", "ResourceName": "q"}],
    )
    document = json.loads(made["CloudTrailEvent"])
    assert document["requestParameters"] == {"queueName": "q"}
    assert document["responseElements"]["queueUrl"].endswith(f"/{account}/q")
    assert document["userIdentity"]["type"] == "Root"
    assert document["userIdentity"]["arn"] == f"arn:aws:iam::{account}:root"
    assert (document["sourceIPAddress"], document["eventType"]) == ("127.0.0.1", "AwsApiCall")
    assert (document["managementEvent"], document["eventID"]) == (True, made["EventId"])
    assert "Boto3" in document["userAgent"]
    document = json.loads(failed["CloudTrailEvent"])
    assert (document["eventName"], document["errorCode"]) == ("GetRole", "NoSuchEntityException")
    assert "responseElements" in document
    assert document["responseElements"] is None


def test_events_are_found_by_one_attribute(aws: Any, trail: Any) -> None:
    aws("sqs").create_queue(QueueName="q")
    aws("sns").create_topic(Name="t")
    aws("sns").list_topics()
    (made,) = trail.lookup_events(LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}])[
        "Events"
    ]
    assert looked_up(trail, "EventSource", "sns.amazonaws.com") == ["ListTopics", "CreateTopic"]
    assert looked_up(trail, "ReadOnly", "false") == ["CreateTopic", "CreateQueue"]
    assert looked_up(trail, "ResourceName", "q") == looked_up(trail, "ResourceType", "AWS::SQS::Queue")
    assert looked_up(trail, "EventId", made["EventId"]) == ["CreateQueue"]
    assert looked_up(trail, "Username", "nobody") == []
    with pytest.raises(ClientError, match="InvalidLookupAttributesException"):
        trail.lookup_events(LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "true"}] * 2)


def test_who_acted_is_told_by_kind(aws: Any, server: Any, trail: Any, account: str) -> None:
    trust = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'
    role = aws("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]
    issued = aws("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="job")["Credentials"]
    session = boto3.client(
        "sqs",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=issued["AccessKeyId"],
        aws_secret_access_key=issued["SecretAccessKey"],
        aws_session_token=issued["SessionToken"],
    )
    session.create_queue(QueueName="q")
    session.close()
    by_key = [{"AttributeKey": "AccessKeyId", "AttributeValue": issued["AccessKeyId"]}]
    (event,) = trail.lookup_events(LookupAttributes=by_key)["Events"]
    identity = json.loads(event["CloudTrailEvent"])["userIdentity"]
    assert (event["Username"], identity["type"]) == ("job", "AssumedRole")
    assert identity["principalId"] == f"{role['RoleId']}:job"
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert (issuer["type"], issuer["arn"], issuer["userName"]) == ("Role", role["Arn"], "worker")


def test_secrets_are_hidden(aws: Any, trail: Any) -> None:
    aws("iam").create_user(UserName="ann")
    aws("iam").create_login_profile(UserName="ann", Password="Very-Secret-1")
    (event, *_) = trail.lookup_events()["Events"]
    assert "Very-Secret-1" not in event["CloudTrailEvent"]


def test_the_history_comes_in_pages_and_by_time(aws: Any, trail: Any, clock: Any) -> None:
    for number in range(5):
        aws("sqs").create_queue(QueueName=f"q{number}")
    between_ms = clock.now_ms()
    clock.advance(s=60)
    aws("sqs").create_queue(QueueName="late")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}],
        PaginationConfig={"PageSize": 2},
    )
    found = [[row["Resources"][0]["ResourceName"] for row in page["Events"]] for page in pages]
    assert found == [["late", "q4"], ["q3", "q2"], ["q1", "q0"]]
    since = trail.lookup_events(StartTime=between_ms / 1000 + 1)["Events"]
    assert "late" in [row["ResourceName"] for event in since for row in event["Resources"]]
    assert "q0" not in [row["ResourceName"] for event in since for row in event["Resources"]]
    with pytest.raises(ClientError, match="InvalidTimeRangeException"):
        trail.lookup_events(StartTime=between_ms / 1000 + 1, EndTime=between_ms / 1000)
    with pytest.raises(ClientError, match="InvalidNextTokenException"):
        trail.lookup_events(NextToken="none")
