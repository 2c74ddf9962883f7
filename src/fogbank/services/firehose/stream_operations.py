"""Streams: made, described, changed and deleted. https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html"""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.core.tags import tag_map
from fogbank.services.firehose import settings
from fogbank.services.firehose.base import FirehoseBase
from fogbank.services.firehose.deliveries import Deliveries
from fogbank.services.firehose.errors import (
    ConcurrentModification,
    InvalidArgument,
    LimitExceeded,
    ResourceInUse,
)
from fogbank.services.firehose.records import DELIVERY, Batch, DeliveryStream
from fogbank.services.firehose.s3_delivery import S3Delivery

DIRECT_PUT = "DirectPut"
DESTINATION_ID = "destinationId-000000000001"
STREAMS_MAX = 5000  # Quota: streams of an account in a region.
CREATING_MS = 1_000
_PAGE = 10


class StreamOperations(FirehoseBase):
    """The operations on streams, of `FirehoseService`."""

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._s3 = S3Delivery(cloud, self._tables)
        self._deliveries = Deliveries(cloud, self._tables, {DELIVERY: self._deliver})
        self._batches = self._deliveries.batches

    async def start(self) -> None:
        await self.cloud.store.run(self._batches.resume)

    def create_delivery_stream(
        self,
        ctx: Context,
        *,
        DeliveryStreamName: str,
        DeliveryStreamType: str = DIRECT_PUT,
        S3DestinationConfiguration: dict[str, Any] | None = None,
        ExtendedS3DestinationConfiguration: dict[str, Any] | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        if DeliveryStreamType != DIRECT_PUT:
            raise NotImplementedInFogbank(f"Fogbank's firehose does not implement the source {DeliveryStreamType} yet.")
        kind, given = _only_one(
            {settings.S3: S3DestinationConfiguration, settings.EXTENDED_S3: ExtendedS3DestinationConfiguration}
        )
        complete = settings.complete(kind, given)
        if self._tables.streams.get((ctx.account, ctx.region, DeliveryStreamName)) is not None:
            raise ResourceInUse(f"Firehose {DeliveryStreamName} under accountId {ctx.account} already exists")
        if self._tables.streams.count((ctx.account, ctx.region)) >= STREAMS_MAX:
            raise LimitExceeded(f"Delivery stream limit {STREAMS_MAX} exceeded for account {ctx.account}")
        stream = DeliveryStream(
            id=self.cloud.sequence.next(),
            name=DeliveryStreamName,
            account=ctx.account,
            region=ctx.region,
            type=DeliveryStreamType,
            created_ms=ctx.now_ms,
            active_ms=ctx.now_ms + CREATING_MS,
            destination=kind,
            settings=complete,
            tags=tag_map(Tags),
        )
        self._save(stream)
        return {"DeliveryStreamARN": stream.arn}

    def delete_delivery_stream(
        self, ctx: Context, *, DeliveryStreamName: str, AllowForceDelete: bool = False
    ) -> Answer:
        """A stream is gone at once, and with it what it has not delivered."""
        stream = self._stream(ctx, DeliveryStreamName)
        self._batches.remove_all(stream.id)
        self._tables.streams.delete(stream.key)
        return None

    def describe_delivery_stream(
        self,
        ctx: Context,
        *,
        DeliveryStreamName: str,
        Limit: int = 1,
        ExclusiveStartDestinationId: str | None = None,
    ) -> Answer:
        stream = self._stream(ctx, DeliveryStreamName, shared=True)
        destination = {"DestinationId": DESTINATION_ID, **settings.describe(stream)}
        shown = ExclusiveStartDestinationId is None or ExclusiveStartDestinationId < DESTINATION_ID
        description: dict[str, Any] = {
            "DeliveryStreamName": stream.name,
            "DeliveryStreamARN": stream.arn,
            "DeliveryStreamStatus": "CREATING" if stream.active_ms > ctx.now_ms else "ACTIVE",
            "DeliveryStreamType": stream.type,
            "VersionId": str(stream.version),
            "CreateTimestamp": stream.created_ms / 1000,
            "Destinations": [destination][:Limit] if shown else [],
            "HasMoreDestinations": False,
        }
        if stream.updated_ms:
            description["LastUpdateTimestamp"] = stream.updated_ms / 1000
        return {"DeliveryStreamDescription": description}

    def list_delivery_streams(
        self,
        ctx: Context,
        *,
        Limit: int = _PAGE,
        DeliveryStreamType: str | None = None,
        ExclusiveStartDeliveryStreamName: str | None = None,
    ) -> Answer:
        place = (ctx.account, ctx.region)
        after = (*place, ExclusiveStartDeliveryStreamName) if ExclusiveStartDeliveryStreamName else None
        names: list[str] = []
        for _, stream in self._tables.streams.scan(place, after=after):
            if DeliveryStreamType in (None, stream.type):
                if len(names) == Limit:
                    return {"DeliveryStreamNames": names, "HasMoreDeliveryStreams": True}
                names.append(stream.name)
        return {"DeliveryStreamNames": names, "HasMoreDeliveryStreams": False}

    def update_destination(
        self,
        ctx: Context,
        *,
        DeliveryStreamName: str,
        CurrentDeliveryStreamVersionId: str,
        DestinationId: str,
        S3DestinationUpdate: dict[str, Any] | None = None,
        ExtendedS3DestinationUpdate: dict[str, Any] | None = None,
    ) -> Answer:
        stream = self._stream(ctx, DeliveryStreamName)
        kind, given = _only_one({settings.S3: S3DestinationUpdate, settings.EXTENDED_S3: ExtendedS3DestinationUpdate})
        if DestinationId != DESTINATION_ID:
            raise InvalidArgument(f"Destination Id {DestinationId} not found")
        if CurrentDeliveryStreamVersionId != str(stream.version):
            raise ConcurrentModification(
                f"Cannot update firehose: {stream.name} since the current version id: {stream.version} and specified "
                f"version id: {CurrentDeliveryStreamVersionId} do not match"
            )
        stream.settings = settings.complete(kind, stream.settings | given)
        stream.destination = kind
        stream.version += 1
        stream.updated_ms = ctx.now_ms
        self._save(stream)
        return None

    # ---- steps ------------------------------------------------------------------------------------------------------

    async def _deliver(self, ctx: Context, stream: DeliveryStream, batch_id: int, batch: Batch) -> None:
        await self._s3.put(ctx, stream, stream.settings, batch_id, batch)
        await ctx.run(self._batches.remove, stream.id, batch_id)


def _only_one(configurations: dict[str, dict[str, Any] | None]) -> tuple[str, dict[str, Any]]:
    given = [(kind, found) for kind, found in configurations.items() if found is not None]
    if len(given) != 1:
        raise InvalidArgument("Exactly one destination configuration is supported for a Firehose")
    return given[0]
