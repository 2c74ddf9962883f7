"""Tables for the tests of DynamoDB."""

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Aws

MakeTable = Callable[..., str]


@pytest.fixture
def make_table(aws: Aws) -> MakeTable:
    """`make_table("pk", "sk")` creates a table with those string keys and returns its name."""

    def make(*keys: str, types: dict[str, str] | None = None, region: str = "us-east-1", **options: Any) -> str:
        name = f"table-{secrets.token_hex(6)}"
        if "ProvisionedThroughput" not in options:
            options.setdefault("BillingMode", "PAY_PER_REQUEST")
        aws("dynamodb", region=region).create_table(
            TableName=name,
            KeySchema=key_schema(*keys),
            AttributeDefinitions=[
                {"AttributeName": k, "AttributeType": t} for k, t in (dict.fromkeys(keys, "S") | (types or {})).items()
            ],
            **options,
        )
        return name

    return make


def key_schema(*keys: str) -> list[dict[str, str]]:
    return [{"AttributeName": k, "KeyType": kind} for k, kind in zip(keys, ("HASH", "RANGE"), strict=False)]
