"""Provisioned concurrency: environments that are there before their invocations."""

import base64
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.engines.compute.interface import InitializationType
from fogbank.services.lambda_.invoke import init_timeout_s
from tests.conftest import Aws, LiveServer, MovableClock
from tests.patience import eventually
from tests.services.lambda_.test_invocation import create, package

SOURCE = """
import os, time, urllib.error, urllib.request, uuid
IDENTITY = str(uuid.uuid4())

def object(method, path):
    return urllib.request.urlopen(urllib.request.Request(os.environ["AWS_ENDPOINT_URL"] + path, b"", method=method))

def wait_for(path):
    while True:
        try:
            return object("GET", path)
        except urllib.error.HTTPError:
            time.sleep(0.02)

def handler(event, context):
    if "sign" in event:
        object("PUT", event["sign"] + "-began")
        wait_for(event["sign"])
    if "dies" in event:
        os._exit(1)
    return {"type": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "identity": IDENTITY}
"""


@pytest.fixture
def client(aws: Aws) -> Any:
    made = aws("lambda")
    create(made, "f", SOURCE, Publish=True, Timeout=60)
    made.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return made


@pytest.mark.parametrize(
    ("initialization_type", "timeout_s", "limit_s"),
    [
        ("on-demand", 900, 10),
        ("provisioned-concurrency", 3, 130),
        ("provisioned-concurrency", 900, 900),
        ("snap-start", 3, 130),
    ],
)
def test_an_initialization_that_no_invocation_waits_for_may_take_longer(
    initialization_type: InitializationType, timeout_s: int, limit_s: float
) -> None:
    assert init_timeout_s(initialization_type, timeout_s) == limit_s


def provision(client: Any, qualifier: str, units: int) -> dict[str, Any]:
    answer: dict[str, Any] = client.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier=qualifier, ProvisionedConcurrentExecutions=units
    )
    return answer


def state(client: Any, qualifier: str) -> tuple[str, int]:
    found = client.get_provisioned_concurrency_config(FunctionName="f", Qualifier=qualifier)
    return found["Status"], found["AllocatedProvisionedConcurrentExecutions"]


def invoke(client: Any, qualifier: str, **event: str) -> Any:
    return json.load(
        client.invoke(FunctionName="f", Qualifier=qualifier, Payload=json.dumps(event).encode())["Payload"]
    )


class Held:
    """An invocation that runs until it is let go."""

    def __init__(self, aws: Aws, qualifier: str, sign: str) -> None:
        self._aws, self._sign = aws, sign
        self.answers: list[Any] = []
        self._thread = threading.Thread(
            target=lambda: self.answers.append(invoke(aws("lambda"), qualifier, sign=f"/signs/{sign}"))
        )
        self._thread.start()
        eventually(lambda: f"{sign}-began" in objects(aws))

    def let_go(self) -> Any:
        self._aws("s3").put_object(Bucket="signs", Key=self._sign, Body=b"")
        self._thread.join()
        return self.answers[0]


def objects(aws: Aws) -> set[str]:
    return {found["Key"] for found in aws("s3").list_objects_v2(Bucket="signs").get("Contents", [])}


@pytest.fixture
def hold(aws: Aws, client: Any) -> Iterator[Any]:
    held: list[Held] = []
    s3 = aws("s3")
    s3.create_bucket(Bucket="signs")

    def begin(qualifier: str) -> Held:
        held.append(Held(aws, qualifier, f"go{len(held)}"))
        return held[-1]

    yield begin
    for each in held:
        each.let_go()
    for key in objects(aws):
        s3.delete_object(Bucket="signs", Key=key)
    s3.delete_bucket(Bucket="signs")


def test_an_alias_is_served_by_environments_that_were_there_before(aws: Aws, client: Any) -> None:
    answer = provision(client, "live", 2)
    assert (answer["Status"], answer["RequestedProvisionedConcurrentExecutions"]) == ("IN_PROGRESS", 2)
    eventually(lambda: state(client, "live") == ("READY", 2))
    assert invoke(client, "live")["type"] == "provisioned-concurrency"
    assert invoke(client, "1")["type"] == "provisioned-concurrency", "the version's invocations have them, too"
    assert invoke(client, "$LATEST")["type"] == "on-demand"
    (listed,) = client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert listed["FunctionArn"].endswith(":function:f:live")
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="live")
    assert invoke(client, "live")["type"] == "on-demand"
    with pytest.raises(client.exceptions.ProvisionedConcurrencyConfigNotFoundException):
        state(client, "live")


