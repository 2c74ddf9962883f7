"""Every operation of every service, with drawn parameters: an answer or AWS's 4xx, whatever is asked."""

import contextlib
import random
from collections.abc import Callable
from importlib import import_module
from typing import Any

import botocore.exceptions
from botocore import xform_name

from fogbank.services import SERVICES
from tests.fuzz.campaign import BATCH, FAILURES_MAX, FINE_ABOVE_499, Result
from tests.fuzz.corpus import ACCOUNT, client
from tests.fuzz.parameters import Draw
from tests.fuzz.state import StateReader
from tests.packages import zipped

Sent = tuple[Any, str, dict[str, Any]]  # The client, the operation and its parameters.
NAME, BUCKET = "drawn", "drawn-bucket"
ATTEMPTS = 3

# What would make a request wait: long polling, and a body that is announced longer than it is.
_WAITING = ("WaitTimeSeconds", "ContentLength")

_NO_ANSWER = (
    botocore.exceptions.ReadTimeoutError,
    botocore.exceptions.ConnectionClosedError,
    botocore.exceptions.EndpointConnectionError,
)


def generated(
    endpoint: str, *, requests: int, seed: int, progress: Callable[[str], object] = lambda line: None
) -> Result:
    """Send so many generated requests; stops at `FAILURES_MAX` failures."""
    rng = random.Random(seed)
    result = Result()
    clients, operations = clients_and_operations(endpoint)
    draw = Draw(rng, _make_things(clients))
    reader = StateReader(endpoint, bucket=BUCKET, table=NAME)
    while result.sent < requests and len(result.failures) < FAILURES_MAX:
        refused = []
        for _ in range(BATCH):
            service, operation = rng.choice(operations)
            sent = _one(clients[service], service, operation, draw, result)
            if sent is not None:
                refused.append(sent)
        _check_state_is_kept(reader, refused, result)
        if result.sent // BATCH % 25 == 0:
            progress(f"{result.sent} of {requests} generated, {len(result.failures)} failures")
    return result


def _check_state_is_kept(reader: StateReader, refused: list[Sent], result: Result) -> None:
    """Send what was refused once more, between two looks at the state.

    What earlier requests have caused may come in between, such as the log of a function that was still running: only
    what changes every time is done by these requests.
    """
    for _ in range(ATTEMPTS):
        before = reader.settled()
        if any((ask(made, operation, parameters) or 400) < 400 for made, operation, parameters in refused):
            return  # The state has moved on, and it was accepted.
        after = reader.read()
        changed = {key: (before[key], after[key]) for key in after if before[key] != after[key]}
        if not changed:
            return
    labels = [f"{operation} {str(parameters)[:300]}" for _, operation, parameters in refused]
    result.failures.append(f"#{result.sent}: refused requests of this batch changed {changed}: {labels}")


def _one(made: Any, service: str, operation: str, draw: Draw, result: Result) -> Sent | None:
    """Send one request; what was sent if it was refused."""
    drawn = draw.parameters(made.meta.service_model.operation_model(operation))
    parameters = {name: value for name, value in drawn.items() if name not in _WAITING}
    label = f"#{result.sent} {service}.{operation} {str(parameters)[:600]}"
    status = ask(made, operation, parameters)
    if status is None:
        return None
    result.sent += 1
    result.statuses[status] += 1
    if status >= 500 and status not in FINE_ABOVE_499:
        result.failures.append(f"{label}: {status}")
    return (made, operation, parameters) if status >= 400 else None


def ask(made: Any, operation: str, parameters: dict[str, Any]) -> int | None:
    """The status of Fogbank's answer; None if botocore can make no request of these parameters."""
    seen = made._endpoint.http_session
    seen.status = None
    try:
        getattr(made, xform_name(operation))(**parameters)
    except _NO_ANSWER:
        return 599  # As bad as a wrong one.
    except Exception:  # An edge: what botocore makes of parameters or of an answer says nothing about Fogbank.
        pass
    status: int | None = seen.status
    return status


