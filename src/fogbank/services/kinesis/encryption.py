"""Streams whose records are encrypted under a key of KMS.

https://docs.aws.amazon.com/streams/latest/dev/server-side-encryption.html
What one request puts into one shard is sealed as one; partition keys are not encrypted.
"""

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope, worded
from fogbank.services.kinesis.errors import KMS_ERRORS
from fogbank.services.kinesis.records import Chunk, Stream

_CONTEXT = "aws:kinesis:arn"
_REUSE_S = 300  # Kinesis asks KMS every five minutes.


class RecordEncryption:
    """Seals and opens records. KMS's refusals become those of Kinesis."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "kinesis", refusal=worded(KMS_ERRORS))

    def seal(self, ctx: Context, stream: Stream, chunk: Chunk) -> Chunk:
        text = msgspec.msgpack.encode(chunk.data)
        chunk.sealed = self._envelope.seal(ctx, stream.key_id, text, {_CONTEXT: stream.arn}, reuse_s=_REUSE_S)
        chunk.data = []
        return chunk

    def data(self, ctx: Context, stream: Stream, chunk: Chunk) -> list[bytes]:
        """The records of a chunk that was sealed."""
        text = self._envelope.open(ctx, chunk.sealed, {_CONTEXT: stream.arn}, reuse_s=_REUSE_S)
        return msgspec.msgpack.decode(text, type=list[bytes])

    def check(self, ctx: Context, stream: Stream, key_id: str) -> None:
        """Raise what AWS answers to a key that cannot be used for the stream."""
        self._envelope.data_key(ctx, key_id, {_CONTEXT: stream.arn})
