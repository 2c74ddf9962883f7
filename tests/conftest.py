"""A live server for the whole session, and clients that see an account of their own."""

import json
import os
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, settings

from tests.patience import PATIENCE_S

# The check has the same examples every time, so that a change is judged by what it did; `make properties` draws anew.
# Neither judges how fast the machine is.
settings.register_profile("timeless", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("check", settings.get_profile("timeless"), derandomize=True)
settings.register_profile("drawn", settings.get_profile("timeless"))
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))

Aws = Callable[..., Any]


class LiveServer:
    """A Fogbank in a process of its own, with a virtual clock."""

    def __init__(self, *options: str) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "fogbank",
                "up",
                "--port",
                "0",
                "--json",
                "--log-level",
                "warning",
                *options,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        said = json.loads(self._process.stdout.readline())
        self.endpoint: str = said["endpoint"]
        self.data: str = said["data"]
        self.port = int(self.endpoint.rpartition(":")[2])

    def admin(self, method: str, name: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        url = f"{self.endpoint}/_fogbank/{name}"
        headers = {"X-Fogbank": "1", **self.signature(method, url)}
        request = urllib.request.Request(url, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def signature(self, method: str, url: str) -> dict[str, str]:
        """The headers that sign a request to Fogbank's own endpoints, where that is asked for."""
        return {}

    def client(self, service: str, *, account: str, region: str = "us-east-1") -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="secret",
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, read_timeout=70),
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def tell_to_stop(self) -> None:
        self._process.terminate()

    def stop(self) -> int:
        self.tell_to_stop()
        self._process.communicate(timeout=PATIENCE_S)
        return self._process.returncode


class MovableClock:
    """The server's virtual clock."""

    def __init__(self, server: LiveServer) -> None:
        self._server = server

    def advance(self, *, s: float) -> None:
        self._server.admin("POST", "clock", {"advance_seconds": s})

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Time goes on by `advance` alone, so that what lasts for a moment is there to be looked at."""
        self._server.admin("POST", "clock", {"running": False})
        try:
            yield
        finally:
            self._server.admin("POST", "clock", {"running": True})

    def now_ms(self) -> int:
        now: int = self._server.admin("POST", "clock", {"advance_seconds": 0})["now_ms"]
        return now


@pytest.fixture(scope="session")
def server() -> Iterator[LiveServer]:
    live = LiveServer("--ephemeral", "--virtual-clock")
    yield live
    assert live.stop() == 0, "the server did not end cleanly"


@pytest.fixture
def account() -> str:
    return "".join(secrets.choice("123456789") for _ in range(12))


@pytest.fixture
def aws(server: LiveServer, account: str) -> Iterator[Aws]:
    """`aws("sqs")` is a boto3 client in this test's own account. Functions that a client sees end with the test."""
    clients: list[Any] = []

    def client(service: str, *, region: str = "us-east-1", account: str = account) -> Any:
        made = server.client(service, account=account, region=region)
        clients.append(made)
        return made

    yield client
    for made in clients:
        if made.meta.service_model.service_name == "lambda":
            end_functions(made)
        made.close()


def end_functions(client: Any) -> None:
    """End them, their mappings and what is provisioned of them: all would be kept, read and tell its metrics for every
    minute that the other tests let pass.
    """
    for page in client.get_paginator("list_event_source_mappings").paginate():
        for mapping in page["EventSourceMappings"]:
            with suppress(client.exceptions.ResourceInUseException, client.exceptions.ResourceNotFoundException):
                client.delete_event_source_mapping(UUID=mapping["UUID"])
    for page in client.get_paginator("list_functions").paginate():
        for function in page["Functions"]:
            with suppress(client.exceptions.ResourceNotFoundException):
                client.delete_function(FunctionName=function["FunctionName"])


@pytest.fixture
def clock(server: LiveServer) -> MovableClock:
    return MovableClock(server)
