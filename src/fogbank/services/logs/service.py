"""Amazon CloudWatch Logs. https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html"""

from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.metrics import Meters
from fogbank.services.logs.account_policies import AccountPolicies
from fogbank.services.logs.deliveries import Deliveries
from fogbank.services.logs.encryption import Encryption
from fogbank.services.logs.errors import Invalid, InvalidParameter
from fogbank.services.logs.event_encryption import EventEncryption
from fogbank.services.logs.events import Events
from fogbank.services.logs.export_runs import ExportRuns
from fogbank.services.logs.exports import Exports
from fogbank.services.logs.forwarding import take_part
from fogbank.services.logs.groups import NAME_MAX
from fogbank.services.logs.insights.operations import Insights
from fogbank.services.logs.live_tail import LiveTails
from fogbank.services.logs.metric_filters import MetricFilters
from fogbank.services.logs.records import LogsTables
from fogbank.services.logs.resource_policies import ResourcePolicies
from fogbank.services.logs.retention import keep_sweeping
from fogbank.services.logs.tagging import Tagging
from fogbank.services.logs.transformers import Transformers

# What tells the operations on deliveries, whose errors have another name, from the older ones.
_DELIVERY_PARAMETERS = frozenset(
    (
        *(
            "deliveryDestinationArn",
            "deliveryDestinationConfiguration",
            "deliveryDestinationName",
            "deliverySourceName",
        ),
        *("deliverySourceNames", "fieldDelimiter", "logType", "recordFields", "s3DeliveryConfiguration"),
    )
)
# The order in which AWS names them, which is not the model's.
_OUTPUT_FORMATS = ("[json, plain, w3c, raw, parquet]", "[w3c, raw, json, plain, parquet]")


class LogsService(
    LiveTails,
    Events,
    MetricFilters,
    AccountPolicies,
    ResourcePolicies,
    Exports,
    Deliveries,
    Insights,
    Transformers,
    Encryption,
    Tagging,
):
    """Groups, streams, events, filter patterns, metrics of events, subscriptions of groups and accounts, destinations,
    deliveries, exports, Insights, Live Tail, transformers, retention and tags.

    Data protection, index policies and anomaly detectors answer NotImplemented.
    """

    name = "logs"
    data_operations = frozenset(("FilterLogEvents", "GetLogEvents", "PutLogEvents"))
    # The model forbids colons in a metric's namespace; AWS takes them.
    raw_shapes = frozenset(("MetricNamespace",))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = LogsTables(cloud.store)
        self._meters = Meters(cloud.metrics, "AWS/Logs")
        self._event_encryption = EventEncryption(cloud)
        self._export_runs = ExportRuns(cloud, self._tables, self._event_encryption)
        take_part(cloud.outbox)

    async def start(self) -> None:
        self.resume_queries()
        await keep_sweeping(self.cloud, self._tables)

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> AwsError:
        if not _DELIVERY_PARAMETERS.isdisjoint(parameters):
            return Invalid(sentence.replace(*_OUTPUT_FORMATS))
        too_long = f"Member must have length less than or equal to {NAME_MAX}"
        for name in ("logGroupName", "logStreamName"):
            if f"at '{name}' failed to satisfy constraint: {too_long}" in sentence:
                return InvalidParameter(
                    f"Invalid LogGroup or LogStream, both must have length less than or equal to {NAME_MAX}."
                )
        return InvalidParameter(sentence)

    def ensure_stream(self, ctx: Context, group: str, stream: str) -> None:
        """Make the group and the stream unless they are there; in the current transaction."""
        found = self._tables.groups.get((ctx.account, ctx.region, group))
        if found is None:
            self.create_log_group(ctx, logGroupName=group)
            found = self._group(ctx, group)
        if self._tables.streams.get((found.id, stream)) is None:
            self.create_log_stream(ctx, logGroupName=group, logStreamName=stream)
