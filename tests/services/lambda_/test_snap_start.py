"""SnapStart: published versions whose environments are initialized ahead and restored."""

import base64
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import Aws, MovableClock
from tests.engines.compute.sandbox.forked import why_nothing_is_forked
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create, package
from tests.services.lambda_.test_provisioned import provision
from tests.services.lambda_.test_stack_resources import deploy, function

SOURCE = """
import os, random, uuid
IDENTITY = str(uuid.uuid4())

def handler(event, context):
    return {"type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "identity": IDENTITY, "drawn": random.random(),
            "stream": os.environ["AWS_LAMBDA_LOG_STREAM_NAME"], "key": os.environ["AWS_ACCESS_KEY_ID"]}
"""
SNAP_START = {"ApplyOn": "PublishedVersions"}


@pytest.fixture
def client(aws: Aws) -> Any:
    made = aws("lambda")
    create(made, "f", SOURCE, SnapStart=SNAP_START)
    return made


def state(client: Any, version: str) -> tuple[str, str]:
    found = client.get_function_configuration(FunctionName="f", Qualifier=version)
    return found["State"], found["SnapStart"]["OptimizationStatus"]


def publish(client: Any) -> None:
    client.publish_version(FunctionName="f")
    eventually(lambda: state(client, "1") == ("Active", "On"))


