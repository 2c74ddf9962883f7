"""What a user of the AWS Encryption SDK does. Prints "ok" at the end."""

import io
import logging

import aws_encryption_sdk
import boto3
from aws_encryption_sdk import CommitmentPolicy
from aws_encryption_sdk.exceptions import DecryptKeyError
from aws_encryption_sdk.identifiers import Algorithm

logging.disable()  # It tells of each key that it tries in vain.
kms = boto3.client("kms")
key, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
kms.create_alias(AliasName="alias/app", TargetKeyId=key)
client = aws_encryption_sdk.EncryptionSDKClient(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)


def provider(*keys: str) -> aws_encryption_sdk.StrictAwsKmsMasterKeyProvider:
    return aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=keys)


# Two keys, each of which opens it; signed.
text = bytes(range(256)) * 1000
sealed, header = client.encrypt(source=text, key_provider=provider(key, other), encryption_context={"team": "blue"})
assert header.algorithm is Algorithm.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
for each in (key, other):
    opened, found = client.decrypt(source=sealed, key_provider=provider(each))
    assert opened == text
    assert found.encryption_context["team"] == "blue"

# A stream, frame by frame, under an alias; opened by whoever has a key of the account.
with client.stream(
    mode="e", source=io.BytesIO(text), key_provider=provider(f"{key.partition('key/')[0]}alias/app"), frame_length=1024
) as encryptor:
    sealed = encryptor.read()
discovery = aws_encryption_sdk.DiscoveryAwsKmsMasterKeyProvider()
assert client.decrypt(source=sealed, key_provider=discovery)[0] == text

# Data keys that are used again; then the key is gone.
cache = aws_encryption_sdk.LocalCryptoMaterialsCache(10)
manager = aws_encryption_sdk.CachingCryptoMaterialsManager(
    master_key_provider=provider(key), cache=cache, max_age=60.0, max_messages_encrypted=10
)
messages = [client.encrypt(source=b"message", materials_manager=manager)[0] for _ in range(3)]
kms.disable_key(KeyId=key)
try:
    client.decrypt(source=messages[0], key_provider=provider(key))
except DecryptKeyError:
    kms.enable_key(KeyId=key)
    assert client.decrypt(source=messages[0], key_provider=provider(key))[0] == b"message"
    print("ok")
