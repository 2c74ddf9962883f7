"""Alarms on the clock, their actions and their history; dashboards."""

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.patience import eventually
from tests.queues import taken
from tests.services.lambda_.test_invocation import create


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    return aws("cloudwatch")


def put_alarm(cloudwatch: Any, name: str = "high", **changes: Any) -> None:
    wanted = {
        "AlarmName": name,
        "Namespace": "App",
        "MetricName": "errors",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 2.0,
        "ComparisonOperator": "GreaterThanThreshold",
        **changes,
    }
    cloudwatch.put_metric_alarm(**{name: value for name, value in wanted.items() if value is not None})


def put(cloudwatch: Any, value: float) -> None:
    cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "errors", "Value": value}])


def alarm(cloudwatch: Any, name: str = "high") -> Any:
    return cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]


def becomes(cloudwatch: Any, state: str, name: str = "high") -> None:
    eventually(lambda: alarm(cloudwatch, name)["StateValue"] == state)


def test_an_alarm_follows_its_metric(cloudwatch: Any, clock: Any) -> None:
    put_alarm(cloudwatch)
    assert alarm(cloudwatch)["StateValue"] == "INSUFFICIENT_DATA"
    put(cloudwatch, 5.0)
    clock.advance(s=61)
    becomes(cloudwatch, "ALARM")
    assert "[5.0 (" in alarm(cloudwatch)["StateReason"]
    put(cloudwatch, 1.0)
    clock.advance(s=61)
    becomes(cloudwatch, "OK")
    clock.advance(s=600)
    becomes(cloudwatch, "INSUFFICIENT_DATA")


@pytest.mark.parametrize("second", [2, 31, 52])
def test_an_alarm_on_seconds_sees_a_metric_of_minutes(cloudwatch: Any, clock: Any, second: int) -> None:
    put_alarm(cloudwatch, Period=10, TreatMissingData="ignore")
    clock.advance(s=60 - clock.now_ms() / 1000 % 60 + second)
    put(cloudwatch, 5.0)
    clock.advance(s=10)
    becomes(cloudwatch, "ALARM")


def test_an_alarm_watches_an_expression(cloudwatch: Any, clock: Any) -> None:
    stat = {"Metric": {"Namespace": "App", "MetricName": "errors"}, "Period": 60, "Stat": "Sum"}
    single = dict.fromkeys(("Namespace", "MetricName", "Statistic", "Period"))
    metrics = [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "e1", "Expression": "m1 * 10", "ReturnData": True},
    ]
    put_alarm(cloudwatch, Threshold=15.0, Metrics=metrics, **single)
    put(cloudwatch, 2.0)
    clock.advance(s=61)
    becomes(cloudwatch, "ALARM")


def test_a_topic_is_told(aws: Any, cloudwatch: Any, clock: Any) -> None:
    topic = aws("sns").create_topic(Name="alarms")["TopicArn"]
    url = aws("sqs").create_queue(QueueName="seen")["QueueUrl"]
    queue = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    put_alarm(cloudwatch, AlarmActions=[topic])
    put(cloudwatch, 5.0)
    clock.advance(s=61)
    (received,) = taken(aws("sqs"), url, 1)
    envelope = json.loads(received["Body"])
    message = json.loads(envelope["Message"])
    assert envelope["Subject"] == 'ALARM: "high" in US East (N. Virginia)'
    assert (message["NewStateValue"], message["OldStateValue"]) == ("ALARM", "INSUFFICIENT_DATA")
    assert (message["Trigger"]["MetricName"], message["Trigger"]["Statistic"]) == ("errors", "SUM")
    kinds = [item["HistoryItemType"] for item in cloudwatch.describe_alarm_history()["AlarmHistoryItems"]]
    assert sorted(kinds) == ["Action", "ConfigurationUpdate", "StateUpdate"]


def test_a_function_is_told_when_a_state_is_set(aws: Any, cloudwatch: Any) -> None:
    source = "def handler(event, context):\n    print('told of', event['alarmData']['state']['value'])\n"
    arn = create(aws("lambda"), "told", source)["FunctionArn"]
    put_alarm(cloudwatch, OKActions=[arn])
    cloudwatch.set_alarm_state(AlarmName="high", StateValue="OK", StateReason="tried by hand")
    logs = aws("logs")

    def told() -> Any:
        groups = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/told")["logGroups"]
        return (
            groups and logs.filter_log_events(logGroupName="/aws/lambda/told", filterPattern='"told of OK"')["events"]
        )

    assert eventually(told)


def test_a_state_that_is_set_by_hand_is_there_for_some_seconds(cloudwatch: Any, clock: Any) -> None:
    put_alarm(cloudwatch, "evaluated")
    put_alarm(cloudwatch, "held", MetricName="none")
    put(cloudwatch, 5.0)
    clock.advance(s=59 - clock.now_ms() / 1000 % 60)
    cloudwatch.set_alarm_state(AlarmName="held", StateValue="OK", StateReason="by hand")
    clock.advance(s=1.5)
    becomes(cloudwatch, "ALARM", "evaluated")
    clock.advance(s=60)
    becomes(cloudwatch, "INSUFFICIENT_DATA", "held")
    history = cloudwatch.describe_alarm_history(AlarmName="held", HistoryItemType="StateUpdate")["AlarmHistoryItems"]
    back, by_hand = (item["Timestamp"] for item in history)
    assert back - by_hand > timedelta(seconds=5)