def test_a_version_is_pending_until_its_first_environment_is_initialized(client: Any) -> None:
    published = client.publish_version(FunctionName="f")
    assert (published["State"], published["SnapStart"]) == (
        "Pending",
        {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"},
    )
    eventually(lambda: state(client, "1") == ("Active", "On"))
    latest = client.get_function_configuration(FunctionName="f")
    assert latest["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}


def test_a_function_is_made_with_its_first_version(aws: Aws) -> None:
    client = aws("lambda")
    made = create(client, "f", SOURCE, SnapStart=SNAP_START, Publish=True)
    assert (made["Version"], made["State"]) == ("1", "Pending")
    eventually(lambda: state(client, "1") == ("Active", "On"))
    client.update_function_code(
        FunctionName="f", ZipFile=package("def handler(e, c):\n    return 'new'\n"), Publish=True
    )
    eventually(lambda: state(client, "2") == ("Active", "On"))
    assert json.load(client.invoke(FunctionName="f", Qualifier="2")["Payload"]) == "new"


def test_environments_are_restored_from_one_snapshot_and_each_is_its_own(
    aws: Aws, client: Any, clock: MovableClock
) -> None:
    publish(client)
    first = client.invoke(FunctionName="f", Qualifier="1", LogType="Tail")
    report = re.search(r"Restore Duration: [\d.]+ ms", base64.b64decode(first["LogResult"]).decode())
    assert report, first
    answers = [json.load(first["Payload"])] * 2

    def another() -> bool:
        clock.advance(s=700)  # Longer than an environment is kept that nobody uses.
        answers[:] = [answers[1], json.load(client.invoke(FunctionName="f", Qualifier="1")["Payload"])]
        return answers[0]["stream"] != answers[1]["stream"]

    eventually(another)
    assert [answer["type"] for answer in answers] == ["snap-start"] * 2
    assert len({answer["drawn"] for answer in answers}) == 2
    assert len({answer["key"] for answer in answers}) == 1, "what was made with it at initialization goes on"
    # Where functions cannot be forked, each environment is initialized for itself.
    assert len({answer["identity"] for answer in answers}) == (2 if why_nothing_is_forked() else 1)
    assert json.load(client.invoke(FunctionName="f")["Payload"])["type"] == "on-demand", "$LATEST has no snapshot"


def test_an_environment_whose_key_has_expired_is_not_restored(client: Any, clock: MovableClock) -> None:
    publish(client)
    keys = []
    for _ in range(2):
        keys.append(json.load(client.invoke(FunctionName="f", Qualifier="1")["Payload"])["key"])
        clock.advance(s=13 * 3600)
    assert keys[0] != keys[1]


def test_a_version_that_cannot_be_initialized_has_failed(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "raise ValueError('no')\n", SnapStart=SNAP_START)
    client.publish_version(FunctionName="f")
    eventually(lambda: state(client, "1") == ("Failed", "Off"))
    found = client.get_function_configuration(FunctionName="f", Qualifier="1")
    assert found["StateReasonCode"] == "FunctionError"
    with pytest.raises(ClientError, match="in the following state: Failed"):
        client.invoke(FunctionName="f", Qualifier="1")


def test_a_version_that_is_initialized_is_not_ready(aws: Aws) -> None:
    client = aws("lambda")
    create(client, "f", "import time\ntime.sleep(3)\n" + SOURCE, SnapStart=SNAP_START)
    client.publish_version(FunctionName="f")
    with pytest.raises(client.exceptions.SnapStartNotReadyException):
        client.invoke(FunctionName="f", Qualifier="1")
    client.delete_function(FunctionName="f")


HOOKS = """
import snapshot_restore_py
told = []

@snapshot_restore_py.register_after_restore
def after():
    told.append("restored")
    if FAILS:
        raise KeyError("lost")

def handler(event, context):
    return told
"""


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_are_called_when_an_environment_is_restored(aws: Aws, fails: bool) -> None:
    client = aws("lambda")
    create(client, "f", f"FAILS = {fails}\n" + HOOKS, SnapStart=SNAP_START)
    publish(client)
    if fails:
        with pytest.raises(client.exceptions.SnapStartException):
            client.invoke(FunctionName="f", Qualifier="1")
    else:
        for _ in range(2):
            assert json.load(client.invoke(FunctionName="f", Qualifier="1")["Payload"]) == ["restored"]


def test_events_wait_for_a_version_that_is_not_ready(aws: Aws, clock: MovableClock) -> None:
    client, sqs = aws("lambda"), aws("sqs")
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    create(client, "f", "import time\ntime.sleep(1)\n" + SOURCE, SnapStart=SNAP_START)
    client.publish_version(FunctionName="f")
    client.put_function_event_invoke_config(
        FunctionName="f", Qualifier="1", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    client.invoke(FunctionName="f", Qualifier="1", InvocationType="Event", Payload=b"{}")

    def told() -> bool:
        clock.advance(s=60)
        return "Messages" in sqs.receive_message(QueueUrl=queue)

    eventually(told)


REFUSED = [
    ({"Runtime": "python3.11"}, "python3.11 is not supported for SnapStart enabled functions"),
    ({"Runtime": "nodejs22.x"}, "nodejs22.x is not supported for SnapStart enabled functions"),
    ({"EphemeralStorage": {"Size": 513}}, "not supported for SnapStart enabled functions"),
    ({"SnapStart": {"ApplyOn": "All"}}, r"'snapStart.applyOn' failed to satisfy constraint"),
]


@pytest.mark.parametrize(("settings", "sentence"), REFUSED)
def test_what_snapstart_does_not_go_with_is_refused(aws: Aws, settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        create(aws("lambda"), "f", SOURCE, **{"SnapStart": SNAP_START, **settings})


def test_a_version_has_a_snapshot_or_provisioned_concurrency(client: Any) -> None:
    publish(client)
    with pytest.raises(ClientError, match="not supported for SnapStart enabled functions"):
        provision(client, "1", 1)


def test_a_stack_waits_for_its_snapshot(aws: Aws) -> None:
    resources = {
        "Work": function(SnapStart=SNAP_START),
        "Version": {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Work"}}},
    }
    wanted = {"Arn": {"Ref": "Version"}, "On": {"Fn::GetAtt": ["Work", "SnapStartResponse.ApplyOn"]}}
    made = deploy(aws, resources, wanted)
    assert made["On"] == "PublishedVersions"
    found = aws("lambda").get_function_configuration(FunctionName=made["Arn"])
    assert (found["State"], found["SnapStart"]["OptimizationStatus"]) == ("Active", "On")


def test_a_serverless_function_publishes_versions_with_snapshots(aws: Aws) -> None:
    work = {
        "Type": "AWS::Serverless::Function",
        "Properties": {
            "Runtime": "python3.12",
            "Handler": "index.handler",
            "InlineCode": "def handler(event, context):\n    return context.function_version\n",
            "AutoPublishAlias": "live",
            "SnapStart": SNAP_START,
        },
    }
    made = deploy(aws, {"Work": work}, {"Arn": {"Ref": "Work.Alias"}})
    found = aws("lambda").get_function_configuration(FunctionName=made["Arn"])
    assert (found["State"], found["SnapStart"]["OptimizationStatus"]) == ("Active", "On")
