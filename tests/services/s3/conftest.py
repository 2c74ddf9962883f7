"""A bucket of the test's own."""

from typing import Any

import pytest


@pytest.fixture
def s3(aws: Any) -> Any:
    return aws("s3")


@pytest.fixture
def bucket(s3: Any, account: str) -> str:
    """Names of buckets are global: this one has the account's number in it."""
    name = f"bucket-{account}"
    s3.create_bucket(Bucket=name)
    return name
