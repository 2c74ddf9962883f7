"""Calls that a trail delivers: what was acknowledged is in the record, and so in the trail's files, each call once."""

import asyncio
import gzip
import json
import random
from typing import Any

from tests.crash.drain import PATIENCE_S
from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_messages, check_once
from tests.crash.wire import ACCOUNT, Wire

BUCKET = "crash-trails"
TRAIL = "crash-trail"
_PREFIX = "recorded-"
PAUSE_S = 0.02


async def make_topics(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.streams[TRAIL]
    for number in range(1_000_000):
        topic = f"{_PREFIX}{name}-{number}".replace(".", "-")
        told.sending.add(topic)
        await wire.query("sns", "CreateTopic", Name=topic)
        told.sent.add(topic)
        ledger.acknowledged += 1
        await asyncio.sleep(PAUSE_S)


def prepare(client: Client) -> None:
    client("s3").create_bucket(Bucket=BUCKET)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": ["s3:GetBucketAcl", "s3:PutObject"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/AWSLogs/{ACCOUNT}/*"],
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    client("s3").put_bucket_policy(Bucket=BUCKET, Policy=policy)
    client("cloudtrail").create_trail(Name=TRAIL, S3BucketName=BUCKET)
    client("cloudtrail").start_logging(Name=TRAIL)


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    """A trail that is stopped delivers all that it has."""
    told = ledger.streams[TRAIL]
    client("cloudtrail").stop_logging(Name=TRAIL)
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    delivered = _delivered(client("s3"))
    while now() < deadline and told.expected() - set(delivered):
        await asyncio.sleep(0.2)
        delivered = _delivered(client("s3"))
    client("cloudtrail").start_logging(Name=TRAIL)
    return check_messages(TRAIL, told, delivered) + check_once(TRAIL, delivered)


def _delivered(s3: Any) -> list[str]:
    """The topics that the trail's files tell of."""
    delivered: list[str] = []
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        for row in page.get("Contents", ()):
            body = s3.get_object(Bucket=BUCKET, Key=row["Key"])["Body"].read()
            events = json.loads(gzip.decompress(body))["Records"]
            names = [(event["requestParameters"] or {}).get("name") for event in events]
            delivered += [name for name in names if isinstance(name, str) and name.startswith(_PREFIX)]
    return delivered


KIND = Kind(workers=(make_topics,), copies=2, prepare=prepare, check=check)
