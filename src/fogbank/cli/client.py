"""How commands reach the running server: over the public API, like any other client."""

import argparse
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from fogbank.cli.failure import Failure
from fogbank.cli.place import DEFAULT_PORT, data_folder
from fogbank.core.data_folder import holder


def endpoint(options: argparse.Namespace) -> str:
    """The option's, the environment's, that of the server on the user's data folder, or the usual one."""
    chosen: str | None = options.endpoint or os.environ.get("AWS_ENDPOINT_URL")
    if chosen is None:
        running = holder(data_folder(None))
        return f"http://localhost:{(running and running.port) or DEFAULT_PORT}"
    parts = urlsplit(chosen)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise Failure(f"{chosen} is no endpoint: it is a URL such as http://localhost:{DEFAULT_PORT}")
    return chosen.rstrip("/")


def admin(options: argparse.Namespace, method: str, name: str, body: bytes | None = None) -> bytes:
    """Call one of `/_fogbank/`'s endpoints; its body, or a Failure that says what to do."""
    with admin_stream(options, method, name, body) as answer:
        content: bytes = answer.read()
        return content


@contextmanager
def admin_stream(
    options: argparse.Namespace, method: str, name: str, body: bytes | BinaryIO | None = None
) -> Iterator[HTTPResponse]:
    """As `admin`, for bodies that do not fit into memory."""
    url = f"{endpoint(options)}/_fogbank/{name}"
    headers = {"X-Fogbank": "1", **_signature(method, url)}
    if body is not None and not isinstance(body, bytes):
        headers["Content-Length"] = str(os.fstat(body.fileno()).st_size)
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(request) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        text = error.read()
        try:
            raise Failure(json.loads(text)["message"]) from None
        except (ValueError, KeyError):
            raise Failure(f"{url} answered {error.code}: is this Fogbank?") from None
    except (OSError, HTTPException):
        raise Failure(
            f'no Fogbank answers at {endpoint(options)}: start one with "fogbank up", or choose it with --endpoint'
        ) from None


def _signature(method: str, url: str) -> dict[str, str]:
    """The headers that sign a request as the root, if its key is at hand: a server with `--auth iam` asks for them."""
    found = credentials()
    if not found["AWS_ACCESS_KEY_ID"].startswith("AKIA"):
        return {}
    from fogbank.wire.sigv4 import sign_own

    parts = urlsplit(url)
    return sign_own(
        method,
        parts.path,
        parts.query,
        parts.netloc,
        access_key=found["AWS_ACCESS_KEY_ID"],
        secret=found["AWS_SECRET_ACCESS_KEY"],
        now_ms=time.time_ns() // 1_000_000,
    )


def credentials() -> dict[str, str]:
    """What AWS tools need in their environment; what the user has set is kept. Without a key there it is that of the
    credentials file that the environment names, or of a data folder that was served with `--auth iam`.
    """
    defaults = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    file = Path(os.environ.get("AWS_SHARED_CREDENTIALS_FILE") or data_folder(None) / "credentials")
    if file.exists():
        from fogbank.core.root_key import read_credentials

        if (key := read_credentials(file)) is not None:
            defaults |= {"AWS_ACCESS_KEY_ID": key.access_key, "AWS_SECRET_ACCESS_KEY": key.secret}
    region = os.environ.get("AWS_REGION")
    if region:
        defaults["AWS_DEFAULT_REGION"] = region
    found = {name: os.environ.get(name, value) for name, value in defaults.items()}
    token = os.environ.get("AWS_SESSION_TOKEN")
    return found if token is None else found | {"AWS_SESSION_TOKEN": token}


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
        aws_session_token=found.get("AWS_SESSION_TOKEN"),
        config=Config(retries={"mode": "standard"}, s3={"addressing_style": "path"}),
    )
