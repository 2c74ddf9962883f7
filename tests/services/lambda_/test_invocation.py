"""Functions made from zips and invoked through boto3."""

import base64
import json
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.packages import zipped
from tests.patience import eventually

Aws = Callable[..., Any]
ECHO = "def handler(event, context):\n    print('got it')\n    return event\n"


def package(source: str, **modules: str) -> bytes:
    return zipped({f"{name}.py": text for name, text in {"app": source, **modules}.items()})


def damaged(package: bytes) -> bytes:
    """A sum of what is in it is another than it says."""
    return package.replace(b"got it", b"got IT")


def create(client: Any, name: str, source: str, modules: Mapping[str, str] | None = None, **settings: Any) -> Any:
    defaults = {"Runtime": "python3.12", "Handler": "app.handler", "Role": "arn:aws:iam::000000000000:role/r"}
    code = {"ZipFile": package(source, **modules or {})}
    return client.create_function(FunctionName=name, Code=code, **{**defaults, **settings})


def written(aws: Aws, function: str) -> list[str]:
    """The first words of the lines of its log."""
    try:
        events = aws("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    except aws("logs").exceptions.ResourceNotFoundException:
        return []
    return [event["message"].split()[0] for event in events]


def test_a_new_function_is_pending_in_the_answer_and_active_after_it(aws: Aws) -> None:
    client = aws("lambda")
    assert create(client, "f", ECHO)["State"] == "Pending"
    assert client.get_function(FunctionName="f")["Configuration"]["State"] == "Active"


@pytest.mark.parametrize(("group", "named"), [({}, ""), ({"LoggingConfig": {"LogGroup": "shared"}}, "f")])
def test_in_a_shared_log_group_streams_have_the_functions_name(aws: Aws, group: dict[str, Any], named: str) -> None:
    create(aws("lambda"), "f", ECHO, **group)
    aws("lambda").invoke(FunctionName="f")
    name = "shared" if group else "/aws/lambda/f"

    def streams() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = aws("logs").describe_log_streams(logGroupName=name)["logStreams"]
        return found

    eventually(lambda: aws("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"])
    (stream,) = eventually(streams)
    assert re.fullmatch(rf"\d{{4}}/\d\d/\d\d/{named}\[\$LATEST\][0-9a-f]{{32}}", stream["logStreamName"])


def test_a_function_has_the_sdk_whole(aws: Aws) -> None:
    """A client of S3 asks for what others do not: the CRT, which AWS's runtimes do not have."""
    aws("s3").create_bucket(Bucket="whole-sdk")
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    return [bucket['Name'] for bucket in boto3.client('s3').list_buckets()['Buckets']]\n"
    )
    create(aws("lambda"), "f", source, Timeout=30)
    assert json.load(aws("lambda").invoke(FunctionName="f")["Payload"]) == ["whole-sdk"]


