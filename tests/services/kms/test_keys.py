"""Keys are made, found, switched off and on, and deleted when their time has come."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.conftest import MovableClock
from tests.services.kms.conftest import NewKey

DAY_S = 86_400
ELSEWHERE = "arn:aws:iam::999900000000:role/r"


@pytest.mark.parametrize(
    ("spec", "usage", "member", "algorithms"),
    [
        ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["SYMMETRIC_DEFAULT"]),
        ("RSA_2048", "ENCRYPT_DECRYPT", "EncryptionAlgorithms", ["RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"]),
        ("ECC_NIST_P521", "SIGN_VERIFY", "SigningAlgorithms", ["ECDSA_SHA_512"]),
        ("ECC_NIST_P384", "KEY_AGREEMENT", "KeyAgreementAlgorithms", ["ECDH"]),
        ("HMAC_384", "GENERATE_VERIFY_MAC", "MacAlgorithms", ["HMAC_SHA_384"]),
        ("ML_DSA_65", "SIGN_VERIFY", "SigningAlgorithms", ["ML_DSA_SHAKE_256"]),
        ("ML_KEM_768", "ENCAPSULATE_DECAPSULATE", "EncapsulationAlgorithms", ["ML_KEM"]),
    ],
)
def test_a_key_is_for_its_usage(kms: Any, spec: str, usage: str, member: str, algorithms: list[str]) -> None:
    made = kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]
    assert (made["KeyState"], made[member]) == ("Enabled", algorithms)
    assert kms.describe_key(KeyId=made["Arn"])["KeyMetadata"] == made


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ({"KeySpec": "RSA_2048"}, "ValidationException", "You must specify a KeyUsage value"),
        (
            {"KeySpec": "ECC_SECG_P256K1", "KeyUsage": "KEY_AGREEMENT"},
            "ValidationException",
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec ECC_SECG_P256K1",
        ),
        ({"KeySpec": "SM2", "KeyUsage": "SIGN_VERIFY"}, "NotImplemented", "Keys of the spec SM2"),
        ({"Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1"}, "NotImplemented", ""),
        ({"Policy": "no policy"}, "MalformedPolicyDocumentException", ""),
        (
            {"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "a", "TagValue": "2"}]},
            "TagException",
            "Duplicate tag keys",
        ),
    ],
)
def test_what_cannot_be_a_key_is_refused(kms: Any, asked: dict[str, Any], code: str, message: str) -> None:
    with pytest.raises(ClientError) as caught:
        kms.create_key(**asked)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"][: len(message)]) == (code, message)
    assert kms.list_keys()["Keys"] == []


def test_a_key_is_found_by_its_id_arn_alias_and_alias_arn(kms: Any, key: str, account: str) -> None:
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    arn = f"arn:aws:kms:us-east-1:{account}:"
    for name in (key, f"{arn}key/{key}", "alias/app", f"{arn}alias/app"):
        assert kms.describe_key(KeyId=name)["KeyMetadata"]["KeyId"] == key
    with pytest.raises(kms.exceptions.NotFoundException, match="Invalid keyId 'alias/app'"):
        kms.disable_key(KeyId="alias/app")


def test_another_account_uses_a_key_by_its_arn_and_changes_nothing(aws: Any, kms: Any, key: str) -> None:
    other = aws("kms", account="999988887777")
    arn = kms.describe_key(KeyId=key)["KeyMetadata"]["Arn"]
    blob = other.encrypt(KeyId=arn, Plaintext=b"text")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"
    with pytest.raises(other.exceptions.NotFoundException):
        other.describe_key(KeyId=key)
    with pytest.raises(ClientError, match="AccessDeniedException"):
        other.disable_key(KeyId=arn)


def test_a_disabled_key_does_nothing_until_it_is_enabled(kms: Any, key: str) -> None:
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    kms.disable_key(KeyId=key)
    for use in (lambda: kms.encrypt(KeyId=key, Plaintext=b"text"), lambda: kms.decrypt(CiphertextBlob=blob)):
        with pytest.raises(kms.exceptions.DisabledException, match=f"key/{key} is disabled."):
            use()
    kms.enable_key(KeyId=key)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"text"


def test_a_key_is_deleted_when_its_waiting_period_is_over(kms: Any, key: str, clock: MovableClock) -> None:
    # given
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    blob = kms.encrypt(KeyId=key, Plaintext=b"text")["CiphertextBlob"]
    told = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    assert (told["KeyState"], told["PendingWindowInDays"]) == ("PendingDeletion", 7)
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is pending deletion"):
        kms.decrypt(CiphertextBlob=blob)
    # when
    clock.advance(s=6 * DAY_S)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["DeletionDate"] == told["DeletionDate"]
    clock.advance(s=DAY_S + 1)
    # then
    with pytest.raises(kms.exceptions.NotFoundException, match="does not exist"):
        kms.describe_key(KeyId=key)
    with pytest.raises(ClientError, match="The ciphertext refers to a customer master key that does not exist"):
        kms.decrypt(CiphertextBlob=blob)
    assert kms.list_aliases()["Aliases"] == []


def test_a_deletion_that_is_cancelled_never_comes(kms: Any, key: str, clock: MovableClock) -> None:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    kms.cancel_key_deletion(KeyId=key)
    clock.advance(s=8 * DAY_S)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"
    with pytest.raises(kms.exceptions.KMSInvalidStateException, match="is not pending deletion"):
        kms.cancel_key_deletion(KeyId=key)


@pytest.mark.parametrize("days", [6, 31])
def test_the_waiting_period_is_7_to_30_days(kms: Any, key: str, days: int) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=days)


def test_keys_are_listed_a_page_at_a_time(kms: Any, new_key: NewKey) -> None:
    keys = {new_key() for _ in range(5)}
    found, marker = set(), {}
    while True:
        page = kms.list_keys(Limit=2, **marker)
        found |= {each["KeyId"] for each in page["Keys"]}
        if not page["Truncated"]:
            break
        marker = {"Marker": page["NextMarker"]}
    assert found == keys
    with pytest.raises(kms.exceptions.InvalidMarkerException):
        kms.list_keys(Marker="nothing")


def test_an_alias_moves_to_a_key_of_the_same_kind(kms: Any, key: str, new_key: NewKey) -> None:
    kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName="alias/app", TargetKeyId=key)
    with pytest.raises(ClientError, match="ValidationException"):
        kms.update_alias(AliasName="alias/app", TargetKeyId=new_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC"))
    other = new_key()
    kms.update_alias(AliasName="alias/app", TargetKeyId=other)
    assert [alias["TargetKeyId"] for alias in kms.list_aliases(KeyId=other)["Aliases"]] == [other]
    assert kms.list_aliases(KeyId=key)["Aliases"] == []
    kms.delete_alias(AliasName="alias/app")
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="alias/app")


def test_a_managed_key_is_made_when_it_is_looked_for(kms: Any) -> None:
    made = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert (made["KeyManager"], made["Description"]) == (
        "AWS",
        "Default key that protects my SQS data when no other key is defined",
    )
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"] == made
    assert kms.get_key_rotation_status(KeyId=made["KeyId"])["KeyRotationEnabled"]
    with pytest.raises(ClientError, match="AccessDeniedException"):
        kms.schedule_key_deletion(KeyId=made["KeyId"])


def test_a_key_has_one_policy(kms: Any, key: str, account: str) -> None:
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    assert policy["Statement"][0]["Principal"] == {"AWS": f"arn:aws:iam::{account}:root"}
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
    policy["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::111122223333:root"}
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException, match="will not allow you to update"):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy))
    with pytest.raises(kms.exceptions.NotFoundException, match="No such policy exists"):
        kms.get_key_policy(KeyId=key, PolicyName="other")


def test_a_grant_with_a_name_is_made_once(kms: Any, key: str) -> None:
    asked = {"KeyId": key, "GranteePrincipal": ELSEWHERE, "Operations": ["Decrypt"]}
    first, second = (kms.create_grant(**asked, Name="n") for _ in range(2))
    assert first["GrantId"] == second["GrantId"]
    assert first["GrantToken"] != second["GrantToken"]
    kms.decrypt(
        CiphertextBlob=kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=[first["GrantToken"]])["CiphertextBlob"],
    )
    with pytest.raises(kms.exceptions.InvalidGrantTokenException):
        kms.encrypt(KeyId=key, Plaintext=b"x", GrantTokens=["made-up"])
    kms.retire_grant(GrantToken=second["GrantToken"])
    assert kms.list_grants(KeyId=key)["Grants"] == []


def test_grants_are_listed_for_who_may_retire_them(kms: Any, key: str) -> None:
    asked = {"KeyId": key, "GranteePrincipal": ELSEWHERE, "Operations": ["Encrypt"]}
    kms.create_grant(**asked)
    made = kms.create_grant(**asked, RetiringPrincipal=ELSEWHERE)
    (found,) = kms.list_retirable_grants(RetiringPrincipal=ELSEWHERE)["Grants"]
    assert (found["GrantId"], found["RetiringPrincipal"]) == (made["GrantId"], ELSEWHERE)


def test_a_grant_is_for_what_its_key_can_do(kms: Any, key: str) -> None:
    with pytest.raises(ClientError, match="The operations Sign are not supported"):
        kms.create_grant(KeyId=key, GranteePrincipal=ELSEWHERE, Operations=["Sign"])