def test_actions_can_be_switched_off(cloudwatch: Any) -> None:
    put_alarm(cloudwatch)
    cloudwatch.disable_alarm_actions(AlarmNames=["high"])
    assert alarm(cloudwatch)["ActionsEnabled"] is False
    cloudwatch.enable_alarm_actions(AlarmNames=["high"])
    assert alarm(cloudwatch)["ActionsEnabled"] is True


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"DatapointsToAlarm": 2}, "DatapointsToAlarm must be less than or equal to EvaluationPeriods"),
        ({"TreatMissingData": "never"}, "The value never is not supported for TreatMissingData"),
        ({"Period": 7}, "Period must be"),
        ({"EvaluationPeriods": 2000}, "more than a day"),
        ({"AlarmActions": ["no arn"]}, "Invalid arn syntax: no arn"),
        ({"AlarmActions": ["arn:aws:automate:us-east-1:ec2:stop"]}, "NotImplemented"),
        ({"Statistic": None, "ExtendedStatistic": "p500"}, "p500"),
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "NotImplemented"),
    ],
)
def test_an_alarm_that_cannot_be_is_refused(cloudwatch: Any, changes: Any, sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        put_alarm(cloudwatch, **changes)


def test_alarms_are_found_by_metric_and_state_and_deleted(cloudwatch: Any) -> None:
    put_alarm(cloudwatch, "one")
    put_alarm(cloudwatch, "two", MetricName="other")
    found = cloudwatch.describe_alarms_for_metric(MetricName="errors", Namespace="App")["MetricAlarms"]
    assert [row["AlarmName"] for row in found] == ["one"]
    assert cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"] == []
    cloudwatch.delete_alarms(AlarmNames=["one", "none"])
    assert [row["AlarmName"] for row in cloudwatch.describe_alarms()["MetricAlarms"]] == ["two"]


def test_a_dashboard_is_kept_and_listed(cloudwatch: Any) -> None:
    body = json.dumps({"widgets": []})
    cloudwatch.put_dashboard(DashboardName="main", DashboardBody=body)
    assert cloudwatch.get_dashboard(DashboardName="main")["DashboardBody"] == body
    (row,) = cloudwatch.list_dashboards(DashboardNamePrefix="ma")["DashboardEntries"]
    assert row["Size"] == len(body)
    cloudwatch.delete_dashboards(DashboardNames=["main"])
    with pytest.raises(ClientError, match="Dashboard main does not exist"):
        cloudwatch.get_dashboard(DashboardName="main")
    with pytest.raises(ClientError, match="must be a valid JSON object"):
        cloudwatch.put_dashboard(DashboardName="main", DashboardBody="[]")


def test_a_bus_hears_of_every_change_of_state(aws: Any, cloudwatch: Any) -> None:
    url = aws("sqs").create_queue(QueueName="seen")["QueueUrl"]
    queue = aws("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.cloudwatch"], "detail": {"state": {"value": ["ALARM"]}}}
    aws("events").put_rule(Name="alarms", EventPattern=json.dumps(pattern))
    aws("events").put_targets(Rule="alarms", Targets=[{"Id": "1", "Arn": queue}])
    put_alarm(cloudwatch, Dimensions=[{"Name": "Host", "Value": "a"}])
    cloudwatch.set_alarm_state(AlarmName="high", StateValue="ALARM", StateReason="by hand")
    (received,) = taken(aws("sqs"), url, 1)
    event = json.loads(received["Body"])
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    assert event["resources"] == [alarm(cloudwatch)["AlarmArn"]]
    detail = event["detail"]
    assert (detail["alarmName"], detail["previousState"]["value"]) == ("high", "INSUFFICIENT_DATA")
    assert (detail["state"]["value"], detail["state"]["reason"]) == ("ALARM", "by hand")
    (metric,) = detail["configuration"]["metrics"]
    assert metric["metricStat"]["metric"] == {"namespace": "App", "name": "errors", "dimensions": {"Host": "a"}}


def test_a_percentile_of_too_few_samples_changes_nothing_where_it_is_to_be_ignored(cloudwatch: Any, clock: Any) -> None:
    for name, choice in (("heeds", "evaluate"), ("ignores", "ignore")):
        put_alarm(
            cloudwatch, name, Statistic=None, ExtendedStatistic="p90", EvaluateLowSampleCountPercentile=choice
        )  # fmt: skip
    clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
    put(cloudwatch, 5.0)
    clock.advance(s=60)
    becomes(cloudwatch, "ALARM", "heeds")
    assert alarm(cloudwatch, "ignores")["StateValue"] == "INSUFFICIENT_DATA"
    assert alarm(cloudwatch, "ignores")["EvaluateLowSampleCountPercentile"] == "ignore"
    datum = {"MetricName": "errors", "Values": [5.0], "Counts": [100.0]}
    cloudwatch.put_metric_data(Namespace="App", MetricData=[datum])
    clock.advance(s=60)
    becomes(cloudwatch, "ALARM", "ignores")
    with pytest.raises(ClientError, match="Option never is not supported"):
        put_alarm(cloudwatch, EvaluateLowSampleCountPercentile="never")
