"""The deployed stack as the driver sees it: its parameters, its functions, and what CloudWatch says of them."""

import contextlib
import json
import os
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import urllib3
from driving.clock import Clock
from driving.stack import CAPABILITIES, DeployedStack, settled

CONNECTIONS = 256
TIMEOUT_S = 60
MINUTE = timedelta(minutes=1)
ALIAS = "live"
POLL_S = 0.2
FUNCTIONS = {"views": "ViewsFunction", "changes": "ChangesFunction"}


class Stack(DeployedStack):
    def __init__(self, name: str, clock: Clock) -> None:
        super().__init__(name, connections=CONNECTIONS)
        self.clock = clock
        parts = urlsplit(self.outputs["Api"])
        # Where the whole cloud is reached at one endpoint, the API is there too, under its own name.
        endpoint = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
        self._api = f"{endpoint or f'{parts.scheme}://{parts.netloc}'}{parts.path}"
        self._headers = {"Host": parts.netloc} if endpoint else {}
        self._http = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False, timeout=urllib3.Timeout(TIMEOUT_S))

    def sibling(self, suffix: str, **wanted: str) -> "Stack":
        """Another stack of the same template, some parameters of which are others; made if it is not there."""
        cloudformation, name = self.client("cloudformation"), f"{self.name}-{suffix}"
        described = cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
        parameters = {each["ParameterKey"]: each["ParameterValue"] for each in described["Parameters"]} | wanted
        template = cloudformation.get_template(StackName=self.name, TemplateStage="Original")["TemplateBody"]
        with contextlib.suppress(cloudformation.exceptions.AlreadyExistsException):
            cloudformation.create_stack(
                StackName=name,
                TemplateBody=template if isinstance(template, str) else json.dumps(template),
                Capabilities=CAPABILITIES,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            )
            settled(cloudformation, name, "CREATE_COMPLETE")
        return Stack(name, self.clock)

    def delete(self) -> None:
        cloudformation = self.client("cloudformation")
        cloudformation.delete_stack(StackName=self.name)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 1})

    # ---- what users do ------------------------------------------------------------------------------------------

    def view(self, sheet: str) -> tuple[int, dict[str, Any]]:
        """The answer's status and document."""
        answer = self._http.request("GET", f"{self._api}/sheets/{sheet}", headers=self._headers)
        try:
            document = answer.json()
        except ValueError:
            document = {}
        return answer.status, document

    def change(self, bodies: list[str]) -> None:
        """Ten at most. Raises RuntimeError if the queue has not taken them all."""
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        answer = self.client("sqs").send_message_batch(QueueUrl=self.outputs["ChangesQueue"], Entries=entries)
        if "Failed" in answer:
            raise RuntimeError(f"the queue has not taken {answer['Failed']}")

    # ---- what came of it ----------------------------------------------------------------------------------------

    def waiting(self) -> int:
        """Changes that are not applied yet."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs["ChangesQueue"], AttributeNames=names)
        return sum(int(found["Attributes"][name]) for name in names)

    def applied(self, run: str) -> list[dict[str, Any]]:
        """The changes of a run that were applied."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.outputs["Sheets"],
                FilterExpression="#run = :run",
                ExpressionAttributeNames={"#run": "run"},
                ExpressionAttributeValues={":run": {"S": run}},
            )
        )
        return [item for page in pages for item in page["Items"]]

    def ready(self, name: str) -> tuple[int, bool]:
        """Environments that are initialized and wait, or work, ahead of their requests; and whether those are all that
        are wanted.
        """
        lambda_ = self.client("lambda")
        try:
            found = lambda_.get_provisioned_concurrency_config(FunctionName=self.function(name), Qualifier=ALIAS)
        except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            return 0, True
        return int(found["AvailableProvisionedConcurrentExecutions"]), found["Status"] != "IN_PROGRESS"

    def function(self, name: str) -> str:
        return self.outputs[FUNCTIONS[name]]

    def metric(self, name: str, metric: str, statistic: str, since: datetime, minutes: int = 1) -> list[float]:
        """A metric of a function's alias since then, so many minutes at a time."""
        function = self.function(name)
        answer = self.client("cloudwatch").get_metric_data(
            MetricDataQueries=[
                {
                    "Id": "m",
                    "MetricStat": {
                        "Metric": {
                            "Namespace": "AWS/Lambda",
                            "MetricName": metric,
                            "Dimensions": [
                                {"Name": "FunctionName", "Value": function},
                                {"Name": "Resource", "Value": f"{function}:{ALIAS}"},
                            ],
                        },
                        "Period": 60 * minutes,
                        "Stat": statistic,
                    },
                }
            ],
            StartTime=since.replace(second=0, microsecond=0),
            EndTime=self.clock.now() + MINUTE,
            ScanBy="TimestampAscending",
        )
        values: list[float] = answer["MetricDataResults"][0]["Values"]
        return values

    def reports(self, name: str, since: datetime) -> dict[str, float]:
        """Sums over the reports in a function's log: billed time and initializations."""
        logs = self.client("logs")
        query = logs.start_query(
            logGroupName=f"/aws/lambda/{self.function(name)}",
            queryString=(
                "filter @message like /^REPORT RequestId/"
                " | parse @message /Billed Duration: (?<billed>\\d+) ms/"
                " | parse @message /Init Duration: (?<init>[\\d.]+) ms/"
                " | parse @message /Restore Duration: (?<restore>[\\d.]+) ms/"
                " | stats count(*) as invocations, sum(billed) as billed_ms, count(init) as inits,"
                " sum(init) as init_ms, count(restore) as restores, sum(restore) as restore_ms"
            ),
            startTime=int((since - MINUTE).timestamp()),
            endTime=int((self.clock.now() + MINUTE).timestamp()),
        )
        while True:
            found = logs.get_query_results(queryId=query["queryId"])
            if found["status"] not in ("Scheduled", "Running"):
                break
            time.sleep(POLL_S)
        if not found["results"]:
            return {}
        return {column["field"]: float(column["value"]) for column in found["results"][0]}
