"""Metric filters make datapoints of log events."""

from typing import Any

import pytest
from botocore.exceptions import ClientError


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


def put_filter(logs: Any, pattern: str, **transformation: Any) -> None:
    wanted = {"metricName": "m", "metricNamespace": "N", "metricValue": "1", **transformation}
    logs.put_metric_filter(logGroupName="/app", filterName="f", filterPattern=pattern, metricTransformations=[wanted])


def put_events(logs: Any, clock: Any, *messages: str) -> None:
    events = [{"timestamp": clock.now_ms(), "message": text} for text in messages]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)


def statistics(aws: Any, clock: Any, **dimensions: str) -> Any:
    now = clock.now_ms() / 1000
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="N",
        MetricName="m",
        StartTime=now - 3600,
        EndTime=now + 3600,
        Period=86_400,
        Statistics=["Sum", "SampleCount"],
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
    )["Datapoints"]
    return (sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points))


def test_matching_events_are_counted(aws: Any, logs: Any, clock: Any) -> None:
    put_filter(logs, "ERROR")
    put_events(logs, clock, "ERROR one", "fine", "ERROR two")
    assert statistics(aws, clock) == (2, 2)


def test_events_that_do_not_match_give_the_default_value(aws: Any, logs: Any, clock: Any) -> None:
    put_filter(logs, "ERROR", defaultValue=0.0)
    put_events(logs, clock, "ERROR one", "fine", "fine")
    assert statistics(aws, clock) == (1, 3)


def test_a_value_is_read_from_the_event_and_dimensions_too(aws: Any, logs: Any, clock: Any) -> None:
    put_filter(logs, "{ $.ms = * }", metricValue="$.ms", dimensions={"Path": "$.path"}, unit="Milliseconds")
    put_events(
        logs, clock, '{"ms": 12.5, "path": "/a"}', '{"ms": 30, "path": "/b"}', '{"ms": "x", "path": "/a"}', '{"ms": 1}'
    )
    assert statistics(aws, clock, Path="/a") == (12.5, 1)
    assert statistics(aws, clock, Path="/b") == (30, 1)


def test_a_filter_is_described_and_deleted(logs: Any) -> None:
    put_filter(logs, "[..., size]", metricValue="$size")
    (found,) = logs.describe_metric_filters(metricName="m", metricNamespace="N")["metricFilters"]
    assert (found["filterName"], found["logGroupName"], found["filterPattern"]) == ("f", "/app", "[..., size]")
    assert logs.describe_log_groups()["logGroups"][0]["metricFilterCount"] == 1
    logs.delete_metric_filter(logGroupName="/app", filterName="f")
    assert logs.describe_metric_filters(logGroupName="/app")["metricFilters"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        logs.delete_metric_filter(logGroupName="/app", filterName="f")


def test_a_pattern_is_tried_on_messages(logs: Any) -> None:
    answer = logs.test_metric_filter(filterPattern="[ip, ..., size]", logEventMessages=["1.2.3.4 - 200 15", "one"])
    assert answer["matches"] == [
        {
            "eventNumber": 1,
            "eventMessage": "1.2.3.4 - 200 15",
            "extractedValues": {"$ip": "1.2.3.4", "$2": "-", "$3": "200", "$size": "15"},
        }
    ]


@pytest.mark.parametrize(
    "transformation",
    [
        {"metricValue": "many"},
        {"defaultValue": 0.0, "dimensions": {"A": "$.a"}},
        {"dimensions": {"A": "$.a", "B": "$.b", "C": "$.c", "D": "$.d"}},
        {"dimensions": {"A": "constant"}},
    ],
)
def test_a_wrong_transformation_is_refused(logs: Any, transformation: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        put_filter(logs, "", **transformation)


def test_a_filter_sees_what_comes_after_it(aws: Any, logs: Any, clock: Any) -> None:
    put_events(logs, clock, "ERROR before", "ERROR too")
    put_filter(logs, "ERROR")
    put_events(logs, clock, "ERROR one")
    logs.delete_metric_filter(logGroupName="/app", filterName="f")
    put_events(logs, clock, "ERROR after")
    put_filter(logs, "ERROR")
    put_events(logs, clock, "ERROR two")
    assert statistics(aws, clock) == (2, 2)


def test_events_as_old_as_can_be_make_datapoints(aws: Any, logs: Any, clock: Any) -> None:
    put_filter(logs, "ERROR")
    oldest = clock.now_ms() - 14 * 86_400_000 + 5_000
    events = [{"timestamp": oldest + second * 1000, "message": "ERROR"} for second in range(90)]
    answer = logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)
    assert "rejectedLogEventsInfo" not in answer
    points = aws("cloudwatch").get_metric_statistics(
        Namespace="N",
        MetricName="m",
        StartTime=oldest / 1000 - 3600,
        EndTime=oldest / 1000 + 3600,
        Period=300,
        Statistics=["Sum"],
    )["Datapoints"]
    assert sum(point["Sum"] for point in points) == 90


@pytest.mark.parametrize(
    ("pattern", "value", "messages"),
    [
        ("{ $.ms > 5 }", "$.ms", (f'{{"ms": 1{"0" * 400}}}', f'{{"ms": "1{"0" * 400}"}}', '{"ms": 7}')),
        ("[kind, ms > 5]", "$ms", ("a 1e999", "a 7")),
    ],
)
def test_a_number_too_large_for_a_datapoint_makes_none(
    aws: Any, logs: Any, clock: Any, pattern: str, value: str, messages: tuple[str, ...]
) -> None:
    put_filter(logs, pattern, metricValue=value)
    put_events(logs, clock, *messages)
    assert statistics(aws, clock) == (7, 1)
    assert len(logs.filter_log_events(logGroupName="/app", filterPattern=pattern)["events"]) == len(messages)
