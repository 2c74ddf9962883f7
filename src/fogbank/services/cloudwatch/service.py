"""Amazon CloudWatch. https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/Welcome.html"""

from fogbank.core.cloud import Cloud
from fogbank.services.cloudwatch.composite_alarms import CompositeAlarms
from fogbank.services.cloudwatch.records import CloudWatchTables


class CloudWatchService(CompositeAlarms):
    """Metrics with metric math and search, alarms on metrics, expressions and other alarms, dashboards (stored).

    Action suppressors, anomaly detection, metric streams, insight rules and metric widgets answer NotImplemented.
    """

    name = "cloudwatch"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = CloudWatchTables(cloud.store)
        cloud.metrics.sink = self._take

    async def start(self) -> None:
        self.cloud.tasks.spawn("roll up metrics", self._keep_rolling_up())
        await self._keep_evaluating()
