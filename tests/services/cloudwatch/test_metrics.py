"""Metrics: put, read, and what services report about themselves."""

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

MINUTE_S = 60
QUEUE = [{"Name": "QueueName", "Value": "jobs"}]


@pytest.fixture
def cloudwatch(aws: Any) -> Any:
    return aws("cloudwatch")


@pytest.fixture
def now_s(clock: Any) -> int:
    """The start of an hour, so that a period's edges do not fall between two data."""
    return int(clock.now_ms() // 3_600_000 * 3600)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, tz=UTC)


def put(cloudwatch: Any, at_s: float, **datum: Any) -> None:
    data = [{"MetricName": "latency", "Timestamp": at(at_s), **datum}]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)


def statistics(cloudwatch: Any, now_s: float, **wanted: Any) -> list[dict[str, Any]]:
    asked = {
        "Namespace": "App",
        "MetricName": "latency",
        "StartTime": at(now_s - 3600),
        "EndTime": at(now_s + 3600),
        "Period": 60,
    }
    points: list[dict[str, Any]] = cloudwatch.get_metric_statistics(**(asked | wanted))["Datapoints"]
    return points


def query(name: str, stat: str, period: int = 60, **more: Any) -> dict[str, Any]:
    metric = {"Namespace": "App", "MetricName": "latency"}
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def test_values_become_statistics(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Value=1.0, Unit="Seconds")
    put(cloudwatch, now_s, Values=[2.0, 6.0], Counts=[2.0, 1.0], Unit="Seconds")
    names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    (point,) = statistics(cloudwatch, now_s, Statistics=names)
    assert [point[name] for name in names] == [4.0, 11.0, 2.75, 1.0, 6.0]
    assert (point["Unit"], point["Timestamp"]) == ("Seconds", at(now_s))


def test_percentiles_are_taken_from_every_sample(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Values=[float(value) for value in range(1, 101)])
    (point,) = statistics(cloudwatch, now_s, ExtendedStatistics=["p50", "p99", "p100"])
    assert point["ExtendedStatistics"] == {"p50": 50.0, "p99": 99.0, "p100": 100.0}


def test_a_period_gathers_its_minutes(cloudwatch: Any, now_s: int) -> None:
    for minute in range(10):
        put(cloudwatch, now_s + minute * MINUTE_S, Value=1.0)
    points = statistics(cloudwatch, now_s, Period=300, Statistics=["Sum"])
    assert [(point["Timestamp"], point["Sum"]) for point in points] == [(at(now_s), 5.0), (at(now_s + 300), 5.0)]


def test_statistic_values_count_without_percentiles(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, StatisticValues={"SampleCount": 3, "Sum": 12, "Minimum": 2, "Maximum": 7})
    put(cloudwatch, now_s, Value=10.0)
    names = ["SampleCount", "Sum", "Average", "Minimum", "Maximum"]
    (point,) = statistics(cloudwatch, now_s, Statistics=names, ExtendedStatistics=["p50"])
    assert [point[name] for name in names] == [4.0, 22.0, 5.5, 2.0, 10.0]
    assert "ExtendedStatistics" not in point


@pytest.mark.parametrize(
    ("datum", "message"),
    [
        ({"Value": 1, "Values": [1]}, "Value and MetricData.member.1.Values are mutually exclusive"),
        ({"Values": [1, 2], "Counts": [1]}, "must be of the same size"),
        (
            {"Value": 1, "StatisticValues": {"SampleCount": 1, "Sum": 1, "Minimum": 1, "Maximum": 1}},
            "Value and MetricData.member.1.StatisticValues are mutually exclusive",
        ),
    ],
)
def test_a_datum_is_given_in_one_way(cloudwatch: Any, datum: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError, match=rf"InvalidParameter(Combination|Value).*{message}"):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "latency", **datum}])


def test_a_value_that_is_no_number_is_refused(cloudwatch: Any) -> None:
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        cloudwatch.put_metric_data(Namespace="App", MetricData=[{"MetricName": "latency", "Value": float("nan")}])


def test_a_value_that_was_seen_no_time_leaves_nothing(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Values=[1.0], Counts=[0.0])
    assert statistics(cloudwatch, now_s, Statistics=["Average"]) == []


def test_too_many_datapoints_are_refused(cloudwatch: Any, now_s: int) -> None:
    with pytest.raises(ClientError, match="You have requested up to 1500 datapoints, which exceeds the limit of 1440"):
        statistics(cloudwatch, now_s, StartTime=at(now_s - 1500 * MINUTE_S), EndTime=at(now_s), Statistics=["Sum"])


