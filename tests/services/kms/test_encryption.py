"""Encrypting and decrypting: with the same key, the same context, and nothing changed on the way."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_der_public_key

from tests.services.kms.conftest import NewKey

CONTEXT = {"team": "blue", "stage": "test"}


def test_what_is_encrypted_in_a_context_is_decrypted_in_the_same(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=CONTEXT)["CiphertextBlob"]
    turned = dict(reversed(CONTEXT.items()))
    assert kms.decrypt(CiphertextBlob=blob, EncryptionContext=turned)["Plaintext"] == b"text"
    for other in ({}, {"team": "blue"}, {**CONTEXT, "more": ""}, {"team": "bluestage", "": "test"}):
        with pytest.raises(kms.exceptions.InvalidCiphertextException):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=other)


def test_no_byte_of_a_ciphertext_can_be_changed(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    for place in range(len(blob)):
        changed = bytearray(blob)
        changed[place] ^= 1
        with pytest.raises(ClientError) as caught:
            kms.decrypt(CiphertextBlob=bytes(changed))
        code = caught.value.response["Error"]["Code"]
        assert code in ("InvalidCiphertextException", "AccessDeniedException"), place
    for other in (blob[:-1], blob + b"0", blob[1:], b"0"):
        with pytest.raises(ClientError):
            kms.decrypt(CiphertextBlob=other)


def test_a_ciphertext_tells_its_key_and_no_other_opens_it(kms: Any, key: str, new_key: NewKey) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["KeyId"].endswith(key)
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=blob, KeyId=new_key())


def test_a_ciphertext_is_of_one_region(aws: Any, kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    with pytest.raises(ClientError, match="does not exist in this region"):
        aws("kms", region="eu-west-1").decrypt(CiphertextBlob=blob)


def test_a_data_key_is_given_open_and_sealed(kms: Any, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == 32
    assert (
        kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)["Plaintext"] == made["Plaintext"]
    )
    sealed = kms.generate_data_key_without_plaintext(KeyId=key, NumberOfBytes=64)
    assert "Plaintext" not in sealed
    assert len(kms.decrypt(CiphertextBlob=sealed["CiphertextBlob"])["Plaintext"]) == 64
    for neither_or_both in ({}, {"KeySpec": "AES_128", "NumberOfBytes": 16}):
        with pytest.raises(ClientError, match="ValidationException"):
            kms.generate_data_key(KeyId=key, **neither_or_both)


@pytest.mark.parametrize("spec", ["RSA_2048", "ECC_NIST_P256", "ECC_NIST_EDWARDS25519"])
def test_a_pair_of_keys_fits(kms: Any, key: str, spec: str) -> None:
    made = kms.generate_data_key_pair(KeyId=key, KeyPairSpec=spec)
    private = load_der_private_key(made["PrivateKeyPlaintext"], None)
    assert private.public_key() == load_der_public_key(made["PublicKey"])
    assert kms.decrypt(CiphertextBlob=made["PrivateKeyCiphertextBlob"])["Plaintext"] == made["PrivateKeyPlaintext"]


def test_encrypted_anew_without_being_seen(kms: Any, key: str, new_key: NewKey) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text", EncryptionContext=CONTEXT)["CiphertextBlob"]
    pair = new_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")
    moved = kms.re_encrypt(
        CiphertextBlob=blob,
        SourceEncryptionContext=CONTEXT,
        DestinationKeyId=pair,
        DestinationEncryptionAlgorithm="RSAES_OAEP_SHA_256",
    )
    found = kms.decrypt(KeyId=pair, CiphertextBlob=moved["CiphertextBlob"], EncryptionAlgorithm="RSAES_OAEP_SHA_256")
    assert found["Plaintext"] == b"text"


def test_who_has_the_public_key_encrypts_outside(kms: Any, new_key: NewKey) -> None:
    pair = new_key(KeySpec="RSA_3072", KeyUsage="ENCRYPT_DECRYPT")
    public: Any = load_der_public_key(kms.get_public_key(KeyId=pair)["PublicKey"])
    for name, function in (("RSAES_OAEP_SHA_1", hashes.SHA1()), ("RSAES_OAEP_SHA_256", hashes.SHA256())):
        scheme = padding.OAEP(mgf=padding.MGF1(function), algorithm=function, label=None)
        blob = public.encrypt(b"text", scheme)
        assert kms.decrypt(KeyId=pair, CiphertextBlob=blob, EncryptionAlgorithm=name)["Plaintext"] == b"text"


def test_a_dry_run_tells_whether_it_would_work(kms: Any, key: str) -> None:
    with pytest.raises(ClientError, match="DryRunOperationException"):
        kms.encrypt(KeyId=key, Plaintext=b"text", DryRun=True)
    kms.disable_key(KeyId=key)
    with pytest.raises(ClientError, match="DisabledException"):
        kms.encrypt(KeyId=key, Plaintext=b"text", DryRun=True)


def test_a_key_does_what_it_is_for(kms: Any, key: str) -> None:
    with pytest.raises(
        kms.exceptions.InvalidKeyUsageException, match="key usage is ENCRYPT_DECRYPT which is not valid for Sign"
    ):
        kms.sign(KeyId=key, Message=b"text", SigningAlgorithm="ECDSA_SHA_256")
    with pytest.raises(ClientError, match=r"NotImplemented.*Recipient"):
        kms.decrypt(CiphertextBlob=b"x", Recipient={"AttestationDocument": b"x"})
