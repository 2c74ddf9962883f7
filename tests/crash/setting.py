"""The queues, the topic and the table that the load works on, and how to read them back."""

import asyncio
import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

import boto3

from tests.crash.ledger import Item
from tests.crash.wire import Wire

ACCOUNT = "111122223333"
IN_ORDER = ("ordered", "fan-ordered", "streamed")
QUEUES = ("plain", "fan-left", "fan-right", "event-left", "event-right", *IN_ORDER)
# Leases of the load last a second: a queue that stays empty for longer is drained.
LEASE_S = 1
# What the kill interrupted is delivered after the restart, some of it by functions that have to start first.
PATIENCE_S = 20.0
# Sends on what the stream brings. A record comes again after a crash: its id makes the message the same one.
RELAY = """
import boto3, os
sqs = boto3.client("sqs")

def handler(event, context):
    images = [(record["eventID"], record["dynamodb"]["NewImage"]) for record in event["Records"]]
    for start in range(0, len(images), 10):
        sqs.send_message_batch(QueueUrl=os.environ["QUEUE"], Entries=[
            {"Id": str(number), "MessageBody": image["k"]["S"] + "." + image["v"]["N"],
             "MessageGroupId": image["k"]["S"], "MessageDeduplicationId": event_id}
            for number, (event_id, image) in enumerate(images[start : start + 10])
        ])
"""


@dataclass
class Setting:
    """Where the load finds what."""

    port: int
    urls: dict[str, str]
    topic: str
    ordered_topic: str
    table: str
    streamed_table: str
    account: str = ACCOUNT


def prepare(port: int) -> Setting:
    """Make everything."""
    urls = _make_queues(port)
    _make_tables(port)
    _make_relay(port, urls["streamed"])
    events = _client("events", port)
    events.put_rule(Name="fan", EventPattern=json.dumps({"source": ["crash"]}))
    targets = [{"Id": name, "Arn": _arn(name), "InputPath": "$.detail.body"} for name in ("event-left", "event-right")]
    events.put_targets(Rule="fan", Targets=targets)
    topic, ordered_topic = _make_topics(port)
    return Setting(port, urls, topic, ordered_topic, "ledger", "streamed")


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{queue}" + (".fifo" if queue in IN_ORDER else "")


def _make_queues(port: int) -> dict[str, str]:
    sqs = _client("sqs", port)
    fifo = {"FifoQueue": "true"}
    return {
        name: sqs.create_queue(QueueName=_arn(name).rpartition(":")[2], Attributes=fifo if name in IN_ORDER else {})[
            "QueueUrl"
        ]
        for name in QUEUES
    }


def _make_topics(port: int) -> tuple[str, str]:
    sns = _client("sns", port)
    topic: str = sns.create_topic(Name="fan")["TopicArn"]
    ordered_topic: str = sns.create_topic(Name="fan.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    for source, queue in ((topic, "fan-left"), (topic, "fan-right"), (ordered_topic, "fan-ordered")):
        sns.subscribe(TopicArn=source, Protocol="sqs", Endpoint=_arn(queue), Attributes=raw)
    return topic, ordered_topic


def _make_tables(port: int) -> None:
    dynamodb = _client("dynamodb", port)
    for name in ("ledger", "streamed"):
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": name == "streamed"}
            | ({"StreamViewType": "NEW_IMAGE"} if name == "streamed" else {}),
        )
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def _make_relay(port: int, queue_url: str) -> None:
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("relay.py", RELAY)
    functions = _client("lambda", port)
    functions.create_function(
        FunctionName="relay",
        Runtime="python3.11",
        Role=f"arn:aws:iam::{ACCOUNT}:role/relay",
        Handler="relay.handler",
        Timeout=30,
        Code={"ZipFile": code.getvalue()},
        Environment={"Variables": {"QUEUE": queue_url}},
    )
    functions.get_waiter("function_active_v2").wait(FunctionName="relay", WaiterConfig={"Delay": 1})
    stream = _client("dynamodb", port).describe_table(TableName="streamed")["Table"]["LatestStreamArn"]
    functions.create_event_source_mapping(
        FunctionName="relay", EventSourceArn=stream, StartingPosition="TRIM_HORIZON", BatchSize=100
    )


async def drain(setting: Setting, queue: str, expected: set[str]) -> list[str]:
    """Receive and delete until nothing comes any more; the bodies in the order of their arrival.

    An empty answer is believed once all of `expected` has come, or when patience has run out.
    """
    wire, url = Wire(setting.port, setting.account), setting.urls[queue]
    found: list[str] = []
    now = asyncio.get_running_loop().time
    deadline = now() + PATIENCE_S
    while True:
        answer = await wire.json("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=LEASE_S)
        messages: list[dict[str, Any]] = answer.get("Messages", [])
        if not messages and (expected <= set(found) or now() > deadline):
            wire.close()
            return found
        found += [message["Body"].strip('"') for message in messages]
        if messages:
            entries = [{"Id": str(n), "ReceiptHandle": message["ReceiptHandle"]} for n, message in enumerate(messages)]
            await wire.json("sqs", "DeleteMessageBatch", QueueUrl=url, Entries=entries)


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
