"""A stream whose tag gives it a quota takes no more than that in a second."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.firehose.records import DeliveryStream
from fogbank.services.firehose.throughput import TAG, Throughputs
from tests.conftest import Aws, MovableClock
from tests.services.firehose.conftest import MakeStream, Objects
from tests.services.firehose.test_s3_delivery import metric


def stream(quota: str | None) -> DeliveryStream:
    tags = {} if quota is None else {TAG: quota}
    return DeliveryStream(1, "clicks", "1", "us-east-1", "DirectPut", 0, 0, "S3", {}, tags=tags)


def test_bytes_records_and_requests_have_quotas_of_their_own() -> None:
    throughputs, one = Throughputs(), stream("1")
    assert throughputs.admitted(one, [500_000, 500_000, 500_000], 1_000) == 2
    assert throughputs.admitted(one, [10], 1_999) == 1
    assert throughputs.admitted(one, [1_000_000], 2_000) == 1
    assert [throughputs.admitted(one, [1], 3_000) for _ in range(401)] == [1] * 400 + [0]
    assert throughputs.admitted(stream("2"), [0] * 100_001, 4_000) == 100_001
    assert throughputs.admitted(one, [0] * 100_001, 5_000) == 100_000


@pytest.mark.parametrize("quota", [None, "much", "-1", ""])
def test_without_a_quota_all_is_taken(quota: str | None) -> None:
    throughputs = Throughputs()
    assert [throughputs.admitted(stream(quota), [1 << 22] * 500, 0) for _ in range(3)] == [500] * 3


def test_what_is_beyond_the_quota_is_refused_record_by_record(
    aws: Aws, firehose: Any, make_stream: MakeStream, objects: Objects, clock: MovableClock
) -> None:
    make_stream(BufferingHints={"SizeInMBs": 5, "IntervalInSeconds": 60})
    firehose.tag_delivery_stream(DeliveryStreamName="clicks", Tags=[{"Key": TAG, "Value": "1"}])
    records = [{"Data": bytes((65 + number,)) * 300_000} for number in range(4)]
    with clock.standing():
        answer = firehose.put_record_batch(DeliveryStreamName="clicks", Records=records)
        with pytest.raises(ClientError) as caught:
            firehose.put_record(DeliveryStreamName="clicks", Record=records[3])
    assert caught.value.response["Error"] == {"Code": "ServiceUnavailableException", "Message": "Slow down."}
    assert answer["FailedPutCount"] == 1
    *taken, refused = answer["RequestResponses"]
    assert all("RecordId" in each for each in taken)
    assert refused == {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
    ((_, body),) = objects(step_s=30).items()
    assert {letter: body.count(letter) for letter in (b"A", b"C", b"D")} == {b"A": 300_000, b"C": 300_000, b"D": 0}
    assert metric(aws, clock, "ThrottledRecords") == 2
