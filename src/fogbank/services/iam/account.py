"""What belongs to the account as a whole: its alias, its password policy, and how much there is of everything.

https://docs.aws.amazon.com/IAM/latest/UserGuide/console-account-alias.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.service import Answer, Service
from fogbank.services.iam.errors import EntityAlreadyExists, NoSuchEntity
from fogbank.services.iam.fields import PAGE_MAX, page
from fogbank.services.iam.records import Account, IamTables

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
QUOTAS = {
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "AccessKeysPerUserQuota": 2,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "GroupsPerUserQuota": 10,
    "SigningCertificatesPerUserQuota": 2,
    "PolicySizeQuota": 6144,
    "PolicyVersionsInUseQuota": 10_000,
    "VersionsPerPolicyQuota": 5,
    "AssumeRolePolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10_240,
    "UserPolicySizeQuota": 2048,
    "GlobalEndpointTokenVersion": 1,
}


class Accounts(Service):
    """The operations on the account of `IamService`."""

    _tables: IamTables

    def create_account_alias(self, ctx: Context, *, AccountAlias: str) -> Answer:
        holder = self._tables.aliases.get((AccountAlias,))
        if holder is not None and holder != ctx.account:
            raise EntityAlreadyExists(f"The account alias {AccountAlias} already exists.")
        account = self._account(ctx)
        for known in account.aliases:  # An account has one alias: a new one takes its place.
            self._tables.aliases.delete((known,))
        account.aliases = [AccountAlias]
        self._tables.aliases.put((AccountAlias,), ctx.account)
        self._tables.accounts.put((ctx.account,), account)
        return None

    def delete_account_alias(self, ctx: Context, *, AccountAlias: str) -> Answer:
        account = self._account(ctx)
        if AccountAlias not in account.aliases:
            raise NoSuchEntity(f"The account alias {AccountAlias} cannot be found.")
        account.aliases.remove(AccountAlias)
        self._tables.aliases.delete((AccountAlias,))
        self._tables.accounts.put((ctx.account,), account)
        return None

    def delete_account_password_policy(self, ctx: Context) -> Answer:
        account = self._with_password_policy(ctx)
        account.password_policy = {}
        self._tables.accounts.put((ctx.account,), account)
        return None

    def get_account_password_policy(self, ctx: Context) -> Answer:
        policy = self._with_password_policy(ctx).password_policy
        return {"PasswordPolicy": policy | {"ExpirePasswords": bool(policy.get("MaxPasswordAge"))}}

    def get_account_summary(self, ctx: Context) -> Answer:
        tables, place = self._tables, (ctx.account,)
        policies = [policy for _, policy in tables.policies.scan(place)]
        devices = [device for _, device in tables.mfa.scan(place)]
        counts = {
            "Users": tables.users.count(place),
            "Groups": tables.groups.count(place),
            "Roles": tables.roles.count(place),
            "Policies": len(policies),
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "InstanceProfiles": tables.profiles.count(place),
            "ServerCertificates": tables.server_certificates.count(place),
            "Providers": tables.openid.count(place) + tables.saml.count(place),
            "MFADevices": len(devices),
            "MFADevicesInUse": sum(bool(device.user) for device in devices),
            "AccountMFAEnabled": 0,
            "AccountAccessKeysPresent": 0,
            "AccountPasswordPresent": 1,
            "AccountSigningCertificatesPresent": 0,
        }
        return {"SummaryMap": counts | QUOTAS}

    def list_account_aliases(self, ctx: Context, *, Marker: str | None = None, MaxItems: int = PAGE_MAX) -> Answer:
        return page("AccountAliases", self._account(ctx).aliases, Marker, MaxItems)

    def update_account_password_policy(
        self,
        ctx: Context,
        *,
        MinimumPasswordLength: int = 6,
        RequireSymbols: bool = False,
        RequireNumbers: bool = False,
        RequireUppercaseCharacters: bool = False,
        RequireLowercaseCharacters: bool = False,
        AllowUsersToChangePassword: bool = False,
        MaxPasswordAge: int | None = None,
        PasswordReusePrevention: int | None = None,
        HardExpiry: bool | None = None,
    ) -> Answer:
        policy: dict[str, Any] = {
            "MinimumPasswordLength": MinimumPasswordLength,
            "RequireSymbols": RequireSymbols,
            "RequireNumbers": RequireNumbers,
            "RequireUppercaseCharacters": RequireUppercaseCharacters,
            "RequireLowercaseCharacters": RequireLowercaseCharacters,
            "AllowUsersToChangePassword": AllowUsersToChangePassword,
        }
        optional = {
            "MaxPasswordAge": MaxPasswordAge,
            "PasswordReusePrevention": PasswordReusePrevention,
            "HardExpiry": HardExpiry,
        }
        account = self._account(ctx)
        account.password_policy = policy | {name: value for name, value in optional.items() if value is not None}
        self._tables.accounts.put((ctx.account,), account)
        return None

    def _account(self, ctx: Context) -> Account:
        return self._tables.accounts.get((ctx.account,)) or Account()

    def _with_password_policy(self, ctx: Context) -> Account:
        account = self._account(ctx)
        if not account.password_policy:
            raise NoSuchEntity(f"The Password Policy with domain name {ctx.account} cannot be found.")
        return account
