"""Events in the embedded metric format make datapoints."""

import json
from typing import Any

import pytest

from tests.patience import eventually
from tests.services.lambda_.test_invocation import create

# What Metrics of Powertools for AWS Lambda prints when a handler ends: values in lists, several dimension sets.
POWERTOOLS: dict[str, Any] = {
    "service": "booking",
    "environment": "prod",
    "booking_id": "a7",
    "SuccessfulBooking": [1.0, 1.0],
    "Latency": [12.5, 40.0, 12.5],
}
DIRECTIVE: dict[str, Any] = {
    "Namespace": "Airline",
    "Dimensions": [["service"], ["service", "environment"]],
    "Metrics": [
        {"Name": "SuccessfulBooking", "Unit": "Count"},
        {"Name": "Latency", "Unit": "Milliseconds", "StorageResolution": 1},
    ],
}


@pytest.fixture
def logs(aws: Any) -> Any:
    client = aws("logs")
    client.create_log_group(logGroupName="/app")
    client.create_log_stream(logGroupName="/app", logStreamName="one")
    return client


def document(clock: Any, directive: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    metadata = {"Timestamp": clock.now_ms(), "CloudWatchMetrics": [directive or DIRECTIVE]}
    return {"_aws": metadata, **POWERTOOLS, **members}


def put(logs: Any, clock: Any, *messages: str) -> None:
    events = [{"timestamp": clock.now_ms(), "message": text} for text in messages]
    logs.put_log_events(logGroupName="/app", logStreamName="one", logEvents=events)


def total(aws: Any, clock: Any, namespace: str, name: str, period: int = 60, **dimensions: str) -> tuple[float, float]:
    now = clock.now_ms() / 1000
    points = aws("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        StartTime=now - 120,
        EndTime=now + 120,
        Period=period,
        Statistics=["Sum", "SampleCount"],
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)


def failures(aws: Any, clock: Any) -> tuple[float, float]:
    """Parsing errors, validation errors."""
    found = [
        total(aws, clock, "AWS/Logs", f"EMF{kind}Errors", LogGroupName="/app") for kind in ("Parsing", "Validation")
    ]
    return found[0][0], found[1][0]


def test_each_value_is_kept_under_each_dimension_set(aws: Any, logs: Any, clock: Any) -> None:
    put(logs, clock, "a line", json.dumps(document(clock)), json.dumps(document(clock, Latency=7)))
    for dimensions in ({"service": "booking"}, {"service": "booking", "environment": "prod"}):
        assert total(aws, clock, "Airline", "SuccessfulBooking", **dimensions) == (4, 4)
        assert total(aws, clock, "Airline", "Latency", 1, **dimensions) == (72, 4)
    assert len(aws("cloudwatch").list_metrics(Namespace="Airline")["Metrics"]) == 4
    assert failures(aws, clock) == (0, 0)


def test_the_datapoint_has_the_time_that_the_document_says(aws: Any, logs: Any, clock: Any) -> None:
    earlier = clock.now_ms() // 60_000 * 60_000 - 3_600_000
    told = document(clock)
    told["_aws"]["Timestamp"] = earlier
    put(logs, clock, json.dumps(told))
    (point,) = aws("cloudwatch").get_metric_statistics(
        Namespace="Airline",
        MetricName="Latency",
        StartTime=earlier / 1000,
        EndTime=earlier / 1000 + 60,
        Period=60,
        Statistics=["Maximum"],
        Unit="Milliseconds",
        Dimensions=[{"Name": "service", "Value": "booking"}],
    )["Datapoints"]
    assert (point["Timestamp"].timestamp() * 1000, point["Maximum"]) == (earlier, 40)


def test_a_metric_may_have_no_dimensions(aws: Any, logs: Any, clock: Any) -> None:
    put(logs, clock, json.dumps(document(clock, DIRECTIVE | {"Dimensions": [[]]})))
    assert total(aws, clock, "Airline", "Latency") == (65, 3)


@pytest.mark.parametrize(
    ("directive", "members", "errors"),
    [
        ({"Namespace": 7}, {}, (1, 0)),
        ({"Metrics": {"Name": "Latency"}}, {}, (1, 0)),
        ({"Dimensions": [["missing"]]}, {}, (0, 1)),
        ({"Dimensions": []}, {}, (0, 1)),
        ({"Dimensions": [["service"]]}, {"service": 7}, (0, 1)),
        ({"Dimensions": [[f"d{number}" for number in range(31)]]}, {f"d{n}": "x" for n in range(31)}, (0, 1)),
        ({"Namespace": "AWS/Airline"}, {}, (0, 1)),
        ({"Metrics": [{"Name": f"m{number}"} for number in range(101)]}, {f"m{n}": 1 for n in range(101)}, (0, 1)),
        ({"Metrics": [{"Name": "Latency", "Unit": "Parsecs"}]}, {}, (0, 1)),
        ({"Metrics": [{"Name": "Latency", "StorageResolution": 5}]}, {}, (0, 1)),
        ({"Metrics": [{"Name": "Latency"}]}, {"Latency": list(range(101))}, (0, 1)),
        ({"Metrics": [{"Name": "Latency"}]}, {"Latency": "12"}, (0, 1)),
    ],
)
def test_what_breaks_the_format_makes_no_datapoint_and_is_counted(
    aws: Any, logs: Any, clock: Any, directive: dict[str, Any], members: dict[str, Any], errors: tuple[int, int]
) -> None:
    put(logs, clock, json.dumps(document(clock, DIRECTIVE | directive, **members)))
    assert aws("cloudwatch").list_metrics(Namespace="Airline")["Metrics"] == []
    assert failures(aws, clock) == errors
    assert len(logs.filter_log_events(logGroupName="/app")["events"]) == 1


def test_one_wrong_metric_leaves_the_others(aws: Any, logs: Any, clock: Any) -> None:
    put(logs, clock, json.dumps(document(clock, SuccessfulBooking=True)))
    assert total(aws, clock, "Airline", "Latency", service="booking") == (65, 3)
    assert failures(aws, clock) == (0, 1)


@pytest.mark.parametrize(
    ("message", "errors"),
    [
        ('{"_aws": {"request": "7"}, "Latency": 3}', (0, 0)),
        ('see "_aws" in the manual', (0, 0)),
        ('{"_aws": {"CloudWatchMetrics": [', (1, 0)),
    ],
)
def test_what_only_looks_like_the_format_is_a_line(
    aws: Any, logs: Any, clock: Any, message: str, errors: tuple[int, int]
) -> None:
    put(logs, clock, message)
    assert failures(aws, clock) == errors


def test_what_a_function_prints_makes_metrics(aws: Any, clock: Any) -> None:
    told = json.dumps(document(clock))
    create(
        aws("lambda"),
        "booking",
        f"import logging\nTOLD = {told!r}\n\n"
        "def handler(event, context):\n"
        "    print(TOLD)\n"
        "    logging.getLogger().warning(TOLD)\n",
    )
    aws("lambda").invoke(FunctionName="booking")
    eventually(lambda: total(aws, clock, "Airline", "SuccessfulBooking", service="booking") == (4, 4))
    events = aws("logs").filter_log_events(logGroupName="/aws/lambda/booking", filterPattern='"_aws"')["events"]
    assert [event["message"][0] for event in events] == ["{", "["]


def test_a_request_that_promises_the_format_is_held_to_it(aws: Any, logs: Any, clock: Any) -> None:
    logs.meta.events.register(
        "before-send.logs.PutLogEvents",
        lambda request, **_: request.headers.__setitem__("x-amzn-logs-format", "json/emf"),
    )
    put(logs, clock, "a line", json.dumps(document(clock)))
    assert failures(aws, clock) == (1, 0)
    assert total(aws, clock, "Airline", "Latency", service="booking") == (65, 3)
