"""Virtual MFA devices, with the codes that an authenticator app would show."""

import base64
import hmac
from typing import Any

import pytest
from botocore.exceptions import ClientError

NOT_VALID = "InvalidAuthenticationCode.*Authentication code for device is not valid"


def shown(seed: bytes, now_ms: int, *, later: int = 0) -> str:
    """What an app shows: RFC 6238, written down once more."""
    digest = hmac.digest(base64.b32decode(seed), (now_ms // 30_000 + later).to_bytes(8, "big"), "sha1")
    at = digest[19] % 16
    return str(int.from_bytes(digest[at : at + 4], "big") % 2**31 % 10**6).zfill(6)


@pytest.fixture
def iam(aws: Any) -> Any:
    client = aws("iam")
    client.create_user(UserName="ann")
    return client


@pytest.fixture
def device(iam: Any) -> dict[str, Any]:
    made: dict[str, Any] = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    return made


def enable(iam: Any, device: dict[str, Any], now_ms: int) -> None:
    seed = device["Base32StringSeed"]
    codes = {f"AuthenticationCode{number}": shown(seed, now_ms, later=number - 2) for number in (1, 2)}
    iam.enable_mfa_device(UserName="ann", SerialNumber=device["SerialNumber"], **codes)


def test_a_new_device_comes_with_its_seed_and_a_picture_of_it(device: dict[str, Any], account: str) -> None:
    assert device["SerialNumber"] == f"arn:aws:iam::{account}:mfa/phone"
    assert len(device["Base32StringSeed"]) == 64
    assert device["QRCodePNG"].startswith(b"\x89PNG")


def test_a_device_is_enabled_by_two_codes_that_follow_each_other(iam: Any, device: dict[str, Any], clock: Any) -> None:
    now_ms = clock.now_ms()
    seed, serial = device["Base32StringSeed"], device["SerialNumber"]
    with pytest.raises(ClientError, match=NOT_VALID):
        iam.enable_mfa_device(
            UserName="ann",
            SerialNumber=serial,
            AuthenticationCode1=shown(seed, now_ms),
            AuthenticationCode2=shown(seed, now_ms),
        )
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"] == []
    enable(iam, device, now_ms)
    assert [row["SerialNumber"] for row in iam.list_mfa_devices(UserName="ann")["MFADevices"]] == [serial]
    (assigned,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["UserName"] == "ann"
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        enable(iam, device, now_ms)


def test_a_device_whose_clock_is_off_is_synchronized(iam: Any, device: dict[str, Any], clock: Any) -> None:
    enable(iam, device, clock.now_ms() + 240_000)
    with pytest.raises(ClientError, match=NOT_VALID):
        iam.resync_mfa_device(
            UserName="ann",
            SerialNumber=device["SerialNumber"],
            AuthenticationCode1="000000",
            AuthenticationCode2="000000",
        )


def test_what_is_in_use_is_not_deleted(iam: Any, device: dict[str, Any], clock: Any) -> None:
    enable(iam, device, clock.now_ms())
    serial = device["SerialNumber"]
    with pytest.raises(ClientError, match=r"DeleteConflict.*MFA VirtualDevice in use\. Must deactivate first\."):
        iam.delete_virtual_mfa_device(SerialNumber=serial)
    with pytest.raises(ClientError, match=r"DeleteConflict.*must delete MFA device first"):
        iam.delete_user(UserName="ann")
    iam.update_user(UserName="ann", NewUserName="anne")
    iam.deactivate_mfa_device(UserName="anne", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    with pytest.raises(ClientError, match=f"NoSuchEntity.*VirtualMFADevice with serial number {serial} doesn't exist"):
        iam.get_mfa_device(SerialNumber=serial)
    iam.delete_user(UserName="anne")


def test_a_device_has_tags(iam: Any, device: dict[str, Any]) -> None:
    serial = device["SerialNumber"]
    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["a"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "b", "Value": "2"}]
