"""Splitting, merging and scaling: every hash key has one open shard, and no key's records lose their order."""

import asyncio
import hashlib
import tempfile
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.services import SERVICES
from fogbank.services.kinesis.service import KinesisService
from tests.services.kinesis.conftest import MakeStream, iterator, put, texts

HALF = str(2**127)


def shards(kinesis: Any, **wanted: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = kinesis.list_shards(StreamName="clicks", **wanted)["Shards"]
    return found


def ids(found: list[dict[str, Any]]) -> list[int]:
    return [int(shard["ShardId"][-3:]) for shard in found]


def test_the_children_of_a_split_shard_have_its_keys_and_it_is_closed(kinesis: Any, make_stream: MakeStream) -> None:
    make_stream()
    put(kinesis, "a")
    kinesis.split_shard(StreamName="clicks", ShardToSplit="shardId-000000000000", NewStartingHashKey=HALF)
    parent, low, high = shards(kinesis)
    assert "EndingSequenceNumber" in parent["SequenceNumberRange"]
    assert {low["ParentShardId"], high["ParentShardId"]} == {parent["ShardId"]}
    assert int(low["HashKeyRange"]["EndingHashKey"]) + 1 == int(high["HashKeyRange"]["StartingHashKey"]) == int(HALF)
    put(kinesis, "b")
    page = kinesis.get_records(ShardIterator=iterator(kinesis))
    assert texts(page) == ["a"]
    assert "NextShardIterator" not in page
    assert [child["ShardId"] for child in page["ChildShards"]] == [low["ShardId"], high["ShardId"]]


def test_merged_shards_have_one_child(kinesis: Any, make_stream: MakeStream) -> None:
    make_stream(shards=3)
    merge = {"StreamName": "clicks", "ShardToMerge": "shardId-000000000001"}
    with pytest.raises(ClientError, match="are not an adjacent pair"):
        kinesis.merge_shards(
            StreamName="clicks", ShardToMerge="shardId-000000000000", AdjacentShardToMerge="shardId-000000000002"
        )
    kinesis.merge_shards(**merge, AdjacentShardToMerge="shardId-000000000002")
    child = shards(kinesis)[-1]
    assert (child["ParentShardId"][-1], child["AdjacentParentShardId"][-1]) == ("1", "2")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        kinesis.merge_shards(**merge, AdjacentShardToMerge="shardId-000000000000")


@pytest.mark.parametrize(("count", "target"), [(1, 2), (4, 3), (3, 5), (5, 3), (8, 4), (2, 2)])
def test_a_scaled_stream_has_shards_of_one_width(
    kinesis: Any, make_stream: MakeStream, count: int, target: int
) -> None:
    make_stream(shards=count)
    answer = kinesis.update_shard_count(StreamName="clicks", TargetShardCount=target, ScalingType="UNIFORM_SCALING")
    assert (answer["CurrentShardCount"], answer["TargetShardCount"]) == (count, target)
    open_shards = shards(kinesis, ShardFilter={"Type": "AT_LATEST"})
    starts = sorted(int(shard["HashKeyRange"]["StartingHashKey"]) for shard in open_shards)
    assert starts == [index * 2**128 // target for index in range(target)]


def test_scaling_has_aws_limits(kinesis: Any, make_stream: MakeStream) -> None:
    make_stream(shards=4)
    scale = {"StreamName": "clicks", "ScalingType": "UNIFORM_SCALING"}
    with pytest.raises(ClientError, match="cannot scale up over double"):
        kinesis.update_shard_count(**scale, TargetShardCount=9)
    with pytest.raises(ClientError, match="cannot scale down below half"):
        kinesis.update_shard_count(**scale, TargetShardCount=1)
    for _ in range(10):
        kinesis.update_shard_count(**scale, TargetShardCount=4)
    with pytest.raises(ClientError, match="LimitExceededException"):
        kinesis.update_shard_count(**scale, TargetShardCount=4)


def test_lists_of_shards_are_filtered_and_paged(kinesis: Any, make_stream: MakeStream) -> None:
    make_stream(shards=2)
    kinesis.split_shard(StreamName="clicks", ShardToSplit="shardId-000000000001", NewStartingHashKey=str(3 * 2**126))
    assert ids(shards(kinesis)) == [0, 1, 2, 3]
    assert ids(shards(kinesis, ShardFilter={"Type": "AT_LATEST"})) == [0, 2, 3]
    assert ids(shards(kinesis, ShardFilter={"Type": "AT_TRIM_HORIZON"})) == [0, 1]
    after = {"Type": "AFTER_SHARD_ID", "ShardId": "shardId-000000000001"}
    assert ids(shards(kinesis, ShardFilter=after)) == [2, 3]
    page = kinesis.list_shards(StreamName="clicks", MaxResults=3)
    rest = kinesis.list_shards(NextToken=page["NextToken"])
    assert ids(page["Shards"]) + ids(rest["Shards"]) == [0, 1, 2, 3]
    with pytest.raises(ClientError, match="InvalidArgumentException"):
        kinesis.list_shards(StreamName="clicks", NextToken=page["NextToken"])


class ReshardingMachine(RuleBasedStateMachine):
    """Records are put while shards split, merge and scale. A reader that reads parents to their ends before their
    children sees every record of a key in its order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.now_ms = 1_700_000_000_000
        self.cloud = Cloud(Path(self.folder.name), services=SERVICES, sync="process")
        self.kinesis = KinesisService(self.cloud)
        self.put: dict[str, list[bytes]] = defaultdict(list)
        self.count = 0
        self.call("create_stream", StreamName="clicks", ShardCount=2)

    def teardown(self) -> None:
        self.loop.run_until_complete(self.cloud.stop())
        self.loop.close()
        self.folder.cleanup()

    def call(self, operation: str, **parameters: Any) -> Any:
        async def committed() -> Any:
            ctx = Context(
                self.cloud,
                account="1" * 12,
                region="us-east-1",
                now_ms=self.now_ms,
                request_id="",
                endpoint="http://here",
            )
            with self.cloud.store.transaction():
                return getattr(self.kinesis, operation)(ctx, **parameters)

        return self.loop.run_until_complete(committed())

    def try_to(self, operation: str, **parameters: Any) -> None:
        try:
            self.call(operation, StreamName="clicks", **parameters)
        except AwsError:
            return

    def open_shards(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("list_shards", StreamName="clicks", ShardFilter={"Type": "AT_LATEST"})[
            "Shards"
        ]
        return sorted(found, key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))

    @rule(keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8))
    def put_records(self, keys: list[str]) -> None:
        records = []
        for key in keys:
            self.count += 1
            records.append({"PartitionKey": key, "Data": str(self.count).encode()})
            self.put[key].append(records[-1]["Data"])
        answer = self.call("put_records", StreamName="clicks", Records=records)
        assert answer["FailedRecordCount"] == 0
        for record, told in zip(records, answer["Records"], strict=True):
            (shard,) = [each for each in self.open_shards() if each["ShardId"] == told["ShardId"]]
            hashed = int.from_bytes(hashlib.md5(record["PartitionKey"].encode()).digest(), "big")
            bounds = shard["HashKeyRange"]
            assert int(bounds["StartingHashKey"]) <= hashed <= int(bounds["EndingHashKey"])

    @rule(which=st.integers(0, 20), where=st.integers(1, 9))
    def split(self, which: int, where: int) -> None:
        shard = self.open_shards()[which % len(self.open_shards())]
        first, last = (int(shard["HashKeyRange"][f"{end}HashKey"]) for end in ("Starting", "Ending"))
        start = first + (last - first) * where // 10
        self.try_to("split_shard", ShardToSplit=shard["ShardId"], NewStartingHashKey=str(start))

    @rule(which=st.integers(0, 20))
    def merge(self, which: int) -> None:
        found = self.open_shards()
        if len(found) > 1:
            lower = which % (len(found) - 1)
            one, other = found[lower]["ShardId"], found[lower + 1]["ShardId"]
            self.try_to("merge_shards", ShardToMerge=one, AdjacentShardToMerge=other)

    @rule(count=st.integers(1, 12))
    def scale(self, count: int) -> None:
        self.try_to("update_shard_count", TargetShardCount=count, ScalingType="UNIFORM_SCALING")

    @rule(seconds=st.sampled_from([1, 60, 3600]))
    def time_passes(self, seconds: int) -> None:
        self.now_ms += seconds * 1000

    @invariant()
    def open_shards_have_every_hash_key_once(self) -> None:
        bounds = [shard["HashKeyRange"] for shard in self.open_shards()]
        assert bounds[0]["StartingHashKey"] == "0"
        assert bounds[-1]["EndingHashKey"] == str(2**128 - 1)
        for before, after in pairwise(bounds):
            assert int(before["EndingHashKey"]) + 1 == int(after["StartingHashKey"])

    @invariant()
    def every_key_keeps_its_order(self) -> None:
        self.now_ms += 5_000  # So that each shard may be read once more.
        seen: dict[str, list[bytes]] = defaultdict(list)
        waiting = self.call("list_shards", StreamName="clicks")["Shards"]
        done: set[str] = set()
        while waiting:
            shard = next(each for each in waiting if not ({*_parents(each)} - done))
            waiting.remove(shard)
            done.add(shard["ShardId"])
            token = self.call(
                "get_shard_iterator", StreamName="clicks", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in self.call("get_records", ShardIterator=token)["Records"]:
                seen[record["PartitionKey"]].append(record["Data"])
        assert seen == {key: data for key, data in self.put.items() if data}


def _parents(shard: dict[str, Any]) -> list[str]:
    return [shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard]


ReshardingMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20)
TestResharding = ReshardingMachine.TestCase