def test_what_finds_no_free_environment_spills_over(client: Any, hold: Any) -> None:
    provision(client, "1", 1)
    eventually(lambda: state(client, "1") == ("READY", 1))
    held = hold("1")
    assert invoke(client, "1")["type"] == "on-demand"
    assert held.let_go()["type"] == "provisioned-concurrency"


def test_a_reserve_that_is_provisioned_whole_leaves_nothing_to_spill_over_to(client: Any, hold: Any) -> None:
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)
    provision(client, "1", 1)
    eventually(lambda: state(client, "1") == ("READY", 1))
    hold("1")
    for qualifier in ("1", "$LATEST"):
        with pytest.raises(client.exceptions.TooManyRequestsException) as refused:
            invoke(client, qualifier)
        assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    with pytest.raises(ClientError, match=r"should not be lower than function's total provisioned concurrency \[1\]"):
        client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    with pytest.raises(ClientError, match="should not be greater than the reservedConcurrentExecution"):
        provision(client, "1", 2)


def test_an_environment_that_ended_is_replaced(client: Any) -> None:
    provision(client, "1", 1)
    eventually(lambda: state(client, "1") == ("READY", 1))
    first = invoke(client, "1")["identity"]
    invoke(client, "1", dies="now")
    eventually(lambda: state(client, "1") == ("READY", 1))
    answer = client.invoke(FunctionName="f", Qualifier="1", Payload=b"{}", LogType="Tail")
    assert json.load(answer["Payload"])["identity"] != first
    log = base64.b64decode(answer["LogResult"]).decode()
    assert "INIT_REPORT" not in log, "it was initialized before its invocation"


def test_an_initialization_that_fails_is_told_and_leaves_invocations_to_demand(aws: Aws) -> None:
    client = aws("lambda")
    source = "import os\nif os.environ['AWS_LAMBDA_INITIALIZATION_TYPE'] != 'on-demand':\n    raise ValueError('no')\n"
    create(client, "f", source + SOURCE, Publish=True)
    provision(client, "1", 2)
    eventually(lambda: state(client, "1") == ("FAILED", 0))
    found = client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert found["StatusReason"] == "FUNCTION_ERROR_INIT_FAILURE"
    assert invoke(client, "1")["type"] == "on-demand"

    def streams() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for event in aws("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]:
            found.setdefault(event["logStreamName"], []).append(event["message"])
        return found

    def tried_as_often_as_aws_does() -> bool:
        failed = [lines for lines in streams().values() if any("ValueError" in line for line in lines)]
        return len(failed) >= 6 and all(lines[0].startswith("INIT_START") for lines in failed)

    eventually(tried_as_often_as_aws_does)


def test_an_alias_moves_to_another_version_without_a_cold_start(client: Any) -> None:
    provision(client, "live", 1)
    eventually(lambda: state(client, "live") == ("READY", 1))
    first = invoke(client, "live")["identity"]
    client.update_function_configuration(FunctionName="f", Timeout=50)
    eventually(lambda: client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "Successful")
    client.publish_version(FunctionName="f")
    moving = client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert moving["RoutingConfig"] == {"AdditionalVersionWeights": {"1": 1.0}}
    while "RoutingConfig" in client.get_alias(FunctionName="f", Name="live"):
        assert invoke(client, "live")["type"] == "provisioned-concurrency"
    last = client.invoke(FunctionName="f", Qualifier="live")
    assert last["ExecutedVersion"] == "2"
    answer = json.load(last["Payload"])
    assert answer["type"] == "provisioned-concurrency"
    assert answer["identity"] != first
    eventually(lambda: state(client, "live") == ("READY", 1))
    assert invoke(client, "1")["type"] == "on-demand", "the version before has lost its environments"


def test_an_alias_that_cannot_move_is_served_as_before_and_can_go_back(client: Any) -> None:
    provision(client, "live", 1)
    eventually(lambda: state(client, "live") == ("READY", 1))
    client.update_function_code(FunctionName="f", ZipFile=package("raise ValueError('no')"))
    eventually(lambda: client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "Successful")
    client.publish_version(FunctionName="f")
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    eventually(lambda: state(client, "live") == ("FAILED", 0))
    assert invoke(client, "live")["type"] == "provisioned-concurrency"
    client.update_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig={})
    assert "RoutingConfig" not in client.get_alias(FunctionName="f", Name="live")
    eventually(lambda: state(client, "live") == ("READY", 1))


REFUSED = [
    ({"Qualifier": "$LATEST"}, "cannot be applied to unpublished function versions"),
    ({"Qualifier": "nobody"}, "Cannot find alias arn"),
    ({"Qualifier": "1", "ProvisionedConcurrentExecutions": 1001}, r"account's unreserved concurrency \[1000\]"),
    ({"Qualifier": "1", "ProvisionedConcurrentExecutions": 950}, r"below its minimum value of \[100\]"),
]


