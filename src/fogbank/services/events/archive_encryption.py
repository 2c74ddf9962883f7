"""Archives whose events are encrypted under a customer's key of KMS.

https://docs.aws.amazon.com/eventbridge/latest/userguide/encryption-archives.html
EventBridge asks for the key in its own name: the key's policy has to let it. Each event is opened by the key that it
was sealed with. The guide's text and its example do not agree on the encryption context: it is the bus, as in the
example.
"""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.delegation import in_name_of
from fogbank.core.envelope import Envelope
from fogbank.core.errors import AwsError
from fogbank.services.events import buses
from fogbank.services.events.errors import InvalidParameter, KeyRefused
from fogbank.services.events.records import Archive, ArchivedEvent
from fogbank.services.events.routing import PRINCIPAL

_CONTEXT = "aws:events:event-bus:arn"
_REUSE_S = 300


class ArchiveEncryption:
    """Seals and opens archived events. What KMS refuses is `KeyRefused`."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "events", refusal=_refusal)

    def check(self, ctx: Context, archive_arn: str, archive: Archive) -> None:
        """Raise InvalidParameter if the archive's key cannot be used."""
        if not archive.key_id:
            return
        try:
            own = in_name_of(ctx, PRINCIPAL, archive_arn)
            self._envelope.data_key(own, archive.key_id, _context(ctx, archive))
        except KeyRefused as error:
            # AWS's sentence is not published.
            raise InvalidParameter(f"Parameter KmsKeyIdentifier is not valid. Reason: {error.message}") from None

    def kept(self, ctx: Context, archive_arn: str, archive: Archive, text: str) -> ArchivedEvent:
        """The event as it is to be kept."""
        if not archive.key_id:
            return ArchivedEvent(text, ctx.now_ms)
        own, body = in_name_of(ctx, PRINCIPAL, archive_arn), text.encode()
        sealed = self._envelope.seal(own, archive.key_id, body, _context(ctx, archive), reuse_s=_REUSE_S)
        return ArchivedEvent("", ctx.now_ms, sealed, len(body))

    def text(self, ctx: Context, archive_arn: str, archive: Archive, event: ArchivedEvent) -> str:
        if not event.sealed:
            return event.event
        own = in_name_of(ctx, PRINCIPAL, archive_arn)
        return self._envelope.open(own, event.sealed, _context(ctx, archive), reuse_s=_REUSE_S).decode()


def _refusal(error: AwsError) -> AwsError:
    return KeyRefused(error.message)


def _context(ctx: Context, archive: Archive) -> dict[str, str]:
    return {_CONTEXT: buses.arn(ctx, archive.bus)}
