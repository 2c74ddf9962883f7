from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.services.lambda_.test_invocation import eventually

ROLE = "arn:aws:iam::123456789012:role/firehose"
BUCKET = "arn:aws:s3:::{}"

MakeStream = Callable[..., str]


@pytest.fixture
def firehose(aws: Aws) -> Any:
    return aws("firehose")


@pytest.fixture
def bucket(aws: Aws, account: str) -> str:
    name = f"lake-{account}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def make_stream(firehose: Any, bucket: str, clock: MovableClock) -> MakeStream:
    """Makes a stream that delivers to the bucket; gives its name once it is active."""

    def make(name: str = "clicks", **more: Any) -> str:
        settings = {"RoleARN": ROLE, "BucketARN": BUCKET.format(bucket)} | more
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=settings)
        clock.advance(s=1)
        return name

    return make


@pytest.fixture
def objects(aws: Aws, bucket: str) -> Callable[..., dict[str, bytes]]:
    """The bucket's objects by their keys, once there are so many."""
    s3 = aws("s3")

    def found(count: int = 1) -> dict[str, bytes]:
        keys: list[str] = []

        def all_there() -> bool:
            keys[:] = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
            return len(keys) >= count

        eventually(all_there)
        assert len(keys) == count
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    return found


def put(firehose: Any, *data: str, stream: str = "clicks") -> list[str]:
    answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=[{"Data": text.encode()} for text in data])
    assert answer["FailedPutCount"] == 0
    return [response["RecordId"] for response in answer["RequestResponses"]]
