"""Streams under a customer's key of KMS: what waits in batches lies encrypted.

https://docs.aws.amazon.com/firehose/latest/dev/encryption.html
Firehose asks KMS by a grant of its own, and not on behalf of who puts records.
"""

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.firehose.errors import InvalidKmsResource
from fogbank.services.firehose.records import Chunk, DeliveryStream

_CONTEXT = "aws:firehose:arn"
_REUSE_S = 300


class BatchEncryption:
    """Seals and opens chunks. What KMS refuses is `InvalidKmsResource`."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._envelope = Envelope(cloud, "firehose", refusal=_refusal)

    def check(self, stream: DeliveryStream) -> None:
        """Raise what AWS answers to a key that cannot be used for the stream."""
        key = stream.encryption.get("KeyARN")
        if key is not None:
            self._envelope.data_key(self._context(stream.account, stream.region), key, {_CONTEXT: stream.arn})

    def seal(self, stream: DeliveryStream, chunk: Chunk) -> Chunk:
        """The chunk to be kept: sealed, if the stream has a key of the customer's."""
        key = stream.encryption.get("KeyARN")
        if key is None:
            return chunk
        ctx, text = self._context(stream.account, stream.region), msgspec.msgpack.encode(chunk.data)
        sealed = self._envelope.seal(ctx, key, text, {_CONTEXT: stream.arn}, reuse_s=_REUSE_S)
        return msgspec.structs.replace(chunk, data=[], sealed=sealed, sealed_for=stream.key)

    def open(self, chunk: Chunk) -> Chunk:
        if chunk.sealed_for is None:
            return chunk
        account, region, name = chunk.sealed_for
        ctx = self._context(account, region)
        arn = ctx.arn("firehose", f"deliverystream/{name}")
        text = self._envelope.open(ctx, chunk.sealed, {_CONTEXT: arn}, reuse_s=_REUSE_S)
        return msgspec.structs.replace(chunk, data=msgspec.msgpack.decode(text, type=list[bytes]))

    def _context(self, account: str, region: str) -> Context:
        return self._cloud.context(account=account, region=region)


def _refusal(error: AwsError) -> AwsError:
    return InvalidKmsResource(error.message, members={"code": error.code})
