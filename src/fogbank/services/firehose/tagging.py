"""Tags and encryption of streams."""

from collections.abc import Iterator
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Tagged
from fogbank.core.tags import tag_list
from fogbank.services.firehose.encryption import BatchEncryption
from fogbank.services.firehose.errors import LimitExceeded
from fogbank.services.firehose.records import DeliveryStream
from fogbank.services.firehose.stream_operations import encryption_of
from fogbank.services.firehose.tags import check_tags, tags_of
from fogbank.services.firehose.writing import Writing

ENCRYPTION_CALLS_A_DAY_MAX = 25
_DAY_MS = 86_400_000


class Tagging(Writing):
    """The operations on tags and encryption, of `FirehoseService`."""

    def tag_delivery_stream(self, ctx: Context, *, DeliveryStreamName: str, Tags: list[dict[str, str]]) -> Answer:
        self._tag(self._stream(ctx, DeliveryStreamName), tags_of(Tags))
        return None

    def untag_delivery_stream(self, ctx: Context, *, DeliveryStreamName: str, TagKeys: list[str]) -> Answer:
        self._untag(self._stream(ctx, DeliveryStreamName), TagKeys)
        return None

    def list_tags_for_delivery_stream(
        self, ctx: Context, *, DeliveryStreamName: str, ExclusiveStartTagKey: str | None = None, Limit: int = 50
    ) -> Answer:
        stream = self._stream(ctx, DeliveryStreamName, shared=True)
        keys = [key for key in sorted(stream.tags) if key > (ExclusiveStartTagKey or "")]
        shown = {key: stream.tags[key] for key in keys[:Limit]}
        return {"Tags": tag_list(shown), "HasMoreTags": len(keys) > Limit}

    def start_delivery_stream_encryption(
        self,
        ctx: Context,
        *,
        DeliveryStreamName: str,
        DeliveryStreamEncryptionConfigurationInput: dict[str, Any] | None = None,
    ) -> Answer:
        """What is put from then on is encrypted, if the key is the customer's."""
        stream = self._active(ctx, DeliveryStreamName)
        encryption = encryption_of(stream, DeliveryStreamEncryptionConfigurationInput)
        self._set_encryption(ctx, stream, encryption)
        return None

    def stop_delivery_stream_encryption(self, ctx: Context, *, DeliveryStreamName: str) -> Answer:
        self._set_encryption(ctx, self._active(ctx, DeliveryStreamName), {})
        return None

    # ---- the tagging API ----------------------------------------------------------------------------------------

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        for _, stream in self._tables.streams.scan((ctx.account, ctx.region)):
            yield Tagged(stream.arn, "firehose:deliverystream", stream.tags)

    def tag_by_arn(self, ctx: Context, arn: str, tags: dict[str, str]) -> None:
        self._tag(self._stream_of_arn(ctx, arn), tags)

    def untag_by_arn(self, ctx: Context, arn: str, keys: list[str]) -> None:
        self._untag(self._stream_of_arn(ctx, arn), keys)

    # ---- steps --------------------------------------------------------------------------------------------------

    def _tag(self, stream: DeliveryStream, tags: dict[str, str]) -> None:
        stream.tags |= tags
        check_tags(stream.tags)
        self._save(stream)

    def _untag(self, stream: DeliveryStream, keys: list[str]) -> None:
        stream.tags = {key: value for key, value in stream.tags.items() if key not in keys}
        self._save(stream)

    def _set_encryption(self, ctx: Context, stream: DeliveryStream, encryption: dict[str, Any]) -> None:
        calls = [ms for ms in stream.encryption_calls_ms if ms > ctx.now_ms - _DAY_MS]
        if len(calls) >= ENCRYPTION_CALLS_A_DAY_MAX:
            raise LimitExceeded(
                f"Encryption of a Firehose stream can be started and stopped {ENCRYPTION_CALLS_A_DAY_MAX} times in 24 "
                "hours."
            )
        stream.encryption_calls_ms = [*calls, ctx.now_ms]
        stream.encryption = encryption
        BatchEncryption(self.cloud).check(stream)
        self._save(stream)
