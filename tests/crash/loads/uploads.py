"""Uploads that a queue is told of, directly and by way of EventBridge, and that are replicated.

Each is told, of one key in order, and its replica is there after a while.
"""

import asyncio
import json
import random
from typing import Any

from tests.crash.drain import PATIENCE_S
from tests.crash.kind import ROLE, Bodies, Client, Kind, arn
from tests.crash.ledger import Ledger
from tests.crash.wire import Wire

SOURCE, TARGET = "crash-source", "crash-target"
BY_RULE, DIRECTLY = "uploads", "uploads-told"
PAUSE_S = 0.02


async def upload(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    told = ledger.queues[BY_RULE]
    for number in range(1_000_000):
        key = f"{name}.{number}"
        told.sending.add(key)
        # In the store, or in a file that the replica shares.
        size = rng.choice((10, 50_000))
        await wire.rest("s3", "PUT", f"/{SOURCE}/{key}", rng.randbytes(size))
        told.sent.add(key)
        # One key of every worker is written again and again.
        await wire.rest("s3", "PUT", f"/{SOURCE}/again-{name.partition('.')[2]}", b"%d" % number)
        ledger.acknowledged += 2
        await asyncio.sleep(PAUSE_S)


def prepare(client: Client) -> None:
    s3, iam, events = client("s3"), client("iam"), client("events")
    trust = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName=ROLE.rpartition("/")[2], AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    for bucket in (SOURCE, TARGET):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = {"Status": "Enabled", "Prefix": "", "Destination": {"Bucket": f"arn:aws:s3:::{TARGET}"}}
    s3.put_bucket_replication(Bucket=SOURCE, ReplicationConfiguration={"Role": ROLE, "Rules": [rule]})
    filtered = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "again-"}]}}
    queue = {"QueueArn": arn("sqs", DIRECTLY), "Events": ["s3:ObjectCreated:*"], "Filter": filtered}
    s3.put_bucket_notification_configuration(
        Bucket=SOURCE,
        NotificationConfiguration={"QueueConfigurations": [queue], "EventBridgeConfiguration": {}},
        SkipDestinationValidation=True,
    )
    pattern = {"source": ["aws.s3"], "detail": {"object": {"key": [{"anything-but": {"prefix": "again-"}}]}}}
    events.put_rule(Name=BY_RULE, EventPattern=json.dumps(pattern))
    target = {"Id": "told", "Arn": arn("sqs", BY_RULE), "InputPath": "$.detail.object.key"}
    events.put_targets(Rule=BY_RULE, Targets=[target])


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    broken = []
    last: dict[str, str] = {}
    for body in found[DIRECTLY]:
        told = json.loads(body)["Records"][0]["s3"]["object"]
        if told["sequencer"] <= last.get(told["key"], ""):
            broken.append(f"uploads: {told} came after {last[told['key']]}")
        last[told["key"]] = told["sequencer"]
    s3 = client("s3")
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while (missing := _versions(s3, SOURCE) - _versions(s3, TARGET)) and now() < deadline:
        await asyncio.sleep(0.1)
    return [*broken, *(f"uploads: version {version} of {key} has no replica" for key, version in sorted(missing))]


def _versions(s3: Any, bucket: str) -> set[tuple[str, str]]:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket)
    return {(row["Key"], row["VersionId"]) for page in pages for row in page.get("Versions", ())}


KIND = Kind(workers=(upload,), queues=(BY_RULE,), once=(BY_RULE,), own_queues=(DIRECTLY,), prepare=prepare, check=check)
