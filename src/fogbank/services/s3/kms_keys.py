"""Encryption under keys of KMS (SSE-KMS): a data key for each object, kept beside it as KMS encrypted it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html
"""

import base64
from collections.abc import Mapping
from typing import Any

import msgspec

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import DataKey, Envelope, worded
from fogbank.services.s3.body_keys import BodyKey
from fogbank.services.s3.errors import KMS_ERRORS
from fogbank.services.s3.records import Bucket, ObjectVersion, Upload

# With a bucket key S3 asks KMS for it now and then, not for each object. AWS does not say how often.
_BUCKET_KEY_S = 300


class KmsKeys:
    """Data keys of objects. KMS's refusals become S3's."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "s3", refusal=worded(KMS_ERRORS))

    def new(self, ctx: Context, bucket: Bucket, key: str, headers: Mapping[str, Any]) -> DataKey:
        """A data key for a new object with these headers of its encryption."""
        context, reuse_s = _context(bucket, key, headers)
        return self._envelope.data_key(_there(ctx, bucket), headers["SSEKMSKeyId"], context, reuse_s=reuse_s)

    def of(self, ctx: Context, bucket: Bucket, key: str, there: ObjectVersion | Upload) -> BodyKey | None:
        """What an object's bodies are encrypted with; None if they are not, by KMS."""
        if not there.data_key:
            return None
        context, reuse_s = _context(bucket, key, there.headers)
        return BodyKey(self._envelope.open_data_key(_there(ctx, bucket), there.data_key, context, reuse_s=reuse_s))

    def of_replica(
        self, ctx: Context, bucket: Bucket, key: str, version: ObjectVersion, there: Bucket, headers: Mapping[str, Any]
    ) -> bytes:
        """The data key of a version for its replica in another bucket, which has these headers."""
        body_key = self.of(ctx, bucket, key, version)
        if body_key is None:
            return b""
        context, _ = _context(there, key, headers)
        return self._envelope.wrapped(_there(ctx, there), headers["SSEKMSKeyId"], body_key.key, context).blob


def _there(ctx: Context, bucket: Bucket) -> Context:
    return ctx if ctx.region == bucket.region else ctx.at(region=bucket.region)


def _context(bucket: Bucket, key: str, headers: Mapping[str, Any]) -> tuple[dict[str, str], int]:
    """The encryption context of an object's data key, and for how long KMS need not be asked again."""
    given = headers.get("SSEKMSEncryptionContext")
    context = msgspec.json.decode(base64.b64decode(given), type=dict[str, str]) if given else {}
    arn = f"arn:aws:s3:::{bucket.name}"
    if headers.get("BucketKeyEnabled"):
        return {**context, "aws:s3:arn": arn}, _BUCKET_KEY_S
    return {**context, "aws:s3:arn": f"{arn}/{key}"}, 0
