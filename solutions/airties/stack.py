"""The deployed stack as the driver sees it: its outputs, its streams, its metrics and its alarms."""

import json
from datetime import datetime, timedelta
from typing import Any

from driving.clock import Clock
from driving.stack import DeployedStack

MINUTE = timedelta(minutes=1)


class Stack(DeployedStack):
    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name)
        self.clock = clock

    # ---- streams ------------------------------------------------------------------------------------------------

    @property
    def streams(self) -> tuple[str, str]:
        return self.outputs["TelemetryStream"], self.outputs["EventsStream"]

    def open_shards(self, stream: str) -> int:
        summary = self.client("kinesis").describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
        return int(summary["OpenShardCount"])

    def read(self, enabled: bool) -> None:
        """Stops the reader of the telemetry, or lets it go on where it was."""
        self.client("lambda").update_event_source_mapping(UUID=self.outputs["BriefcaseTelemetry"], Enabled=enabled)

    def changes_of_shards(self, *, since: datetime) -> list[dict[str, Any]]:
        """What Application Auto Scaling has done to the telemetry stream since then, the first first."""
        resource = self.outputs["TelemetryTarget"].partition("|")[0]
        pages = (
            self.client("application-autoscaling")
            .get_paginator("describe_scaling_activities")
            .paginate(ServiceNamespace="custom-resource", ResourceId=resource)
        )
        found = [each for page in pages for each in page["ScalingActivities"] if each["StartTime"] >= since]
        return sorted(found, key=lambda each: each["StartTime"])

    # ---- metrics and alarms -------------------------------------------------------------------------------------

    def total(self, namespace: str, name: str, dimensions: dict[str, str], since: datetime) -> float:
        """The sum of a metric since then, from the beginning of that minute."""
        now = self.clock.now()
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=since.replace(second=0, microsecond=0),
            EndTime=now + MINUTE,
            Period=60 * (1 + int((now - since).total_seconds()) // 60_000),
            Statistics=["Sum"],
        )
        return sum(float(point["Sum"]) for point in answer["Datapoints"])

    def indexed(self, since: datetime) -> int:
        """Records that the readers have written to the index, repeated ones included."""
        return sum(
            round(self.total(self.name, "RecordsIndexed", {"StreamName": stream}, since)) for stream in self.streams
        )

    def delivered(self, since: datetime) -> int:
        """Results that Firehose has written, repeated ones included."""
        of = {"DeliveryStreamName": self.outputs["Results"]}
        return round(self.total("AWS/Firehose", "DeliveryToS3.Records", of, since))

    def alarms_heard(self) -> list[tuple[str, str]]:
        """Name and new state of each alarm that has been told of since the last time, in their order."""
        sqs, url = self.client("sqs"), self.outputs["AlarmsHeard"]
        heard = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                told = json.loads(message["Body"])
                heard.append((told["StateChangeTime"], told["AlarmName"], told["NewStateValue"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [(name, state) for _, name, state in sorted(heard)]

    def depth(self, queue: str) -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)
