"""Layers beyond their own account and beyond their own end."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.packages import zipped
from tests.services.lambda_.test_invocation import create, package

Aws = Callable[..., Any]
IMPORTS = (
    "def handler(event, context):\n    import sys\n    sys.path.append('/opt')\n    import extra\n    return extra.x\n"
)


def publish(client: Any, **settings: Any) -> str:
    made = client.publish_layer_version(LayerName="shared", Content={"ZipFile": layer_package()}, **settings)
    arn: str = made["LayerVersionArn"]
    return arn


def layer_package() -> bytes:
    return zipped({"python/extra.py": "x = 'from the layer'\n"})


def test_a_layer_of_another_account_is_used_where_its_policy_lets_it(aws: Aws, account: str) -> None:
    owner, user = aws("lambda", account="555566667777"), aws("lambda")
    arn = publish(owner)
    with pytest.raises(ClientError, match=r"AccessDeniedException.*lambda:GetLayerVersion on resource: .*:shared:"):
        create(user, "f", IMPORTS, Layers=[arn])
    with pytest.raises(ClientError, match="AccessDeniedException"):
        user.get_layer_version_by_arn(Arn=arn)
    number = int(arn.rpartition(":")[2])
    owner.add_layer_version_permission(
        LayerName="shared", VersionNumber=number, StatementId="s", Action="lambda:GetLayerVersion", Principal=account
    )
    create(user, "f", IMPORTS, Layers=[arn])
    assert user.get_layer_version_by_arn(Arn=arn)["Version"] == number
    layer_arn = arn.rpartition(":")[0]
    assert user.get_layer_version(LayerName=layer_arn, VersionNumber=number)["LayerArn"] == layer_arn
    assert json.load(user.invoke(FunctionName="f")["Payload"]) == "from the layer"


def test_a_function_keeps_the_layer_that_is_deleted(aws: Aws) -> None:
    client = aws("lambda")
    arn = publish(client)
    create(client, "f", IMPORTS, Layers=[arn])
    client.delete_layer_version(LayerName="shared", VersionNumber=1)
    assert client.list_layers()["Layers"] == client.list_layer_versions(LayerName="shared")["LayerVersions"] == []
    assert json.load(client.invoke(FunctionName="f")["Payload"]) == "from the layer"
    (layer,) = client.get_function_configuration(FunctionName="f")["Layers"]
    assert (layer["Arn"], layer["CodeSize"] > 0) == (arn, True)
    with pytest.raises(ClientError, match="does not exist"):
        create(client, "g", IMPORTS, Layers=[arn])
    assert publish(client).endswith(":2")


def test_what_was_said_of_a_layer_is_told_and_nothing_else(aws: Aws) -> None:
    client = aws("lambda")
    publish(client)
    publish(client, CompatibleRuntimes=[], CompatibleArchitectures=["arm64"])
    newer, older = client.list_layer_versions(LayerName="shared")["LayerVersions"]
    assert (newer["CompatibleRuntimes"], newer["CompatibleArchitectures"]) == ([], ["arm64"])
    assert "CompatibleRuntimes" not in older
    with pytest.raises(ClientError, match="Value 'cobol' at 'compatibleRuntime' failed to satisfy constraint"):
        client.list_layers(CompatibleRuntime="cobol")
    with pytest.raises(ClientError, match=r"2 validation errors detected: .*'compatibleRuntimes'.*; .*Architectures'"):
        publish(client, CompatibleRuntimes=["cobol"], CompatibleArchitectures=["pdp11"])


def test_a_function_and_its_layers_fit_in_one_environment(aws: Aws) -> None:
    client = aws("lambda")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("zeros", bytes(132_000_000))
    arns = [
        client.publish_layer_version(LayerName=name, Content={"ZipFile": buffer.getvalue()})["LayerVersionArn"]
        for name in ("a", "b")
    ]
    with pytest.raises(ClientError, match="Layers consume more than the available size of 262144000 bytes"):
        client.create_function(
            FunctionName="f",
            Runtime="python3.12",
            Handler="app.handler",
            Role="arn:aws:iam::000000000000:role/r",
            Code={"ZipFile": package("")},
            Layers=arns,
        )
