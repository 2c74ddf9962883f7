"""`fogbank deploy`, as a user and as a script see it."""

import fcntl
import json
import os
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.cli.test_wrong_use import complaint, fogbank
from tests.conftest import Aws, LiveServer

QUEUE = """
Parameters: {Delay: {Type: String, Default: "0"}}
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Delay}}}
Outputs: {Delay: {Value: !Ref Delay}}
"""
BAD = """
Resources:
  A: {Type: AWS::SQS::Queue}
  B: {Type: AWS::SQS::Queue, DependsOn: A, Properties: {DelaySeconds: 99999}}
"""


@pytest.fixture
def template(tmp_path: Path, account: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account)
    file = tmp_path / "template.yaml"
    file.write_text(QUEUE)
    return file


def test_parameters_may_stand_before_and_behind_options(template: Path, server: LiveServer) -> None:
    arguments = ("deploy", str(template), "--endpoint", server.endpoint)
    done = fogbank(*arguments, "--stack", "first", "--json", "Delay=3")
    assert json.loads(done.stdout) == {"stack": "first", "outputs": {"Delay": "3"}}
    assert done.stderr == ""
    done = fogbank(*arguments[:2], "Delay=4", *arguments[2:], "--stack", "second")
    assert done.stdout == "Delay = 4\n"


def test_a_parameter_that_is_not_given_again_stays_as_it_is(template: Path, server: LiveServer) -> None:
    arguments = ("deploy", str(template), "--stack", "kept", "--endpoint", server.endpoint, "--json")
    fogbank(*arguments, "Delay=3")
    template.write_text(QUEUE.replace("Queue: {Type", "Another: {Type: AWS::SQS::Queue}, Queue: {Type"))
    assert json.loads(fogbank(*arguments).stdout)["outputs"] == {"Delay": "3"}


def test_the_url_of_an_api_is_followed_by_the_one_that_reaches_it_here(template: Path, server: LiveServer) -> None:
    url = "https://abc123.execute-api.eu-west-1.amazonaws.com/Prod/"
    template.write_text(f"Resources: {{Q: {{Type: AWS::SQS::Queue}}}}\nOutputs: {{Url: {{Value: {url}}}}}\n")
    done = fogbank("deploy", str(template), "--endpoint", server.endpoint, "--stack", "s")
    assert done.stdout.splitlines() == [
        f"Url = {url}",
        f"      here: {server.endpoint}/_aws/execute-api/abc123/Prod/",
    ]


def test_each_event_is_one_line_and_a_second_deployment_says_that_there_is_nothing_to_do(
    template: Path, server: LiveServer
) -> None:
    arguments = ("deploy", str(template), "--stack", "s", "--endpoint", server.endpoint)
    lines = fogbank(*arguments).stderr.splitlines()
    assert lines[0].split() == ["CREATE_IN_PROGRESS", "AWS::CloudFormation::Stack", "s", "User", "Initiated"]
    assert lines[-1].split() == ["CREATE_COMPLETE", "AWS::CloudFormation::Stack", "s"]
    again = fogbank(*arguments)
    assert (again.stdout, again.stderr) == ("Delay = 0\n", "s is as the template says: nothing to do\n")


def test_a_stack_that_was_never_made_does_not_stand_in_the_way(template: Path, server: LiveServer) -> None:
    arguments = ("deploy", str(template), "--stack", "s", "--endpoint", server.endpoint)
    template.write_text(BAD)
    failed = fogbank(*arguments)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].startswith("fogbank: s is ROLLBACK_COMPLETE: B: Invalid value for the")
    template.write_text(QUEUE)
    done = fogbank(*arguments)
    assert done.returncode == 0
    assert done.stderr.startswith("s was never made: what is left of it is deleted first\n")


def test_the_stack_is_called_as_its_folder_in_a_way_that_stacks_may_be_called(
    template: Path, server: LiveServer, aws: Aws
) -> None:
    folder = template.parent / "my_shop.v2"
    folder.mkdir()
    done = fogbank("deploy", str(template.rename(folder / "t.yaml")), "--json", "--endpoint", server.endpoint)
    assert json.loads(done.stdout)["stack"] == "my-shop-v2"
    assert aws("cloudformation").describe_stacks(StackName="my-shop-v2")["Stacks"]


def test_a_refused_template_is_one_line(template: Path, server: LiveServer) -> None:
    template.write_text("Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {Nope: 1}}}")
    done = fogbank("deploy", str(template), "--stack", "s", "--endpoint", server.endpoint)
    assert "extraneous key [Nope] is not permitted" in complaint(done, 1)


@pytest.mark.parametrize(("columns", "bars"), [(80, True), (20, False)])
def test_a_terminal_shows_what_is_under_way_and_at_the_end_when_each_resource_was_worked_on(
    template: Path, server: LiveServer, columns: int, bars: bool
) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = [sys.executable, "-m", "fogbank", "deploy", str(template), "--stack", "s", "--endpoint", server.endpoint]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment, text=True) as running:
        os.close(theirs)
        seen = b""
        try:
            while part := os.read(ours, 65_536):
                seen += part
        except OSError:  # How a terminal tells that the other end is closed.
            pass
        assert running.stdout is not None
        assert running.stdout.read() == "Delay = 0\n"
    os.close(ours)
    text = seen.decode()
    assert "under way" in text
    assert "Queue" in text.splitlines()[-1]
    assert ("▇" in text) == bars


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_a_nested_template_is_packaged_with_its_own_files(
    tmp_path: Path, template: Path, server: LiveServer, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    (tmp_path / "inner" / "code").mkdir(parents=True)
    (tmp_path / "inner" / "code" / "app.py").write_text("def handler(event, context):\n    return 1\n")
    function = {"Runtime": "python3.12", "Handler": "app.handler", "Role": "arn:aws:iam::000000000000:role/r"}
    inner = {
        "Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": function | {"Code": "code"}}},
        "Outputs": {"Name": {"Value": {"Ref": "F"}}},
    }
    (tmp_path / "inner" / "template.json").write_text(json.dumps(inner))
    outer = {
        "Resources": {
            "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": "inner/template.json"}}
        },
        "Outputs": {"Name": {"Value": {"Fn::GetAtt": ["Inner", "Outputs.Name"]}}},
    }
    template.write_text(json.dumps(outer))
    for _ in range(2):
        done = fogbank("deploy", str(template), "--stack", "outer", "--json", "--endpoint", server.endpoint)
        assert done.returncode == 0, done.stderr
        assert "-F-" in json.loads(done.stdout)["outputs"]["Name"]


def test_a_template_that_is_too_long_for_a_request_is_given_by_its_url(template: Path, server: LiveServer) -> None:
    template.write_text(QUEUE + f"Description: x\nMetadata: {{Long: {'x' * 52_000}}}\n")
    done = fogbank("deploy", str(template), "--stack", "long", "--json", "--endpoint", server.endpoint)
    assert json.loads(done.stdout) == {"stack": "long", "outputs": {"Delay": "0"}}
