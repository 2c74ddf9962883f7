"""Streams: made, described, changed and deleted. https://docs.aws.amazon.com/firehose/latest/APIReference/Welcome.html"""

from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.services.firehose import conversion, partitioning
from fogbank.services.firehose.destination import Destination, Settings
from fogbank.services.firehose.destinations import EXTENDED_S3, HTTP_ENDPOINT, S3, only_one
from fogbank.services.firehose.encryption import BatchEncryption
from fogbank.services.firehose.errors import ConcurrentModification, InvalidArgument, LimitExceeded, ResourceInUse
from fogbank.services.firehose.records import DeliveryStream
from fogbank.services.firehose.roles import check_role
from fogbank.services.firehose.sources import Sources
from fogbank.services.firehose.tags import check_tags, tags_of

DIRECT_PUT, KINESIS = "DirectPut", "KinesisStreamAsSource"
DESTINATION_ID = "destinationId-000000000001"
STREAMS_MAX = 5000  # Quota: streams of an account in a region.
CREATING_MS = 1_000
_PAGE = 10


class StreamOperations(Sources):
    """The operations on streams, of `FirehoseService`."""

    async def start(self) -> None:
        await self.cloud.store.run(self._batches.resume)
        self._start_readers()

    async def stop(self) -> None:
        partitioning.close()

    def create_delivery_stream(
        self,
        ctx: Context,
        *,
        DeliveryStreamName: str,
        DeliveryStreamType: str = DIRECT_PUT,
        DirectPutSourceConfiguration: dict[str, Any] | None = None,
        KinesisStreamSourceConfiguration: dict[str, Any] | None = None,
        DeliveryStreamEncryptionConfigurationInput: dict[str, Any] | None = None,
        S3DestinationConfiguration: Settings | None = None,
        ExtendedS3DestinationConfiguration: Settings | None = None,
        HttpEndpointDestinationConfiguration: Settings | None = None,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        kind, given = only_one(
            {
                S3: S3DestinationConfiguration,
                EXTENDED_S3: ExtendedS3DestinationConfiguration,
                HTTP_ENDPOINT: HttpEndpointDestinationConfiguration,
            }
        )
        destination = self._deliveries.destinations[kind]
        _check_source(DeliveryStreamType, DirectPutSourceConfiguration, KinesisStreamSourceConfiguration)
        stream = DeliveryStream(
            id=self.cloud.sequence.next(),
            name=DeliveryStreamName,
            account=ctx.account,
            region=ctx.region,
            type=DeliveryStreamType,
            created_ms=ctx.now_ms,
            active_ms=ctx.now_ms + CREATING_MS,
            destination=kind,
            settings=destination.complete(given),
            source=KinesisStreamSourceConfiguration or {},
            throughput_hint_mb=(DirectPutSourceConfiguration or {}).get("ThroughputHintInMBs", 0),
            tags=tags_of(Tags),
        )
        check_tags(stream.tags)
        if DeliveryStreamEncryptionConfigurationInput is not None:
            stream.encryption = encryption_of(stream, DeliveryStreamEncryptionConfigurationInput)
            BatchEncryption(self.cloud).check(stream)
        if self._tables.streams.get(stream.key) is not None:
            raise ResourceInUse(f"Firehose {stream.name} under accountId {ctx.account} already exists")
        if self._tables.streams.count((ctx.account, ctx.region)) >= STREAMS_MAX:
            raise LimitExceeded(
                f"The account {ctx.account} has {STREAMS_MAX} Firehose streams in {ctx.region} already."
            )
        _check_named(ctx, destination, stream)
        if stream.source:
            self._check_kinesis(ctx, stream)
        self._save(stream)
        if stream.source:
            self.cloud.store.after_commit(lambda: self._start_reader(stream))
        return {"DeliveryStreamARN": stream.arn}

    def delete_delivery_stream(
        self, ctx: Context, *, DeliveryStreamName: str, AllowForceDelete: bool = False
    ) -> Answer:
        """A stream is gone at once, and with it what it has not delivered."""
        stream = self._active(ctx, DeliveryStreamName)
        self._batches.remove_all(stream.id)
        self._tables.streams.delete(stream.key)
        self._tables.checkpoints.delete_all((str(stream.id),))
        self.cloud.store.after_commit(lambda: self._end_reader(stream.id))
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
        described = self._deliveries.destinations[stream.destination].describe(stream.settings)
        shown = ExclusiveStartDestinationId is None or ExclusiveStartDestinationId < DESTINATION_ID
        description: dict[str, Any] = {
            "DeliveryStreamName": stream.name,
            "DeliveryStreamARN": stream.arn,
            "DeliveryStreamStatus": "CREATING" if stream.active_ms > ctx.now_ms else "ACTIVE",
            "DeliveryStreamType": stream.type,
            "VersionId": str(stream.version),
            "CreateTimestamp": stream.created_ms / 1000,
            "Destinations": [{"DestinationId": DESTINATION_ID, **described}][:Limit] if shown else [],
            "HasMoreDestinations": False,
        }
        if stream.updated_ms:
            description["LastUpdateTimestamp"] = stream.updated_ms / 1000
        if stream.source:
            source = stream.source | {"DeliveryStartTimestamp": stream.created_ms / 1000}
            description["Source"] = {"KinesisStreamSourceDescription": source}
        else:
            description["DeliveryStreamEncryptionConfiguration"] = stream.encryption or {"Status": "DISABLED"}
            if stream.throughput_hint_mb:
                hint = {"ThroughputHintInMBs": stream.throughput_hint_mb}
                description["Source"] = {"DirectPutSourceDescription": hint}
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
        S3DestinationUpdate: Settings | None = None,
        ExtendedS3DestinationUpdate: Settings | None = None,
        HttpEndpointDestinationUpdate: Settings | None = None,
    ) -> Answer:
        """Records that wait already are delivered as the new settings say."""
        kind, update = only_one(
            {
                S3: S3DestinationUpdate,
                EXTENDED_S3: ExtendedS3DestinationUpdate,
                HTTP_ENDPOINT: HttpEndpointDestinationUpdate,
            }
        )
        stream = self._active(ctx, DeliveryStreamName)
        if DestinationId != DESTINATION_ID:
            raise InvalidArgument(f"Destination Id {DestinationId} not found")
        if CurrentDeliveryStreamVersionId != str(stream.version):
            raise ConcurrentModification(
                f"Cannot update firehose: {stream.name} since the current version id: {stream.version} and specified "
                f"version id: {CurrentDeliveryStreamVersionId} do not match"
            )
        destination = self._deliveries.destinations[kind]
        # What both have in common stays only where the destination does; the two forms of S3 are one.
        same = (kind == HTTP_ENDPOINT) == (stream.destination == HTTP_ENDPOINT)
        if same and kind == S3:
            kind, destination = stream.destination, self._deliveries.destinations[stream.destination]
        stream.settings = destination.complete(destination.updated(stream.settings if same else {}, update))
        _check_named(ctx, destination, stream)
        stream.destination = kind
        stream.version += 1
        stream.updated_ms = ctx.now_ms
        self._save(stream)
        return None

    # ---- steps ------------------------------------------------------------------------------------------------------

    def _check_kinesis(self, ctx: Context, stream: DeliveryStream) -> None:
        check_role(ctx, stream.source["RoleARN"], stream.arn)
        arn = parse_arn(stream.source["KinesisStreamARN"])
        assert arn is not None, "the model has a pattern for it"
        if arn.region != ctx.region:
            raise InvalidArgument(f"The Kinesis stream {arn} is not in the region of the Firehose stream.")
        there = ctx.at(account=arn.account)
        self.cloud.kinesis.describe_stream_summary(there, StreamARN=str(arn))


