"""Streams on demand scale by themselves; their warm throughput and the account's commitment."""

from itertools import pairwise
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.services.kinesis.demand import SHARDS_MIN, Peak, Window, shards_wanted, with_peak
from tests.conftest import Aws, MovableClock

ON_DEMAND = {"StreamMode": "ON_DEMAND"}
PROVISIONED = {"StreamMode": "PROVISIONED"}


@pytest.fixture
def arn(kinesis: Any) -> str:
    """A stream on demand."""
    kinesis.create_stream(StreamName="clicks", StreamModeDetails=ON_DEMAND)
    return str(summary(kinesis)["StreamARN"])


def summary(kinesis: Any) -> dict[str, Any]:
    found: dict[str, Any] = kinesis.describe_stream_summary(StreamName="clicks")["StreamDescriptionSummary"]
    return found


def put(kinesis: Any, *keys: str) -> int:
    """Put a record for each key; how many were refused."""
    records = [{"Data": b"x", "PartitionKey": key} for key in keys]
    failed: int = kinesis.put_records(StreamName="clicks", Records=records)["FailedRecordCount"]
    return failed


def write(kinesis: Any, clock: MovableClock, *, records_s: int, seconds: int) -> None:
    for second in range(seconds):
        for first in range(0, records_s, 500):
            assert put(kinesis, *(f"{second}-{number}" for number in range(first, first + 500))) == 0
        clock.advance(s=1)


def test_a_stream_gets_twice_the_shards_when_more_than_half_of_what_it_takes_is_written(
    kinesis: Any, arn: str, clock: MovableClock
) -> None:
    with clock.standing():
        write(kinesis, clock, records_s=1500, seconds=11)
        assert summary(kinesis)["OpenShardCount"] == 4
        write(kinesis, clock, records_s=2500, seconds=22)
    assert summary(kinesis)["OpenShardCount"] == 8
    shards = kinesis.list_shards(StreamName="clicks", ShardFilter={"Type": "AT_LATEST"})["Shards"]
    widths = {int(s["HashKeyRange"]["EndingHashKey"]) - int(s["HashKeyRange"]["StartingHashKey"]) for s in shards}
    assert widths == {2**125 - 1}


def test_a_shard_that_has_too_much_to_do_is_split(kinesis: Any, arn: str, clock: MovableClock) -> None:
    with clock.standing():
        assert sum(put(kinesis, *["hot"] * 500) for _ in range(3)) == 500
    clock.advance(s=10)
    assert summary(kinesis)["OpenShardCount"] == 5
    (parent,) = {
        shard["ParentShardId"]
        for shard in kinesis.list_shards(StreamName="clicks")["Shards"]
        if "ParentShardId" in shard
    }
    put(kinesis, "hot")
    assert kinesis.put_record(StreamName="clicks", Data=b"x", PartitionKey="hot")["ShardId"] != parent


@pytest.mark.parametrize(
    ("count", "peaks", "warm", "region", "wanted"),
    [
        (4, [(1, 0.0)], 0, "us-east-1", 4),
        (4, [(1, 2.0)], 0, "us-east-1", 4),
        (4, [(1, 2.1)], 0, "us-east-1", 8),
        (4, [(1, 3.9), (2, 0.1)], 0, "us-east-1", 8),
        (8, [(1, 14.0)], 0, "us-east-1", 32),
        (4, [(1, 0.0)], 20, "us-east-1", 32),
        (128, [(1, 120.0)], 0, "eu-central-1", 200),
        (128, [(1, 120.0)], 0, "us-east-1", 256),
        (64, [(1, 3.0)], 0, "us-east-1", 64),
        (64, [(day, 3.0) for day in range(30)], 0, "us-east-1", 6),
        (64, [(day, 20.0) for day in range(30)], 0, "us-east-1", 64),
    ],
)
def test_the_shards_that_a_stream_ought_to_have(
    count: int, peaks: list[Peak], warm: int, region: str, wanted: int
) -> None:
    assert shards_wanted(count, peaks, warm=warm, region=region) == wanted


def test_a_peak_counts_for_thirty_days() -> None:
    peaks = with_peak([], 100, 5.0)
    assert with_peak(peaks, 100, 3.0) == [(100, 5.0)]
    assert with_peak(peaks, 129, 1.0) == [(100, 5.0), (129, 1.0)]
    assert with_peak(peaks, 130, 1.0) == [(130, 1.0)]


def test_the_rate_of_a_shard_is_by_records_or_by_bytes_whichever_is_more() -> None:
    window = Window(0)
    window.count(0, 10_000, 10)
    window.count(1, 1, 5 * 1024 * 1024)
    assert window.rates(10_000) == {0: 1.0, 1: 0.5}


