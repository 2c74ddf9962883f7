"""What users prove themselves with beside access keys: X.509 signing certificates, and SSH keys for CodeCommit.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_ssh-keys.html
"""

import hashlib
from base64 import b64decode
from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.iam.certificates import read_certificate, read_public_key
from fogbank.services.iam.errors import DuplicateCertificate, DuplicateSshPublicKey, LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page
from fogbank.services.iam.records import PublicKey, new_id
from fogbank.services.iam.users import Users

SIGNING_MAX = 2  # of one user
SSH_MAX = 5


class PublicKeys(Users):
    """The operations on signing certificates and SSH public keys of `IamService`."""

    def delete_signing_certificate(self, ctx: Context, *, CertificateId: str, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        self._signing(ctx, user.name, CertificateId)
        self._tables.signing.delete((ctx.account, user.name, CertificateId))
        return None

    def list_signing_certificates(
        self, ctx: Context, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        found = self._tables.signing.scan((ctx.account, user.name))
        return page("Certificates", [_signing_row(key[1], key[2], one) for key, one in found], Marker, MaxItems)

    def update_signing_certificate(
        self, ctx: Context, *, CertificateId: str, Status: str, UserName: str | None = None
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        found = self._signing(ctx, user.name, CertificateId)
        found.status = Status
        self._tables.signing.put((ctx.account, user.name, CertificateId), found)
        return None

    def upload_signing_certificate(self, ctx: Context, *, CertificateBody: str, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        read_certificate(CertificateBody)
        own = [one.body for _, one in self._tables.signing.scan((ctx.account, user.name))]
        if CertificateBody in own:
            raise DuplicateCertificate("The signing certificate is already associated with the user.")
        if len(own) >= SIGNING_MAX:
            raise LimitExceeded(f"Cannot exceed quota for CertificatesPerUser: {SIGNING_MAX}")
        made = PublicKey(CertificateBody, ctx.now_ms)
        certificate_id = new_id("A") + new_id("")[:6]
        self._tables.signing.put((ctx.account, user.name, certificate_id), made)
        return {"Certificate": _signing_row(user.name, certificate_id, made)}

    # ---- SSH ----------------------------------------------------------------------------------------------------

    def delete_ssh_public_key(self, ctx: Context, *, UserName: str, SSHPublicKeyId: str) -> Answer:
        self._ssh(ctx, UserName, SSHPublicKeyId)
        self._tables.ssh.delete((ctx.account, UserName, SSHPublicKeyId))
        return None

    def get_ssh_public_key(self, ctx: Context, *, UserName: str, SSHPublicKeyId: str, Encoding: str) -> Answer:
        found = self._ssh(ctx, UserName, SSHPublicKeyId)
        return {"SSHPublicKey": _ssh_answer(UserName, SSHPublicKeyId, found, Encoding)}

    def list_ssh_public_keys(
        self, ctx: Context, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        found = self._tables.ssh.scan((ctx.account, user.name))
        return page("SSHPublicKeys", [_ssh_row(key[1], key[2], one) for key, one in found], Marker, MaxItems)

    def update_ssh_public_key(self, ctx: Context, *, UserName: str, SSHPublicKeyId: str, Status: str) -> Answer:
        found = self._ssh(ctx, UserName, SSHPublicKeyId)
        found.status = Status
        self._tables.ssh.put((ctx.account, UserName, SSHPublicKeyId), found)
        return None

    def upload_ssh_public_key(self, ctx: Context, *, UserName: str, SSHPublicKeyBody: str) -> Answer:
        user = self._user(ctx, UserName)
        body = _encoded(SSHPublicKeyBody, "SSH")
        own = [one.body for _, one in self._tables.ssh.scan((ctx.account, user.name))]
        if body in own:
            raise DuplicateSshPublicKey("The SSH public key is already associated with the user.")
        if len(own) >= SSH_MAX:
            raise LimitExceeded(f"Cannot exceed quota for SSHPublicKeysPerUser: {SSH_MAX}")
        made = PublicKey(body, ctx.now_ms)
        key_id = new_id("APKA")
        self._tables.ssh.put((ctx.account, user.name, key_id), made)
        return {"SSHPublicKey": _ssh_answer(user.name, key_id, made, "SSH")}

    # ---- steps --------------------------------------------------------------------------------------------------

    def _signing(self, ctx: Context, user: str, certificate_id: str) -> PublicKey:
        found = self._tables.signing.get((ctx.account, user, certificate_id))
        if found is None:
            raise NoSuchEntity(f"The Certificate with id {certificate_id} cannot be found.")
        return found

    def _ssh(self, ctx: Context, user: str, key_id: str) -> PublicKey:
        found = self._tables.ssh.get((ctx.account, self._user(ctx, user).name, key_id))
        if found is None:
            raise NoSuchEntity(f"The Public Key with id {key_id} cannot be found.")
        return found


def _encoded(text: str, encoding: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    ssh = encoding == "SSH"
    forms = (Encoding.OpenSSH, PublicFormat.OpenSSH) if ssh else (Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return read_public_key(text).public_bytes(*forms).decode().strip()


def _signing_row(user: str, certificate_id: str, one: PublicKey) -> dict[str, Any]:
    return {
        "UserName": user,
        "CertificateId": certificate_id,
        "CertificateBody": one.body,
        "Status": one.status,
        "UploadDate": one.uploaded_ms / 1000,
    }


def _ssh_row(user: str, key_id: str, one: PublicKey) -> dict[str, Any]:
    return {"UserName": user, "SSHPublicKeyId": key_id, "Status": one.status, "UploadDate": one.uploaded_ms / 1000}


def _ssh_answer(user: str, key_id: str, one: PublicKey, encoding: str) -> dict[str, Any]:
    digest = hashlib.md5(b64decode(one.body.split()[1]), usedforsecurity=False).hexdigest()
    return _ssh_row(user, key_id, one) | {
        "Fingerprint": ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
        "SSHPublicKeyBody": _encoded(one.body, encoding),
    }
