"""Readers that share a stream by leases in a table, as those of the Kinesis Client Library do, while it is resharded.

A lease is a row for each shard: who has it, a counter that grows with each change, and how far the shard was read.
Every change is conditional on the counter, so that of two workers one gets it. Leases begin with the shards at the trim
horizon; a shard that has ended makes leases for its children, as soon as all their parents have some, and a child is
read when all its parents have ended.
https://docs.aws.amazon.com/streams/latest/dev/kcl-dynamoDB.html
"""

import random
from collections import defaultdict
from typing import Any

import pytest

from tests.conftest import Aws, MovableClock
from tests.services.kinesis.conftest import MakeStream

KEYS = [f"key-{number}" for number in range(8)]
ENDED = "SHARD_END"


class Worker:
    """One of the readers. What it processed goes to `seen`: the values of each key in the order of their coming."""

    def __init__(self, name: str, aws: Aws, seen: dict[str, list[int]]) -> None:
        self.name = name
        self._kinesis, self._table = aws("kinesis"), aws("dynamodb")
        self._seen = seen

    def create_leases(self, shards: list[dict[str, Any]]) -> None:
        for shard in shards:
            parents = [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard]
            item = {
                "leaseKey": {"S": shard["ShardId"]},
                "leaseCounter": {"N": "0"},
                "checkpoint": {"S": "TRIM_HORIZON"},
                "parents": {"L": [{"S": parent} for parent in shard.get("ParentShards", parents)]},
            }
            self._write("put_item", Item=item, ConditionExpression="attribute_not_exists(leaseKey)")

    def take_or_steal(self, dice: random.Random) -> None:
        leases = self._leases()
        free = [lease for lease in leases.values() if self._is_due(lease, leases)]
        if free:
            lease = dice.choice(free)
            self._update(lease, "SET leaseOwner = :new", {":new": {"S": self.name}})

    def read_one_of_its_own(self, dice: random.Random) -> None:
        leases = self._leases()
        own = [each for each in leases.values() if self._is_due(each, leases) and each.get("leaseOwner") == self.name]
        if not own:
            return
        lease = dice.choice(own)
        checkpoint = lease["checkpoint"]
        position = {"ShardIteratorType": "TRIM_HORIZON"}
        if checkpoint != "TRIM_HORIZON":
            position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": checkpoint}
        shard = {"StreamName": "clicks", "ShardId": lease["leaseKey"]}
        iterator = self._kinesis.get_shard_iterator(**shard, **position)["ShardIterator"]
        page = self._kinesis.get_records(ShardIterator=iterator, Limit=dice.randint(1, 20))
        records = page["Records"]
        if records:
            checkpoint = records[-1]["SequenceNumber"]
        elif "NextShardIterator" not in page:
            if any(parent not in leases for child in page["ChildShards"] for parent in child["ParentShards"]):
                return
            self.create_leases(page["ChildShards"])
            checkpoint = ENDED
        change = "SET checkpoint = :new"
        if checkpoint != lease["checkpoint"] and self._update(lease, change, {":new": {"S": checkpoint}}):
            for record in records:
                self._seen[record["PartitionKey"]].append(int(record["Data"]))

    def all_is_read(self, total: int) -> bool:
        return sum(len(values) for values in self._seen.values()) == total

    def _is_due(self, lease: dict[str, Any], leases: dict[str, dict[str, Any]]) -> bool:
        parents = [leases[parent] for parent in lease["parents"]]
        return lease["checkpoint"] != ENDED and all(parent["checkpoint"] == ENDED for parent in parents)

    def _leases(self) -> dict[str, dict[str, Any]]:
        items = self._table.scan(TableName="leases", ConsistentRead=True)["Items"]
        plain = [{name: next(iter(value.values())) for name, value in item.items()} for item in items]
        return {lease["leaseKey"]: lease | {"parents": [parent["S"] for parent in lease["parents"]]} for lease in plain}

    def _update(self, lease: dict[str, Any], change: str, values: dict[str, Any]) -> bool:
        """Change a lease that nobody has changed since it was read: whoever has taken it has changed it."""
        values |= {":counter": {"N": lease["leaseCounter"]}, ":one": {"N": "1"}}
        return self._write(
            "update_item",
            Key={"leaseKey": {"S": lease["leaseKey"]}},
            UpdateExpression=f"{change}, leaseCounter = leaseCounter + :one",
            ConditionExpression="leaseCounter = :counter",
            ExpressionAttributeValues=values,
        )

    def _write(self, operation: str, **parameters: Any) -> bool:
        try:
            getattr(self._table, operation)(TableName="leases", **parameters)
        except self._table.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _reshard(kinesis: Any, dice: random.Random) -> None:
    """Split a shard or merge two that lie side by side, whichever falls."""
    found = kinesis.list_shards(StreamName="clicks", ShardFilter={"Type": "AT_LATEST"})["Shards"]
    shards = sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
    if len(shards) > 1 and dice.random() < 0.5:
        at = dice.randrange(len(shards) - 1)
        one, other = (shard["ShardId"] for shard in shards[at : at + 2])
        kinesis.merge_shards(StreamName="clicks", ShardToMerge=one, AdjacentShardToMerge=other)
        return
    shard = dice.choice(shards)
    first, last = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    middle = str((first + last) // 2)
    kinesis.split_shard(StreamName="clicks", ShardToSplit=shard["ShardId"], NewStartingHashKey=middle)


@pytest.mark.parametrize("seed", range(3))
def test_every_record_is_read_once_and_those_of_a_key_in_order(
    aws: Aws, kinesis: Any, make_stream: MakeStream, clock: MovableClock, seed: int
) -> None:
    dice = random.Random(seed)
    make_stream(shards=2)
    aws("dynamodb").create_table(
        TableName="leases",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "leaseKey", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "leaseKey", "AttributeType": "S"}],
    )
    seen: dict[str, list[int]] = defaultdict(list)
    workers = [Worker(name, aws, seen) for name in ("a", "b", "c")]
    for worker in workers:
        horizon = kinesis.list_shards(StreamName="clicks", ShardFilter={"Type": "AT_TRIM_HORIZON"})["Shards"]
        worker.create_leases(horizon)
    put: dict[str, list[int]] = defaultdict(list)
    total = step = 0
    while step < 150 or not workers[0].all_is_read(total):
        step += 1
        assert step < 2000, "the readers do not come to an end"
        if step < 150 and step % 3 == 0:
            key = dice.choice(KEYS)
            put[key].append(total)
            kinesis.put_record(StreamName="clicks", Data=str(total), PartitionKey=key)
            total += 1
        if step < 150 and step % 15 == 0:
            _reshard(kinesis, dice)
        worker = dice.choice(workers)
        try:
            dice.choice((worker.take_or_steal, worker.read_one_of_its_own, worker.read_one_of_its_own))(dice)
        except kinesis.exceptions.ProvisionedThroughputExceededException:  # Five calls a second for a shard.
            clock.advance(s=1)
    assert seen == put
