"""Key material: rotated, imported, expired, replicated."""

import os
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_public_key,
)

from tests.conftest import MovableClock
from tests.patience import eventually
from tests.services.kms.conftest import NewKey

DAY_S = 86_400


def import_into(kms: Any, key: str, material: bytes, *, wraps: bool = False, **given: Any) -> Any:
    """Import the material, wrapped by the key that KMS gives for it."""
    algorithm = "RSA_AES_KEY_WRAP_SHA_256" if wraps else "RSAES_OAEP_SHA_256"
    asked = kms.get_parameters_for_import(KeyId=key, WrappingAlgorithm=algorithm, WrappingKeySpec="RSA_2048")
    public: Any = load_der_public_key(asked["PublicKey"])
    scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    if wraps:
        wrapping = os.urandom(32)
        sealed = public.encrypt(wrapping, scheme) + aes_key_wrap_with_padding(wrapping, material)
    else:
        sealed = public.encrypt(material, scheme)
    model = {} if "ValidTo" in given else {"ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    return kms.import_key_material(
        KeyId=key, ImportToken=asked["ImportToken"], EncryptedKeyMaterial=sealed, **model, **given
    )


def test_what_older_material_encrypted_is_still_read(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    before = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    kms.rotate_key_on_demand(KeyId=key)
    after = kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"]
    found = kms.decrypt(CiphertextBlob=blob)
    assert (found["Plaintext"], found["KeyMaterialId"]) == (b"text", before)
    assert kms.generate_data_key(KeyId=key, KeySpec="AES_256")["KeyMaterialId"] == after != before
    (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert (rotation["KeyMaterialId"], rotation["RotationType"]) == (after, "ON_DEMAND")


def test_a_key_rotates_by_itself_when_its_period_is_over(kms: Any, key: str, clock: MovableClock) -> None:
    kms.enable_key_rotation(KeyId=key, RotationPeriodInDays=90)
    due = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    clock.advance(s=91 * DAY_S)
    (rotation,) = kms.list_key_rotations(KeyId=key)["Rotations"]
    assert rotation["RotationType"] == "AUTOMATIC"
    later = kms.get_key_rotation_status(KeyId=key)["NextRotationDate"]
    assert (later - due).days == 90
    kms.disable_key_rotation(KeyId=key)
    clock.advance(s=91 * DAY_S)
    assert len(kms.list_key_rotations(KeyId=key)["Rotations"]) == 1


def test_a_key_is_rotated_on_demand_25_times(kms: Any, key: str) -> None:
    for _ in range(25):
        kms.rotate_key_on_demand(KeyId=key)
    with pytest.raises(kms.exceptions.LimitExceededException):
        kms.rotate_key_on_demand(KeyId=key)


def test_only_symmetric_keys_of_kms_rotate(kms: Any, new_key: NewKey) -> None:
    for key in (new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"), new_key(Origin="EXTERNAL")):
        with pytest.raises(ClientError) as caught:
            kms.enable_key_rotation(KeyId=key)
        assert caught.value.response["Error"]["Code"] in ("UnsupportedOperationException", "KMSInvalidStateException")


@pytest.mark.parametrize("wraps", [False, True])
def test_imported_material_is_used_until_it_is_deleted(kms: Any, new_key: NewKey, wraps: bool) -> None:
    # given
    key, material = new_key(Origin="EXTERNAL"), os.urandom(32)
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending import"):
        kms.encrypt(KeyId=key, Plaintext=b"text")
    first = import_into(kms, key, material, wraps=wraps)["KeyMaterialId"]
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    # when
    kms.delete_imported_key_material(KeyId=key)
    # then
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"
    with pytest.raises(kms.exceptions.IncorrectKeyMaterialException):
        import_into(kms, key, os.urandom(32))
    assert import_into(kms, key, material)["KeyMaterialId"] == first
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_imported_material_expires_on_the_clock(aws: Any, kms: Any, new_key: NewKey, clock: MovableClock) -> None:
    key = new_key(Origin="EXTERNAL")
    import_into(kms, key, os.urandom(32), ValidTo=clock.now_ms() / 1000 + 3600)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["ExpirationModel"] == "KEY_MATERIAL_EXPIRES"
    clock.advance(s=60)
    metric = {"Namespace": "AWS/KMS", "MetricName": "SecondsUntilKeyMaterialExpiration"}
    eventually(lambda: aws("cloudwatch").list_metrics(**metric)["Metrics"])
    clock.advance(s=3601)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingImport"


def test_an_imported_key_goes_on_with_material_that_waited(kms: Any, new_key: NewKey) -> None:
    key = new_key(Origin="EXTERNAL")
    import_into(kms, key, os.urandom(32))
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    waiting = import_into(kms, key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")["KeyMaterialId"]
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match=f"{waiting}\\) is pending rotation"):
        import_into(kms, key, os.urandom(32), ImportType="NEW_KEY_MATERIAL")
    states = [
        each["KeyMaterialState"]
        for each in kms.list_key_rotations(KeyId=key, IncludeKeyMaterial="ALL_KEY_MATERIAL")["Rotations"]
    ]
    assert states == ["CURRENT", "PENDING_ROTATION"]
    kms.rotate_key_on_demand(KeyId=key)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["CurrentKeyMaterialId"] == waiting
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_a_private_key_is_imported(kms: Any, new_key: NewKey) -> None:
    key = new_key(Origin="EXTERNAL", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
    own = ec.generate_private_key(ec.SECP256R1())
    import_into(kms, key, own.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    public = own.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert kms.get_public_key(KeyId=key)["PublicKey"] == public


def test_an_import_token_is_for_one_key_and_one_day(kms: Any, new_key: NewKey, clock: MovableClock) -> None:
    key, other = new_key(Origin="EXTERNAL"), new_key(Origin="EXTERNAL")
    asked = {"WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048"}
    token = kms.get_parameters_for_import(KeyId=key, **asked)["ImportToken"]
    given = {"EncryptedKeyMaterial": b"x" * 256, "ExpirationModel": "KEY_MATERIAL_DOES_NOT_EXPIRE"}
    for place, brought in ((other, token), (key, token[:-1]), (key, b"x")):
        with pytest.raises(kms.exceptions.InvalidImportTokenException):
            kms.import_key_material(KeyId=place, ImportToken=brought, **given)
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.import_key_material(KeyId=key, ImportToken=token, **given)
    clock.advance(s=DAY_S + 1)
    with pytest.raises(kms.exceptions.ExpiredImportTokenException):
        kms.import_key_material(KeyId=key, ImportToken=token, **given)


def test_a_replica_reads_what_its_primary_encrypted(aws: Any, kms: Any, new_key: NewKey) -> None:
    # given
    key, there = new_key(MultiRegion=True), aws("kms", region="eu-west-1")
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    # when
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1", Description="there")
    # then
    assert there.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"
    kms.rotate_key_on_demand(KeyId=key)
    later = kms.encrypt(KeyId=key, Plaintext=b"later")["CiphertextBlob"]
    assert there.decrypt(CiphertextBlob=later)["Plaintext"] == b"later"
    with pytest.raises(there.exceptions.UnsupportedOperationException):
        there.rotate_key_on_demand(KeyId=key)
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")


def test_the_primary_moves_to_another_region(aws: Any, kms: Any, new_key: NewKey) -> None:
    key, there = new_key(MultiRegion=True), aws("kms", region="eu-west-1")
    kms.enable_key_rotation(KeyId=key)
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    kms.update_primary_region(KeyId=key, PrimaryRegion="eu-west-1")
    told = there.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]
    assert (told["MultiRegionKeyType"], told["ReplicaKeys"][0]["Region"]) == ("PRIMARY", "us-east-1")
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["MultiRegionConfiguration"]["MultiRegionKeyType"] == "REPLICA"
    there.rotate_key_on_demand(KeyId=key)
    assert there.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"]


def test_a_primary_waits_for_its_replicas_to_be_deleted(
    aws: Any, kms: Any, new_key: NewKey, clock: MovableClock
) -> None:
    key, there = new_key(MultiRegion=True), aws("kms", region="eu-west-1")
    kms.replicate_key(KeyId=key, ReplicaRegion="eu-west-1")
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (told["KeyState"], "DeletionDate" in told) == ("PendingReplicaDeletion", False)
    there.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    clock.advance(s=7 * DAY_S + 1)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    clock.advance(s=7 * DAY_S + 1)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=key)
