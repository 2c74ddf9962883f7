"""CloudFormation types of Firehose."""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.resource import ResourceRequest, ResourceState, ResourceType
from fogbank.core.tags import tag_list
from fogbank.services.firehose.destination import Settings
from fogbank.services.firehose.destinations import EXTENDED_S3, HTTP_ENDPOINT, S3
from fogbank.services.firehose.errors import ResourceNotFound
from fogbank.services.firehose.stream_operations import CREATING_MS, DESTINATION_ID

_DESTINATIONS = {f"{kind}DestinationConfiguration": kind for kind in (EXTENDED_S3, HTTP_ENDPOINT, S3)}
_ENCRYPTION = "DeliveryStreamEncryptionConfigurationInput"
_GIVEN = {
    "DeliveryStreamType",
    "DirectPutSourceConfiguration",
    "KinesisStreamSourceConfiguration",
    _ENCRYPTION,
    *_DESTINATIONS,
}
# What updates call the S3 configurations within a destination.
_UPDATES = {"S3Configuration": "S3Update", "S3BackupConfiguration": "S3BackupUpdate"}


class DeliveryStreamResource(ResourceType):
    """The properties are those of CreateDeliveryStream."""

    type_name = "AWS::KinesisFirehose::DeliveryStream"
    supported = frozenset({"DeliveryStreamName", "Tags", *_GIVEN})
    taggable = True

    async def create(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        properties = request.properties
        name = properties.get("DeliveryStreamName") or request.generated_name(length_max=64)
        given = {parameter: value for parameter, value in properties.items() if parameter in _GIVEN}
        if tags := request.tags():
            given["Tags"] = tag_list(tags)
        await ctx.call(ctx.cloud.firehose.create_delivery_stream, DeliveryStreamName=name, **given)
        await _until_active(ctx, name)
        return _state(ctx, name)

    async def update(self, ctx: Context, request: ResourceRequest) -> ResourceState:
        name, before, after = request.physical_id, request.previous, request.properties
        for parameter, kind in _DESTINATIONS.items():
            if parameter in after and after[parameter] != before.get(parameter):
                await _update_destination(ctx, name, kind, after[parameter])
        firehose = ctx.cloud.firehose
        if after.get(_ENCRYPTION) != before.get(_ENCRYPTION):
            if _ENCRYPTION in after:
                given = {_ENCRYPTION: after[_ENCRYPTION]}
                await ctx.call(firehose.start_delivery_stream_encryption, DeliveryStreamName=name, **given)
            else:
                await ctx.call(firehose.stop_delivery_stream_encryption, DeliveryStreamName=name)
        await _set_tags(ctx, name, request.tags())
        return _state(ctx, name)

    async def delete(self, ctx: Context, request: ResourceRequest) -> None:
        try:
            await _until_active(ctx, request.physical_id)
            await ctx.call(ctx.cloud.firehose.delete_delivery_stream, DeliveryStreamName=request.physical_id)
        except ResourceNotFound:
            return


async def _describe(ctx: Context, name: str) -> dict[str, Any]:
    answer = await ctx.refreshed().call(ctx.cloud.firehose.describe_delivery_stream, DeliveryStreamName=name)
    description: dict[str, Any] = answer["DeliveryStreamDescription"]
    return description


async def _until_active(ctx: Context, name: str) -> None:
    while (await _describe(ctx, name))["DeliveryStreamStatus"] == "CREATING":
        await ctx.cloud.clock.sleep(CREATING_MS / 1000)


async def _update_destination(ctx: Context, name: str, kind: str, configuration: Settings) -> None:
    update = {_UPDATES.get(member, member): value for member, value in configuration.items()}
    await ctx.refreshed().call(
        ctx.cloud.firehose.update_destination,
        DeliveryStreamName=name,
        CurrentDeliveryStreamVersionId=(await _describe(ctx, name))["VersionId"],
        DestinationId=DESTINATION_ID,
        **{f"{kind}DestinationUpdate": update},
    )


async def _set_tags(ctx: Context, name: str, tags: dict[str, str]) -> None:
    firehose = ctx.cloud.firehose
    present = (await ctx.call(firehose.list_tags_for_delivery_stream, DeliveryStreamName=name))["Tags"]
    if gone := [tag["Key"] for tag in present if tag["Key"] not in tags]:
        await ctx.call(firehose.untag_delivery_stream, DeliveryStreamName=name, TagKeys=gone)
    if tags:
        await ctx.call(firehose.tag_delivery_stream, DeliveryStreamName=name, Tags=tag_list(tags))


def _state(ctx: Context, name: str) -> ResourceState:
    return ResourceState(physical_id=name, attributes={"Arn": ctx.arn("firehose", f"deliverystream/{name}")})


RESOURCES: list[type[ResourceType]] = [DeliveryStreamResource]
