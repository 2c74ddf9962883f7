"""Streams: made, described, changed and deleted. https://docs.aws.amazon.com/kinesis/latest/APIReference/Welcome.html"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.core.tags import given, reserved
from fogbank.services.kinesis.demand import SHARDS_MIN
from fogbank.services.kinesis.errors import InvalidArgument, LimitExceeded, ResourceInUse, Validation
from fogbank.services.kinesis.reading import Reading
from fogbank.services.kinesis.records import Stream
from fogbank.services.kinesis.resharding import SHARDS_OF_ACCOUNT_MAX
from fogbank.services.kinesis.shard_lists import ShardLists
from fogbank.services.kinesis.stream_metrics import SHARD_METRICS
from fogbank.services.kinesis.tokens import make_token, read_token
from fogbank.services.kinesis.trimming import Trimming

ON_DEMAND_STREAMS_MAX = 50
RETENTION_H_MIN, RETENTION_H_MAX = 24, 8760
TAGS_MAX = 50
MODE_CHANGES_A_DAY_MAX = 2
_PAGE = 100
_DAY_MS = 86_400_000


class StreamOperations(Reading, ShardLists, Trimming):
    """The operations on streams, of `KinesisService`. A change is done when it is answered."""

    def create_stream(
        self,
        ctx: Context,
        *,
        StreamName: str,
        ShardCount: int | None = None,
        StreamModeDetails: dict[str, str] | None = None,
        Tags: dict[str, str] | None = None,
        MaxRecordSizeInKiB: int | None = None,
        WarmThroughputMiBps: int | None = None,
    ) -> Answer:
        key = (ctx.account, ctx.region, StreamName)
        if self._tables.streams.get(key) is not None:
            raise ResourceInUse(f"Stream {StreamName} under account {ctx.account} already exists.")
        mode = (StreamModeDetails or {}).get("StreamMode")
        # Without a mode and a count AWS makes the stream on demand since both may be left out.
        on_demand = mode == "ON_DEMAND" or (mode is None and ShardCount is None)
        if on_demand and ShardCount is not None:
            raise Validation("Shard count should not be provided when StreamMode is ON_DEMAND.")
        if not on_demand and ShardCount is None:
            raise Validation("Shard count must be provided when StreamMode is PROVISIONED.")
        check_tags(ctx, Tags or {})
        if on_demand:
            self._check_on_demand_streams(ctx)
        else:
            self._check_shards_of_account(ctx, ShardCount or 0)
        stream = Stream(
            id=self.cloud.sequence.next(),
            name=StreamName,
            account=ctx.account,
            region=ctx.region,
            created_ms=ctx.now_ms,
            open=[],
            shards_made=0,
            on_demand=on_demand,
            tags=Tags or {},
            record_kib_max=MaxRecordSizeInKiB or 1024,
        )
        self._open_first(stream, ShardCount or SHARDS_MIN)
        if WarmThroughputMiBps is not None:
            self._set_warm_throughput(ctx, stream, WarmThroughputMiBps)
        self._save(stream)
        self._begin_trimming(stream, ctx.now_ms)
        return None

    def delete_stream(
        self,
        ctx: Context,
        *,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        EnforceConsumerDeletion: bool = False,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        if not EnforceConsumerDeletion and self._tables.consumers.first((stream.id,)) is not None:
            raise ResourceInUse(
                f"Stream {stream.name} under account {stream.account} has consumers registered: deregister them, or "
                "set EnforceConsumerDeletion."
            )
        self._tables.streams.delete((stream.account, stream.region, stream.name))
        self._tables.consumers.delete_all((stream.id,))
        for (_, number), _shard in self._tables.shards.scan((stream.id,)):
            self._waiters.wake_after_commit(self.cloud.store, (stream.id, number))
        for table in (self._tables.shards, self._tables.chunks):
            self.cloud.garbage.discard(table, (stream.id,))
        self._throughputs.forget_stream(stream.id)
        self._rings.pop(stream.id, None)
        self._end_windows(stream)
        self._end_trimming(stream)
        return None

    def describe_limits(self, ctx: Context) -> Answer:
        return {
            "ShardLimit": SHARDS_OF_ACCOUNT_MAX,
            "OpenShardCount": self._shards_used(ctx),
            "OnDemandStreamCount": self._on_demand_streams(ctx),
            "OnDemandStreamCountLimit": ON_DEMAND_STREAMS_MAX,
        }

    def describe_stream(
        self,
        ctx: Context,
        *,
        StreamName: str | None = None,
        StreamARN: str | None = None,
        Limit: int = _PAGE,
        ExclusiveStartShardId: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        shards: list[dict[str, Any]] = []
        more = False
        for shard in self._shards_of(stream, ExclusiveStartShardId):
            if len(shards) == Limit:
                more = True
                break
            shards.append(self._shown(stream, shard))
        description = _summary(stream) | {"Shards": shards, "HasMoreShards": more}
        return {"StreamDescription": description}

    def describe_stream_summary(
        self, ctx: Context, *, StreamName: str | None = None, StreamARN: str | None = None
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN, shared=True)
        summary = _summary(stream) | {
            "OpenShardCount": len(stream.open),
            "ConsumerCount": self._tables.consumers.count((stream.id,)),
            "MaxRecordSizeInKiB": stream.record_kib_max,
            **self._warm_throughput(ctx, stream),
        }
        return {"StreamDescriptionSummary": summary}

    def list_streams(
        self,
        ctx: Context,
        *,
        Limit: int = _PAGE,
        ExclusiveStartStreamName: str | None = None,
        NextToken: str | None = None,
    ) -> Answer:
        after = read_token(NextToken, type=str) if NextToken is not None else ExclusiveStartStreamName
        place = (ctx.account, ctx.region)
        start = (*place, after) if after is not None else None
        streams = [
            stream
            for (_, _, name), stream in self._tables.streams.scan(place, start=start, limit=Limit + 2)
            if name != after
        ]
        more, streams = len(streams) > Limit, streams[:Limit]
        answer: dict[str, Any] = {
            "StreamNames": [stream.name for stream in streams],
            "HasMoreStreams": more,
            "StreamSummaries": [
                {
                    "StreamName": stream.name,
                    "StreamARN": stream.arn,
                    "StreamStatus": "ACTIVE",
                    "StreamModeDetails": _mode(stream),
                    "StreamCreationTimestamp": stream.created_ms / 1000,
                }
                for stream in streams
            ],
        }
        return answer | ({"NextToken": make_token(streams[-1].name)} if more else {})

    # ---- settings -----------------------------------------------------------------------------------------------

    def increase_stream_retention_period(
        self,
        ctx: Context,
        *,
        RetentionPeriodHours: int,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        _check_retention(RetentionPeriodHours)
        if RetentionPeriodHours < stream.retention_h:
            raise InvalidArgument(
                f"Requested retention period ({RetentionPeriodHours} hours) for stream {stream.name} can not be "
                f"shorter than existing retention period ({stream.retention_h} hours). Use DecreaseRetentionPeriod API."
            )
        return self._set_retention(stream, RetentionPeriodHours)

    def decrease_stream_retention_period(
        self,
        ctx: Context,
        *,
        RetentionPeriodHours: int,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        _check_retention(RetentionPeriodHours)
        if RetentionPeriodHours > stream.retention_h:
            raise InvalidArgument(
                f"Requested retention period ({RetentionPeriodHours} hours) for stream {stream.name} can not be "
                f"longer than existing retention period ({stream.retention_h} hours). Use IncreaseRetentionPeriod API."
            )
        return self._set_retention(stream, RetentionPeriodHours)

    def _set_retention(self, stream: Stream, hours: int) -> Answer:
        stream.retention_h = hours
        self._save(stream)
        return None

    def update_stream_mode(
        self,
        ctx: Context,
        *,
        StreamARN: str,
        StreamModeDetails: dict[str, str],
        WarmThroughputMiBps: int | None = None,
    ) -> Answer:
        """A stream keeps its shards, whichever its mode becomes."""
        stream = self._stream(ctx, None, StreamARN)
        on_demand = StreamModeDetails["StreamMode"] == "ON_DEMAND"
        if on_demand != stream.on_demand:
            self._change_mode(ctx, stream, on_demand=on_demand)
        if WarmThroughputMiBps is not None:
            self._set_warm_throughput(ctx, stream, WarmThroughputMiBps)
        self._save(stream)
        return None

    def update_max_record_size(self, ctx: Context, *, MaxRecordSizeInKiB: int, StreamARN: str | None = None) -> Answer:
        stream = self._stream(ctx, None, StreamARN)
        stream.record_kib_max = MaxRecordSizeInKiB
        self._save(stream)
        return None

    def start_stream_encryption(
        self,
        ctx: Context,
        *,
        EncryptionType: str,
        KeyId: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        """Records that are put from then on are encrypted."""
        stream = self._stream(ctx, StreamName, StreamARN)
        if EncryptionType != "KMS":
            raise InvalidArgument("EncryptionType must be KMS.")
        self._encryption.check(ctx, stream, KeyId)
        stream.key_id = KeyId
        self._save(stream)
        return None

    def stop_stream_encryption(
        self,
        ctx: Context,
        *,
        EncryptionType: str,
        KeyId: str,
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        if EncryptionType != "KMS":
            raise InvalidArgument("EncryptionType must be KMS.")
        if stream.key_id and stream.key_id != KeyId:
            raise InvalidArgument(f"Stream {stream.name} is not encrypted with the key {KeyId}.")
        stream.key_id = ""
        self._save(stream)
        return None

    def enable_enhanced_monitoring(
        self,
        ctx: Context,
        *,
        ShardLevelMetrics: list[str],
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        return self._set_metrics(stream, {*stream.shard_metrics, *_metric_names(ShardLevelMetrics)})

    def disable_enhanced_monitoring(
        self,
        ctx: Context,
        *,
        ShardLevelMetrics: list[str],
        StreamName: str | None = None,
        StreamARN: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, StreamName, StreamARN)
        return self._set_metrics(stream, {*stream.shard_metrics} - {*_metric_names(ShardLevelMetrics)})

    def _set_metrics(self, stream: Stream, names: set[str]) -> Answer:
        before = stream.shard_metrics
        stream.shard_metrics = sorted(names)
        self._save(stream)
        return {
            "StreamName": stream.name,
            "StreamARN": stream.arn,
            "CurrentShardLevelMetrics": before,
            "DesiredShardLevelMetrics": stream.shard_metrics,
        }

    # ---- steps --------------------------------------------------------------------------------------------------

    def _change_mode(self, ctx: Context, stream: Stream, *, on_demand: bool) -> None:
        recent = [ms for ms in stream.mode_changed_ms if ms > ctx.now_ms - _DAY_MS]
        if len(recent) >= MODE_CHANGES_A_DAY_MAX:
            raise LimitExceeded(
                f"The mode of stream {stream.name} under account {stream.account} can be changed "
                f"{MODE_CHANGES_A_DAY_MAX} times in 24 hours."
            )
        if on_demand:
            self._check_on_demand_streams(ctx)
        else:
            self._check_shards_of_account(ctx, len(stream.open))
        stream.on_demand = on_demand
        stream.mode_changed_ms = [*recent, ctx.now_ms]
        stream.peaks, stream.warm_mibps = [], 0

    def _on_demand_streams(self, ctx: Context) -> int:
        return sum(stream.on_demand for _, stream in self._tables.streams.scan((ctx.account, ctx.region)))

    def _check_on_demand_streams(self, ctx: Context) -> None:
        if self._on_demand_streams(ctx) >= ON_DEMAND_STREAMS_MAX:
            raise LimitExceeded(
                f"This request would exceed the on-demand stream limit for the account {ctx.account} in {ctx.region}: "
                f"{ON_DEMAND_STREAMS_MAX}."
            )


def _summary(stream: Stream) -> dict[str, Any]:
    """What DescribeStream and DescribeStreamSummary both tell."""
    summary: dict[str, Any] = {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE",
        "StreamModeDetails": _mode(stream),
        "RetentionPeriodHours": stream.retention_h,
        "StreamCreationTimestamp": stream.created_ms / 1000,
        "EnhancedMonitoring": [{"ShardLevelMetrics": stream.shard_metrics}],
        "EncryptionType": "KMS" if stream.key_id else "NONE",
    }
    return summary | ({"KeyId": stream.key_id} if stream.key_id else {})


def _mode(stream: Stream) -> dict[str, str]:
    return {"StreamMode": "ON_DEMAND" if stream.on_demand else "PROVISIONED"}


def _check_retention(hours: int) -> None:
    if hours < RETENTION_H_MIN:
        raise InvalidArgument(
            f"Minimum allowed retention period is {RETENTION_H_MIN} hours. Requested retention period ({hours} hours) "
            "is too short."
        )
    if hours > RETENTION_H_MAX:
        raise InvalidArgument(
            f"Maximum allowed retention period is {RETENTION_H_MAX} hours. Requested retention period ({hours} hours) "
            "is too long."
        )


def _metric_names(names: list[str]) -> tuple[str, ...]:
    return SHARD_METRICS if "ALL" in names else tuple(names)


def check_tags(ctx: Context, tags: dict[str, str], there: Mapping[str, str] | None = None) -> None:
    """New tags beside those that are `there`."""
    if len(given({**(there or {}), **tags})) > TAGS_MAX:
        raise InvalidArgument(f"A stream can have {TAGS_MAX} tags.")
    if (key := reserved(ctx, tags)) is not None:
        raise InvalidArgument(f"Tag keys must not begin with aws: {key}")
