"""Writing batches as objects. https://docs.aws.amazon.com/firehose/latest/dev/basic-deliver.html"""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import NotPermitted, permit
from fogbank.core.errors import AwsError, StorageFull
from fogbank.services.firehose.batches import Batches
from fogbank.services.firehose.compression import EXTENSIONS, Compressor, compressor
from fogbank.services.firehose.destination import DeliveryFailed, Settings
from fogbank.services.firehose.object_names import Moment, object_key, time_zone
from fogbank.services.firehose.records import Batch, DeliveryStream
from fogbank.services.firehose.roles import as_role

# What of a file is handed on at a time.
_PIECE_BYTES = 512 * 1024
_SENTENCES = {
    "NoSuchBucket": (
        "The specified bucket does not exist. Create the bucket or use a different bucket that does exist."
    ),
    "AccessDenied": (
        "Access was denied. Ensure that the trust policy for the provided IAM role allows Firehose to assume the role, "
        "and the access policy allows access to the S3 bucket."
    ),
    "MethodNotAllowed": (
        "The specified method is not allowed against this resource. Modify the bucket's policy to allow the correct "
        "Amazon S3 operation permissions."
    ),
}


class Written(NamedTuple):
    records: int
    size: int


class S3Objects:
    """Puts batches into buckets. A second time, an object has the same name."""

    def __init__(self, cloud: Cloud, batches: Batches) -> None:
        self._cloud = cloud
        self._batches = batches

    async def put(
        self,
        ctx: Context,
        stream: DeliveryStream,
        settings: Settings,
        batch_id: int,
        batch: Batch,
        *,
        delimiter: bytes = b"",
        error_type: str = "",
    ) -> Written:
        """Write the batch's records by the S3 configuration; error output, if there is an error type.

        Raises DeliveryFailed.
        """
        packer = compressor(settings["CompressionFormat"], f"{stream.name}-{batch.uuid}")
        body = _Body(self._cloud, self._batches, batch_id, packer, delimiter)
        extension = settings.get("FileExtension") or EXTENSIONS[settings["CompressionFormat"]]
        await self._put(ctx, stream, settings, batch, body, extension, error_type)
        return Written(body.records, body.size)

    async def put_file(
        self, ctx: Context, stream: DeliveryStream, settings: Settings, batch: Batch, file: bytes, extension: str
    ) -> None:
        """Write what the batch's records were converted to. Raises DeliveryFailed."""
        body = _in_pieces(file)
        await self._put(ctx, stream, settings, batch, body, settings.get("FileExtension") or extension, "")

    async def _put(
        self,
        ctx: Context,
        stream: DeliveryStream,
        settings: Settings,
        batch: Batch,
        body: object,
        extension: str,
        error_type: str,
    ) -> None:
        at = datetime.fromtimestamp(batch.opened_ms / 1000, time_zone(settings.get("CustomTimeZone", "")))
        key = object_key(
            settings.get("Prefix"),
            settings.get("ErrorOutputPrefix"),
            stream.name,
            stream.version,
            Moment(at, batch.uuid, batch.partition_keys, error_type),
            extension,
        )
        given: dict[str, Any] = {"Bucket": bucket_of(settings), "Key": key}
        encryption = settings["EncryptionConfiguration"].get("KMSEncryptionConfig")
        if encryption is not None:
            given |= {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": encryption["AWSKMSKeyARN"]}
        try:
            there = as_role(ctx, settings["RoleARN"], stream)
            permit(there, "s3:PutObject", f"{settings['BucketARN']}/{key}")
            await there.call(self._cloud.s3.put_object, Body=body, ContentType="application/octet-stream", **given)
        except StorageFull:
            raise
        except AwsError as error:
            code = "AccessDenied" if isinstance(error, NotPermitted) else error.code
            raise DeliveryFailed(f"S3.{code}", _SENTENCES.get(code, error.message)) from error


class _Body:
    """The records of a batch, one behind the other and compressed, as it is read."""

    def __init__(self, cloud: Cloud, batches: Batches, batch_id: int, packer: Compressor, delimiter: bytes) -> None:
        self._in_thread = cloud.blobs.in_thread
        self._batches = batches
        self._batch_id = batch_id
        self._packer = packer
        self._delimiter = delimiter
        self.records = 0
        self.size = 0
        """What was written."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunks in self._batches.slices(self._batch_id):
            records = [record for chunk in chunks for record in chunk.data]
            self.records += len(records)
            piece = self._delimiter.join(records) + self._delimiter
            if packed := await self._in_thread(self._packer.add, piece):
                self.size += len(packed)
                yield packed
        if rest := await self._in_thread(self._packer.finish):
            self.size += len(rest)
            yield rest


async def _in_pieces(file: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(file), _PIECE_BYTES):
        yield file[start : start + _PIECE_BYTES]


def bucket_of(settings: Settings) -> str:
    """The bucket's name."""
    name: str = settings["BucketARN"].partition(":::")[2]
    return name
