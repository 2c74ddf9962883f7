"""A client of KMS, and keys to try things with."""

from collections.abc import Callable
from typing import Any

import pytest

NewKey = Callable[..., str]


@pytest.fixture
def kms(aws: Any) -> Any:
    return aws("kms")


@pytest.fixture
def new_key(kms: Any) -> NewKey:
    """`new_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")` is the id of one."""

    def make(**given: Any) -> str:
        key_id: str = kms.create_key(**given)["KeyMetadata"]["KeyId"]
        return key_id

    return make


@pytest.fixture
def key(new_key: NewKey) -> str:
    return new_key()
