"""The deployed stack as the driver sees it: outputs, parameters, clients, metrics."""

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config


class Stack:
    def __init__(self, name: str) -> None:
        self.name = name
        self._clients: dict[str, Any] = {}
        self.started = datetime.now(UTC)
        described = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in described["Outputs"]}

    def client(self, service: str) -> Any:
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                region_name=os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1")),
                config=Config(
                    retries={"mode": "standard", "max_attempts": 10}, read_timeout=60, max_pool_connections=16
                ),
            )
        return self._clients[service]

    def set_parameters(self, **changed: int) -> None:
        """An update with the template as it is and some parameters changed, as an operator would do it."""
        cloudformation = self.client("cloudformation")
        parameters = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]["Parameters"]
        now = {p["ParameterKey"]: p["ParameterValue"] for p in parameters}
        if all(now[key] == str(value) for key, value in changed.items()):
            return
        cloudformation.update_stack(
            StackName=self.name,
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            Parameters=[
                {"ParameterKey": key, "ParameterValue": str(changed[key])}
                if key in changed
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in now
            ],
        )
        cloudformation.get_waiter("stack_update_complete").wait(
            StackName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 600}
        )

    def metric(self, namespace: str, name: str, dimensions: dict[str, str], *, statistic: str = "Sum") -> float:
        """The metric since this driver started."""
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=self.started - timedelta(minutes=1),
            EndTime=datetime.now(UTC) + timedelta(minutes=1),
            Period=60 * (1 + int((datetime.now(UTC) - self.started).total_seconds()) // 60_000),
            Statistics=[statistic],
        )
        values = [point[statistic] for point in answer["Datapoints"]]
        return float(max(values, default=0.0) if statistic == "Maximum" else sum(values))

    def table_throttles(self) -> int:
        table = {"TableName": self.outputs["Programs"]}
        index = {**table, "GlobalSecondaryIndexName": "leaderboard"}
        return round(sum(self.metric("AWS/DynamoDB", "WriteThrottleEvents", d) for d in (table, index)))

    def function_throttles(self, functions: list[str]) -> int:
        return round(sum(self.metric("AWS/Lambda", "Throttles", {"FunctionName": f}) for f in functions))

    def depth(self, queue_url: str) -> tuple[int, int]:
        """(waiting, being worked on)"""
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )
