"""Amazon CloudWatch. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html"""

from fogbank.core.cloud import Cloud
from fogbank.services.cloudwatch.composite_alarms import CompositeAlarms
from fogbank.services.cloudwatch.records import CloudWatchTables
from fogbank.services.cloudwatch.rolling_up import RollingUp
from fogbank.services.cloudwatch.stream_updates import StreamUpdates
from fogbank.services.cloudwatch.tagging import Tagging


class CloudWatchService(StreamUpdates, CompositeAlarms, RollingUp, Tagging):
    """Metrics with metric math and search, metric streams, alarms on metrics, expressions and other alarms, dashboards
    (stored).

    Anomaly detection, insight rules and metric widgets answer NotImplemented.
    """

    name = "cloudwatch"
    data_operations = frozenset(("GetMetricData", "GetMetricStatistics", "PutMetricData"))

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = CloudWatchTables(cloud.store)
        cloud.metrics.sink = self._take

    async def start(self) -> None:
        await self.cloud.store.run(self._waits.resume)
        self.cloud.tasks.spawn("roll up metrics", self._keep_rolling_up())
        self.cloud.tasks.spawn("metric streams", self._keep_streaming())
        await self._keep_evaluating()
