"""What SNS stores.

Invariants: a subscription belongs to a topic that exists, and whatever changes a topic's subscriptions
writes the topic with a new `revision` in the same transaction, so that what is compiled from both can be
kept for as long as the topic's bytes stay the same.
"""

from fogbank.core.store import Record


class Topic(Record):
    created_ms: int
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    revision: int = 0
    deleted_subscriptions: int = 0
    data_protection_policy: str = ""

    @property
    def fifo(self) -> bool:
        return self.attributes.get("FifoTopic") == "true"


class Subscription(Record):
    protocol: str
    endpoint: str
    owner: str
    attributes: dict[str, str] = {}
    confirmed: bool = True
    token: str = ""
    principal: str = ""
    authenticated: bool = False
    """Whether only the owners of topic and subscription may end it, with a signature."""


class Deduplicated(Record):
    """What a FIFO topic answered to a deduplication id, for five minutes."""

    message_id: str
    sequence_number: str
    sent_ms: int


class Sequence(Record):
    number: int


class Post(Record):
    """A request to an HTTP endpoint; `delays_s` are those before its retries."""

    topic_arn: str
    subscription_arn: str
    url: str
    type: str
    message_id: str
    body: str
    content_type: str
    delays_s: list[float] = []
    per_second_max: int = 0
    published_ms: int = 0
    message_md5: str = ""
    raw: bool = False
    failures: int = 0
    dead_letter_arn: str = ""
    sealed: bytes = b""
    """The body, encrypted, in place of `body`."""


class OlderPost(Record):
    """A `Post` as it was stored when the delays of its retries were not yet a list."""

    topic_arn: str
    subscription_arn: str
    url: str
    type: str
    message_id: str
    body: str
    content_type: str
    retries_max: int
    delay_s: float
    delay_max_s: float
    raw: bool = False
    failures: int = 0
    dead_letter_arn: str = ""
