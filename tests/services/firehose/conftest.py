import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.patience import eventually

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

MakeStream = Callable[..., str]
Objects = Callable[..., dict[str, bytes]]


def make_role(aws: Aws) -> str:
    """A role that Firehose may assume; its ARN."""
    arn: str = aws("iam").create_role(RoleName="deliverer", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    return arn


@pytest.fixture
def firehose(aws: Aws) -> Any:
    return aws("firehose")


@pytest.fixture
def role(aws: Aws) -> str:
    return make_role(aws)


@pytest.fixture
def bucket(aws: Aws, account: str) -> str:
    name = f"lake-{account}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_settings(bucket: str, role: str) -> dict[str, Any]:
    """The least that an S3 configuration needs."""
    return {"RoleARN": role, "BucketARN": f"arn:aws:s3:::{bucket}"}


@pytest.fixture
def make_stream(firehose: Any, s3_settings: dict[str, Any], clock: MovableClock) -> MakeStream:
    """Makes a stream that delivers to the bucket; gives its name once it is active."""

    def make(name: str = "clicks", **more: Any) -> str:
        firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=s3_settings | more)
        clock.advance(s=1)
        return name

    return make


@pytest.fixture
def objects(aws: Aws, bucket: str, clock: MovableClock) -> Objects:
    """The bucket's objects by their keys, once there are so many; time passes by the second meanwhile."""
    s3 = aws("s3")

    def found(count: int = 1, *, step_s: float = 1, bucket: str = bucket) -> dict[str, bytes]:
        keys: list[str] = []

        def all_there() -> bool:
            keys[:] = [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket).get("Contents", ())]
            if len(keys) < count:
                clock.advance(s=step_s)
            return len(keys) >= count

        eventually(all_there)
        assert len(keys) == count, keys
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    return found


def put(firehose: Any, *data: str | bytes, stream: str = "clicks") -> list[str]:
    """Put records with one request; their ids."""
    records = [{"Data": each if isinstance(each, bytes) else each.encode()} for each in data]
    answer = firehose.put_record_batch(DeliveryStreamName=stream, Records=records)
    assert answer["FailedPutCount"] == 0
    return [response["RecordId"] for response in answer["RequestResponses"]]


def describe(firehose: Any, stream: str = "clicks") -> dict[str, Any]:
    description: dict[str, Any] = firehose.describe_delivery_stream(DeliveryStreamName=stream)[
        "DeliveryStreamDescription"
    ]
    return description
