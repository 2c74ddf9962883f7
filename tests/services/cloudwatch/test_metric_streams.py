"""Metric streams: kept, started, stopped, and what comes of them in Firehose's bucket."""

import json
import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.cloudformation.test_stacks import create
from tests.services.firehose.conftest import make_role

Lines = Callable[[int], list[dict[str, Any]]]


@pytest.fixture
def cloudwatch(aws: Aws) -> Any:
    return aws("cloudwatch")


@pytest.fixture
def bucket(aws: Aws, account: str) -> str:
    name = f"metrics-{account}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def target(aws: Aws, bucket: str, clock: MovableClock) -> dict[str, str]:
    """A Firehose stream that delivers each minute, as a metric stream names it."""
    role = make_role(aws)
    arn = aws("firehose").create_delivery_stream(
        DeliveryStreamName="metrics",
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": f"arn:aws:s3:::{bucket}",
            "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 1},
        },
    )["DeliveryStreamARN"]
    clock.advance(s=1)
    return {"FirehoseArn": arn, "RoleArn": role}


@pytest.fixture
def delivered(aws: Aws, bucket: str, clock: MovableClock) -> Callable[[], bytes]:
    """What is in the bucket."""
    s3 = aws("s3")

    def read() -> bytes:
        found = s3.list_objects_v2(Bucket=bucket).get("Contents", ())
        return b"".join(s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in found)

    return read


@pytest.fixture
def lines(delivered: Callable[[], bytes], clock: MovableClock) -> Lines:
    """The JSON that is delivered, once it is so many lines; the minutes pass meanwhile."""

    def wait(count: int) -> list[dict[str, Any]]:
        def there() -> bool:
            clock.advance(s=61)
            return len(delivered().splitlines()) >= count

        assert eventually(there)
        found = [json.loads(line) for line in delivered().splitlines()]
        return sorted(found, key=lambda one: (one["timestamp"], one["metric_name"]))

    return wait


