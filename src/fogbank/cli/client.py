"""How commands reach the running server: over the public API, like any other client."""

import argparse
import json
import os
import urllib.error
import urllib.request
from typing import Any

from fogbank.cli.failure import Failure

DEFAULT_ENDPOINT = "http://localhost:4566"


def endpoint(options: argparse.Namespace) -> str:
    chosen: str = options.endpoint or os.environ.get("AWS_ENDPOINT_URL") or DEFAULT_ENDPOINT
    return chosen.rstrip("/")


def admin(options: argparse.Namespace, method: str, name: str, body: bytes | None = None) -> bytes:
    """Call one of `/_fogbank/`'s endpoints; its body, or a Failure that says what to do."""
    url = f"{endpoint(options)}/_fogbank/{name}"
    request = urllib.request.Request(url, data=body, method=method, headers={"X-Fogbank": "1"})
    try:
        with urllib.request.urlopen(request) as answer:
            content: bytes = answer.read()
            return content
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            raise Failure(json.loads(text)["message"]) from None
        except (ValueError, KeyError):
            raise Failure(f"{url} answered {error.code}: is this Fogbank?") from None
    except OSError:
        raise Failure(f'nothing answers at {endpoint(options)}: start Fogbank with "fogbank up"') from None


def credentials() -> dict[str, str]:
    """What AWS tools need in their environment; what the user has set is kept."""
    defaults = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    region = os.environ.get("AWS_REGION")
    if region:
        defaults["AWS_DEFAULT_REGION"] = region
    return {name: os.environ.get(name, value) for name, value in defaults.items()}


def aws(options: argparse.Namespace, service: str) -> Any:
    """A boto3 client of the running server."""
    import boto3
    from botocore.config import Config

    found = credentials()
    admin(options, "GET", "health")
    return boto3.client(
        service,
        endpoint_url=endpoint(options),
        region_name=found["AWS_DEFAULT_REGION"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}),
    )