def test_a_streams_mode_changes_twice_a_day(kinesis: Any, arn: str, clock: MovableClock) -> None:
    for mode in (PROVISIONED, ON_DEMAND):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=mode)
        assert (summary(kinesis)["StreamModeDetails"], summary(kinesis)["OpenShardCount"]) == (mode, SHARDS_MIN)
    with pytest.raises(ClientError, match="LimitExceededException"):
        kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)
    clock.advance(s=86_400)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)


def test_warm_throughput_is_for_streams_on_demand_of_accounts_with_a_commitment(
    kinesis: Any, arn: str, clock: MovableClock
) -> None:
    with pytest.raises(ClientError, match="MinimumThroughputBillingCommitment"):
        kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10)
    assert "WarmThroughput" not in summary(kinesis)
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    changed = kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10)
    assert changed["WarmThroughput"] == {"TargetMiBps": 10, "CurrentMiBps": 10}
    assert (summary(kinesis)["OpenShardCount"], summary(kinesis)["WarmThroughput"]["CurrentMiBps"]) == (10, 10)
    kinesis.update_stream_warm_throughput(StreamName="clicks", WarmThroughputMiBps=2)
    assert summary(kinesis)["OpenShardCount"] == SHARDS_MIN
    with pytest.raises(ClientError, match="LimitExceededException"):
        kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10_241)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=PROVISIONED)
    with pytest.raises(ClientError, match="Provisioned mode"):
        kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=10)
    kinesis.update_stream_mode(StreamARN=arn, StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=6)
    assert summary(kinesis)["OpenShardCount"] == 6


def test_a_commitment_lasts_a_day_at_least(kinesis: Any, clock: MovableClock) -> None:
    def told(answer: Any) -> tuple[str, list[str]]:
        commitment = answer["MinimumThroughputBillingCommitment"]
        return commitment.pop("Status"), sorted(commitment)

    def update(status: str) -> tuple[str, list[str]]:
        return told(kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": status}))

    assert told(kinesis.describe_account_settings()) == ("DISABLED", [])
    enabled = ("ENABLED", ["EarliestAllowedEndAt", "StartedAt"])
    ending = ("ENABLED_UNTIL_EARLIEST_ALLOWED_END", ["EarliestAllowedEndAt", "StartedAt"])
    assert update("ENABLED") == enabled
    assert update("DISABLED") == ending
    assert update("ENABLED") == enabled
    assert update("DISABLED") == ending
    clock.advance(s=86_400)
    assert told(kinesis.describe_account_settings()) == ("DISABLED", ["EndedAt", "StartedAt"])


def test_a_stream_may_begin_warm(kinesis: Any) -> None:
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    kinesis.create_stream(StreamName="clicks", StreamModeDetails=ON_DEMAND, WarmThroughputMiBps=7)
    assert summary(kinesis)["OpenShardCount"] == 7


TEMPLATE = """
Resources:
  Stream:
    Type: AWS::Kinesis::Stream
    Properties: {Name: clicks, StreamModeDetails: {StreamMode: ON_DEMAND}, WarmThroughputMiBps: %d}
"""


def test_a_template_warms_a_stream(aws: Aws, kinesis: Any) -> None:
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    stacks = aws("cloudformation")
    stacks.create_stack(StackName="s", TemplateBody=TEMPLATE % 6)
    stacks.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert summary(kinesis)["OpenShardCount"] == 6
    stacks.update_stack(StackName="s", TemplateBody=TEMPLATE % 9)
    stacks.get_waiter("stack_update_complete").wait(StackName="s", WaiterConfig={"Delay": 0.1})
    assert summary(kinesis)["OpenShardCount"] == 9


def test_many_shards_at_once_keep_the_hash_keys_whole(kinesis: Any, arn: str) -> None:
    kinesis.update_account_settings(MinimumThroughputBillingCommitment={"Status": "ENABLED"})
    kinesis.update_stream_warm_throughput(StreamARN=arn, WarmThroughputMiBps=3_000)
    shards: list[dict[str, Any]] = []
    more = {"StreamName": "clicks", "ShardFilter": {"Type": "AT_LATEST"}}
    while more:
        page = kinesis.list_shards(**more)
        shards += page["Shards"]
        more = {"NextToken": page["NextToken"]} if "NextToken" in page else {}
    edges = [
        (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"])) for shard in shards
    ]
    edges.sort()
    assert len(edges) == 3_000
    assert (edges[0][0], edges[-1][1]) == (0, 2**128 - 1)
    assert all(end + 1 == start for (_, end), (start, _) in pairwise(edges))
