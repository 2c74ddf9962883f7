"""The deployed stack as the driver sees it: outputs, parameters, metrics, and the stack of a programme beside it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from botocore.exceptions import ClientError
from driving.stack import CAPABILITIES, DeployedStack, outputs, settled

WAIT = {"Delay": 1, "MaxAttempts": 600}


@dataclass(frozen=True)
class Place:
    """Where a programme's messages go."""

    queue: str
    dead_letters: str
    function: str


class Stack(DeployedStack):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.started = datetime.now(UTC)
        self.places = {
            programme: Place(*(self.outputs[programme.capitalize() + k] for k in ("Queue", "DeadLetters", "Function")))
            for programme in ("steps", "sleep", "team")
        }

    # ---- stacks -------------------------------------------------------------------------------------------------

    def add_programme(self, name: str) -> None:
        """Deploys programme.yaml beside this stack; it runs the code that the programmes here run."""
        cloudformation, stack = self.client("cloudformation"), self._stack_of(name)
        template = (Path(__file__).parent / "programme.yaml").read_text()
        cloudformation.create_stack(
            StackName=stack,
            TemplateBody=template.replace("CodeUri: src/programme/", f"CodeUri: {self._programme_code()}"),
            Capabilities=CAPABILITIES,
            Parameters=[
                {"ParameterKey": "CoreStack", "ParameterValue": self.name},
                {"ParameterKey": "Programme", "ParameterValue": name},
            ],
        )
        settled(cloudformation, stack, "CREATE_COMPLETE")
        theirs = outputs(cloudformation, stack)
        self.places[name] = Place(theirs["Queue"], theirs["DeadLetters"], theirs["Function"])

    def remove_programme(self, name: str) -> None:
        cloudformation = self.client("cloudformation")
        self.places.pop(name, None)
        cloudformation.delete_stack(StackName=self._stack_of(name))
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self._stack_of(name), WaiterConfig=WAIT)

    def parameter(self, key: str) -> str:
        described = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        return next(str(p["ParameterValue"]) for p in described["Parameters"] if p["ParameterKey"] == key)

    def has_programme(self, name: str) -> bool:
        try:
            self.client("cloudformation").describe_stacks(StackName=self._stack_of(name))
        except ClientError:
            return False
        return True

    def last_event(self) -> str:
        """The stack's latest event: the same as before if nothing has touched it."""
        events = self.client("cloudformation").describe_stack_events(StackName=self.name)["StackEvents"]
        return str(events[0]["EventId"])

    def _stack_of(self, programme: str) -> str:
        return f"{self.name}-{programme}"

    def _programme_code(self) -> str:
        """Where `sam package` (or `fogbank deploy`) has put src/programme, as the deployed function says."""
        template = self.client("cloudformation").get_template(StackName=self.name, TemplateStage="Processed")
        code = template["TemplateBody"]["Resources"]["StepsFunction"]["Properties"]["Code"]
        return f"s3://{code['S3Bucket']}/{code['S3Key']}"

    # ---- metrics ------------------------------------------------------------------------------------------------

    def metric(
        self,
        namespace: str,
        name: str,
        dimensions: dict[str, str],
        *,
        statistic: str = "Sum",
        since: datetime | None = None,
    ) -> float:
        """The metric since this driver started, or since a later time."""
        now = datetime.now(UTC)
        answer = self.client("cloudwatch").get_metric_statistics(
            Namespace=namespace,
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=since or self.started - timedelta(minutes=1),
            EndTime=now + timedelta(minutes=1),
            Period=60 * (1 + int((now - self.started).total_seconds()) // 60_000),
            Statistics=[statistic],
        )
        values = [point[statistic] for point in answer["Datapoints"]]
        return float(max(values, default=0.0) if statistic == "Maximum" else sum(values))

    def counters(self) -> dict[str, int]:
        """What CloudWatch has counted so far, of the Programs table, its index, and the programmes' functions."""
        table = {"TableName": self.outputs["Programs"]}
        index = {**table, "GlobalSecondaryIndexName": "leaderboard"}
        functions = [{"FunctionName": place.function} for place in self.places.values()]
        return {
            "table_throttles": round(self.metric("AWS/DynamoDB", "WriteThrottleEvents", table)),
            "index_throttles": round(self.metric("AWS/DynamoDB", "WriteThrottleEvents", index)),
            "write_units": round(self.metric("AWS/DynamoDB", "ConsumedWriteCapacityUnits", table)),
            "function_throttles": round(sum(self.metric("AWS/Lambda", "Throttles", f) for f in functions)),
        }

    def concurrency(self, begun: datetime) -> int | None:
        """The most that any programme ran at once, in the whole minutes since `begun`; None before the first."""
        first = begun.replace(second=0, microsecond=0) + timedelta(minutes=1)
        if datetime.now(UTC) < first:
            return None
        highest = (
            self.metric(
                "AWS/Lambda",
                "ConcurrentExecutions",
                {"FunctionName": place.function},
                statistic="Maximum",
                since=first,
            )
            for place in self.places.values()
        )
        return round(max(highest))

    def depth(self, queue_url: str) -> int:
        """Messages that wait or are being worked on."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client("sqs").get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
        return sum(int(attributes[name]) for name in names)
