"""Links between accounts: what one shares, the other sees."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import LiveServer, MovableClock
from tests.patience import eventually

GROUP = "/shop/orders"


@pytest.fixture
def other(account: str) -> str:
    return str((int(account) + 500_000_000_000) % 1_000_000_000_000).zfill(12)


@pytest.fixture
def here(server: LiveServer, account: str) -> Any:
    return lambda service: server.client(service, account=account)


@pytest.fixture
def there(server: LiveServer, other: str) -> Any:
    return lambda service: server.client(service, account=other)


def policy(account: str, *types: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": account},
        "Action": ["oam:CreateLink", "oam:UpdateLink"],
        "Resource": "*",
        "Condition": {"ForAllValues:StringEquals": {"oam:ResourceTypes": list(types)}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


TYPES = ("AWS::CloudWatch::Metric", "AWS::Logs::LogGroup")


@pytest.fixture
def sink(here: Any, other: str) -> str:
    arn = here("oam").create_sink(Name="monitoring")["Arn"]
    here("oam").put_sink_policy(SinkIdentifier=arn, Policy=policy(other, *TYPES))
    return str(arn)


@pytest.fixture
def now(clock: MovableClock) -> datetime:
    """By the server's clock, which other tests may have moved."""
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC)


def written(logs: Any, group: str, message: str, now: datetime) -> None:
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    event = {"timestamp": int(now.timestamp() * 1000), "message": message}
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])


def rows(logs: Any, now: datetime, query: str, **groups: Any) -> list[dict[str, str]]:
    query_id = logs.start_query(
        queryString=query, startTime=int(now.timestamp()) - 600, endTime=int(now.timestamp()) + 600, **groups
    )["queryId"]
    eventually(lambda: logs.get_query_results(queryId=query_id)["status"] == "Complete")
    found = logs.get_query_results(queryId=query_id)["results"]
    return [{column["field"]: column["value"] for column in row} for row in found]


def test_one_query_reads_the_log_groups_of_both_accounts(
    here: Any, there: Any, account: str, other: str, sink: str, now: datetime
) -> None:
    written(here("logs"), GROUP, '{"id": 1, "from": "here"}', now)
    written(there("logs"), GROUP, '{"id": 1, "from": "there"}', now)
    arns = [f"arn:aws:logs:us-east-1:{each}:log-group:{GROUP}" for each in (account, other)]
    with pytest.raises(ClientError, match=f"does not exist for account ID '{other}'"):
        rows(here("logs"), now, "fields from", logGroupIdentifiers=arns)
    there("oam").create_link(LabelTemplate="$AccountName", ResourceTypes=list(TYPES), SinkIdentifier=sink)
    found = rows(here("logs"), now, "filter id = 1 | fields from, @log", logGroupIdentifiers=arns)
    assert sorted((row["from"], row["@log"]) for row in found) == [
        ("here", f"{account}:{GROUP}"),
        ("there", f"{other}:{GROUP}"),
    ]
    # The other direction stays closed.
    with pytest.raises(ClientError, match="ResourceNotFound"):
        rows(there("logs"), now, "fields from", logGroupIdentifiers=arns)
    events = here("logs").filter_log_events(logGroupIdentifier=arns[1])["events"]
    assert [json.loads(event["message"])["from"] for event in events] == ["there"]


def test_a_filter_says_which_log_groups_are_shared(here: Any, there: Any, other: str, sink: str) -> None:
    for name in ("aws/lambda/a", "aws/lambda/b", "private"):
        there("logs").create_log_group(logGroupName=name)
    there("oam").create_link(
        LabelTemplate="shop",
        ResourceTypes=["AWS::Logs::LogGroup"],
        SinkIdentifier=sink,
        LinkConfiguration={"LogGroupConfiguration": {"Filter": "LogGroupName LIKE 'aws/lambda/%'"}},
    )
    here("logs").create_log_group(logGroupName="own")
    pages = here("logs").get_paginator("describe_log_groups").paginate(includeLinkedAccounts=True, limit=1)
    names = [(group["arn"].split(":")[4] == other, group["logGroupName"]) for p in pages for group in p["logGroups"]]
    assert names == [(False, "own"), (True, "aws/lambda/a"), (True, "aws/lambda/b")]
    with pytest.raises(ClientError, match="does not exist"):
        here("logs").filter_log_events(logGroupIdentifier=f"arn:aws:logs:us-east-1:{other}:log-group:private")


