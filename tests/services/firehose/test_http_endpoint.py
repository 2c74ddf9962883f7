"""Deliveries to HTTP endpoints, by the protocol of Firehose."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.patience import eventually
from tests.services.firehose.conftest import Objects, describe, put
from tests.services.firehose.endpoint import Delivery, FirehoseEndpoint
from tests.services.firehose.test_s3_delivery import metric

MINUTE = {"SizeInMBs": 1, "IntervalInSeconds": 60}
MakeHttpStream = Callable[..., None]


@pytest.fixture
def make_stream(firehose: Any, s3_settings: dict[str, Any], clock: MovableClock) -> MakeHttpStream:
    def make(url: str, *, endpoint: dict[str, str] | None = None, **more: Any) -> None:
        settings = {
            "EndpointConfiguration": {"Url": url} | (endpoint or {}),
            "BufferingHints": MINUTE,
            "S3Configuration": s3_settings | {"BufferingHints": MINUTE},
        }
        firehose.create_delivery_stream(
            DeliveryStreamName="clicks", HttpEndpointDestinationConfiguration=settings | more
        )
        clock.advance(s=1)

    return make


def arrived(endpoint: FirehoseEndpoint, clock: MovableClock, count: int = 1) -> list[Delivery]:
    def all_there() -> bool:
        clock.advance(s=1)
        return len(endpoint.deliveries) >= count

    eventually(all_there)
    return endpoint.deliveries


def data_of(delivery: Delivery) -> list[bytes]:
    return [base64.b64decode(record["data"]) for record in delivery.document["records"]]


def test_a_batch_is_one_request_with_the_headers_that_are_configured(
    aws: Aws, firehose: Any, make_stream: MakeHttpStream, clock: MovableClock, account: str
) -> None:
    with FirehoseEndpoint() as endpoint:
        make_stream(
            endpoint.url,
            endpoint={"Name": "in", "AccessKey": "open sesame"},
            RequestConfiguration={
                "ContentEncoding": "GZIP",
                "CommonAttributes": [{"AttributeName": "stage", "AttributeValue": "test"}],
            },
        )
        put(firehose, "one", "two")
        (delivery,) = arrived(endpoint, clock)
        eventually(lambda: metric(aws, clock, "DeliveryToHttpEndpoint.Success"))
    headers = delivery.headers
    assert headers["content-type"] == "application/json"
    assert headers["x-amz-firehose-protocol-version"] == "1.0"
    assert headers["x-amz-firehose-request-id"] == delivery.document["requestId"]
    assert headers["x-amz-firehose-source-arn"] == f"arn:aws:firehose:us-east-1:{account}:deliverystream/clicks"
    assert headers["x-amz-firehose-access-key"] == "open sesame"
    assert json.loads(headers["x-amz-firehose-common-attributes"]) == {"commonAttributes": {"stage": "test"}}
    assert abs(delivery.document["timestamp"] - clock.now_ms()) < 120_000
    assert data_of(delivery) == [b"one", b"two"]
    assert metric(aws, clock, "DeliveryToHttpEndpoint.Records") == 2


def test_the_key_is_not_described_and_survives_an_update(
    firehose: Any, make_stream: MakeHttpStream, clock: MovableClock
) -> None:
    with FirehoseEndpoint() as endpoint:
        make_stream("https://example.com/", endpoint={"AccessKey": "open sesame"})
        described = describe(firehose)["Destinations"][0]["HttpEndpointDestinationDescription"]
        assert described["EndpointConfiguration"] == {"Url": "https://example.com/"}
        assert described["RequestConfiguration"] == {"ContentEncoding": "NONE"}
        assert described["RetryOptions"] == {"DurationInSeconds": 300}
        assert described["S3BackupMode"] == "FailedDataOnly"
        firehose.update_destination(
            DeliveryStreamName="clicks",
            CurrentDeliveryStreamVersionId="1",
            DestinationId="destinationId-000000000001",
            HttpEndpointDestinationUpdate={"EndpointConfiguration": {"Url": endpoint.url, "Name": "moved"}},
        )
        put(firehose, "one")
        (delivery,) = arrived(endpoint, clock)
    assert delivery.headers["x-amz-firehose-access-key"] == "open sesame"
    assert "content-encoding" not in delivery.headers
    assert "x-amz-firehose-common-attributes" not in delivery.headers


@pytest.mark.parametrize(
    "answer",
    [
        (500, b'{"errorMessage": "no"}'),
        (401, b""),
        (302, b""),
        (200, b"{}"),
        (200, b""),
        (204, b""),
        (200, b'{"requestId": "another", "timestamp": 1}'),
        (200, b'{"requestId":"' + b"x" * 1_100_000 + b'"}'),
    ],
)
def test_a_request_that_is_not_confirmed_is_sent_again_with_its_id(
    firehose: Any, make_stream: MakeHttpStream, clock: MovableClock, answer: tuple[int, bytes]
) -> None:
    with FirehoseEndpoint(answer) as endpoint:
        make_stream(endpoint.url)
        put(firehose, "one")
        first, second = arrived(endpoint, clock, 2)
        clock.advance(s=600)
    assert first.document["requestId"] == second.document["requestId"]
    assert data_of(first) == data_of(second) == [b"one"]
    assert len(endpoint.deliveries) == 2


def test_what_cannot_be_delivered_in_time_is_backed_up(
    aws: Aws, firehose: Any, make_stream: MakeHttpStream, objects: Objects, clock: MovableClock
) -> None:
    refusals = [(503, b'{"errorMessage": "closed"}')] * 20
    with FirehoseEndpoint(*refusals) as endpoint:
        make_stream(endpoint.url, RetryOptions={"DurationInSeconds": 10})
        put(firehose, "one", "two")
        ((key, body),) = objects().items()
    assert key.startswith("http-endpoint-failed/20")
    failed = [json.loads(line) for line in body.splitlines()]
    assert [base64.b64decode(each["rawData"]) for each in failed] == [b"one", b"two"]
    assert failed[0]["errorCode"] == "HttpEndpoint.DestinationException"
    assert failed[0]["errorMessage"] == (
        'Received the following response from the endpoint destination. {"errorMessage": "closed"}'
    )
    # At once, and after 1, 2 and 4 seconds; the next would come after more than 10.
    assert failed[0]["attemptsMade"] == len(endpoint.deliveries) == 4
    assert metric(aws, clock, "DeliveryToHttpEndpoint.ProcessedRecords") == 8


def test_an_endpoint_that_nobody_listens_on_is_told_of(
    aws: Aws, firehose: Any, make_stream: MakeHttpStream, objects: Objects
) -> None:
    with FirehoseEndpoint() as endpoint:
        url = endpoint.url
    make_stream(url, RetryOptions={"DurationInSeconds": 0})
    put(firehose, "one")
    ((_, body),) = objects().items()
    assert json.loads(body)["errorCode"] == "HttpEndpoint.ConnectionFailed"


def test_a_batch_that_is_too_large_for_the_endpoint_is_dropped(
    firehose: Any, make_stream: MakeHttpStream, objects: Objects, clock: MovableClock
) -> None:
    with FirehoseEndpoint((413, b"")) as endpoint:
        make_stream(endpoint.url)
        put(firehose, "large")
        arrived(endpoint, clock)
        put(firehose, "small")
        _, second = arrived(endpoint, clock, 2)
        clock.advance(s=120)
    assert data_of(second) == [b"small"]
    assert objects(0) == {}


def test_all_data_can_be_backed_up(
    firehose: Any, make_stream: MakeHttpStream, objects: Objects, clock: MovableClock
) -> None:
    with FirehoseEndpoint() as endpoint:
        make_stream(endpoint.url, S3BackupMode="AllData")
        put(firehose, "one", "two")
        assert list(objects().values()) == [b"onetwo"]
        assert data_of(arrived(endpoint, clock)[0]) == [b"one", b"two"]


def test_dynamic_partitioning_is_for_s3(firehose: Any, make_stream: MakeHttpStream) -> None:
    split = {
        "Type": "RecordDeAggregation",
        "Parameters": [{"ParameterName": "SubRecordType", "ParameterValue": "JSON"}],
    }
    with pytest.raises(ClientError, match="supported for S3 destinations only"):
        make_stream("https://example.com/", ProcessingConfiguration={"Enabled": True, "Processors": [split]})
    with pytest.raises(ClientError, match="must be an HTTPS URL"):
        make_stream("ftp://example.com/")
