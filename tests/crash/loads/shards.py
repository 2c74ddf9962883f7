"""Records put into a Kinesis stream whose shards split and merge meanwhile: none is lost, and keys keep their order."""

import asyncio
import base64
import random
from typing import Any

from tests.crash.kind import Bodies, Client, Kind
from tests.crash.ledger import Ledger, check_messages, check_order
from tests.crash.wire import Wire

STREAM = "shards"
SHARDS_MAX = 6
RESHARD_S = 0.2
PAUSE_S = 0.01


async def put_records(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """Counts up under a few partition keys of this worker's own."""
    told = ledger.streams[STREAM]
    number = 0
    while True:
        bodies = []
        for _ in range(rng.randrange(1, 8)):
            number += 1
            bodies.append(f"{name}-{rng.randrange(3)}.{number}")
        told.sending.update(bodies)
        records = [
            {"PartitionKey": body.rpartition(".")[0], "Data": base64.b64encode(body.encode()).decode()}
            for body in bodies
        ]
        answer = await wire.json("kinesis", "PutRecords", StreamName=STREAM, Records=records)
        assert answer["FailedRecordCount"] == 0, answer
        told.sent.update(bodies)
        ledger.acknowledged += len(bodies)
        await asyncio.sleep(PAUSE_S)


async def reshard(wire: Wire, ledger: Ledger, rng: random.Random, name: str) -> None:
    """One of the workers splits and merges; the others would get in its way."""
    while name.endswith(".0"):
        listed = await wire.json("kinesis", "ListShards", StreamName=STREAM, ShardFilter={"Type": "AT_LATEST"})
        shards = sorted(listed["Shards"], key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        if len(shards) < SHARDS_MAX and rng.random() < 0.6:
            shard = rng.choice(shards)
            first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
            await wire.json(
                "kinesis",
                "SplitShard",
                StreamName=STREAM,
                ShardToSplit=shard["ShardId"],
                NewStartingHashKey=str((first + last) // 2),
            )
        elif len(shards) > 1:
            lower = rng.randrange(len(shards) - 1)
            one, other = (shard["ShardId"] for shard in shards[lower : lower + 2])
            await wire.json("kinesis", "MergeShards", StreamName=STREAM, ShardToMerge=one, AdjacentShardToMerge=other)
        ledger.acknowledged += 1
        await asyncio.sleep(RESHARD_S)


def prepare(client: Client) -> None:
    client("kinesis").create_stream(StreamName=STREAM, ShardCount=2)


async def check(client: Client, ledger: Ledger, found: Bodies) -> list[str]:
    bodies = _read_all(client("kinesis"))
    return check_messages(STREAM, ledger.streams[STREAM], bodies) + check_order(STREAM, bodies)


def _read_all(kinesis: Any) -> list[str]:
    """Every record, parents before their children."""
    bodies: list[str] = []
    done: set[str] = set()
    waiting = [
        shard for page in kinesis.get_paginator("list_shards").paginate(StreamName=STREAM) for shard in page["Shards"]
    ]
    while waiting:
        shard = next(
            each
            for each in waiting
            if done.issuperset(each[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in each)
        )
        waiting.remove(shard)
        done.add(shard["ShardId"])
        token = kinesis.get_shard_iterator(
            StreamName=STREAM, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while token is not None:
            page = kinesis.get_records(ShardIterator=token)
            bodies += [record["Data"].decode() for record in page["Records"]]
            token = page.get("NextShardIterator") if page["MillisBehindLatest"] else None
    return bodies


KIND = Kind(workers=(put_records, reshard), prepare=prepare, check=check)