def test_metrics_of_a_linked_account_are_listed_and_read(
    here: Any, there: Any, account: str, other: str, sink: str, now: datetime
) -> None:
    there("cloudwatch").put_metric_data(Namespace="Shop", MetricData=[{"MetricName": "Orders", "Value": 7}])
    there("cloudwatch").put_metric_data(Namespace="Private", MetricData=[{"MetricName": "Orders", "Value": 9}])
    here("cloudwatch").put_metric_data(Namespace="Own", MetricData=[{"MetricName": "Orders", "Value": 1}])

    def read(namespace: str) -> list[float]:
        stat = {"Metric": {"Namespace": namespace, "MetricName": "Orders"}, "Period": 60, "Stat": "Sum"}
        found = here("cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "m", "MetricStat": stat, "AccountId": other}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
        )
        values: list[float] = found["MetricDataResults"][0]["Values"]
        return values

    with pytest.raises(ClientError, match="does not share"):
        read("Shop")
    there("oam").create_link(
        LabelTemplate="shop",
        ResourceTypes=["AWS::CloudWatch::Metric"],
        SinkIdentifier=sink,
        LinkConfiguration={"MetricConfiguration": {"Filter": "Namespace NOT IN ('Private', 'AWS/Usage')"}},
    )
    assert read("Shop") == [7.0]
    with pytest.raises(ClientError, match="does not share"):
        read("Private")
    found = []
    for page in (
        here("cloudwatch").get_paginator("list_metrics").paginate(IncludeLinkedAccounts=True, MetricName="Orders")
    ):
        found += [
            (owner, metric["Namespace"]) for owner, metric in zip(page["OwningAccounts"], page["Metrics"], strict=True)
        ]
    assert found == [(account, "Own"), (other, "Shop")]


def test_nobody_links_without_the_sinks_leave(here: Any, there: Any, other: str) -> None:
    arn = here("oam").create_sink(Name="monitoring")["Arn"]
    link = {"LabelTemplate": "x", "ResourceTypes": ["AWS::Logs::LogGroup"], "SinkIdentifier": arn}
    with pytest.raises(ClientError, match="does not allow links"):
        there("oam").create_link(**link)
    here("oam").put_sink_policy(SinkIdentifier=arn, Policy=policy(other, "AWS::CloudWatch::Metric"))
    with pytest.raises(ClientError, match="does not allow links"):
        there("oam").create_link(**link)
    with pytest.raises(ClientError, match="another account"):
        here("oam").create_link(**link)


def test_a_sink_with_links_stays_and_a_deleted_link_shares_nothing(
    here: Any, there: Any, other: str, sink: str
) -> None:
    link = there("oam").create_link(LabelTemplate="$AccountName", ResourceTypes=list(TYPES), SinkIdentifier=sink)
    assert link["Label"] == other
    assert [each["LinkArn"] for each in here("oam").list_attached_links(SinkIdentifier=sink)["Items"]] == [link["Arn"]]
    with pytest.raises(ClientError, match="ConflictException"):
        here("oam").delete_sink(Identifier=sink)
    with pytest.raises(ClientError, match="ConflictException"):
        there("oam").create_link(LabelTemplate="y", ResourceTypes=list(TYPES), SinkIdentifier=sink)
    there("oam").delete_link(Identifier=link["Arn"])
    assert here("oam").list_attached_links(SinkIdentifier=sink)["Items"] == []
    here("oam").delete_sink(Identifier=sink)
    assert here("oam").list_sinks()["Items"] == []


@pytest.mark.parametrize(
    "text",
    ["LogGroupName", "LogGroupName LIKE", "Name = 'x'",
     "LogGroupName = 'a' OR LogGroupName = 'b' AND LogGroupName = 'c'",
     "LogGroupName IN 'a'", "LogGroupName = ('a')", "LogGroupName = 'a' LogGroupName = 'b'"],
)  # fmt: skip
def test_a_filter_that_is_none_is_refused(there: Any, sink: str, text: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        there("oam").create_link(
            LabelTemplate="x",
            ResourceTypes=list(TYPES),
            SinkIdentifier=sink,
            LinkConfiguration={"LogGroupConfiguration": {"Filter": text}},
        )


def test_stacks_of_two_accounts_make_a_sink_and_a_link(here: Any, there: Any, other: str) -> None:
    sink = {
        "Type": "AWS::Oam::Sink",
        "Properties": {"Name": "s", "Policy": json.loads(policy(other, *TYPES)), "Tags": {"a": "b"}},
    }
    here("cloudformation").create_stack(StackName="s", TemplateBody=json.dumps({"Resources": {"Sink": sink}}))
    here("cloudformation").get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    arn = here("oam").list_sinks()["Items"][0]["Arn"]
    properties = {"LabelTemplate": "shop", "ResourceTypes": ["AWS::Logs::LogGroup"], "SinkIdentifier": arn}
    template = {"Resources": {"Link": {"Type": "AWS::Oam::Link", "Properties": properties}}}
    there("cloudformation").create_stack(StackName="l", TemplateBody=json.dumps(template))
    there("cloudformation").get_waiter("stack_create_complete").wait(StackName="l", WaiterConfig={"Delay": 1})
    assert [link["Label"] for link in here("oam").list_attached_links(SinkIdentifier=arn)["Items"]] == ["shop"]
    there("cloudformation").delete_stack(StackName="l")
    there("cloudformation").get_waiter("stack_delete_complete").wait(StackName="l", WaiterConfig={"Delay": 1})
    assert here("oam").list_attached_links(SinkIdentifier=arn)["Items"] == []
