"""CloudFormation types of Kinesis."""

import json
from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType, TransactionalResourceType
from fogbank.services.kinesis.errors import ResourceNotFound

_DAY_HOURS = 24


class StreamResource(TransactionalResourceType):
    type_name = "AWS::Kinesis::Stream"
    supported = frozenset(
        {
            "DesiredShardLevelMetrics",
            "MaxRecordSizeInKiB",
            "Name",
            "RetentionPeriodHours",
            "ShardCount",
            "StreamEncryption",
            "StreamModeDetails",
            "Tags",
            "WarmThroughputMiBps",
        }
    )
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("Name") or request.generated_name(length_max=128)
        given: dict[str, Any] = {}
        if "ShardCount" in properties:
            given["ShardCount"] = int(properties["ShardCount"])
        elif "StreamModeDetails" not in properties:
            given["ShardCount"] = 1
        if "StreamModeDetails" in properties:
            given["StreamModeDetails"] = properties["StreamModeDetails"]
        if "MaxRecordSizeInKiB" in properties:
            given["MaxRecordSizeInKiB"] = int(properties["MaxRecordSizeInKiB"])
        if "WarmThroughputMiBps" in properties:
            given["WarmThroughputMiBps"] = int(properties["WarmThroughputMiBps"])
        ctx.cloud.kinesis.create_stream(ctx, StreamName=name, Tags=request.tags(), **given)
        self._settle(ctx, name, {}, properties)
        return _state(ctx, name)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name, before, after = request.physical_id, request.previous, request.properties
        kinesis, arn = ctx.cloud.kinesis, _arn(ctx, name)
        mode = after.get("StreamModeDetails")
        if mode is not None and mode != before.get("StreamModeDetails"):
            kinesis.update_stream_mode(ctx, StreamARN=arn, StreamModeDetails=mode)
        if "ShardCount" in after and after["ShardCount"] != before.get("ShardCount"):
            kinesis.update_shard_count(
                ctx, StreamName=name, TargetShardCount=int(after["ShardCount"]), ScalingType="UNIFORM_SCALING"
            )
        if after.get("MaxRecordSizeInKiB") != before.get("MaxRecordSizeInKiB"):
            size = int(after.get("MaxRecordSizeInKiB", 1024))
            kinesis.update_max_record_size(ctx, StreamARN=arn, MaxRecordSizeInKiB=size)
        if "WarmThroughputMiBps" in after and after["WarmThroughputMiBps"] != before.get("WarmThroughputMiBps"):
            kinesis.update_stream_warm_throughput(
                ctx, StreamARN=arn, WarmThroughputMiBps=int(after["WarmThroughputMiBps"])
            )
        self._settle(ctx, name, before, after)
        _set_tags(ctx, arn, request.tags())
        return _state(ctx, name)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.kinesis.delete_stream(ctx, StreamName=request.physical_id, EnforceConsumerDeletion=True)
        except ResourceNotFound:
            return

    def _settle(self, ctx: Context, name: str, before: dict[str, Any], after: dict[str, Any]) -> None:
        """The settings that have operations of their own, as of `after`."""
        kinesis = ctx.cloud.kinesis
        old, new = (int(each.get("RetentionPeriodHours", _DAY_HOURS)) for each in (before, after))
        if new > old:
            kinesis.increase_stream_retention_period(ctx, StreamName=name, RetentionPeriodHours=new)
        elif new < old:
            kinesis.decrease_stream_retention_period(ctx, StreamName=name, RetentionPeriodHours=new)
        encryption, encrypted = after.get("StreamEncryption"), before.get("StreamEncryption")
        if encryption != encrypted:
            if encryption is not None:
                kinesis.start_stream_encryption(ctx, StreamName=name, **encryption)
            elif encrypted is not None:
                kinesis.stop_stream_encryption(ctx, StreamName=name, **encrypted)
        wanted = set(after.get("DesiredShardLevelMetrics") or ())
        unwanted = set(before.get("DesiredShardLevelMetrics") or ()) - wanted
        if unwanted:
            kinesis.disable_enhanced_monitoring(ctx, StreamName=name, ShardLevelMetrics=sorted(unwanted))
        if wanted:
            kinesis.enable_enhanced_monitoring(ctx, StreamName=name, ShardLevelMetrics=sorted(wanted))


class StreamConsumerResource(TransactionalResourceType):
    type_name = "AWS::Kinesis::StreamConsumer"
    supported = frozenset({"ConsumerName", "StreamARN", "Tags"})
    taggable = True

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        stream, name = request.properties["StreamARN"], request.properties["ConsumerName"]
        consumer = ctx.cloud.kinesis.register_stream_consumer(
            ctx, StreamARN=stream, ConsumerName=name, Tags=request.tags()
        )["Consumer"]
        attributes = {
            "ConsumerARN": consumer["ConsumerARN"],
            "ConsumerCreationTimestamp": str(int(consumer["ConsumerCreationTimestamp"])),
            "ConsumerName": name,
            "ConsumerStatus": "ACTIVE",
            "StreamARN": stream,
        }
        return ResourceState(physical_id=consumer["ConsumerARN"], attributes=attributes)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        _set_tags(ctx, request.physical_id, request.tags())
        return ResourceState(physical_id=request.physical_id, attributes=request.attributes)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.kinesis.deregister_stream_consumer(ctx, ConsumerARN=request.physical_id)
        except ResourceNotFound:
            return


class ResourcePolicyResource(TransactionalResourceType):
    type_name = "AWS::Kinesis::ResourcePolicy"
    supported = frozenset({"ResourceArn", "ResourcePolicy"})

    def _create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        return self._update(ctx, request)

    def _update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        arn = request.properties["ResourceArn"]
        document = request.properties["ResourcePolicy"]
        policy = document if isinstance(document, str) else json.dumps(document)
        ctx.cloud.kinesis.put_resource_policy(ctx, ResourceARN=arn, Policy=policy)
        return ResourceState(physical_id=arn)

    def _delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            ctx.cloud.kinesis.delete_resource_policy(ctx, ResourceARN=request.physical_id)
        except ResourceNotFound:
            return


def _set_tags(ctx: Context, arn: str, tags: dict[str, str]) -> None:
    present = ctx.cloud.kinesis.list_tags_for_resource(ctx, ResourceARN=arn)["Tags"]
    if gone := [tag["Key"] for tag in present if tag["Key"] not in tags]:
        ctx.cloud.kinesis.untag_resource(ctx, ResourceARN=arn, TagKeys=gone)
    if tags:
        ctx.cloud.kinesis.tag_resource(ctx, ResourceARN=arn, Tags=tags)


def _arn(ctx: Context, name: str) -> str:
    return ctx.arn("kinesis", f"stream/{name}")


def _state(ctx: Context, name: str) -> ResourceState:
    return ResourceState(physical_id=name, attributes={"Arn": _arn(ctx, name)})


RESOURCES: list[type[ResourceType]] = [StreamResource, StreamConsumerResource, ResourcePolicyResource]
