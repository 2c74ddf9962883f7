"""Kinesis, Firehose and CloudWatch: records and metrics by the batch, counted one by one."""

import itertools
import json
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from bench.load import CONNECTIONS, Outcome, Session, Unexpected, drive, steady
from bench.recording import Recorder, client
from bench.servers import Running
from bench.table import Figure

RECORDS = 500
RECORD_BYTES = 200
REQUESTS = 20
# A shard takes 1,000 records a second: enough of them that none is ever full.
PUT_SHARDS = 400
PAGE = 10_000
# A shard gives 2 MB a second, which is one page: enough of them that none is read twice in a second.
READ_SHARDS = 100
READ_CONNECTIONS = 4
METRICS = 20

BUFFER_S = 5
DELIVERY_LIMIT_S = 90.0

_ALL_TAKEN = re.compile(rb'"FailedPutCount": *0\b')
_ALL_PUT = re.compile(rb'"FailedRecordCount": *0\b')


def _make_stream(endpoint: str, shards: int) -> tuple[Any, str]:
    kinesis = client("kinesis", endpoint)
    kinesis.create_stream(StreamName="bench", ShardCount=shards)
    kinesis.get_waiter("stream_exists").wait(StreamName="bench", WaiterConfig={"Delay": 1})
    return kinesis, "bench"


def put_records(server: Running, seconds: float) -> Outcome:
    _, stream = _make_stream(server.endpoint, PUT_SHARDS)
    record = Recorder("kinesis", server.endpoint).request
    requests = [
        record(
            "put_records",
            StreamName=stream,
            Records=[
                {"PartitionKey": f"device-{batch * RECORDS + number}", "Data": os.urandom(RECORD_BYTES)}
                for number in range(RECORDS)
            ],
        )
        for batch in range(REQUESTS)
    ]
    outcome = steady(server, requests, _ALL_PUT, seconds)
    outcome.each = RECORDS
    return outcome


def get_records(server: Running, seconds: float) -> Outcome:
    """Each request reads a whole page of a shard, from its beginning."""
    # Peers give a shard as often as they are asked: theirs need no others.
    shards = READ_SHARDS if server.peer.ours else READ_CONNECTIONS
    kinesis, stream = _make_stream(server.endpoint, shards)
    _fill(kinesis, stream, shards)
    record = Recorder("kinesis", server.endpoint).request
    pages = itertools.cycle(
        record("get_records", ShardIterator=iterator, Limit=PAGE)
        for iterator in (
            kinesis.get_shard_iterator(StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
                "ShardIterator"
            ]
            for shard in kinesis.list_shards(StreamName=stream)["Shards"]
        )
    )

    def session(_: int) -> Session:
        for request in pages:
            answer = yield request
            found = answer.count(b'"PartitionKey"')
            if found != PAGE:
                raise Unexpected(f"{found} records instead of {PAGE}")

    outcome = drive(server, session, connections=READ_CONNECTIONS, seconds=seconds)
    outcome.each = PAGE
    return outcome


def _fill(kinesis: Any, stream: str, shards: int) -> None:
    """A page of records into each shard, in rounds over all of them: none takes more than it may in a second."""

    def put(shard: int) -> None:
        waiting = [
            {
                "PartitionKey": f"device-{number}",
                "ExplicitHashKey": str(((shard << 128) + (1 << 127)) // shards),
                "Data": os.urandom(RECORD_BYTES),
            }
            for number in range(RECORDS)
        ]
        while waiting:
            answers = kinesis.put_records(StreamName=stream, Records=waiting)["Records"]
            waiting = [one for one, answer in zip(waiting, answers, strict=True) if "ErrorCode" in answer]

    with ThreadPoolExecutor(4) as pool:
        for _ in range(PAGE // RECORDS):
            list(pool.map(put, range(shards)))


def _make_delivery_stream(endpoint: str, *, seconds: int) -> Any:
    """One called `bench` into a bucket of that name, with a buffer of 5 MB and so many seconds."""
    client("s3", endpoint).create_bucket(Bucket="bench")
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam", endpoint).create_role(RoleName="bench", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    firehose = client("firehose", endpoint)
    firehose.create_delivery_stream(
        DeliveryStreamName="bench",
        ExtendedS3DestinationConfiguration={
            "RoleARN": role,
            "BucketARN": "arn:aws:s3:::bench",
            "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": seconds},
        },
    )
    deadline = time.monotonic() + DELIVERY_LIMIT_S
    while time.monotonic() < deadline:
        described = firehose.describe_delivery_stream(DeliveryStreamName="bench")["DeliveryStreamDescription"]
        if described["DeliveryStreamStatus"] == "ACTIVE":
            return firehose
        time.sleep(0.2)
    raise Unexpected("the stream does not become active")


def put_record_batch(server: Running, seconds: float) -> Outcome:
    """A record that never arrives in the bucket is no success."""
    _make_delivery_stream(server.endpoint, seconds=60)
    record = Recorder("firehose", server.endpoint).request
    requests = [
        record(
            "put_record_batch",
            DeliveryStreamName="bench",
            Records=[{"Data": os.urandom(RECORD_BYTES)} for _ in range(RECORDS)],
        )
        for _ in range(REQUESTS)
    ]
    outcome = steady(server, requests, _ALL_TAKEN, seconds)
    outcome.each = RECORDS
    if not _delivered(server.endpoint):
        outcome.errors += 1
        outcome.first_error = outcome.first_error or f"nothing was delivered within {DELIVERY_LIMIT_S:.0f} s"
    return outcome


def delivery_delay(server: Running) -> list[Figure]:
    """How long after the end of its buffer's interval a single record is in the bucket."""
    name = f"Firehose delivery after its buffer's {BUFFER_S} s"
    try:
        firehose = _make_delivery_stream(server.endpoint, seconds=BUFFER_S)
        started = time.monotonic()
        firehose.put_record(DeliveryStreamName="bench", Record={"Data": b"x"})
    except (ClientError, Unexpected) as error:
        return [Figure(name, "ms", None, str(error)[:90])]
    if not _delivered(server.endpoint):
        return [Figure(name, "ms", None, f"nothing was delivered within {DELIVERY_LIMIT_S:.0f} s")]
    late_ms = (time.monotonic() - started - BUFFER_S) * 1000
    # A peer that delivers at once has no buffer.
    return [Figure(name, "ms", late_ms) if late_ms >= 0 else Figure(name, "ms", None, "delivered before its time")]


def _delivered(endpoint: str) -> bool:
    """Wait for the first object."""
    s3, deadline = client("s3", endpoint), time.monotonic() + DELIVERY_LIMIT_S
    while time.monotonic() < deadline:
        if s3.list_objects_v2(Bucket="bench").get("KeyCount"):
            return True
        time.sleep(0.02)
    return False


def put_metric_data(server: Running, seconds: float) -> Outcome:
    record = Recorder("cloudwatch", server.endpoint).request
    requests = [
        record(
            "put_metric_data",
            Namespace="Bench",
            MetricData=[
                {
                    "MetricName": f"Latency-{number}",
                    "Dimensions": [{"Name": "Host", "Value": f"host-{host}"}, {"Name": "Stage", "Value": "prod"}],
                    "Value": host * 1.5 + number,
                    "Unit": "Milliseconds",
                }
                for number in range(METRICS)
            ],
        )
        for host in range(CONNECTIONS)
    ]
    outcome = steady(server, requests, None, seconds)
    outcome.each = METRICS
    return outcome
