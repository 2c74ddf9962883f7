"""Try the real clients: `python -m tests.clients`, or only some: `python -m tests.clients aws-cli sam`."""

import argparse
import sys
import traceback
from collections.abc import Callable

from tests.clients.aws_cli import aws_cli
from tests.clients.cdk import cdk
from tests.clients.celery_worker import celery_worker
from tests.clients.javascript_sdk import javascript_sdk
from tests.clients.kcl import kcl
from tests.clients.powertools import powertools
from tests.clients.runtime_clients import java_runtime_client, node_runtime_client, python_runtime_client
from tests.clients.sam import sam
from tests.clients.sam_java import sam_java
from tests.clients.scripts import script
from tests.clients.tools import Missing
from tests.conftest import LiveServer

# A check takes the endpoint, raises AssertionError, or Missing where the client cannot be had, and says what it tried.
CHECKS: dict[str, Callable[[str], str]] = {
    "aws-cli": aws_cli,
    "javascript-sdk": javascript_sdk,
    "sam": sam,
    "sam-java": sam_java,
    "cdk": cdk,
    "awslambdaric": python_runtime_client,
    "aws-lambda-ric": node_runtime_client,
    "java-runtime-client": java_runtime_client,
    "powertools": powertools,
    "powertools-parameters": script("aws-lambda-powertools", "boto3"),
    "secretsmanager-caching": script("aws-secretsmanager-caching"),
    "encryption-sdk": script("aws-encryption-sdk", "boto3"),
    "celery": celery_worker,
    "kcl": kcl,
    "pynamodb": script("pynamodb"),
    "boto3": script("boto3"),
    "s3fs": script("s3fs"),
    "pyarrow": script("pyarrow"),
    "polars": script("polars", "boto3"),
    "duckdb": script("duckdb", "s3fs"),
    "awswrangler": script("awswrangler"),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.clients", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*CHECKS, []], help="the clients to try; all by default")
    options = parser.parse_args()
    failed = []
    for name in options.names or CHECKS:
        server = LiveServer("--ephemeral")
        try:
            version = CHECKS[name](server.endpoint)
        except Missing as reason:
            print(f"{name}: skipped, {reason}", flush=True)
        except Exception:  # An edge: the other clients are tried whatever goes wrong with this one.
            failed.append(name)
            print(f"{name}: FAILED\n{traceback.format_exc()}", flush=True)
        else:
            print(f"{name} {version}: passed", flush=True)
        finally:
            server.stop()
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
