import json
from contextlib import nullcontext
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws


@pytest.fixture
def sqs(aws: Aws) -> Any:
    return aws("sqs")


def test_a_queue_has_awss_default_attributes(sqs: Any, account: str) -> None:
    url = sqs.create_queue(QueueName="plain")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    del found["CreatedTimestamp"], found["LastModifiedTimestamp"]
    assert found == {
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "DelaySeconds": "0",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "QueueArn": f"arn:aws:sqs:us-east-1:{account}:plain",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }


def test_creating_the_same_queue_again_gives_it_back_and_a_different_one_is_refused(sqs: Any) -> None:
    first = sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "5"})["QueueUrl"]
    assert sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "5"})["QueueUrl"] == first
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName="twice", Attributes={"DelaySeconds": "6"})
    assert refused.value.response["Error"]["Code"] == "QueueAlreadyExists"


def test_accounts_and_regions_do_not_see_each_other(aws: Aws) -> None:
    aws("sqs").create_queue(QueueName="mine")
    with pytest.raises(ClientError, match="does not exist"):
        aws("sqs", region="eu-west-1").get_queue_url(QueueName="mine")
    with pytest.raises(ClientError, match="does not exist"):
        aws("sqs", account="999999999999").get_queue_url(QueueName="mine")


def test_queues_are_listed_by_prefix_and_in_pages(sqs: Any) -> None:
    for name in ("a1", "a2", "a3", "b1"):
        sqs.create_queue(QueueName=name)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="a", PaginationConfig={"PageSize": 2})
    assert [[url[-2:] for url in page["QueueUrls"]] for page in pages] == [["a1", "a2"], ["a3"]]


def test_tags_are_added_and_removed(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="tagged", tags={"a": "1"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"b": "2"})
    sqs.untag_queue(QueueUrl=url, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "2"}


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ({"Foo": "1"}, "InvalidAttributeName"),
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"DelaySeconds": "-1"}, "InvalidAttributeValue"),
        ({"ContentBasedDeduplication": "true"}, "InvalidAttributeName"),
        ({"RedrivePolicy": "{}"}, "InvalidAttributeValue"),
    ],
)
def test_an_attribute_that_cannot_be_is_refused(sqs: Any, attributes: dict[str, str], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        sqs.create_queue(QueueName="bad", Attributes=attributes)
    assert refused.value.response["Error"]["Code"] == code
    assert "QueueUrls" not in sqs.list_queues()


def test_permissions_become_the_queues_policy(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="shared")["QueueUrl"]
    sqs.add_permission(QueueUrl=url, Label="in", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert '"Action":"SQS:SendMessage"' in policy
    sqs.remove_permission(QueueUrl=url, Label="in")
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])


@pytest.mark.parametrize(
    ("policy", "allowed"),
    [
        ({"redrivePermission": "allowAll"}, True),
        ({"redrivePermission": "denyAll"}, False),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["jobs"]}, True),
        ({"redrivePermission": "byQueue", "sourceQueueArns": ["others"]}, False),
    ],
)
def test_a_dead_letter_queue_says_whose_it_is(sqs: Any, account: str, policy: dict[str, Any], allowed: bool) -> None:
    prefix = f"arn:aws:sqs:us-east-1:{account}:"
    if "sourceQueueArns" in policy:
        policy = policy | {"sourceQueueArns": [prefix + name for name in policy["sourceQueueArns"]]}
    sqs.create_queue(QueueName="dead", Attributes={"RedriveAllowPolicy": json.dumps(policy)})
    redrive = json.dumps({"deadLetterTargetArn": f"{prefix}dead", "maxReceiveCount": 3})
    with nullcontext() if allowed else pytest.raises(ClientError, match="RedriveAllowPolicy denies this source"):
        sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": redrive})


@pytest.mark.parametrize(
    "policy", [{}, {"redrivePermission": "some"}, {"redrivePermission": "byQueue", "sourceQueueArns": []}]
)
def test_a_bad_redrive_allow_policy_is_refused(sqs: Any, policy: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="for parameter RedriveAllowPolicy is invalid"):
        sqs.create_queue(QueueName="dead", Attributes={"RedriveAllowPolicy": json.dumps(policy)})


def test_a_queue_can_be_changed_after_its_dead_letter_queue_is_gone(sqs: Any, account: str) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    redrive = json.dumps({"deadLetterTargetArn": f"arn:aws:sqs:us-east-1:{account}:dead", "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="jobs", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    sqs.delete_queue(QueueUrl=dead)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"DelaySeconds": "1"})
