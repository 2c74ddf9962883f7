"""Writing a batch as an object. https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError, StorageFull
from fogbank.services.firehose.compression import EXTENSIONS, Compressor, compressor
from fogbank.services.firehose.deliveries import failure
from fogbank.services.firehose.object_names import Moment, object_key, time_zone
from fogbank.services.firehose.records import Batch, DeliveryStream, FirehoseTables

# What of a batch is read, compressed and handed on at a time.
_PIECE_BYTES = 512 * 1024


class S3Delivery:
    """Puts batches into buckets."""

    def __init__(self, cloud: Cloud, tables: FirehoseTables) -> None:
        self._cloud = cloud
        self._tables = tables

    async def put(
        self, ctx: Context, stream: DeliveryStream, settings: dict[str, Any], batch_id: int, batch: Batch
    ) -> None:
        """Write the batch into the bucket of `settings`; a second time the object has the same name.

        Raises DeliveryFailed.
        """
        extension = settings.get("FileExtension") or EXTENSIONS[settings["CompressionFormat"]]
        at = datetime.fromtimestamp(batch.opened_ms / 1000, time_zone(settings.get("CustomTimeZone", "")))
        key = object_key(
            settings.get("Prefix"),
            settings.get("ErrorOutputPrefix"),
            stream.name,
            stream.version,
            Moment(at, batch.uuid, batch.partition_keys),
            extension,
        )
        given: dict[str, Any] = {"Bucket": settings["BucketARN"].partition(":::")[2], "Key": key}
        encryption = settings["EncryptionConfiguration"].get("KMSEncryptionConfig")
        if encryption is not None:
            given |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["AWSKMSKeyARN"]}
        try:
            body = self._body(batch_id, compressor(settings["CompressionFormat"]))
            await ctx.call(self._cloud.s3.put_object, Body=body, ContentType="application/octet-stream", **given)
        except StorageFull:
            raise
        except AwsError as error:
            raise failure("S3", error) from error

    async def _body(self, batch_id: int, packer: Compressor) -> AsyncIterator[bytes]:
        in_thread = self._cloud.blobs.in_thread
        async for piece in self._pieces(batch_id):
            if packed := await in_thread(packer.add, piece):
                yield packed
        if rest := await in_thread(packer.finish):
            yield rest

    async def _pieces(self, batch_id: int) -> AsyncIterator[bytes]:
        """The batch's records, one behind the other."""
        last = None
        while True:
            gathered: list[bytes] = []
            size = 0
            for key, chunk in self._tables.chunks.scan((batch_id,), after=last):
                last = key
                gathered += chunk.data
                size += sum(map(len, chunk.data))
                if size >= _PIECE_BYTES:
                    break
            if not gathered:
                return
            yield b"".join(gathered)
