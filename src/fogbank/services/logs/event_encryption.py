"""The messages of groups with a key of KMS lie encrypted.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
A group's key is for what comes from then on; each event is opened by the key that it was sealed with.
"""

from collections.abc import Iterable
from typing import TypeVar

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.logs.errors import AccessDenied, InvalidParameter
from fogbank.services.logs.records import Event, Group

K = TypeVar("K")

_CONTEXT = "aws:logs:arn"
_REUSE_S = 300  # A key that is disabled or deleted stops reading and writing five minutes later at most.


class EventEncryption:
    """Seals and opens the messages of events."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "logs", refusal=_refusal)

    def check(self, ctx: Context, group_name: str, key_arn: str) -> None:
        """Raise what AWS answers to a key that cannot be used for the group."""
        arn = ctx.arn("logs", f"log-group:{group_name}")
        try:
            self._envelope.data_key(ctx, key_arn, {_CONTEXT: arn})
        except AwsError:
            raise InvalidParameter(
                f"The specified KMS key does not exist or is not allowed to be used with LogGroup '{arn}'"
            ) from None

    def new(self, ctx: Context, group: Group, message: str) -> Event:
        """An event with that message, sealed if the group has a key."""
        if not group.key_arn:
            return Event(message, ctx.now_ms)
        text = message.encode()
        sealed = self._envelope.seal(ctx, group.key_arn, text, {_CONTEXT: group.sealed_arn}, reuse_s=_REUSE_S)
        return Event("", ctx.now_ms, sealed, len(text))

    def opened(self, ctx: Context, group: Group, entries: Iterable[tuple[K, Event]]) -> Iterable[tuple[K, Event]]:
        """Entries of the group's events with their messages."""
        return self._opened(ctx, group, entries) if group.sealed_arn else entries

    def _opened(self, ctx: Context, group: Group, entries: Iterable[tuple[K, Event]]) -> Iterable[tuple[K, Event]]:
        context = {_CONTEXT: group.sealed_arn}
        for key, event in entries:
            if event.sealed:
                event.message = self._envelope.open(ctx, event.sealed, context, reuse_s=_REUSE_S).decode()
            yield key, event


def _refusal(error: AwsError) -> AwsError:
    return AccessDenied(f"The KMS key of the log group cannot be used: {error.message}")
