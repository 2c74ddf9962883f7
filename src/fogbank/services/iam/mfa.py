"""Virtual MFA devices: a seed that the user's authenticator app has, too, and the codes that both make of it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_mfa_enable_virtual.html
"""

import base64
import secrets
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    InvalidAuthenticationCode,
    LimitExceeded,
    NoSuchEntity,
)
from fogbank.services.iam.fields import PAGE_MAX, page, tagged, with_tags
from fogbank.services.iam.records import MfaDevice
from fogbank.services.iam.totp import STEP_MS, step_of
from fogbank.services.iam.users import Users, user_answer

DEVICES_MAX = 8  # of one user
SEED_BYTES = 40  # 64 characters in base 32
# How far the clock of a device may be off when it is enabled. From then on the difference is known, and a code may be
# one step early or late.
DRIFT_STEPS_MAX = 20


class MfaDevices(Users):
    """The operations on MFA devices of `IamService`. Hardware tokens and passkeys answer NotImplemented."""

    def create_virtual_mfa_device(
        self, ctx: Context, *, VirtualMFADeviceName: str, Path: str = "/", Tags: list[dict[str, str]] | None = None
    ) -> Answer:
        serial = f"arn:aws:iam::{ctx.account}:mfa{Path}{VirtualMFADeviceName}"
        if self._tables.mfa.get((ctx.account, serial)) is not None:
            raise EntityAlreadyExists("MFADevice entity at the same path and name already exists.")
        device = MfaDevice(seed=secrets.token_bytes(SEED_BYTES), created_ms=ctx.now_ms, tags=tag_map(Tags))
        self._tables.mfa.put((ctx.account, serial), device)
        seed = base64.b32encode(device.seed)
        picture = _qr_code(f"{VirtualMFADeviceName}@{ctx.account}", seed.decode())
        answer = {"SerialNumber": serial, "Base32StringSeed": seed, "QRCodePNG": picture}
        return {"VirtualMFADevice": answer | tagged(device.tags)}

    def deactivate_mfa_device(self, ctx: Context, *, SerialNumber: str, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        device = self._device_of(ctx, user.name, SerialNumber)
        device.user, device.enabled_ms, device.drift, device.used_step = "", 0, 0, 0
        return self._keep_device(ctx, SerialNumber, device)

    def delete_virtual_mfa_device(self, ctx: Context, *, SerialNumber: str) -> Answer:
        if self._device(ctx, SerialNumber).user:
            raise DeleteConflict("MFA VirtualDevice in use. Must deactivate first.")
        self._tables.mfa.delete((ctx.account, SerialNumber))
        return None

    def enable_mfa_device(
        self, ctx: Context, *, UserName: str, SerialNumber: str, AuthenticationCode1: str, AuthenticationCode2: str
    ) -> Answer:
        user = self._user(ctx, UserName)
        device = self._device(ctx, SerialNumber)
        if device.user:
            raise EntityAlreadyExists("MFA Device is already in use.")
        if sum(1 for _ in self._devices_of(ctx, UserName)) >= DEVICES_MAX:
            raise LimitExceeded(f"Cannot exceed quota for MFADevicesPerUser: {DEVICES_MAX}")
        _synchronize(device, ctx.now_ms, AuthenticationCode1, AuthenticationCode2)
        device.user, device.enabled_ms = user.name, ctx.now_ms
        return self._keep_device(ctx, SerialNumber, device)

    def get_mfa_device(self, ctx: Context, *, SerialNumber: str, UserName: str | None = None) -> Answer:
        device = self._device(ctx, SerialNumber)
        if UserName is not None:
            self._device_of(ctx, UserName, SerialNumber)
        answer: dict[str, Any] = {"SerialNumber": SerialNumber}
        return answer | ({"UserName": device.user, "EnableDate": device.enabled_ms / 1000} if device.user else {})

    def list_mfa_device_tags(
        self, ctx: Context, *, SerialNumber: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._device(ctx, SerialNumber).tags), Marker, MaxItems)

    def list_mfa_devices(
        self, ctx: Context, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        rows = [
            {"UserName": user.name, "SerialNumber": serial, "EnableDate": device.enabled_ms / 1000}
            for serial, device in self._devices_of(ctx, user.name)
        ]
        return page("MFADevices", rows, Marker, MaxItems)

    def list_virtual_mfa_devices(
        self, ctx: Context, *, AssignmentStatus: str = "Any", Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        rows = []
        for (_, serial), device in self._tables.mfa.scan((ctx.account,)):
            if AssignmentStatus in ("Any", "Assigned" if device.user else "Unassigned"):
                row: dict[str, Any] = {"SerialNumber": serial}
                if device.user:
                    user = self._user(ctx, device.user)
                    row |= {"User": user_answer(ctx, user), "EnableDate": device.enabled_ms / 1000}
                rows.append(row)
        return page("VirtualMFADevices", rows, Marker, MaxItems)

    def resync_mfa_device(
        self, ctx: Context, *, UserName: str, SerialNumber: str, AuthenticationCode1: str, AuthenticationCode2: str
    ) -> Answer:
        device = self._device_of(ctx, UserName, SerialNumber)
        _synchronize(device, ctx.now_ms, AuthenticationCode1, AuthenticationCode2)
        return self._keep_device(ctx, SerialNumber, device)

    def tag_mfa_device(self, ctx: Context, *, SerialNumber: str, Tags: list[dict[str, str]]) -> Answer:
        device = self._device(ctx, SerialNumber)
        device.tags = with_tags(device.tags, Tags)
        return self._keep_device(ctx, SerialNumber, device)

    def untag_mfa_device(self, ctx: Context, *, SerialNumber: str, TagKeys: list[str]) -> Answer:
        device = self._device(ctx, SerialNumber)
        device.tags = {key: value for key, value in device.tags.items() if key not in TagKeys}
        return self._keep_device(ctx, SerialNumber, device)

    # ---- for STS ------------------------------------------------------------------------------------------------

    def shows_mfa_code(self, ctx: Context, user: str, serial: str, code: str) -> bool:
        """Whether the user's device shows the code, and it was not taken yet."""
        return self._step_shown(ctx, user, serial, code) is not None

    def takes_mfa_code(self, ctx: Context, user: str, serial: str, code: str) -> bool | None:
        """Take the code that the user's device shows: whether it did. None if the user has no such device."""
        device = self._tables.mfa.get((ctx.account, serial))
        if device is None or device.user != user:
            return None
        step = self._step_shown(ctx, user, serial, code)
        if step is None:
            return False
        device.used_step = step
        self._keep_device(ctx, serial, device)
        return True

    # ---- steps --------------------------------------------------------------------------------------------------

    def _step_shown(self, ctx: Context, user: str, serial: str, code: str) -> int | None:
        device = self._tables.mfa.get((ctx.account, serial))
        if device is None or device.user != user:
            return None
        now = ctx.now_ms // STEP_MS + device.drift
        return step_of(device.seed, (code,), range(max(now - 1, device.used_step + 1), now + 2))

    def _device(self, ctx: Context, serial: str) -> MfaDevice:
        device = self._tables.mfa.get((ctx.account, serial))
        if device is None:
            if not serial.startswith("arn:"):
                raise NotImplementedInFogbank("Fogbank's IAM has no hardware MFA devices.")
            raise NoSuchEntity(f"VirtualMFADevice with serial number {serial} doesn't exist.")
        return device

    def _device_of(self, ctx: Context, user: str, serial: str) -> MfaDevice:
        self._user(ctx, user)
        device = self._device(ctx, serial)
        if device.user != user:
            raise NoSuchEntity("MFA Device invalid for user.")
        return device

    def _devices_of(self, ctx: Context, user: str) -> Iterator[tuple[str, MfaDevice]]:
        return ((key[1], device) for key, device in self._tables.mfa.scan((ctx.account,)) if device.user == user)

    def _keep_device(self, ctx: Context, serial: str, device: MfaDevice) -> Answer:
        self._tables.mfa.put((ctx.account, serial), device)
        return None


def _synchronize(device: MfaDevice, now_ms: int, first: str, second: str) -> None:
    """Find out how far the device's clock is off, by two codes that follow each other."""
    now = now_ms // STEP_MS
    last = step_of(device.seed, (first, second), range(now - DRIFT_STEPS_MAX - 1, now + DRIFT_STEPS_MAX))
    if last is None:
        raise InvalidAuthenticationCode("Authentication code for device is not valid.")
    device.drift = last - now if abs(last - now) > 1 else 0
    device.used_step = last


def _qr_code(label: str, seed: str) -> bytes:
    import segno

    picture = BytesIO()
    address = f"otpauth://totp/Amazon%20Web%20Services:{label}?secret={seed}&issuer=Amazon%20Web%20Services"
    segno.make_qr(address).save(picture, kind="png", scale=4)
    return picture.getvalue()
