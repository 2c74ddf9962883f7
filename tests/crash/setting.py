"""The queues, the topic and the table that the load works on, and how to read them back."""

import asyncio
from dataclasses import dataclass
from typing import Any

import boto3

from tests.crash.ledger import Item
from tests.crash.wire import Wire

ACCOUNT = "111122223333"
QUEUES = ("plain", "ordered", "fan-left", "fan-right")
# Leases of the load last a second: a queue that stays empty for longer is drained.
LEASE_S = 1


@dataclass
class Setting:
    """Where the load finds what."""

    port: int
    urls: dict[str, str]
    topic: str
    table: str
    account: str = ACCOUNT


def prepare(port: int) -> Setting:
    """Make everything; names that are there already are found again."""
    sqs, sns, dynamodb = (_client(service, port) for service in ("sqs", "sns", "dynamodb"))
    urls = {name: sqs.create_queue(QueueName=name)["QueueUrl"] for name in QUEUES if name != "ordered"}
    fifo = {"FifoQueue": "true"}
    urls["ordered"] = sqs.create_queue(QueueName="ordered.fifo", Attributes=fifo)["QueueUrl"]
    topic = sns.create_topic(Name="fan")["TopicArn"]
    for name in ("fan-left", "fan-right"):
        arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    dynamodb.create_table(
        TableName="ledger",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    dynamodb.get_waiter("table_exists").wait(TableName="ledger", WaiterConfig={"Delay": 1})
    return Setting(port, urls, topic, "ledger")


async def drain(setting: Setting, queue: str, expected: set[str]) -> list[str]:
    """Receive and delete until nothing comes any more; the bodies in the order of their arrival.

    An empty answer is believed once all of `expected` has come, or when the leases of the load have run out.
    """
    wire, url = Wire(setting.port, setting.account), setting.urls[queue]
    found: list[str] = []
    empty = 0
    while empty < 1 if expected <= set(found) else empty < 3:
        answer = await wire.json("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=LEASE_S)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        empty = 0 if messages else empty + 1
        found += [message["Body"] for message in messages]
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            await wire.json("sqs", "DeleteMessageBatch", QueueUrl=url, Entries=entries)
    wire.close()
    return found


async def drain_all(setting: Setting, expected: dict[str, set[str]]) -> dict[str, list[str]]:
    found = await asyncio.gather(*(drain(setting, queue, expected.get(queue, set())) for queue in QUEUES))
    return dict(zip(QUEUES, found, strict=True))


async def read_items(setting: Setting) -> dict[str, Item]:
    """Every item of the table."""
    wire = Wire(setting.port, setting.account)
    found: dict[str, Item] = {}
    start: dict[str, Any] = {}
    while True:
        page = await wire.json("dynamodb", "Scan", TableName=setting.table, ConsistentRead=True, **start)
        found |= {item["k"]["S"]: int(item["v"]["N"]) for item in page["Items"]}
        if "LastEvaluatedKey" not in page:
            wire.close()
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _client(service: str, port: int) -> Any:
    return boto3.client(
        service,
        endpoint_url=f"http://localhost:{port}",
        region_name="us-east-1",
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
    )
