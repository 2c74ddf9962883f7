"""Access keys of users, and their names and passwords for single services.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
"""

import secrets
from typing import Any

from fogbank.core.cloud import AccessKey
from fogbank.core.context import Context
from fogbank.core.service import Answer
from fogbank.services.iam.errors import LimitExceeded, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page
from fogbank.services.iam.groups import Groups
from fogbank.services.iam.records import ServiceCredential, UserKey, new_id
from fogbank.services.iam.users import user_arn

KEYS_MAX = 2  # of one user
CREDENTIALS_MAX = 2  # of one user and service

CREDENTIAL_SERVICES = frozenset(
    ("aps.amazonaws.com", "bedrock.amazonaws.com", "cassandra.amazonaws.com", "codecommit.amazonaws.com")
)


class AccessKeys(Groups):
    """The operations on credentials of users of `IamService`."""

    def create_access_key(self, ctx: Context, *, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        if self._tables.keys.count((ctx.account, user.name)) >= KEYS_MAX:
            raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}")
        secret = secrets.token_urlsafe(30)
        key_id = self.cloud.issue_access_key(
            "AKIA", AccessKey(ctx.account, user_arn(ctx, user), user.id, secret=secret)
        )
        self._tables.keys.put((ctx.account, user.name, key_id), UserKey(ctx.now_ms))
        row = _key_row(user.name, key_id, UserKey(ctx.now_ms))
        return {"AccessKey": row | {"SecretAccessKey": secret}}

    def delete_access_key(self, ctx: Context, *, AccessKeyId: str, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        self._key(ctx, user.name, AccessKeyId)
        self._tables.keys.delete((ctx.account, user.name, AccessKeyId))
        self.cloud.access_keys.delete((AccessKeyId,))
        self.cloud.last_used.forget(ctx.account, AccessKeyId)
        return None

    def get_access_key_last_used(self, ctx: Context, *, AccessKeyId: str) -> Answer:
        """Requests are seen to be signed by a key with `--auth iam` only."""
        found = next((key for key, _ in self._tables.keys.scan((ctx.account,)) if key[2] == AccessKeyId), None)
        if found is None:
            raise NoSuchEntity(f"The Access Key with id {AccessKeyId} cannot be found")
        use = self.cloud.last_used.of(ctx.account, AccessKeyId)
        if use is None:
            return {"UserName": found[1], "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"}}
        told = {"LastUsedDate": use.at_ms / 1000, "ServiceName": use.service, "Region": use.region}
        return {"UserName": found[1], "AccessKeyLastUsed": told}

    def list_access_keys(
        self, ctx: Context, *, UserName: str | None = None, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        found = self._tables.keys.scan((ctx.account, user.name))
        rows = [_key_row(user.name, key[2], record) for key, record in found]
        return page("AccessKeyMetadata", rows, Marker, MaxItems)

    def update_access_key(self, ctx: Context, *, AccessKeyId: str, Status: str, UserName: str | None = None) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        key = self._key(ctx, user.name, AccessKeyId)
        key.active = Status == "Active"
        self._tables.keys.put((ctx.account, user.name, AccessKeyId), key)
        if (issued := self.cloud.access_keys.get((AccessKeyId,))) is not None:
            issued.active = key.active
            self.cloud.access_keys.put((AccessKeyId,), issued)
        return None

    # ---- service-specific credentials ---------------------------------------------------------------------------

    def create_service_specific_credential(self, ctx: Context, *, UserName: str, ServiceName: str) -> Answer:
        user = self._user(ctx, UserName)
        _check_service(ServiceName)
        own = [one for one in self._credentials(ctx, UserName) if one.service == ServiceName]
        if len(own) >= CREDENTIALS_MAX:
            raise LimitExceeded(f"Cannot exceed quota for ServiceSpecificCredentialsPerUser: {CREDENTIALS_MAX}")
        suffix = f"+{len(own)}" if own else ""
        credential = ServiceCredential(
            id=new_id("ACCA"),
            service=ServiceName,
            user_name=f"{user.name}{suffix}-at-{ctx.account}",
            password=secrets.token_urlsafe(32),
            created_ms=ctx.now_ms,
        )
        self._keep_credential(ctx, UserName, credential)
        return {"ServiceSpecificCredential": _credential_row(UserName, credential, secret=True)}

    def delete_service_specific_credential(
        self, ctx: Context, *, ServiceSpecificCredentialId: str, UserName: str | None = None
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        self._credential(ctx, user.name, ServiceSpecificCredentialId)
        self._tables.credentials.delete((ctx.account, user.name, ServiceSpecificCredentialId))
        return None

    def list_service_specific_credentials(
        self,
        ctx: Context,
        *,
        UserName: str | None = None,
        ServiceName: str | None = None,
        AllUsers: bool = False,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        if ServiceName is not None:
            _check_service(ServiceName)
        place = (ctx.account,) if AllUsers else (ctx.account, self._user_or_caller(ctx, UserName).name)
        rows = [
            _credential_row(key[1], one, secret=False)
            for key, one in self._tables.credentials.scan(place)
            if ServiceName in (None, one.service)
        ]
        answer = page("ServiceSpecificCredentials", rows, Marker, MaxItems)
        if not answer["IsTruncated"]:
            del answer["IsTruncated"]  # Here it is there only when it is true.
        return answer

    def reset_service_specific_credential(
        self, ctx: Context, *, ServiceSpecificCredentialId: str, UserName: str | None = None
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        credential = self._credential(ctx, user.name, ServiceSpecificCredentialId)
        credential.password = secrets.token_urlsafe(32)
        self._keep_credential(ctx, user.name, credential)
        return {"ServiceSpecificCredential": _credential_row(user.name, credential, secret=True)}

    def update_service_specific_credential(
        self, ctx: Context, *, ServiceSpecificCredentialId: str, Status: str, UserName: str | None = None
    ) -> Answer:
        user = self._user_or_caller(ctx, UserName)
        credential = self._credential(ctx, user.name, ServiceSpecificCredentialId)
        credential.active = Status == "Active"
        self._keep_credential(ctx, user.name, credential)
        return None

    def service_of_credential(self, ctx: Context, user: str | None, credential_id: str) -> str:
        """The service of a credential of a user, or of the caller; empty if there is no such one."""
        found = self._tables.credentials.get((ctx.account, user or self._calling_user(ctx) or "", credential_id))
        return found.service if found is not None else ""

    # ---- steps --------------------------------------------------------------------------------------------------

    def _key(self, ctx: Context, user: str, key_id: str) -> UserKey:
        key = self._tables.keys.get((ctx.account, user, key_id))
        if key is None:
            raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
        return key

    def _credentials(self, ctx: Context, user: str) -> list[ServiceCredential]:
        return [one for _, one in self._tables.credentials.scan((ctx.account, user))]

    def _credential(self, ctx: Context, user: str, credential_id: str) -> ServiceCredential:
        found = self._tables.credentials.get((ctx.account, user, credential_id))
        if found is None:
            raise NoSuchEntity(f"No such credential {credential_id} exists")
        return found

    def _keep_credential(self, ctx: Context, user: str, credential: ServiceCredential) -> None:
        self._tables.credentials.put((ctx.account, user, credential.id), credential)


def _check_service(service: str) -> None:
    if service not in CREDENTIAL_SERVICES:
        raise NoSuchEntity(f"No such service {service} is supported for Service Specific Credentials")


def _key_row(user: str, key_id: str, key: UserKey) -> dict[str, Any]:
    return {
        "UserName": user,
        "AccessKeyId": key_id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created_ms / 1000,
    }


def _credential_row(user: str, credential: ServiceCredential, *, secret: bool) -> dict[str, Any]:
    row = {
        "CreateDate": credential.created_ms / 1000,
        "ServiceName": credential.service,
        "ServiceUserName": credential.user_name,
        "ServiceSpecificCredentialId": credential.id,
        "UserName": user,
        "Status": "Active" if credential.active else "Inactive",
    }
    return row | ({"ServicePassword": credential.password} if secret else {})
