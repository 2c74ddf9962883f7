"""The JavaScript SDK v3; what it does is in javascript.mjs."""

import shutil

from tests.clients.tools import HERE, Missing, environment, node_packages, node_version, run

PACKAGES = (
    "client-cloudformation",
    "client-cloudwatch",
    "client-cloudwatch-logs",
    "client-dynamodb",
    "client-eventbridge",
    "client-kinesis",
    "client-lambda",
    "client-s3",
    "client-sns",
    "client-sqs",
    "client-ssm",
    "client-sts",
    "lib-dynamodb",
    "lib-storage",
    "s3-presigned-post",
    "s3-request-presigner",
)


def javascript_sdk(endpoint: str) -> str:
    node = shutil.which("node")
    if node is None:
        raise Missing("node is not installed")
    folder = node_packages("javascript", *(f"@aws-sdk/{package}" for package in PACKAGES), "jszip")
    script = folder / "check.mjs"
    shutil.copyfile(HERE / "javascript.mjs", script)
    assert run([node, "--no-warnings", str(script)], env=environment(endpoint)).strip() == "ok"
    return node_version(folder, "@aws-sdk/client-s3")
