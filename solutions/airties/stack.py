"""The deployed stack as the driver sees it: its outputs, its streams, its metrics and its alarms."""

import json
import os
from datetime import datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config
from driving.clock import Clock
from driving.stack import outputs

CONNECTIONS = 16
MINUTE = timedelta(minutes=1)


class Stack:
    def __init__(self, name: str, clock: Clock) -> None:
        self.name = name
        self.clock = clock
        self._clients: dict[str, Any] = {}
        self.outputs = outputs(self.client("cloudformation"), name)

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
                config=Config(
                    retries={"mode": "standard", "max_attempts": 10},
                    read_timeout=60,
                    max_pool_connections=CONNECTIONS,
                ),
            )
        return self._clients[service]

    def set_parameter(self, key: str, value: object) -> None:
        """An update with the template as it is and one parameter changed, as an operator would do it."""
        cloudformation = self.client("cloudformation")
        described = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        now = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]}
        if now[key] == str(value):
            return
        kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in now if name != key]
        cloudformation.update_stack(
            StackName=self.name,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[*kept, {"ParameterKey": key, "ParameterValue": str(value)}],
        )
        waiter = cloudformation.get_waiter("stack_update_complete")
        waiter.wait(StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 600})

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
