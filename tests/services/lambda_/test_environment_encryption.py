"""Environment variables under a key of one's own."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.lambda_.test_invocation import create

Aws = Callable[..., Any]
TELL = "import os\ndef handler(event, context):\n    return os.environ['SECRET']\n"
VARIABLES = {"Variables": {"SECRET": "hidden"}}


def test_variables_are_opened_by_the_key_that_sealed_them(aws: Aws, clock: Any) -> None:
    client, kms = aws("lambda"), aws("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    made = create(client, "f", TELL, Environment=VARIABLES, KMSKeyArn=key)
    assert (made["KMSKeyArn"], made["Environment"]) == (key, VARIABLES)
    assert json.load(client.invoke(FunctionName="f")["Payload"]) == "hidden"
    kms.disable_key(KeyId=key)
    error = client.get_function_configuration(FunctionName="f")["Environment"]["Error"]
    assert error["ErrorCode"] == "KMSDisabledException"
    create(client, "g", TELL)
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*configure access to your environment"):
        client.update_function_configuration(FunctionName="g", Environment=VARIABLES, KMSKeyArn=key)
    kms.enable_key(KeyId=key)
    client.update_function_configuration(FunctionName="f", Timeout=9)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match=r"KMSDisabledException.*unable to decrypt the environment variables"):
        client.invoke(FunctionName="f")
    kms.enable_key(KeyId=key)
    clock.advance(s=1)
    client.update_function_configuration(FunctionName="f", KMSKeyArn="")
    found = client.get_function_configuration(FunctionName="f")
    assert ("KMSKeyArn" in found, found["Environment"]) == (False, VARIABLES)


def test_a_version_keeps_its_sealed_variables(aws: Aws) -> None:
    key = aws("kms").create_key()["KeyMetadata"]["Arn"]
    create(aws("lambda"), "f", TELL, Environment=VARIABLES, KMSKeyArn=key, Publish=True)
    assert json.load(aws("lambda").invoke(FunctionName="f", Qualifier="1")["Payload"]) == "hidden"
