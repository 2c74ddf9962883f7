"""SAM CLI: `sam build`, `deploy`, `list`, `logs`, `remote invoke` and `delete` of a template with local code."""

import shutil
import tempfile
from pathlib import Path

from tests.clients.tools import HERE, environment, eventually, look, python_tool, python_version, run


def sam(endpoint: str) -> str:
    programs = python_tool("sam", "aws-sam-cli")
    program = str(programs / "sam")
    env = environment(endpoint, SAM_CLI_TELEMETRY="0")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "app"
        shutil.copytree(HERE / "sam_app", folder)
        run([program, "validate", "--lint"], env=env, cwd=folder)
        run([program, "build"], env=env, cwd=folder)
        named = ["--stack-name", "sam-stack"]
        deploy = [program, "deploy", *named, "--resolve-s3", "--capabilities", "CAPABILITY_IAM"]
        run([*deploy, "--parameter-overrides", "Stage=first"], env=env, cwd=folder)
        assert _stage_of_a_message(endpoint, "one") == "first"
        run([*deploy, "--parameter-overrides", "Stage=second"], env=env, cwd=folder)
        assert _stage_of_a_message(endpoint, "two") == "second"
        run([program, "list", "stack-outputs", *named], env=env, cwd=folder)
        run([program, "remote", "invoke", "Worker", *named, "--event", '{"Records": []}'], env=env, cwd=folder)
        run([program, "logs", *named, "--name", "Worker"], env=env, cwd=folder)
        run([program, "delete", *named, "--no-prompts"], env=env, cwd=folder)
    assert look(endpoint, "lambda").list_functions()["Functions"] == []
    return python_version(programs, "aws-sam-cli")


def _stage_of_a_message(endpoint: str, body: str) -> str:
    """Send a message to the stack's queue; the stage that its function notes in the table."""
    (stack,) = look(endpoint, "cloudformation").describe_stacks(StackName="sam-stack")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    look(endpoint, "sqs").send_message(QueueUrl=outputs["QueueUrl"], MessageBody=body)
    table = look(endpoint, "dynamodb")
    key = {"id": {"S": body}}
    item = eventually(
        lambda: table.get_item(TableName=outputs["TableName"], Key=key).get("Item"), f"{body} in the table"
    )
    return str(item["stage"]["S"])
