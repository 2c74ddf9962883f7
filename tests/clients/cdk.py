"""AWS CDK: `cdk bootstrap`, `deploy` (assets included), `diff`, `deploy` again and `destroy`."""

import shutil
import tempfile
from pathlib import Path

from tests.clients.tools import HERE, environment, eventually, look, node_packages, node_version, run


def cdk(endpoint: str) -> str:
    packages = node_packages("cdk", "aws-cdk", "aws-cdk-lib", "constructs")
    program = [str(packages / "node_modules" / ".bin" / "cdk"), "--app", "node app.mjs"]
    env = environment(endpoint, CDK_DISABLE_CLI_TELEMETRY="1", CI="true")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "app"
        shutil.copytree(HERE / "cdk_app", folder)
        (folder / "node_modules").symlink_to(packages / "node_modules")
        run([*program, "bootstrap", "aws://000000000000/us-east-1"], env=env, cwd=folder)
        run([*program, "deploy", "--require-approval", "never"], env=env, cwd=folder)
        _check_what_it_deployed(endpoint)
        run([*program, "diff", "--fail"], env=env, cwd=folder)
        run([*program, "deploy", "--require-approval", "never"], env=env, cwd=folder)
        run([*program, "destroy", "--force"], env=env, cwd=folder)
    assert look(endpoint, "lambda").list_functions()["Functions"] == []
    return f"{node_version(packages, 'aws-cdk')} (aws-cdk-lib {node_version(packages, 'aws-cdk-lib')})"


def _check_what_it_deployed(endpoint: str) -> None:
    (stack,) = look(endpoint, "cloudformation").describe_stacks(StackName="CdkStack")["Stacks"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    look(endpoint, "sns").publish(TopicArn=outputs["TopicArn"], Message="hello")
    table = look(endpoint, "dynamodb")
    (item,) = eventually(lambda: table.scan(TableName=outputs["TableName"])["Items"], "the message in the table")
    assert item["id"]["S"] == "hello"