class _Seen:
    """An HTTP session that remembers the status as it was sent: botocore makes a 500 of what it cannot read."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.status: int | None = None

    def send(self, request: Any) -> Any:
        response = self._session.send(request)
        self.status = response.status_code
        return response


def clients_and_operations(endpoint: str) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """A client of every service, and all operations that are there."""
    clients = {name: client(entry.model, endpoint, parameter_validation=False) for name, entry in SERVICES.items()}
    for made in clients.values():
        made._endpoint.http_session = _Seen(made._endpoint.http_session)
    operations = [
        (service, operation)
        for service, made in clients.items()
        for operation in made.meta.service_model.operation_names
        if _is_there(service, operation)
    ]
    return clients, operations


def _is_there(service: str, operation: str) -> bool:
    module = import_module(SERVICES[service].module)
    (service_class,) = (getattr(module, name) for name in module.__all__)
    return hasattr(service_class, xform_name(operation))


def _make_things(clients: dict[str, Any]) -> dict[str, list[Any]]:
    """Make one of everything; for names of members, the values that mean them."""
    queue = clients["sqs"].create_queue(QueueName="drawn")["QueueUrl"]
    fifo = clients["sqs"].create_queue(QueueName="drawn.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    topic = clients["sns"].create_topic(Name="drawn")["TopicArn"]
    queue_arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:drawn"
    subscription = clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
    table = clients["dynamodb"].create_table(
        TableName="drawn",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )["TableDescription"]
    clients["s3"].create_bucket(Bucket="drawn-bucket")
    clients["s3"].put_object(Bucket="drawn-bucket", Key="key", Body=b"hello")
    trust = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}]}'
    role = clients["iam"].create_role(RoleName="drawn", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    function = clients["lambda_"].create_function(
        FunctionName="drawn",
        Role=role,
        Runtime="python3.11",
        Handler="main.handler",
        Code={"ZipFile": zipped({"main.py": "def handler(event, context):\n    return event\n"})},
    )["FunctionArn"]
    clients["events"].put_rule(Name="drawn", EventPattern='{"source": ["drawn"]}')
    clients["logs"].create_log_group(logGroupName="drawn")
    clients["logs"].create_log_stream(logGroupName="drawn", logStreamName="drawn")
    clients["ssm"].put_parameter(Name="drawn", Value="v", Type="String")
    secret = clients["secretsmanager"].create_secret(Name="drawn", SecretString="v")
    template = '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}'
    stack = clients["cloudformation"].create_stack(StackName="drawn", TemplateBody=template)["StackId"]
    with contextlib.suppress(botocore.exceptions.WaiterError):
        clients["cloudformation"].get_waiter("stack_create_complete").wait(StackName="drawn", WaiterConfig={"Delay": 1})
    names = ["drawn"]
    key = {"pk": {"S": "a"}}
    return {
        "QueueUrl": [queue, fifo], "QueueName": ["drawn", "drawn.fifo", "other"], "TopicArn": [topic],
        "SubscriptionArn": [subscription], "TableName": names, "StreamArn": [table["LatestStreamArn"]],
        "Bucket": ["drawn-bucket"], "RoleName": names, "RoleArn": [role], "Role": [role],
        "FunctionName": [*names, function], "StackName": [*names, stack], "TemplateBody": [template], "Rule": names,
        "Name": names, "RuleName": names, "logGroupName": names, "logStreamName": names, "Runtime": ["python3.11"],
        "Handler": ["main.handler"], "ResourceArn": [queue_arn, topic, function, table["TableArn"]],
        "resourceArn": [f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:drawn"], "Item": [key, {**key, "n": {"N": "1"}}],
        "EventSourceArn": [queue_arn, table["LatestStreamArn"]], "Arn": [queue_arn, function], "ARN": [function],
        "Endpoint": [queue_arn], "Protocol": ["sqs", "lambda"], "AttributeName": ["pk", "Policy", "n"],
        "KeyConditionExpression": ["pk = :p", "pk = :p AND n > :p"], "UpdateExpression": ["SET n = :p", "ADD n :p"],
        "ConditionExpression": ["attribute_exists(pk)", "n > :p"], "ExpressionAttributeValues": [{":p": {"S": "a"}}],
        "SecretId": [*names, secret["ARN"]], "VersionId": [secret["VersionId"]], "RotationLambdaARN": [function],
        "Key": ["key", key], "ReceiptHandle": ["Zm9nYgAAAAAAAAADGiE+7egwAAAAAAGiE+/J9QAAAAE=", "junk"],
    }  # fmt: skip
