"""The cases that measure one thing at a time: functions, a stack, start-up, memory."""

import json
import statistics
import time
from collections.abc import Callable

from botocore.exceptions import ClientError

from bench.packages import package
from bench.recording import client
from bench.servers import Peer, Running, running
from bench.table import Figure

WARM_CALLS = 300
COLD_CALLS = 10
STARTS = 5
STACK_LIMIT_S = 120.0
HANDLER = "def handler(event, context):\n    return event\n"


def functions(server: Running) -> list[Figure]:
    """Median of warm invocations of a function that does nothing, and of the first invocation of new ones."""
    names = ("Lambda warm invoke (median)", "Lambda cold start (median)")
    aws = client("lambda", server.endpoint)
    role = "arn:aws:iam::000000000000:role/bench"

    def invoke(name: str) -> float:
        started = time.perf_counter()
        answer = aws.invoke(FunctionName=name, Payload=b'{"n": 1}')
        payload = answer["Payload"].read()
        spent = (time.perf_counter() - started) * 1000
        if answer.get("FunctionError") or json.loads(payload) != {"n": 1}:
            raise RuntimeError(f"the function answered {payload[:120]!r}")
        return spent

    try:
        cold = []
        for n in range(COLD_CALLS):
            aws.create_function(
                FunctionName=f"cold-{n}",
                Runtime="python3.11",
                Role=role,
                Handler="index.handler",
                Code={"ZipFile": package("index.py", f"{HANDLER}# {n}\n")},
            )
            aws.get_waiter("function_active_v2").wait(FunctionName=f"cold-{n}", WaiterConfig={"Delay": 1})
            cold.append(invoke(f"cold-{n}"))
        warm = [invoke("cold-0") for _ in range(WARM_CALLS)]
    except (ClientError, RuntimeError) as error:
        return [Figure(name, "ms", None, str(error)[:90]) for name in names]
    return [
        Figure(names[0], "ms", statistics.median(warm)),
        Figure(names[1], "ms", statistics.median(cold)),
    ]


def stack_template() -> str:
    """Sixty resources of everyday types."""
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    }
    resources: dict[str, object] = {}
    for n in range(20):
        resources[f"Queue{n}"] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": n}}
        resources[f"Topic{n}"] = {"Type": "AWS::SNS::Topic"}
    for n in range(10):
        resources[f"Table{n}"] = {"Type": "AWS::DynamoDB::Table", "Properties": table}
        resources[f"Logs{n}"] = {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}}
    return json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources})


def stack(server: Running) -> list[Figure]:
    """From CreateStack to CREATE_COMPLETE, as a client sees it."""
    name = "CloudFormation stack of 60 resources"
    cloudformation = client("cloudformation", server.endpoint)
    started = time.perf_counter()
    try:
        cloudformation.create_stack(StackName="bench", TemplateBody=stack_template())
        status = "CREATE_IN_PROGRESS"
        while status == "CREATE_IN_PROGRESS" and time.perf_counter() - started < STACK_LIMIT_S:
            status = cloudformation.describe_stacks(StackName="bench")["Stacks"][0]["StackStatus"]
        spent = (time.perf_counter() - started) * 1000
    except ClientError as error:
        return [Figure(name, "ms", None, str(error)[:90])]
    if status != "CREATE_COMPLETE":
        return [Figure(name, "ms", None, f"ended as {status}")]
    made = len(client("sqs", server.endpoint).list_queues(QueueNamePrefix="bench-").get("QueueUrls", ()))
    if made != 20:
        return [Figure(name, "ms", None, f"{made} of 20 queues exist")]
    return [Figure(name, "ms", spent)]


def footprint(peer: Peer) -> list[Figure]:
    """Start to first answered request (median of five), and the memory after it."""
    starts, memory = [], []
    for _ in range(STARTS):
        with running(peer) as server:
            starts.append(server.ready_ms)
            time.sleep(0.5)  # What a server still does behind its first answer belongs to its idle memory.
            memory.append(server.memory_mb())
    return [
        Figure("Start to first answered request", "ms", statistics.median(starts)),
        Figure("Idle memory (PSS)", "MB", statistics.median(memory)),
    ]


SINGLE: dict[str, Callable[[Running], list[Figure]]] = {"lambda": functions, "cloudformation": stack}
