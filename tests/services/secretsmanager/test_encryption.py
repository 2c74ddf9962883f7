"""Values lie encrypted in the store, and are read only by whom their key lets in."""

import asyncio
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.core.cloud import Cloud
from fogbank.services import SERVICES

Aws = Callable[..., Any]
PLAIN = "correct-horse-battery-staple"


async def keep(folder: Path) -> None:
    """Put the value into a secret, a replica of it, and parameters of both tiers."""
    cloud = Cloud(folder, services=SERVICES)
    ctx = cloud.context(account="123456789012", region="us-east-1")
    token = "0" * 32
    regions = [{"Region": "eu-west-1"}]
    await ctx.call(
        cloud.secretsmanager.create_secret,
        Name="s",
        SecretString=PLAIN,
        ClientRequestToken=token,
        AddReplicaRegions=regions,
    )
    for tier in ("Standard", "Advanced"):
        await ctx.call(cloud.ssm.put_parameter, Name=tier, Value=PLAIN, Type="SecureString", Tier=tier)
    there = ctx.at(region="eu-west-1")
    answer = await there.call(cloud.secretsmanager.get_secret_value, SecretId="s")
    assert answer["SecretString"] == PLAIN
    await cloud.stop()


def test_no_value_lies_in_the_store_as_it_is(tmp_path: Path) -> None:
    asyncio.run(keep(tmp_path))
    data = (tmp_path / "store.lmdb").read_bytes()
    assert b"Advanced" in data
    assert PLAIN.encode() not in data
    assert base64.b64encode(PLAIN.encode()) not in data


def test_a_secret_whose_key_is_disabled_cannot_be_read_or_put(aws: Aws) -> None:
    kms, manager = aws("kms"), aws("secretsmanager")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    manager.create_secret(Name="s", SecretString=PLAIN, KmsKeyId=key)
    (version,) = manager.list_secret_version_ids(SecretId="s")["Versions"]
    assert version["KmsKeyIds"] == [key]
    kms.disable_key(KeyId=key)
    with pytest.raises(manager.exceptions.DecryptionFailure):
        manager.get_secret_value(SecretId="s")
    with pytest.raises(manager.exceptions.EncryptionFailure):
        manager.put_secret_value(SecretId="s", SecretString="other")
    kms.enable_key(KeyId=key)
    manager.update_secret(SecretId="s", KmsKeyId="alias/aws/secretsmanager")
    kms.disable_key(KeyId=key)
    assert manager.get_secret_value(SecretId="s")["SecretString"] == PLAIN


def test_a_secret_with_a_key_of_its_own_is_shared_with_whom_the_key_lets_in(aws: Aws) -> None:
    kms, manager = aws("kms"), aws("secretsmanager")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    arn = manager.create_secret(Name="s", SecretString=PLAIN, KmsKeyId=key)["ARN"]
    other = aws("secretsmanager", account="999988887777")
    assert other.get_secret_value(SecretId=arn)["SecretString"] == PLAIN


def test_a_secure_string_is_shown_as_ciphertext_that_kms_decrypts_in_its_context(aws: Aws) -> None:
    kms, ssm = aws("kms"), aws("ssm")
    ssm.put_parameter(Name="/a/p", Value=PLAIN, Type="SecureString")
    shown = ssm.get_parameter(Name="/a/p")["Parameter"]
    blob = base64.b64decode(shown["Value"])
    context = {"PARAMETER_ARN": shown["ARN"]}
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=context)["Plaintext"] == PLAIN.encode()
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext={"PARAMETER_ARN": shown["ARN"] + "x"})
    for read in (
        ssm.get_parameter(Name="/a/p", WithDecryption=True)["Parameter"],
        ssm.get_parameters(Names=["/a/p"], WithDecryption=True)["Parameters"][0],
        ssm.get_parameters_by_path(Path="/a", WithDecryption=True)["Parameters"][0],
        ssm.get_parameter_history(Name="/a/p", WithDecryption=True)["Parameters"][0],
    ):
        assert read["Value"] == PLAIN


@pytest.mark.parametrize("tier", ["Standard", "Advanced"])
def test_a_parameter_whose_key_is_disabled_cannot_be_decrypted(aws: Aws, tier: str) -> None:
    kms, ssm = aws("kms"), aws("ssm")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    ssm.put_parameter(Name="p", Value=PLAIN, Type="SecureString", KeyId=key, Tier=tier)
    assert ssm.describe_parameters()["Parameters"][0]["KeyId"] == key
    kms.disable_key(KeyId=key)
    with pytest.raises(ssm.exceptions.InvalidKeyId, match=r"is disabled.*Service: AWSKMS"):
        ssm.get_parameter(Name="p", WithDecryption=True)
    assert ssm.get_parameter(Name="p")["Parameter"]["Version"] == 1


def test_a_key_that_there_is_none_of_is_refused(aws: Aws) -> None:
    ssm = aws("ssm")
    with pytest.raises(ClientError, match="InvalidKeyId"):
        ssm.put_parameter(Name="p", Value=PLAIN, Type="SecureString", KeyId="alias/none")
    with pytest.raises(ssm.exceptions.ParameterNotFound):
        ssm.get_parameter(Name="p")