def test_an_invocation_gives_the_answer_the_version_and_the_log(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    answer = client.invoke(FunctionName="f", Payload=b'{"a": 1}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert answer["ExecutedVersion"] == "$LATEST"
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"]) == {"a": 1}
    log = base64.b64decode(answer["LogResult"]).decode()
    assert log.startswith("START RequestId: ")
    assert "\ngot it\n" in log
    assert "Init Duration: " in log


def test_what_a_function_writes_can_be_read_while_it_runs(aws: Aws) -> None:
    source = (
        "import boto3, time\n"
        "def handler(event, context):\n"
        "    print('waits')\n"
        "    while not boto3.client('sqs').list_queues(QueueNamePrefix=event).get('QueueUrls'):\n"
        "        time.sleep(0.01)\n"
    )
    create(aws("lambda"), "f", source, Timeout=60)
    aws("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'"read"')
    eventually(lambda: written(aws, "f") == ["INIT_START", "START", "waits"])
    aws("sqs").create_queue(QueueName="read")
    eventually(lambda: written(aws, "f") == ["INIT_START", "START", "waits", "END", "REPORT"])


def test_a_failing_function_is_an_answer_with_an_error(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(event, context):\n    raise ValueError('no')\n")
    answer = client.invoke(FunctionName="f")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorType"] == "ValueError"


def test_new_code_answers_the_next_invocation(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    client.invoke(FunctionName="f")
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(e, c):\n    return 'new'\n"))
    assert json.load(client.invoke(FunctionName="f")["Payload"]) == "new"


@pytest.mark.parametrize("change", ["update", "delete"])
def test_an_invocation_goes_on_with_the_code_that_it_began_with(aws: Aws, change: str) -> None:
    client, sqs = aws("lambda"), aws("sqs")
    source = (
        "import boto3, time\n"
        "def handler(event, context):\n"
        "    print('begun')\n"
        "    while not boto3.client('sqs').list_queues(QueueNamePrefix='go-on').get('QueueUrls'):\n"
        "        time.sleep(0.01)\n"
        "    import late\n"
        "    return late.WORD\n"
    )
    create(client, "f", source, modules={"late": "WORD = 'old'\n"}, Timeout=60)
    with ThreadPoolExecutor() as others:
        running = others.submit(client.invoke, FunctionName="f")
        eventually(lambda: "begun" in written(aws, "f"))
        if change == "update":
            client.update_function_code(FunctionName="f", ZipFile=package("def handler(e, c):\n    return 'new'\n"))
            assert json.load(client.invoke(FunctionName="f")["Payload"]) == "new"
        else:
            client.delete_function(FunctionName="f")
        sqs.create_queue(QueueName="go-on")
        assert json.load(running.result()["Payload"]) == "old"


def test_a_published_version_keeps_its_code(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "def handler(e, c):\n    return c.function_version\n", Publish=True)
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(e, c):\n    return 'new'\n"))
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    answer = client.invoke(FunctionName="f", Qualifier="live")
    assert (json.load(answer["Payload"]), answer["ExecutedVersion"]) == ("1", "1")


def test_a_reserve_of_zero_throttles_with_its_reason(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError) as refused:
        client.invoke(FunctionName="f")
    assert refused.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_functions_reach_this_cloud_in_their_own_account(aws: Aws) -> None:
    client = aws("lambda")
    queue = aws("sqs").create_queue(QueueName="out")["QueueUrl"]
    source = (
        "import boto3\n"
        "def handler(event, context):\n"
        "    boto3.client('sqs').send_message(QueueUrl=event, MessageBody='from a function')\n"
    )
    create(client, "f", source, Timeout=10)
    answer = client.invoke(FunctionName="f", Payload=json.dumps(queue).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()
    (message,) = aws("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert message["Body"] == "from a function"


def test_a_payload_that_is_no_json_is_refused(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", ECHO)
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        client.invoke(FunctionName="f", Payload=b"{oops")


def test_an_unknown_function_is_not_found_by_its_arn(aws: Aws, account: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws("lambda").invoke(FunctionName="nobody")
    assert refused.value.response["Error"] == {
        "Code": "ResourceNotFoundException",
        "Message": f"Function not found: arn:aws:lambda:us-east-1:{account}:function:nobody:$LATEST",
    }


def test_an_event_that_keeps_failing_goes_to_the_dead_letter_queue(aws: Aws, clock: Any, account: str) -> None:
    sqs, client = aws("sqs"), aws("lambda")
    queue = sqs.create_queue(QueueName="dead")["QueueUrl"]
    source = "def handler(event, context):\n    raise ValueError('no')\n"
    arn = f"arn:aws:sqs:us-east-1:{account}:dead"
    create(client, "f", source, DeadLetterConfig={"TargetArn": arn})
    assert client.invoke(FunctionName="f", InvocationType="Event", Payload=b'{"n":1}')["StatusCode"] == 202

    def arrived() -> Any:
        clock.advance(s=30)
        return sqs.receive_message(QueueUrl=queue, MessageAttributeNames=["All"]).get("Messages")

    (message,) = eventually(arrived)
    assert message["Body"] == '{"n":1}'
    assert message["MessageAttributes"]["ErrorMessage"]["StringValue"] == "no"


IDENTITY = """
import boto3, os

def handler(event, context):
    identity = boto3.client("sts").get_caller_identity()
    return {"Arn": identity["Arn"], "UserId": identity["UserId"], "Key": os.environ["AWS_ACCESS_KEY_ID"]}
"""


@pytest.mark.parametrize(("name", "session"), [("worker-1", "worker-1"), ("f", "f@lambda_function")])
def test_a_function_acts_as_its_role_with_a_key_for_each_environment(
    aws: Aws, account: str, name: str, session: str
) -> None:
    service = {"Service": "lambda.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": service, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = aws("iam").create_role(RoleName="worker", Path="/a/", AssumeRolePolicyDocument=trust)["Role"]
    client = aws("lambda")
    create(client, name, IDENTITY, Role=role["Arn"], Timeout=30)
    first = json.load(client.invoke(FunctionName=name)["Payload"])
    assert first["Arn"] == f"arn:aws:sts::{account}:assumed-role/worker/{session}"
    assert first["UserId"] == f"{role['RoleId']}:{session}"
    assert first["Key"].startswith("ASIA")
    assert json.load(client.invoke(FunctionName=name)["Payload"])["Key"] == first["Key"]


@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_a_function_whose_runtime_is_not_there_is_not_invoked(aws: Aws, kind: str) -> None:
    client = aws("lambda")
    create(client, "f", "exports.handler = 1", Runtime="ruby3.3")
    with pytest.raises(ClientError, match=r"InvalidRuntimeException.*ruby3\.3 cannot be run .* there are python3"):
        client.invoke(FunctionName="f", InvocationType=kind)
