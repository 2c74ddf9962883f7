"""Code signing configurations, and what they refuse."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.services.lambda_.test_invocation import ECHO, create, package

Aws = Callable[..., Any]
PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/test"


def config(client: Any, untrusted: str = "Warn") -> str:
    made = client.create_code_signing_config(
        AllowedPublishers={"SigningProfileVersionArns": [PROFILE]},
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": untrusted},
    )
    arn: str = made["CodeSigningConfig"]["CodeSigningConfigArn"]
    return arn


def test_a_configuration_is_used_until_its_functions_are_freed(aws: Aws) -> None:
    client = aws("lambda")
    arn = config(client)
    create(client, "f", ECHO, CodeSigningConfigArn=arn)
    assert client.get_function_code_signing_config(FunctionName="f")["CodeSigningConfigArn"] == arn
    (function,) = client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"]
    assert function.endswith(":function:f")
    with pytest.raises(ClientError, match="ResourceConflictException"):
        client.delete_code_signing_config(CodeSigningConfigArn=arn)
    client.delete_function_code_signing_config(FunctionName="f")
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []
    with pytest.raises(ClientError, match="CodeSigningConfigNotFoundException"):
        client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=arn)


def test_code_that_nobody_signed_is_refused_where_signatures_are_enforced(aws: Aws) -> None:
    client = aws("lambda")
    with pytest.raises(ClientError, match="CodeVerificationFailedException"):
        create(client, "f", ECHO, CodeSigningConfigArn=config(client, "Enforce"))
    create(client, "f", ECHO)
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=config(client, "Enforce"))
    with pytest.raises(ClientError, match="CodeVerificationFailedException"):
        client.update_function_code(FunctionName="f", ZipFile=package(ECHO))
    client.put_function_code_signing_config(FunctionName="f", CodeSigningConfigArn=config(client))
    client.update_function_code(FunctionName="f", ZipFile=package(ECHO))


def test_a_configuration_has_tags(aws: Aws) -> None:
    client = aws("lambda")
    arn = config(client)
    client.tag_resource(Resource=arn, Tags={"team": "a", "stage": "b"})
    client.untag_resource(Resource=arn, TagKeys=["stage"])
    assert client.list_tags(Resource=arn)["Tags"] == {"team": "a"}
