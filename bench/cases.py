"""The throughput cases: what is set up, and what each of the connections does."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import objects, retrieval, streams
from bench.load import CONNECTIONS, Outcome, Session, Unexpected, drive, steady
from bench.recording import Recorder, client
from bench.servers import Running

# Different requests a connection takes its turn at: enough that no server answers from one hot entry.
VARIETY = 500
ITEM = {"name": {"S": "x" * 80}, "count": {"N": "42"}, "tags": {"L": [{"S": "a"}, {"S": "b"}]}}
BODY = json.dumps({"kind": "step", "user": "u-0001", "value": 4711, "note": "x" * 60})


@dataclass(frozen=True)
class Case:
    """A named measurement; `run` sets up, measures for so many seconds, and answers with what it saw."""

    name: str
    group: str
    run: Callable[[Running, float], Outcome]
    counts: str = "requests"


# ---- SQS --------------------


def send_message(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    url = client("sqs", endpoint).create_queue(QueueName="send")["QueueUrl"]
    record = Recorder("sqs", endpoint).request
    requests = [record("send_message", QueueUrl=url, MessageBody=f"{BODY}{n}") for n in range(VARIETY)]
    return steady(server, requests, re.compile(rb"MessageId"), seconds)


_HANDLE = re.compile(rb'"ReceiptHandle": *"([^"]+)"')
BACKLOG = 2_000


def receive_and_delete(server: Running, seconds: float) -> Outcome:
    """Both requests count. The backlog is filled again between the timed rounds, so no queue grows long."""
    endpoint = server.endpoint
    sqs, record = client("sqs", endpoint), Recorder("sqs", endpoint).request
    url = sqs.create_queue(QueueName="receive")["QueueUrl"]
    send = record("send_message", QueueUrl=url, MessageBody=BODY)
    receive = record("receive_message", QueueUrl=url, MaxNumberOfMessages=1)
    head, _, body = record("delete_message", QueueUrl=url, ReceiptHandle="HANDLE").partition(b"\r\n\r\n")
    head = head[: head.rindex(b"Content-Length")]

    def fill(_: int) -> Session:
        for _message in range(BACKLOG // CONNECTIONS + 1):
            yield send

    def drain(_: int) -> Session:
        while True:
            found = _HANDLE.search((yield receive))
            if found is None:
                return
            filled = body.replace(b"HANDLE", found[1])
            yield head + b"Content-Length: %d\r\n\r\n" % len(filled) + filled

    total = Outcome()
    rounds = 0
    while total.seconds < seconds and rounds < 200:
        rounds += 1
        for session, timed in ((fill, False), (drain, True)):
            part = drive(server, session, connections=CONNECTIONS, seconds=seconds * 4, warm_up=0)
            total.errors += part.errors
            total.first_error = total.first_error or part.first_error
            if timed:
                total.requests += part.requests
                total.seconds += part.seconds
                total.client_cpu = part.client_cpu
                total.server_cpu_s += part.server_cpu_s
                total.latencies_ms += part.latencies_ms
        if total.errors:
            break
    return total


# ---- DynamoDB --------------------


def _table(endpoint: str, name: str) -> Any:
    dynamodb = client("dynamodb", endpoint)
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": k, "AttributeType": "S"} for k in ("pk", "sk")],
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})
    return dynamodb


def _key(n: int) -> dict[str, dict[str, str]]:
    return {"pk": {"S": f"user-{n // 10:04d}"}, "sk": {"S": f"item-{n:05d}"}}


def put_item(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    _table(endpoint, "puts")
    record = Recorder("dynamodb", endpoint).request
    return steady(
        server,
        [record("put_item", TableName="puts", Item=_key(n) | ITEM) for n in range(VARIETY)],
        None,
        seconds,
    )


def _filled_table(endpoint: str, name: str) -> None:
    dynamodb = _table(endpoint, name)
    for n in range(VARIETY):
        dynamodb.put_item(TableName=name, Item=_key(n) | ITEM)


def get_item(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    _filled_table(endpoint, "gets")
    record = Recorder("dynamodb", endpoint).request
    requests = [record("get_item", TableName="gets", Key=_key(n)) for n in range(VARIETY)]
    return steady(server, requests, re.compile(rb'"Item"'), seconds)


def query_ten(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    _filled_table(endpoint, "queries")
    call = [
        {
            "TableName": "queries",
            "KeyConditionExpression": "pk = :p",
            "ExpressionAttributeValues": {":p": {"S": f"user-{n:04d}"}},
        }
        for n in range(VARIETY // 10)
    ]
    found = client("dynamodb", endpoint).query(**call[0])["Count"]
    if found != 10:
        raise Unexpected(f"a query found {found} items instead of 10")
    record = Recorder("dynamodb", endpoint).request
    return steady(server, [record("query", **one) for one in call], re.compile(rb"item-00"), seconds)


# ---- SNS, EventBridge --------------------


def publish(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    sns = client("sns", endpoint)
    topic = sns.create_topic(Name="bench")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=_queue_arn(endpoint, "from-sns"))
    record = Recorder("sns", endpoint).request
    requests = [record("publish", TopicArn=topic, Message=f"{BODY}{n}") for n in range(VARIETY)]
    outcome = steady(server, requests, re.compile(rb"<MessageId>"), seconds)
    return _with_delivery_checked(endpoint, "from-sns", outcome)


def put_events(server: Running, seconds: float) -> Outcome:
    endpoint = server.endpoint
    events = client("events", endpoint)
    events.put_rule(Name="bench", EventPattern=json.dumps({"source": ["bench"]}))
    events.put_targets(Rule="bench", Targets=[{"Id": "q", "Arn": _queue_arn(endpoint, "from-events")}])
    record = Recorder("events", endpoint).request
    requests = [
        record("put_events", Entries=[{"Source": "bench", "DetailType": "step", "Detail": BODY}])
        for _ in range(VARIETY // 10)
    ]
    outcome = steady(server, requests, re.compile(rb"EventId"), seconds)
    return _with_delivery_checked(endpoint, "from-events", outcome)


def _queue_arn(endpoint: str, name: str) -> str:
    sqs = client("sqs", endpoint)
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn: str = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return arn


def _with_delivery_checked(endpoint: str, queue: str, outcome: Outcome) -> Outcome:
    """An accepted message that never arrives is no success."""
    sqs = client("sqs", endpoint)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    if not sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10).get("Messages"):
        outcome.errors += 1
        outcome.first_error = outcome.first_error or f"nothing arrived in the queue {queue}"
    return outcome


CASES = (
    Case("SQS SendMessage", "sqs", send_message),
    Case("SQS ReceiveMessage + DeleteMessage", "sqs", receive_and_delete),
    Case("DynamoDB PutItem", "dynamodb", put_item),
    Case("DynamoDB GetItem", "dynamodb", get_item),
    Case("DynamoDB Query of 10", "dynamodb", query_ten),
    Case("SNS Publish to one queue", "sns", publish),
    Case("EventBridge PutEvents to one queue", "events", put_events),
    Case("Kinesis PutRecords of 500 x 200 B", "kinesis", streams.put_records, "records"),
    Case("Kinesis GetRecords of 10,000", "kinesis", streams.get_records, "records"),
    Case("Firehose PutRecordBatch of 500 x 200 B to S3", "firehose", streams.put_record_batch, "records"),
    Case("CloudWatch PutMetricData of 20", "cloudwatch", streams.put_metric_data, "metrics"),
    Case("A sample by its index entry and a range", "retrieval", retrieval.retrieve, "samples"),
    Case("S3 PutObject of 1 KB", "s3", objects.put_objects(1024)),
    Case("S3 GetObject of 1 KB", "s3", objects.get_objects(1024)),
    Case("S3 PutObject of 1 MB", "s3", objects.put_objects(objects.MB)),
    Case("S3 GetObject of 1 MB", "s3", objects.get_objects(objects.MB)),
)
