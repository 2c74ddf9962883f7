"""Topics that are encrypted under a key of KMS.

https://docs.aws.amazon.com/sns/latest/dg/sns-server-side-encryption.html
A message is kept only on its way to an HTTP endpoint, which may take hours: there its body is encrypted. Who publishes
needs the key in any case.
"""

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.envelope import Envelope, worded
from fogbank.services.sns.errors import KMS_ERRORS
from fogbank.services.sns.records import Post, Topic

_KEY = "KmsMasterKeyId"
_CONTEXT = "aws:sns:topicArn"
_REUSE_S = 300  # SNS reuses data keys for up to 5 minutes.


class TopicEncryption:
    """Seals and opens what is kept of messages. KMS's refusals become those of SNS."""

    def __init__(self, cloud: Cloud) -> None:
        self._envelope = Envelope(cloud, "sns", refusal=worded(KMS_ERRORS))

    def check(self, ctx: Context, topic: Topic, topic_arn: str) -> None:
        """Raise what AWS answers to who publishes and cannot use the topic's key."""
        key = topic.attributes.get(_KEY)
        if key:
            self._envelope.data_key(ctx, key, {_CONTEXT: topic_arn}, reuse_s=_REUSE_S)

    def seal(self, ctx: Context, topic: Topic, post: Post) -> None:
        """Encrypt the body of a request that is to be kept, if the topic has a key."""
        key = topic.attributes.get(_KEY)
        if key:
            context = {_CONTEXT: post.topic_arn}
            post.sealed = self._envelope.seal(ctx, key, post.body.encode(), context, reuse_s=_REUSE_S)
            post.body = ""

    def body(self, ctx: Context, post: Post) -> str:
        if not post.sealed:
            return post.body
        return self._envelope.open(ctx, post.sealed, {_CONTEXT: post.topic_arn}, reuse_s=_REUSE_S).decode()
