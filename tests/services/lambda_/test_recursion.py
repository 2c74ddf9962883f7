"""Functions in a loop with what they write to are stopped after sixteen turns."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core import lineage
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create

Aws = Callable[..., Any]

# Sends the trace as the SDKs do, without the time that it takes to load one.
CALL = """
import json, os, urllib.request

def call(service, headers, body, path="/", method="POST"):
    place = f"{os.environ['AWS_ACCESS_KEY_ID']}/20260101/us-east-1/{service}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={place}, SignedHeaders=host, Signature=0"
    known = {"Authorization": authorization, "X-Amzn-Trace-Id": os.environ["_X_AMZN_TRACE_ID"]}
    url = os.environ["AWS_ENDPOINT_URL"] + path
    data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    urllib.request.urlopen(urllib.request.Request(url, data, {**known, **headers}, method=method))
"""
TO_QUEUE = (
    CALL
    + """
def handler(event, context):
    headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
    body = json.loads(event["Records"][0]["body"])
    call("sqs", headers, {"QueueUrl": body["url"], "MessageBody": json.dumps({**body, "turn": body["turn"] + 1})})
"""
)
TO_ITSELF = (
    CALL
    + """
def handler(event, context):
    path = f"/2015-03-31/functions/{context.function_name}/invocations"
    call("lambda", {"X-Amz-Invocation-Type": "Event"}, {"turn": event["turn"] + 1}, path)
"""
)
TO_TOPIC = (
    CALL
    + """
def handler(event, context):
    topic = os.environ["PLACE"]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    call("sns", form, f"Action=Publish&Version=2010-03-31&Message=x&TopicArn={topic}")
"""
)
TO_BUCKET = (
    CALL
    + """
def handler(event, context):
    call("s3", {}, "x", f"/{os.environ['PLACE']}/{context.aws_request_id}", "PUT")
"""
)


def test_a_lineage_counts_each_function_by_itself() -> None:
    trace = "Root=1-0-0;Sampled=0"
    for function in ("a", "b", "a"):
        trace = lineage.with_turn(trace, function)
    assert trace.startswith("Root=1-0-0;Sampled=0;Lineage=")
    assert [lineage.turns(trace, function) for function in ("a", "b", "c")] == [2, 1, 0]
    assert lineage.without(trace) == "Root=1-0-0;Sampled=0"
    for number in range(100):
        trace = lineage.with_turn(trace, str(number))
    assert len(trace) < 512
    assert lineage.turns(trace, "99") == 1


def test_a_function_that_invokes_itself_is_stopped_and_its_event_goes_to_the_dead_letters(aws: Aws) -> None:
    queue = aws("sqs").create_queue(QueueName="dead")["QueueUrl"]
    arn = aws("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(aws("lambda"), "f", TO_ITSELF, DeadLetterConfig={"TargetArn": arn})
    aws("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"turn": 1}')
    receive = {"QueueUrl": queue, "MessageAttributeNames": ["All"]}
    (message,) = eventually(lambda: aws("sqs").receive_message(**receive).get("Messages"))
    assert json.loads(message["Body"]) == {"turn": 17}
    told = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert told["ErrorCode"] == "400"
    assert "recursive loop" in told["ErrorMessage"]


def dropped(aws: Aws, clock: Any) -> float:
    return total(aws, clock, "RecursiveInvocationsDropped")


def invoked(aws: Aws, clock: Any) -> float:
    return total(aws, clock, "Invocations")


def total(aws: Aws, clock: Any, metric: str) -> float:
    now_s = clock.now_ms() / 1000
    found = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=metric,
        Dimensions=[{"Name": "FunctionName", "Value": "f"}],
        StartTime=now_s - 3600,
        EndTime=now_s + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(point["Sum"] for point in found)


def test_a_loop_through_a_queue_ends_in_its_dead_letters(aws: Aws, clock: Any) -> None:
    sqs = aws("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="loop", Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(aws("lambda"), "f", TO_QUEUE)
    aws("lambda").create_event_source_mapping(FunctionName="f", EventSourceArn=arn)
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"url": url, "turn": 1}))

    eventually(lambda: dropped(aws, clock) == 1)
    clock.advance(s=31)  # Its visibility timeout.

    def ended() -> Any:
        return sqs.receive_message(QueueUrl=url).get("Messages") or sqs.receive_message(QueueUrl=dead).get("Messages")

    (message,) = eventually(ended)
    assert json.loads(message["Body"])["turn"] == 17


def test_a_loop_through_a_topic_is_stopped(aws: Aws, clock: Any) -> None:
    topic = aws("sns").create_topic(Name="t")["TopicArn"]
    arn = create(aws("lambda"), "f", TO_TOPIC, Environment={"Variables": {"PLACE": topic}})["FunctionArn"]
    aws("sns").subscribe(TopicArn=topic, Protocol="lambda", Endpoint=arn)
    aws("sns").publish(TopicArn=topic, Message="x")
    eventually(lambda: dropped(aws, clock) == 1)
    assert invoked(aws, clock) == 16


def test_a_loop_through_a_bucket_is_stopped(aws: Aws, account: str, clock: Any) -> None:
    bucket = f"loop-{account}"
    aws("s3").create_bucket(Bucket=bucket)
    arn = create(aws("lambda"), "f", TO_BUCKET, Environment={"Variables": {"PLACE": bucket}})["FunctionArn"]
    aws("lambda").add_permission(
        FunctionName="f", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    wanted = {"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}
    aws("s3").put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"LambdaFunctionConfigurations": [wanted]}
    )
    aws("s3").put_object(Bucket=bucket, Key="first", Body=b"x")
    eventually(lambda: dropped(aws, clock) == 1)
    assert len(aws("s3").list_objects_v2(Bucket=bucket)["Contents"]) == 17


def test_a_function_may_be_allowed_to_loop(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(event, context):\n    return 'ran'\n")
    arn = client.get_function(FunctionName="f")["Configuration"]["FunctionArn"]
    trace = "Root=1-0-0"
    for _ in range(16):
        trace = lineage.with_turn(trace, arn)
    client.meta.events.register(
        "before-send.lambda.Invoke", lambda request, **_: request.headers.__setitem__("X-Amzn-Trace-Id", trace)
    )
    with pytest.raises(ClientError, match="RecursiveInvocationException"):
        client.invoke(FunctionName="f")
    client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")
    assert json.load(client.invoke(FunctionName="f")["Payload"]) == "ran"
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Allow"
