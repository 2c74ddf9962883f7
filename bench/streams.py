"""Kinesis and CloudWatch: records and metrics by the batch, counted one by one."""

import itertools
import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from bench.load import CONNECTIONS, Outcome, Session, Unexpected, drive, steady
from bench.recording import Recorder, client
from bench.servers import Running

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
