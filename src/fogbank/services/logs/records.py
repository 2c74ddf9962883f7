"""What CloudWatch Logs stores.

An event's key is (group id, stream id, timestamp, sequence): a stream is in time order.
"""

from typing import Any

from fogbank.core.store import Record, Store, Table


class Group(Record):
    id: int
    name: str
    created_ms: int
    retention_days: int = 0
    tags: dict[str, str] = {}
    log_class: str = "STANDARD"
    protected: bool = False
    key_arn: str = ""
    sealed_arn: str = ""
    """The group's ARN, if it has ever had a key: what its sealed events are bound to."""


class Stream(Record):
    id: int
    name: str
    created_ms: int
    last_ingested_ms: int = 0
    stored_bytes: int = 0


class Event(Record):
    """`sealed` is the message, encrypted, in place of `message`, and `sealed_bytes` how long that is."""

    message: str
    ingested_ms: int
    sealed: bytes = b""
    sealed_bytes: int = 0


Arrived = tuple[int, int, str]
"""An event that has just been put: its number, time and message."""


class MetricFilter(Record):
    """What turns matching events into datapoints of one metric. `default` is the value of events that do not match."""

    name: str
    pattern: str
    created_ms: int
    metric: str
    namespace: str
    value: str
    default: float | None = None
    unit: str = ""
    dimensions: dict[str, str] = {}
    transformed: bool = False


class SubscriptionFilter(Record):
    """Where matching events are sent as they arrive."""

    name: str
    pattern: str
    created_ms: int
    destination_arn: str
    distribution: str = "ByLogStream"
    role_arn: str = ""
    transformed: bool = False


class Transformer(Record):
    """What is done to a group's events for the filters that ask for it. `processors` is JSON."""

    processors: str
    created_ms: int
    modified_ms: int


class Destination(Record):
    """What other accounts may subscribe to: events sent to it go on to the target, a stream."""

    name: str
    created_ms: int
    target_arn: str
    role_arn: str
    policy: str = ""
    tags: dict[str, str] = {}


class DeliveryDestination(Record):
    """Where logs that services vend are delivered to: a bucket, a group or a Firehose stream. They are listed in the
    order of their numbers, as they were made.
    """

    name: str
    kind: str
    resource_arn: str
    number: int
    output_format: str = ""
    policy: str = ""
    tags: dict[str, str] = {}


class DeliverySource(Record):
    """A resource that vends logs of one type."""

    name: str
    service: str
    resource_arn: str
    log_type: str
    number: int
    tags: dict[str, str] = {}


class Delivery(Record):
    """That logs of a source go to a destination. `s3_layout` is AWS's s3DeliveryConfiguration."""

    id: str
    source: str
    destination_arn: str
    kind: str
    fields: list[str]
    delimiter: str = ""
    s3_layout: dict[str, Any] = {}
    tags: dict[str, str] = {}


class ExportTask(Record):
    """Events of a group on their way to S3. `after` is the last stream whose object is written."""

    id: str
    name: str
    group_id: int
    group: str
    stream_prefix: str
    from_ms: int
    to_ms: int
    bucket: str
    prefix: str
    created_ms: int
    status: str = "PENDING"
    message: str = ""
    completed_ms: int = 0
    after: str = ""


class AccountPolicy(Record):
    """A subscription or a transformer of all groups that `selection` leaves. `document` is AWS's, in JSON."""

    name: str
    kind: str
    document: str
    scope: str
    selection: str
    updated_ms: int


class ResourcePolicy(Record):
    name: str
    document: str
    updated_ms: int


class Counter(Record):
    next: int


class LogsTables:
    """The tables of CloudWatch Logs. Streams, events and filters begin with their group's id."""

    def __init__(self, store: Store) -> None:
        self.groups = store.table("logs.groups", key=(str, str, str), value=Group)
        self.streams = store.table("logs.streams", key=(int, str), value=Stream)
        self.events = store.table("logs.events", key=(int, int, int, int), value=Event)
        self.metric_filters = store.table("logs.metric_filters", key=(int, str), value=MetricFilter)
        self.subscriptions = store.table("logs.subscriptions", key=(int, str), value=SubscriptionFilter)
        self.transformers = store.table("logs.transformers", key=(int,), value=Transformer)
        self.destinations = store.table("logs.destinations", key=(str, str, str), value=Destination)
        self.delivery_destinations = store.table(
            "logs.delivery_destinations", key=(str, str, str), value=DeliveryDestination
        )
        self.delivery_sources = store.table("logs.delivery_sources", key=(str, str, str), value=DeliverySource)
        self.deliveries = store.table("logs.deliveries", key=(str, str, str), value=Delivery)
        self.exports = store.table("logs.exports", key=(str, str, int), value=ExportTask)
        self.account_policies = store.table("logs.account_policies", key=(str, str, str, str), value=AccountPolicy)
        self.policies = store.table("logs.policies", key=(str, str, str), value=ResourcePolicy)
        self.quiet: set[int] = set()
        """The ids of groups that are known to have no filters, so that nobody looks for them with each batch."""
        self.counters = store.table("logs.counters", key=(str,), value=Counter)
        # By the kind of resource in their ARNs. The keys are account, region and name, and the records have tags.
        self.tagged: dict[str, Table[Any]] = {
            "log-group": self.groups,
            "destination": self.destinations,
            "delivery": self.deliveries,
            "delivery-destination": self.delivery_destinations,
            "delivery-source": self.delivery_sources,
        }

    def note_quiet(self, group: Group) -> None:
        """Remember that no filter sees a group; not in a turn that changed filters and may still be undone."""
        if not any(table.unsettled for table in (self.metric_filters, self.subscriptions, self.account_policies)):
            self.quiet.add(group.id)

    def next_number(self, times: int = 1) -> int:
        counter = self.counters.get(("number",)) or Counter(1)
        self.counters.put(("number",), Counter(counter.next + times))
        return counter.next