def _check_source(kind: str, direct_put: dict[str, Any] | None, kinesis: dict[str, Any] | None) -> None:
    if kind not in (DIRECT_PUT, KINESIS):
        raise NotImplementedInFogbank(f"Fogbank's firehose does not implement the source {kind}.")
    if (kind == KINESIS) != (kinesis is not None):
        raise InvalidArgument(f"KinesisStreamSourceConfiguration must be given for {KINESIS}, and for nothing else.")
    if kind == KINESIS and direct_put is not None:
        raise InvalidArgument(f"DirectPutSourceConfiguration must be given for {DIRECT_PUT} only.")


def encryption_of(stream: DeliveryStream, given: dict[str, Any] | None) -> dict[str, Any]:
    """What DeliveryStreamEncryptionConfigurationInput makes. A key that AWS owns is described, and encrypts nothing."""
    if stream.type != DIRECT_PUT:
        raise InvalidArgument("Server-side encryption can be enabled for delivery streams with Direct PUT source only.")
    given = given or {"KeyType": "AWS_OWNED_CMK"}
    if (given["KeyType"] == "CUSTOMER_MANAGED_CMK") != ("KeyARN" in given):
        raise InvalidArgument("KeyARN must be specified for a KeyType of CUSTOMER_MANAGED_CMK, and for no other.")
    return {**given, "Status": "ENABLED"}


def _check_named(ctx: Context, destination: Destination, stream: DeliveryStream) -> None:
    """What the settings name must be there."""
    conversion.check_schema(ctx, stream.settings.get("DataFormatConversionConfiguration"))
    for role in destination.roles(stream.settings):
        check_role(ctx, role, stream.arn)