@pytest.mark.parametrize(("given", "sentence"), REFUSED)
def test_what_cannot_be_provisioned_is_refused(client: Any, given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ClientError, match=sentence):
        client.put_provisioned_concurrency_config(**{"FunctionName": "f", "ProvisionedConcurrentExecutions": 1} | given)


def test_a_version_has_the_environments_of_one_configuration(client: Any) -> None:
    provision(client, "1", 1)
    with pytest.raises(ClientError, match="on an already Provisioned version"):
        provision(client, "live", 1)
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    provision(client, "live", 1)
    with pytest.raises(ClientError, match="Version is pointed by a Provisioned Concurrency alias"):
        provision(client, "1", 1)
    client.delete_alias(FunctionName="f", Name="live")
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []


def test_an_alias_of_what_is_not_published_has_none(client: Any) -> None:
    provision(client, "live", 1)
    client.create_alias(FunctionName="f", Name="head", FunctionVersion="$LATEST")
    for refused in (
        lambda: provision(client, "head", 1),
        lambda: client.update_alias(FunctionName="f", Name="live", FunctionVersion="$LATEST"),
    ):
        with pytest.raises(ClientError, match="cannot be applied to unpublished function versions"):
            refused()


def test_weights_share_what_an_alias_has_provisioned(client: Any) -> None:
    provision(client, "live", 3)
    client.update_function_configuration(FunctionName="f", Timeout=50)
    eventually(lambda: client.get_function_configuration(FunctionName="f")["LastUpdateStatus"] == "Successful")
    client.publish_version(FunctionName="f")
    client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}})
    eventually(lambda: state(client, "live") == ("READY", 3))
    assert [invoke(client, version)["type"] for version in ("1", "2")] == ["provisioned-concurrency"] * 2
    with pytest.raises(ClientError, match="Alias with weights can not be used with Provisioned Concurrency"):
        provision(client, "live", 4)


def test_the_account_has_less_left_for_what_is_provisioned(client: Any) -> None:
    def unreserved() -> int:
        left: int = client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"]
        return left

    before = unreserved()
    provision(client, "1", 3)
    assert unreserved() == before - 3
    client.delete_function(FunctionName="f")
    assert unreserved() == before


def test_the_metrics_tell_what_was_used_of_what_is_provisioned(
    aws: Aws, client: Any, hold: Any, clock: MovableClock
) -> None:
    provision(client, "live", 2)
    eventually(lambda: state(client, "live") == ("READY", 2))
    clock.advance(s=60 - clock.now_ms() / 1000 % 60)
    start_s = clock.now_ms() // 1000 // 60 * 60
    first, second = hold("live"), hold("live")
    invoke(client, "live")
    first.let_go()
    second.let_go()
    clock.advance(s=60)
    clock.advance(s=60)

    def read(metric: str, **dimensions: str) -> list[float]:
        answer = aws("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=start_s,
            EndTime=start_s + 120,
            Period=60,
            Statistics=["Sum", "Maximum"],
        )
        points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
        return [point["Sum" if metric.endswith("Invocations") else "Maximum"] for point in points]

    resource = {"FunctionName": "f", "Resource": "f:live"}
    assert read("ProvisionedConcurrencyUtilization", **resource) == [1.0, 0.0]
    assert read("ProvisionedConcurrentExecutions", **resource, ExecutedVersion="1") == [2.0, 0.0]
    assert read("ProvisionedConcurrencyInvocations", **resource) == [2.0]
    assert read("ProvisionedConcurrencySpilloverInvocations", **resource) == [1.0]
    assert read("ConcurrentExecutions", **resource) == [3.0]
    assert read("UnreservedConcurrentExecutions") == [1.0, 0.0]
    assert read("ClaimedAccountConcurrency") == [3.0, 2.0]


def test_what_was_provisioned_is_there_again_after_a_restart(tmp_path: Path) -> None:
    def start() -> tuple[LiveServer, Any]:
        server = LiveServer("--data", str(tmp_path), "--sync", "process")
        return server, server.client("lambda", account="123456789012")

    server, client = start()
    try:
        create(client, "f", SOURCE, Publish=True)
        provision(client, "1", 2)
        eventually(lambda: state(client, "1") == ("READY", 2))
        server.stop()
        server, client = start()
        eventually(lambda: state(client, "1") == ("READY", 2))
        assert invoke(client, "1")["type"] == "provisioned-concurrency"
    finally:
        server.stop()
