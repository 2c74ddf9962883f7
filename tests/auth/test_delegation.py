"""What services do on somebody's behalf: with a role, or in their own name by the policy of the resource."""

import json
import secrets
from typing import Any

import pytest

from tests.auth.conftest import ACCOUNT, Client, policy
from tests.patience import eventually


@pytest.fixture
def queue(root: Client) -> tuple[str, str]:
    """The URL and the ARN of a queue."""
    name = f"q-{secrets.token_hex(4)}"
    url = root("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def let_in(root: Client, queue: tuple[str, str], service: str, source: str) -> None:
    statement = {
        "Principal": {"Service": service},
        "Action": "sqs:SendMessage",
        "Resource": queue[1],
        "Condition": {"ArnLike": {"aws:SourceArn": source}},
    }
    root("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"Policy": policy(statement)})


def received(root: Client, queue: tuple[str, str]) -> list[str]:
    return [each["Body"] for each in root("sqs").receive_message(QueueUrl=queue[0]).get("Messages", ())]


def role_for(root: Client, service: str, *statements: dict[str, Any]) -> str:
    iam, name = root("iam"), f"role-{secrets.token_hex(4)}"
    trust = policy({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=policy(*statements))
    return arn


def test_a_topic_delivers_to_a_queue_whose_policy_lets_it(root: Client, queue: tuple[str, str]) -> None:
    sns = root("sns")
    topic = sns.create_topic(Name=f"t-{secrets.token_hex(4)}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue[1], Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=topic, Message="refused")
    let_in(root, queue, "sns.amazonaws.com", f"{topic}-other")
    sns.publish(TopicArn=topic, Message="refused, too")
    let_in(root, queue, "sns.amazonaws.com", topic)
    sns.publish(TopicArn=topic, Message="delivered")
    assert eventually(lambda: received(root, queue)) == ["delivered"]
    assert received(root, queue) == []


def test_a_rule_delivers_as_its_role_or_by_the_queues_policy(root: Client, queue: tuple[str, str]) -> None:
    events, name = root("events"), f"r-{secrets.token_hex(4)}"
    rule = events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))["RuleArn"]

    def put(detail: str) -> None:
        events.put_events(Entries=[{"Source": name, "DetailType": "x", "Detail": json.dumps({"is": detail})}])

    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is"}])
    put("refused")
    let_in(root, queue, "events.amazonaws.com", rule)
    put("by policy")
    assert eventually(lambda: received(root, queue)) == ['"by policy"']
    root("sqs").set_queue_attributes(QueueUrl=queue[0], Attributes={"Policy": ""})
    powerless = role_for(root, "events.amazonaws.com")
    events.put_targets(
        Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is", "RoleArn": powerless}]
    )
    put("refused")
    able = role_for(root, "events.amazonaws.com", {"Action": "sqs:SendMessage", "Resource": queue[1]})
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": queue[1], "InputPath": "$.detail.is", "RoleArn": able}])
    put("as role")
    assert eventually(lambda: received(root, queue)) == ['"as role"']
