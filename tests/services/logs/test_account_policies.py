"""Policies that subscribe to, or transform, the events of all groups of an account."""

import base64
import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.queues import taken
from tests.services.logs.test_subscriptions import subscriber

__all__ = ["subscriber"]


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    for group in ("/app", "/loud"):
        client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName="one")
    return client


def put_events(logs: Any, clock: Any, group: str, *messages: str) -> None:
    events = [{"timestamp": clock.now_ms(), "message": text} for text in messages]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=events)


def put_subscription(logs: Any, arn: str, name: str = "all", **given: Any) -> Any:
    document = json.dumps({"DestinationArn": arn, "FilterPattern": "ERROR"})
    wanted = {"policyName": name, "policyType": "SUBSCRIPTION_FILTER_POLICY", "policyDocument": document}
    return logs.put_account_policy(**(wanted | given))["accountPolicy"]


def test_a_policy_subscribes_to_every_group_but_those_left_out(
    aws: Any, logs: Any, clock: Any, subscriber: str
) -> None:
    put_events(logs, clock, "/app", "ERROR before")
    put_subscription(logs, subscriber, selectionCriteria='LogGroupName NOT IN ["/loud", "/aws/lambda/sub"]')
    put_events(logs, clock, "/loud", "ERROR loud")
    put_events(logs, clock, "/app", "fine", "ERROR one")
    url = aws("sqs").get_queue_url(QueueName="seen")["QueueUrl"]
    (message,) = taken(aws("sqs"), url, 1)
    data = json.loads(message["Body"])["responsePayload"]["awslogs"]["data"]
    document = json.loads(gzip.decompress(base64.b64decode(data)))
    assert (document["logGroup"], document["subscriptionFilters"]) == ("/app", ["all"])
    assert [event["message"] for event in document["logEvents"]] == ["ERROR one"]


def test_a_policy_is_described_changed_and_deleted(logs: Any, account: str, subscriber: str) -> None:
    made = put_subscription(logs, subscriber)
    assert (made["accountId"], made["scope"], "selectionCriteria" in made) == (account, "ALL", False)
    changed = put_subscription(logs, subscriber, selectionCriteria='LogGroupName NOT IN ["/app"]')
    with pytest.raises(ClientError, match="LimitExceededException"):
        put_subscription(logs, subscriber, name="second")
    place = {"policyType": "SUBSCRIPTION_FILTER_POLICY"}
    assert logs.describe_account_policies(**place)["accountPolicies"] == [changed]
    assert logs.describe_account_policies(**place, policyName="other")["accountPolicies"] == []
    logs.delete_account_policy(**place, policyName="all")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_account_policy(**place, policyName="all")


def test_a_policy_transforms_the_groups_whose_names_begin_so(aws: Any, logs: Any, clock: Any) -> None:
    logs.put_account_policy(
        policyName="kv",
        policyType="TRANSFORMER_POLICY",
        policyDocument=json.dumps([{"parseKeyValue": {}}]),
        selectionCriteria='LogGroupNamePrefix = "/a"',
    )
    for group in ("/app", "/loud"):
        logs.put_metric_filter(
            logGroupName=group,
            filterName="f",
            filterPattern='{ $.level = "ERROR" }',
            metricTransformations=[{"metricName": group[1:], "metricNamespace": "N", "metricValue": "1"}],
            applyOnTransformedLogs=True,
        )
        put_events(logs, clock, group, "level=ERROR")
    assert [found["MetricName"] for found in aws("cloudwatch").list_metrics(Namespace="N")["Metrics"]] == ["app"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"policyDocument": "[]"}, "InvalidParameterException"),
        ({"policyDocument": '{"DestinationArn": "none"}'}, "InvalidParameterException"),
        ({"selectionCriteria": "LogGroupName IN [1]"}, "InvalidParameterException"),
        ({"selectionCriteria": 'LogGroupNamePrefix = "/a"'}, "InvalidParameterException"),
        ({"policyType": "DATA_PROTECTION_POLICY"}, "NotImplemented.*DATA_PROTECTION_POLICY"),
    ],
)
def test_what_is_no_policy_is_refused(logs: Any, subscriber: str, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        put_subscription(logs, subscriber, **given)
