"""Everything a client can see of the account that is fuzzed, as one value to compare."""

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.fuzz.corpus import client

SETTLES_MAX = 20
COUNTS = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
# When a lease ends is no change of what is stored; only the sum of the counts is compared.
_LISTS = (
    ("sns", "list_topics", "Topics"),
    ("sns", "list_subscriptions", "Subscriptions"),
    ("events", "list_rules", "Rules"),
    ("lambda", "list_functions", "Functions"),
    ("iam", "list_roles", "Roles"),
    ("logs", "describe_log_groups", "logGroups"),
    ("cloudformation", "list_stacks", "StackSummaries"),
    ("dynamodb", "list_tables", "TableNames"),
    ("s3", "list_buckets", "Buckets"),
)


def _or_code(read: Callable[[], Any]) -> Any:
    """What is read, or the error's code: a spoilt request may be a good one that deletes the bucket or the table."""
    try:
        return read()
    except ClientError as error:
        return error.response["Error"]["Code"]


class StateReader:
    """Reads the state through the public API."""

    def __init__(self, endpoint: str, *, bucket: str, table: str) -> None:
        services = {service for service, _, _ in _LISTS} | {"sqs"}
        self._clients = {service: client(service, endpoint) for service in sorted(services)}
        self._bucket = bucket
        self._table = table

    def settled(self) -> dict[str, Any]:
        """The state, once what was under way (a deployment, say) has come to its end: two readings are equal."""
        state = self.read()
        for _ in range(SETTLES_MAX):
            again = self.read()
            if again == state:
                break
            state = again
        return state

    def read(self) -> dict[str, Any]:
        state: dict[str, Any] = {
            f"{service} {key}": getattr(self._clients[service], operation)()[key] for service, operation, key in _LISTS
        }
        state["queues"] = self._queues()
        state["items"] = _or_code(lambda: self._clients["dynamodb"].scan(TableName=self._table)["Items"])
        state["objects"] = _or_code(
            lambda: self._clients["s3"].list_objects_v2(Bucket=self._bucket).get("Contents", [])
        )
        parsed: dict[str, Any] = json.loads(json.dumps(state, default=str, sort_keys=True))
        return parsed

    def _queues(self) -> dict[str, Any]:
        sqs = self._clients["sqs"]
        found = {}
        for url in sqs.list_queues().get("QueueUrls", ()):
            attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            attributes["messages"] = sum(int(attributes.pop(name)) for name in COUNTS)
            found[url] = attributes
        return found