def minute_s(clock: MovableClock) -> int:
    """The start of the minute that has just begun."""
    clock.advance(s=60 - clock.now_ms() / 1000 % 60 + 1)
    return int(clock.now_ms() // 60_000 * 60)


def put(cloudwatch: Any, name: str, *values: float, at_s: float, namespace: str = "App") -> None:
    datum = {
        "MetricName": name,
        "Values": list(values),
        "Unit": "Milliseconds",
        "Timestamp": datetime.fromtimestamp(at_s, UTC),
        "Dimensions": [{"Name": "Host", "Value": "a"}],
    }
    cloudwatch.put_metric_data(Namespace=namespace, MetricData=[datum])


APP = [{"Namespace": "App"}]


def test_each_minute_of_the_metrics_that_are_wanted_is_delivered_with_its_statistics(
    cloudwatch: Any, target: dict[str, str], lines: Lines, account: str, clock: MovableClock
) -> None:
    more = {
        "IncludeMetrics": [{"Namespace": "App", "MetricName": "latency"}],
        "AdditionalStatistics": ["p50", "p99.9", "TM(25%:75%)"],
    }
    cloudwatch.put_metric_stream(
        Name="all", OutputFormat="json", IncludeFilters=APP, StatisticsConfigurations=[more], **target
    )
    at_s = minute_s(clock)
    put(cloudwatch, "latency", *[float(value) for value in range(1, 101)], at_s=at_s)
    put(cloudwatch, "errors", 2.0, at_s=at_s)
    put(cloudwatch, "other", 2.0, at_s=at_s, namespace="Other")
    errors, latency = lines(2)
    assert latency == {
        "metric_stream_name": "all",
        "account_id": account,
        "region": "us-east-1",
        "namespace": "App",
        "metric_name": "latency",
        "dimensions": {"Host": "a"},
        "timestamp": at_s * 1000,
        "value": {
            "max": 100.0, "min": 1.0, "sum": 5050.0, "count": 100.0, "p50": 50.0, "p99.9": 100.0, "TM(25%:75%)": 50.5,
        },
        "unit": "Milliseconds",
    }  # fmt: skip
    assert (errors["metric_name"], errors["value"]) == ("errors", {"max": 2.0, "min": 2.0, "sum": 2.0, "count": 1.0})
    put(cloudwatch, "errors", 3.0, at_s=at_s)
    assert lines(3)[1]["value"] == {"max": 3.0, "min": 2.0, "sum": 5.0, "count": 2.0}, "what came late is sent whole"
    told = cloudwatch.get_metric_statistics(
        Namespace="AWS/CloudWatch/MetricStreams", MetricName="TotalMetricUpdate", Statistics=["Sum"], Period=86_400,
        Dimensions=[{"Name": "MetricStreamName", "Value": "all"}],
        StartTime=datetime.fromtimestamp(at_s - 86_400, UTC), EndTime=datetime.fromtimestamp(at_s + 86_400, UTC),
    )["Datapoints"]  # fmt: skip
    assert sum(point["Sum"] for point in told) == 4.0, "three updates, and one for additional statistics"


def test_every_one_of_many_metrics_is_sent_once_and_so_it_is_after_a_long_time(
    cloudwatch: Any, target: dict[str, str], lines: Lines, clock: MovableClock
) -> None:
    cloudwatch.put_metric_stream(Name="all", OutputFormat="json", IncludeFilters=APP, **target)
    names = [f"m{number:03d}" for number in range(450)]
    for _ in range(2):
        at_s = minute_s(clock)
        data = [{"MetricName": name, "Value": 1.0, "Timestamp": datetime.fromtimestamp(at_s, UTC)} for name in names]
        cloudwatch.put_metric_data(Namespace="App", MetricData=data)
        clock.advance(s=3 * 86_400)
    assert [one["metric_name"] for one in lines(900)] == names + names


def test_a_stopped_stream_sends_nothing_and_a_started_one_what_comes_from_then_on(
    cloudwatch: Any, target: dict[str, str], lines: Lines, clock: MovableClock
) -> None:
    cloudwatch.put_metric_stream(Name="all", OutputFormat="json", IncludeFilters=APP, **target)
    cloudwatch.stop_metric_streams(Names=["all"])
    assert cloudwatch.get_metric_stream(Name="all")["State"] == "stopped"
    put(cloudwatch, "before", 1.0, at_s=minute_s(clock))
    clock.advance(s=300)
    cloudwatch.start_metric_streams(Names=["all"])
    put(cloudwatch, "after", 1.0, at_s=minute_s(clock))
    assert [one["metric_name"] for one in lines(1)] == ["after"]


def test_what_firehose_does_not_take_is_sent_later(
    aws: Aws, cloudwatch: Any, target: dict[str, str], bucket: str, lines: Lines, clock: MovableClock
) -> None:
    cloudwatch.put_metric_stream(Name="all", OutputFormat="json", IncludeFilters=APP, **target)
    firehose = aws("firehose")
    firehose.delete_delivery_stream(DeliveryStreamName="metrics")
    for number in range(3):
        put(cloudwatch, f"m{number}", 1.0, at_s=minute_s(clock))
    clock.advance(s=600)
    hints = {"IntervalInSeconds": 60, "SizeInMBs": 1}
    destination = {"RoleARN": target["RoleArn"], "BucketARN": f"arn:aws:s3:::{bucket}", "BufferingHints": hints}

    def made() -> bool:
        clock.advance(s=10)
        try:
            firehose.create_delivery_stream(
                DeliveryStreamName="metrics", ExtendedS3DestinationConfiguration=destination
            )
        except firehose.exceptions.ResourceInUseException:
            return False
        return True

    assert eventually(made)
    assert [one["metric_name"] for one in lines(3)] == ["m0", "m1", "m2"]


Field = tuple[int, Any]


def fields(data: bytes) -> list[Field]:
    """The fields of a message, each as its number and value."""
    found, at = [], 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 1:
            found.append((tag >> 3, data[at : at + 8]))
            at += 8
        else:
            assert tag & 7 == 2, "no other wire type is used"
            size, at = varint(data, at)
            found.append((tag >> 3, data[at : at + size]))
            at += size
    return found


def varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        number |= (data[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return number, at


def inner(data: bytes, *path: int) -> list[bytes]:
    """What is at the end of the path of fields."""
    found = [data]
    for number in path:
        found = [value for one in found for field, value in fields(one) if field == number]
    return found


def pair(data: bytes) -> tuple[str, str]:
    """A StringKeyValue."""
    key, value = (value.decode() for _, value in fields(data))
    return key, value


def attribute(data: bytes) -> tuple[str, Any]:
    """A KeyValue with a text or a list of them."""
    (_, name), (_, value) = fields(data)
    ((kind, content),) = fields(value)
    if kind == 6:
        return name.decode(), dict(attribute(one) for one in inner(content, 1))
    return name.decode(), content.decode()


@pytest.mark.parametrize(
    ("output", "labels"),
    [
        ("opentelemetry0.7", {"Namespace": "App", "MetricName": "latency", "Host": "a"}),
        ("opentelemetry1.0", {"Namespace": "App", "MetricName": "latency", "Dimensions": {"Host": "a"}}),
    ],
)
def test_opentelemetry_has_summaries_with_extremes_and_percentiles(
    cloudwatch: Any,
    target: dict[str, str],
    delivered: Callable[[], bytes],
    account: str,
    clock: MovableClock,
    output: str,
    labels: dict[str, Any],
) -> None:
    more = {
        "IncludeMetrics": [{"Namespace": "App", "MetricName": "latency"}],
        "AdditionalStatistics": ["p90"],
    }
    cloudwatch.put_metric_stream(
        Name="otel", OutputFormat=output, IncludeFilters=APP, StatisticsConfigurations=[more], **target
    )
    at_s = minute_s(clock)
    put(cloudwatch, "latency", *[float(value) for value in range(1, 11)], at_s=at_s)

    def there() -> bool:
        clock.advance(s=61)
        return bool(delivered())

    assert eventually(there)
    data = delivered()
    size, at = varint(data, 0)
    assert len(data) == at + size, "a message with its length before it"
    request = data[at:]
    assert dict(attribute(one) for one in inner(request, 1, 1, 1)) == {
        "cloud.provider": "aws",
        "cloud.account.id": account,
        "cloud.region": "us-east-1",
        "aws.exporter.arn": f"arn:aws:cloudwatch:us-east-1:{account}:metric-stream/otel",
    }
    (metric,) = inner(request, 1, 2, 2)
    assert (inner(metric, 1), inner(metric, 3)) == ([b"amazonaws.com/App/latency"], [b"ms"])
    (point,) = inner(metric, 11, 1)
    given = dict(pair(one) for one in inner(point, 1)) if output.endswith("0.7") else None
    assert (given or dict(attribute(one) for one in inner(point, 7))) == labels
    starts, ends, count = (struct.unpack("<Q", inner(point, number)[0])[0] for number in (2, 3, 4))
    assert (starts, ends, count) == (at_s * 10**9, (at_s + 60) * 10**9, 10)
    assert struct.unpack("<d", inner(point, 5)[0]) == (55.0,)
    quantiles = [tuple(struct.unpack("<d", value)[0] for _, value in fields(one)) for one in inner(point, 6)]
    assert quantiles == [(0.0, 1.0), (0.9, 9.0), (1.0, 10.0)]


def test_streams_are_described_listed_tagged_and_deleted(aws: Aws, cloudwatch: Any, target: dict[str, str]) -> None:
    arn = cloudwatch.put_metric_stream(
        Name="b", OutputFormat="json", ExcludeFilters=APP, Tags=[{"Key": "a", "Value": "1"}], **target
    )["Arn"]
    cloudwatch.put_metric_stream(Name="a", OutputFormat="opentelemetry1.0", **target)
    described = cloudwatch.get_metric_stream(Name="b")
    assert described["Arn"] == arn
    assert (described["ExcludeFilters"], described["OutputFormat"], described["State"]) == (APP, "json", "running")
    assert {name: described[name] for name in target} == target
    first = cloudwatch.list_metric_streams(MaxResults=1)
    rest = cloudwatch.list_metric_streams(NextToken=first["NextToken"])
    assert [entry["Name"] for page in (first, rest) for entry in page["Entries"]] == ["a", "b"]
    cloudwatch.put_metric_stream(
        Name="b", OutputFormat="json", Tags=[{"Key": "b", "Value": "2"}], **target
    )  # Tags are for new streams.
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "1"}]
    found = aws("resourcegroupstaggingapi").get_resources(ResourceTypeFilters=["cloudwatch:metric-stream"])
    assert arn in [row["ResourceARN"] for row in found["ResourceTagMappingList"]]
    cloudwatch.delete_metric_stream(Name="b")
    with pytest.raises(cloudwatch.exceptions.ResourceNotFoundException):
        cloudwatch.get_metric_stream(Name="b")
    with pytest.raises(cloudwatch.exceptions.ResourceNotFoundException):
        cloudwatch.start_metric_streams(Names=["b"])


def statistic(name: str) -> dict[str, Any]:
    metrics = [{"Namespace": "App", "MetricName": "m"}]
    return {"StatisticsConfigurations": [{"IncludeMetrics": metrics, "AdditionalStatistics": [name]}]}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Name": "no spaces"}, "InvalidParameterValue"),
        ({"IncludeFilters": APP, "ExcludeFilters": APP}, "InvalidParameterCombination"),
        ({"FirehoseArn": "arn:aws:firehose:us-east-1:{account}:deliverystream/none"}, "InvalidParameterValue"),
        ({"FirehoseArn": "arn:aws:sqs:us-east-1:{account}:metrics"}, "InvalidParameterValue"),
        ({"RoleArn": "arn:aws:iam::{account}:user/me"}, "InvalidParameterValue"),
        ({"IncludeFilters": [{"MetricNames": ["m"]}]}, "InvalidParameterValue"),
        ({"OutputFormat": "opentelemetry1.0", **statistic("TM(1%:2%)")}, "InvalidParameterValue"),
        (statistic("Average"), "InvalidParameterValue"),
        ({"IncludeLinkedAccountsMetrics": True}, "NotImplemented"),
    ],
)
def test_what_no_stream_can_be_is_refused(
    cloudwatch: Any, target: dict[str, str], account: str, changed: dict[str, Any], code: str
) -> None:
    changed = {
        name: value.format(account=account) if isinstance(value, str) else value for name, value in changed.items()
    }
    with pytest.raises(ClientError) as refused:
        cloudwatch.put_metric_stream(**{"Name": "s", "OutputFormat": "json", **target} | changed)
    assert refused.value.response["Error"]["Code"].removesuffix("Exception") == code


def test_a_template_makes_a_stream(aws: Aws, cloudwatch: Any, target: dict[str, str]) -> None:
    properties = {**target, "OutputFormat": "json", "IncludeFilters": APP, "Tags": [{"Key": "a", "Value": "1"}]}
    outputs = {"Arn": {"Value": {"Fn::GetAtt": ["Stream", "Arn"]}}}
    stack = create(
        aws("cloudformation"),
        {
            "Resources": {"Stream": {"Type": "AWS::CloudWatch::MetricStream", "Properties": properties}},
            "Outputs": outputs,
        },
    )
    (entry,) = cloudwatch.list_metric_streams()["Entries"]
    assert stack["Outputs"][0]["OutputValue"] == entry["Arn"]
    assert {"Key": "a", "Value": "1"} in cloudwatch.list_tags_for_resource(ResourceARN=entry["Arn"])["Tags"]
