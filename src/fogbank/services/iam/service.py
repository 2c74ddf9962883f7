"""AWS IAM. https://docs.aws.amazon.com/IAM/latest/APIReference/welcome.html"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from fogbank.core.arn import parse_arn
from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.errors import AwsError
from fogbank.core.service import Tagged
from fogbank.core.store import Table
from fogbank.services.iam.account import Accounts
from fogbank.services.iam.errors import ValidationError
from fogbank.services.iam.identities import Identities
from fogbank.services.iam.mfa import MfaDevices
from fogbank.services.iam.providers import Providers
from fogbank.services.iam.public_keys import PublicKeys
from fogbank.services.iam.records import IamTables
from fogbank.services.iam.reports import Reports
from fogbank.services.iam.server_certificates import ServerCertificates
from fogbank.services.iam.service_linked_roles import ServiceLinkedRoles
from fogbank.services.iam.simulator import Simulator

_GIVEN = re.compile(r"Value '.*?' at(?= '[\w.]+' failed to satisfy)", re.DOTALL)
_ENUM = re.compile(r"Member must satisfy enum value set: \[[^\]]*\]")
_GLOBAL_REGION = "us-east-1"


class IamService(
    Reports,
    Simulator,
    PublicKeys,
    MfaDevices,
    ServerCertificates,
    ServiceLinkedRoles,
    Providers,
    Accounts,
    Identities,
):
    """Users and their keys, groups, roles, policies, instance profiles, identity providers and the account's own
    settings, certificates and MFA devices, reports and the policy simulator; enforced with `--auth iam`. IAM is global:
    keys have no region.

    What was last accessed answers NotImplemented. A policy of AWS that is not known here can be attached, and its
    contents answer NotImplemented.
    """

    name = "iam"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = IamTables(cloud.store)

    def refusal(self, sentence: str, parameters: dict[str, Any]) -> AwsError:
        """IAM does not tell what was given, nor what could be."""
        told = _GIVEN.sub("Value at", sentence)
        return ValidationError(_ENUM.sub("Member must satisfy enum value set", told))

    # ---- for authorization --------------------------------------------------------------------------------------

    def arn_of(self, ctx: Context, kind: str, name: str) -> str:
        """The ARN of what is found by its name. What is not there has no path."""
        found = self._of_kind(kind).peek((ctx.account, name))
        return f"arn:aws:iam::{ctx.account}:{kind}{found.path if found is not None else '/'}{name}"

    def boundary_arn(self, ctx: Context, kind: str, name: str) -> str:
        """Of the permissions boundary of a user or a role; nothing if it has none."""
        found = self._of_kind(kind).peek((ctx.account, name))
        return found.boundary if found is not None else ""

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        parsed = parse_arn(arn)
        kind = parsed.resource.partition("/")[0] if parsed is not None else ""
        if kind in ("user", "role", "instance-profile", "server-certificate"):
            found = self._of_kind(kind).peek((ctx.account, arn.rpartition("/")[2]))
        else:
            by_arn: dict[str, Table[Any]] = {"policy": self._tables.policies, "mfa": self._tables.mfa}
            table = by_arn.get(kind)
            found = table.peek((ctx.account, arn)) if table is not None else None
        return found.tags if found is not None else {}

    def _of_kind(self, kind: str) -> Table[Any]:
        """The table of what is found by its name."""
        tables: dict[str, Table[Any]] = {
            "user": self._tables.users,
            "group": self._tables.groups,
            "role": self._tables.roles,
            "instance-profile": self._tables.profiles,
            "server-certificate": self._tables.server_certificates,
        }
        return tables[kind]

    def tagged_resources(self, ctx: Context) -> Iterator[Tagged]:
        """Global resources are listed in one region, as on AWS, and roles in none."""
        if ctx.region != _GLOBAL_REGION:
            return
        for key, policy in self._tables.policies.scan((ctx.account,)):
            yield Tagged(str(key[1]), "iam:policy", policy.tags)
        for _, profile in self._tables.profiles.scan((ctx.account,)):
            arn = f"arn:aws:iam::{ctx.account}:instance-profile{profile.path}{profile.name}"
            yield Tagged(arn, "iam:instance-profile", profile.tags)
