"""What each client does. A check raises AssertionError, or Missing where the client cannot be had."""

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.clients.tools import JAVASCRIPT_PACKAGES, Missing, environment, node_packages, python_tool, run

HERE = Path(__file__).parent


def aws_cli(endpoint: str) -> None:
    """Everyday commands of the AWS CLI, its table output and its deploy command."""
    env = environment(endpoint)
    aws = [str(python_tool("awscli", "awscli") / "aws"), "--endpoint-url", endpoint]
    assert json.loads(run([*aws, "sts", "get-caller-identity"], env=env))["Account"] == "000000000000"
    url = json.loads(run([*aws, "sqs", "create-queue", "--queue-name", "cli"], env=env))["QueueUrl"]
    run([*aws, "sqs", "send-message", "--queue-url", url, "--message-body", "hello"], env=env)
    received = json.loads(run([*aws, "sqs", "receive-message", "--queue-url", url], env=env))
    assert received["Messages"][0]["Body"] == "hello"
    assert "cli" in run([*aws, "sqs", "list-queues", "--output", "table"], env=env)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "hello.txt"
        file.write_text("hello")
        run([*aws, "s3", "mb", "s3://cli-bucket"], env=env)
        run([*aws, "s3", "cp", str(file), "s3://cli-bucket/a/hello.txt"], env=env)
        assert "hello.txt" in run([*aws, "s3", "ls", "s3://cli-bucket/a/"], env=env)
        run([*aws, "s3", "sync", "s3://cli-bucket", f"{folder}/copy"], env=env)
        assert (Path(folder) / "copy" / "a" / "hello.txt").read_text() == "hello"
    deploy = [*aws, "cloudformation", "deploy", "--template-file", str(HERE / "template.yaml")]
    run([*deploy, "--stack-name", "cli-stack", "--capabilities", "CAPABILITY_IAM"], env=env)
    described = json.loads(run([*aws, "cloudformation", "describe-stacks", "--stack-name", "cli-stack"], env=env))
    assert described["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"
    run([*aws, "cloudformation", "delete-stack", "--stack-name", "cli-stack"], env=env)
    run([*aws, "cloudformation", "wait", "stack-delete-complete", "--stack-name", "cli-stack"], env=env)


def javascript_sdk(endpoint: str) -> None:
    """A round trip for each protocol with the JavaScript SDK v3."""
    node = shutil.which("node")
    if node is None:
        raise Missing("node is not installed")
    folder = node_packages("javascript", *(f"@aws-sdk/{package}" for package in JAVASCRIPT_PACKAGES))
    script = folder / "check.mjs"
    shutil.copyfile(HERE / "javascript.mjs", script)
    assert run([node, str(script)], env=environment(endpoint)).strip() == "ok"


def sam(endpoint: str) -> None:
    """`sam deploy` of a template with the SAM transform, and `sam delete`."""
    program = str(python_tool("sam", "aws-sam-cli") / "sam")
    env = environment(endpoint, SAM_CLI_TELEMETRY="0")
    template = str(HERE / "template.yaml")
    deploy = [program, "deploy", "--template-file", template, "--stack-name", "sam-stack", "--resolve-s3"]
    run([*deploy, "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset"], env=env)
    run([program, "delete", "--stack-name", "sam-stack", "--no-prompts"], env=env)


def cdk(endpoint: str) -> None:
    """`cdk bootstrap` and `cdk deploy` of an app of one queue and one topic."""
    folder = node_packages("cdk", "aws-cdk", "aws-cdk-lib", "constructs")
    shutil.copyfile(HERE / "app.mjs", folder / "app.mjs")
    program = str(folder / "node_modules" / ".bin" / "cdk")
    env = environment(endpoint, CDK_DISABLE_CLI_TELEMETRY="1", CI="true", AWS_ENDPOINT_URL_S3=endpoint)
    app = ["--app", "node app.mjs"]
    run([program, "bootstrap", "aws://000000000000/us-east-1", *app], env=env, cwd=folder)
    run([program, "deploy", "--require-approval", "never", *app], env=env, cwd=folder)
    run([program, "destroy", "--force", *app], env=env, cwd=folder)


CHECKS: dict[str, Callable[[str], None]] = {
    "aws-cli": aws_cli,
    "javascript-sdk": javascript_sdk,
    "sam": sam,
    "cdk": cdk,
}