def test_metrics_are_listed_by_dimension(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Value=1.0, Dimensions=[{"Name": "b", "Value": "2"}, {"Name": "a", "Value": "1"}])
    put(cloudwatch, now_s, Value=1.0)
    found = cloudwatch.list_metrics(Namespace="App", Dimensions=[{"Name": "a"}])["Metrics"]
    assert [metric["Dimensions"] for metric in found] == [[{"Name": "a", "Value": "1"}, {"Name": "b", "Value": "2"}]]
    assert len(cloudwatch.list_metrics(Namespace="App")["Metrics"]) == 2


def test_metric_data_answers_many_queries_newest_first(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Values=[1.0, 2.0, 9.0])
    put(cloudwatch, now_s + 60, Value=5.0)
    asked = [query("total", "Sum"), query("p", "p50", 300, Label="median"), query("hidden", "Sum", ReturnData=False)]
    span = {"StartTime": at(now_s), "EndTime": at(now_s + 600)}
    answer = cloudwatch.get_metric_data(MetricDataQueries=asked, **span)
    found = {row["Id"]: row for row in answer["MetricDataResults"]}
    assert sorted(found) == ["p", "total"]
    assert (found["total"]["Label"], found["total"]["Values"]) == ("latency", [5.0, 12.0])
    assert found["total"]["Timestamps"] == [at(now_s + 60), at(now_s)]
    assert (found["p"]["Label"], found["p"]["Values"], found["p"]["StatusCode"]) == ("median", [2.0], "Complete")


def test_metric_data_comes_in_pages(cloudwatch: Any, now_s: int) -> None:
    for minute in range(5):
        put(cloudwatch, now_s + minute * MINUTE_S, Value=float(minute))
    asked = {"StartTime": at(now_s), "EndTime": at(now_s + 600), "ScanBy": "TimestampAscending", "MaxDatapoints": 2}
    values: list[float] = []
    token: dict[str, str] = {}
    while True:
        page = cloudwatch.get_metric_data(MetricDataQueries=[query("a", "Sum")], **asked, **token)
        values += page["MetricDataResults"][0]["Values"]
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert values == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_an_expression_is_computed_from_metrics(cloudwatch: Any, now_s: int) -> None:
    put(cloudwatch, now_s, Values=[1.0, 3.0])
    put(cloudwatch, now_s + 60, Value=10.0)
    asked = [query("a", "Sum", ReturnData=False), {"Id": "b", "Expression": "a * 2", "Label": "double"}]
    answer = cloudwatch.get_metric_data(MetricDataQueries=asked, StartTime=at(now_s), EndTime=at(now_s + 120))
    (row,) = answer["MetricDataResults"]
    assert (row["Id"], row["Label"], row["Values"]) == ("b", "double", [20.0, 8.0])


def test_seconds_are_kept_apart_at_high_resolution(cloudwatch: Any, now_s: int) -> None:
    for second in (0, 1, 11):
        put(cloudwatch, now_s + second, Value=1.0, StorageResolution=1)
    by_ten = statistics(cloudwatch, now_s, EndTime=at(now_s + 60), StartTime=at(now_s), Period=10, Statistics=["Sum"])
    assert [(point["Timestamp"], point["Sum"]) for point in by_ten] == [(at(now_s), 2.0), (at(now_s + 10), 1.0)]
    (minute,) = statistics(cloudwatch, now_s, Statistics=["Sum"])
    assert minute["Sum"] == 3.0


def test_an_unknown_statistic_is_refused(cloudwatch: Any, now_s: int) -> None:
    span = {"StartTime": at(now_s), "EndTime": at(now_s + 60)}
    with pytest.raises(ClientError, match=r"ValidationError.*The value Median for parameter"):
        cloudwatch.get_metric_data(MetricDataQueries=[query("a", "Median")], **span)


def test_a_queue_reports_what_was_sent_to_it(aws: Any, cloudwatch: Any, clock: Any) -> None:
    sqs = aws("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    now_s = clock.now_ms() // 1000
    for _ in range(3):
        sqs.send_message(QueueUrl=url, MessageBody="x")
    points = statistics(
        cloudwatch,
        now_s,
        Namespace="AWS/SQS",
        MetricName="NumberOfMessagesSent",
        Dimensions=QUEUE,
        Period=3600,
        Statistics=["Sum"],
    )
    assert sum(point["Sum"] for point in points) == 3.0


def test_metrics_are_listed_in_pages(cloudwatch: Any, now_s: int) -> None:
    names = [f"m{number:04d}" for number in range(600)]
    data = [{"MetricName": name, "Value": 1.0, "Timestamp": at(now_s)} for name in names]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)
    first = cloudwatch.list_metrics(Namespace="App")
    rest = cloudwatch.list_metrics(Namespace="App", NextToken=first["NextToken"])
    assert [metric["MetricName"] for page in (first, rest) for metric in page["Metrics"]] == names
    assert (len(first["Metrics"]), "NextToken" in rest) == (500, False)
    with pytest.raises(ClientError, match="The value for parameter NextToken is invalid"):
        cloudwatch.list_metrics(NextToken="bm9uZQ==")
