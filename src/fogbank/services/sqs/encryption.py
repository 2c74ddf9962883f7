"""Queues whose messages are encrypted under a key of KMS (SSE-KMS).

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-server-side-encryption.html
The body is encrypted, attributes and metadata are not. A message is encrypted as it was sent, wherever it is moved.
"""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope, worded
from fogbank.services.sqs.errors import KMS_ERRORS
from fogbank.services.sqs.records import Message, Queue

_KEY = "KmsMasterKeyId"
_REUSE = "KmsDataKeyReusePeriodSeconds"
_CONTEXT = "aws:sqs:arn"
_REUSE_DEFAULT_S = 300


class MessageEncryption:
    """Seals and opens the bodies of messages. KMS's refusals become those of SQS."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "sqs", refusal=worded(KMS_ERRORS))

    def seal(self, ctx: Context, queue: Queue, message: Message) -> None:
        """Encrypt the body of a new message, if the queue has a key."""
        key = queue.attributes.get(_KEY)
        if key:
            message.sealed_for = queue.arn
            message.sealed = self._envelope.seal(
                ctx, key, message.body.encode(), {_CONTEXT: queue.arn}, reuse_s=_reuse_s(queue)
            )
            message.body = ""

    def body(self, ctx: Context, queue: Queue, message: Message) -> str:
        """The body of a message that was received from the queue."""
        if not message.sealed:
            return message.body
        context = {_CONTEXT: message.sealed_for}
        return self._envelope.open(ctx, message.sealed, context, reuse_s=_reuse_s(queue)).decode()


def _reuse_s(queue: Queue) -> int:
    return int(queue.attributes.get(_REUSE) or _REUSE_DEFAULT_S)
