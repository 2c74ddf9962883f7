from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws

MakeStream = Callable[..., str]


@pytest.fixture
def kinesis(aws: Aws) -> Any:
    return aws("kinesis")


@pytest.fixture
def make_stream(kinesis: Any) -> MakeStream:
    """Makes a stream with that many shards; gives its ARN."""

    def make(name: str = "clicks", shards: int = 1) -> str:
        kinesis.create_stream(StreamName=name, ShardCount=shards)
        arn: str = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
        return arn

    return make


def put(kinesis: Any, *data: str, stream: str = "clicks", key: str = "k") -> list[str]:
    """Put records with one partition key; their sequence numbers."""
    records = [{"Data": text.encode(), "PartitionKey": key} for text in data]
    answer = kinesis.put_records(StreamName=stream, Records=records)
    assert answer["FailedRecordCount"] == 0
    return [record["SequenceNumber"] for record in answer["Records"]]


def iterator(kinesis: Any, kind: str = "TRIM_HORIZON", *, stream: str = "clicks", shard: int = 0, **more: Any) -> str:
    answer = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=f"shardId-{shard:012d}", ShardIteratorType=kind, **more
    )
    token: str = answer["ShardIterator"]
    return token


def texts(answer: dict[str, Any]) -> list[str]:
    return [record["Data"].decode() for record in answer["Records"]]


def read(kinesis: Any, kind: str = "TRIM_HORIZON", **more: Any) -> list[str]:
    return texts(kinesis.get_records(ShardIterator=iterator(kinesis, kind, **more)))
