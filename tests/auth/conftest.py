"""A server that authenticates and authorizes, and callers of one account."""

import configparser
import json
import secrets
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from fogbank.wire.sigv4 import sign_own
from tests.conftest import LiveServer

ACCOUNT = "000000000000"
ANYTHING = {"Action": "*", "Resource": "*"}
SCP = "SERVICE_CONTROL_POLICY"
Client = Callable[..., Any]


class GuardedServer(LiveServer):
    """A Fogbank with `--auth iam`, and the access key of its root."""

    def __init__(self, *options: str) -> None:
        super().__init__("--auth", "iam", *options)
        parser = configparser.ConfigParser()
        parser.read(Path(self.data) / "credentials")
        self.root = (parser["default"]["aws_access_key_id"], parser["default"]["aws_secret_access_key"])

    def signature(self, method: str, url: str) -> dict[str, str]:
        parts = urlsplit(url)
        return sign_own(
            method,
            parts.path,
            parts.query,
            parts.netloc,
            access_key=self.root[0],
            secret=self.root[1],
            now_ms=time.time_ns() // 1_000_000,
        )

    def audit(self, **asked: str) -> list[dict[str, Any]]:
        """The lines of the audit record that fit."""
        url = f"{self.endpoint}/_fogbank/audit?{urlencode(asked)}"
        request = urllib.request.Request(url, headers=self.signature("GET", url))
        with urllib.request.urlopen(request) as answer:
            return [json.loads(line) for line in answer]

    def as_caller(
        self, service: str, key: tuple[str, ...], *, region: str = "us-east-1", signature: str | None = None
    ) -> Any:
        """A client with that key: its id, its secret and, of a session, its token."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id=key[0],
            aws_secret_access_key=key[1],
            aws_session_token=key[2] if len(key) > 2 else None,
            config=Config(retries={"max_attempts": 0}, s3={"addressing_style": "path"}, signature_version=signature),
        )

    def as_nobody(self, service: str) -> Any:
        """A client that does not sign."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            config=Config(signature_version=UNSIGNED, s3={"addressing_style": "path"}, retries={"max_attempts": 0}),
        )


@pytest.fixture(scope="session")
def guarded() -> Iterator[GuardedServer]:
    live = GuardedServer("--ephemeral", "--virtual-clock")
    yield live
    assert live.stop() == 0, "the server did not end cleanly"


@pytest.fixture
def root(guarded: GuardedServer) -> Client:
    """`root("sqs")` is a client of the account's root."""
    return lambda service, **options: guarded.as_caller(service, guarded.root, **options)


class User:
    """An IAM user with an access key, and what it may do."""

    def __init__(self, guarded: GuardedServer, name: str) -> None:
        self._guarded = guarded
        self._iam = guarded.as_caller("iam", guarded.root)
        self.name = name
        self.arn = self._iam.create_user(UserName=name)["User"]["Arn"]
        made = self._iam.create_access_key(UserName=name)["AccessKey"]
        self.key = (made["AccessKeyId"], made["SecretAccessKey"])

    def may(self, *statements: dict[str, Any], name: str = "inline") -> "User":
        self._iam.put_user_policy(UserName=self.name, PolicyName=name, PolicyDocument=policy(*statements))
        return self

    def client(self, service: str, **options: Any) -> Any:
        return self._guarded.as_caller(service, self.key, **options)


@pytest.fixture
def new_user(guarded: GuardedServer) -> Callable[[], User]:
    return lambda: User(guarded, f"user-{secrets.token_hex(4)}")


@pytest.fixture
def new_role(root: Client) -> Callable[..., str]:
    def make(document: str) -> str:
        name = f"role-{secrets.token_hex(4)}"
        arn: str = root("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        root("iam").put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(ANYTHING))
        return arn

    return make


@pytest.fixture
def member(root: Client) -> str:
    """A new account in an organization with control policies."""
    organizations = root("organizations")
    try:
        organizations.create_organization()
        (found,) = organizations.list_roots()["Roots"]
        organizations.enable_policy_type(RootId=found["Id"], PolicyType=SCP)
    except organizations.exceptions.AlreadyInOrganizationException:
        pass  # The server is every test's.
    name = secrets.token_hex(4)
    status = organizations.create_account(AccountName=name, Email=f"{name}@example.com")["CreateAccountStatus"]
    account: str = status["AccountId"]
    return account


def fetch(request: urllib.request.Request | str) -> tuple[int, bytes]:
    """The status and the body that answer it; a refusal is an answer."""
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})
