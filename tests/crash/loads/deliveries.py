"""Records on their way to S3: put into Firehose, unpacked by it, and read by it from a Kinesis stream. None is lost."""

import asyncio
import base64
import gzip
import json
import random
from collections.abc import Callable
from typing import Any

from tests.crash.drain import PATIENCE_S
from tests.crash.kind import Bodies, Client, Kind, arn
from tests.crash.ledger import Ledger, check_messages
from tests.crash.loads import shards
from tests.crash.wire import ACCOUNT, Wire

BUCKET = "crash-deliveries"
PLAIN, PACKED, READ = "plain", "packed", "read"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/crash-deliveries"
_DELIMITER = {"Type": "AppendDelimiterToRecord", "Parameters": []}
_UNPACK = {"Type": "Decompression", "Parameters": []}
PAUSE_S = 0.01


def _putter(stream: str, pack: Callable[[bytes], bytes]) -> Any:
    async def put(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
        told = ledger.streams[stream]
        number = 0
        while True:
            bodies = [f"{stream}-{name}.{number + each}" for each in range(rng.randrange(1, 8))]
            number += len(bodies)
            told.sending.update(bodies)
            records = [{"Data": base64.b64encode(pack(body.encode())).decode()} for body in bodies]
            answer = await wire.json("firehose", "PutRecordBatch", DeliveryStreamName=stream, Records=records)
            assert answer["FailedPutCount"] == 0, answer
            told.sent.update(bodies)
            ledger.acknowledged += len(bodies)
            await asyncio.sleep(PAUSE_S)

    put.__name__ = f"put_{stream}"
    return put


def prepare(client: Client) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "firehose.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    client("iam").create_role(RoleName=_ROLE.rpartition("/")[2], AssumeRolePolicyDocument=document)
    client("s3").create_bucket(Bucket=BUCKET)
    _make(client, PLAIN)
    _make(client, PACKED, _UNPACK)
    source = {"KinesisStreamARN": arn("kinesis", f"stream/{shards.STREAM}"), "RoleARN": _ROLE}
    _make(
        client,
        READ,
        DeliveryStreamType="KinesisStreamAsSource",
        KinesisStreamSourceConfiguration=source,
    )


def _make(client: Client, stream: str, *processors: dict[str, Any], **more: Any) -> None:
    firehose = client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "RoleARN": _ROLE,
            "BucketARN": f"arn:aws:s3:::{BUCKET}",
            "Prefix": f"{stream}/",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 1},
            "ProcessingConfiguration": {"Enabled": True, "Processors": [*processors, _DELIMITER]},
        },
        **more,
    )
    status = ""
    while status != "ACTIVE":
        described = firehose.describe_delivery_stream(DeliveryStreamName=stream)
        status = described["DeliveryStreamDescription"]["DeliveryStreamStatus"]


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    """A record may come twice, and at the latest a buffering interval after the restart."""
    told = {stream: ledger.streams[shards.STREAM if stream == READ else stream] for stream in (PLAIN, PACKED, READ)}
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    delivered = _delivered(client("s3"))
    while now() < deadline and any(told[stream].expected() - set(delivered[stream]) for stream in told):
        await asyncio.sleep(0.2)
        delivered = _delivered(client("s3"))
    return [trouble for stream in told for trouble in check_messages(stream, told[stream], delivered[stream])]


def _delivered(s3: Any) -> dict[str, list[str]]:
    """What lies in S3, by stream."""
    delivered: dict[str, list[str]] = {stream: [] for stream in (PLAIN, PACKED, READ)}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for row in page.get("Contents", ()):
            body = s3.get_object(Bucket=BUCKET, Key=row["Key"])["Body"].read()
            delivered[row["Key"].partition("/")[0]] += body.decode().splitlines()
    return delivered


KIND = Kind(workers=(_putter(PLAIN, bytes), _putter(PACKED, gzip.compress)), prepare=prepare, check=check)
