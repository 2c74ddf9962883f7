"""Everything of an account at a glance: the credential report, and all that is attached to whom.

https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Any
from urllib.parse import quote

from fogbank.core.context import Context
from fogbank.core.moments import iso_seconds
from fogbank.core.service import Answer
from fogbank.services.iam.access_keys import AccessKeys
from fogbank.services.iam.errors import CredentialReportExpired, CredentialReportNotPresent
from fogbank.services.iam.fields import PAGE_MAX, page, tagged
from fogbank.services.iam.groups import group_answer
from fogbank.services.iam.holders import Holder, attached_rows, boundary_answer
from fogbank.services.iam.instance_profiles import InstanceProfiles
from fogbank.services.iam.policies import ManagedPolicies, policy_answer, version_answer
from fogbank.services.iam.records import CredentialReport, Policy, User
from fogbank.services.iam.roles import role_answer
from fogbank.services.iam.users import user_answer, user_arn

REPORT_MS = 4 * 3_600_000  # A report is as good as new for four hours.
_KEY_FACTS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{fact}" for number in (1, 2) for fact in _KEY_FACTS),
    *(f"cert_{number}_{fact}" for number in (1, 2) for fact in _KEY_FACTS[:2]),
)
_NONE = "N/A"
_KINDS = ("User", "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy")
_LISTS = {"User": "UserDetailList", "Group": "GroupDetailList", "Role": "RoleDetailList"}


class Reports(AccessKeys, ManagedPolicies, InstanceProfiles):
    """The operations of `IamService` that report on the whole account."""

    def generate_credential_report(self, ctx: Context) -> Answer:
        """The report is there at once; the answer is the one that a new report has on AWS."""
        known = self._tables.reports.get((ctx.account,))
        if known is not None and ctx.now_ms - known.made_ms < REPORT_MS:
            return {"State": "COMPLETE"}
        self._tables.reports.put((ctx.account,), CredentialReport(self._credential_report(ctx), ctx.now_ms))
        return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}

    def get_credential_report(self, ctx: Context) -> Answer:
        report = self._tables.reports.get((ctx.account,))
        if report is None:
            raise CredentialReportNotPresent
        if ctx.now_ms - report.made_ms >= REPORT_MS:
            raise CredentialReportExpired
        return {
            "Content": report.text.encode(),
            "ReportFormat": "text/csv",
            "GeneratedTime": report.made_ms / 1000,
        }

    def get_account_authorization_details(
        self, ctx: Context, *, Filter: list[str] | None = None, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        """Users, groups, roles and policies in one list, a page of it at a time."""
        found = page("rows", list(self._details(ctx, frozenset(Filter or _KINDS))), Marker, MaxItems)
        lists: dict[str, list[Any]] = {name: [] for name in (*_LISTS.values(), "Policies")}
        for kind, row in found.pop("rows"):
            lists[_LISTS.get(kind, "Policies")].append(row)
        return lists | found

    # ---- steps --------------------------------------------------------------------------------------------------

    def _credential_report(self, ctx: Context) -> str:
        text = StringIO()
        lines = csv.DictWriter(text, _COLUMNS, restval=_NONE, lineterminator="\n")
        lines.writeheader()
        lines.writerow(
            {
                "user": "<root_account>",
                "arn": f"arn:aws:iam::{ctx.account}:root",
                "user_creation_time": iso_seconds(0),  # An account of Fogbank's is there from the beginning.
                "password_enabled": "not_supported",
                "password_last_changed": "not_supported",
                "password_next_rotation": "not_supported",
                "mfa_active": "false",
                **{f"access_key_{number}_active": "false" for number in (1, 2)},
                **{f"cert_{number}_active": "false" for number in (1, 2)},
            }
        )
        with_mfa = {device.user for _, device in self._tables.mfa.scan((ctx.account,))}
        for _, user in self._tables.users.scan((ctx.account,)):
            lines.writerow(self._credentials_of(ctx, user, mfa=user.name in with_mfa))
        return text.getvalue().removesuffix("\n")

    def _credentials_of(self, ctx: Context, user: User, *, mfa: bool) -> dict[str, str]:
        row = {
            "user": user.name,
            "arn": user_arn(ctx, user),
            "user_creation_time": iso_seconds(user.created_ms),
            "password_enabled": _said(bool(user.login_ms)),
            "mfa_active": _said(mfa),
        }
        if user.login_ms:
            row |= {"password_last_used": "no_information", "password_last_changed": iso_seconds(user.login_ms)}
            if days := self._password_policy(ctx).get("MaxPasswordAge"):
                row["password_next_rotation"] = iso_seconds(user.login_ms + days * 86_400_000)
        place = (ctx.account, user.name)
        keys = sorted(self._tables.keys.scan(place), key=lambda row: row[1].created_ms)
        for number in (1, 2):
            row[f"access_key_{number}_active"] = row[f"cert_{number}_active"] = _said(False)
        for number, ((_, _, key_id), key) in enumerate(keys, 1):
            row |= {
                f"access_key_{number}_active": _said(key.active),
                f"access_key_{number}_last_rotated": iso_seconds(key.created_ms),
            }
            if (use := self.cloud.last_used.of(ctx.account, key_id)) is not None:
                row |= {
                    f"access_key_{number}_last_used_date": iso_seconds(use.at_ms),
                    f"access_key_{number}_last_used_region": use.region,
                    f"access_key_{number}_last_used_service": use.service,
                }
        certificates = [one for _, one in self._tables.signing.scan(place)]
        for number, certificate in enumerate(sorted(certificates, key=lambda one: one.uploaded_ms), 1):
            row |= {
                f"cert_{number}_active": _said(certificate.status == "Active"),
                f"cert_{number}_last_rotated": iso_seconds(certificate.uploaded_ms),
            }
        return row

    def _details(self, ctx: Context, wanted: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        if "User" in wanted:
            for _, user in self._tables.users.scan((ctx.account,)):
                given = {"GroupList": user.groups, **tagged(user.tags), **boundary_answer(user)}
                yield "User", user_answer(ctx, user) | _granted(user, "User") | given
        if "Group" in wanted:
            for _, group in self._tables.groups.scan((ctx.account,)):
                yield "Group", group_answer(ctx, group) | _granted(group, "Group")
        if "Role" in wanted:
            for _, role in self._tables.roles.scan((ctx.account,)):
                shown = role_answer(ctx, role)
                del shown["MaxSessionDuration"]
                shown.pop("Description", None)
                profiles = self.list_instance_profiles_for_role(ctx, RoleName=role.name)
                assert profiles is not None
                given = {
                    "InstanceProfileList": profiles["InstanceProfiles"],
                    "RoleLastUsed": self._last_used(ctx, role.name),
                }
                yield "Role", shown | _granted(role, "Role") | given | tagged(role.tags) | boundary_answer(role)
        usage = self._usage(ctx)
        for scope, kind in (("Local", "LocalManagedPolicy"), ("AWS", "AWSManagedPolicy")):
            if kind in wanted:
                for arn, policy in self._policies_in(ctx, scope):
                    # Of AWS's own policies those that are in use.
                    if scope == "Local" or usage.attached[arn] or usage.boundaries[arn]:
                        yield kind, policy_answer(arn, policy, usage) | {"PolicyVersionList": _versions(policy)}


def _said(value: bool) -> str:
    return str(value).lower()


def _granted(holder: Holder, kind: str) -> dict[str, Any]:
    inline = [{"PolicyName": name, "PolicyDocument": quote(text, safe="")} for name, text in holder.inline.items()]
    return {f"{kind}PolicyList": inline, "AttachedManagedPolicies": attached_rows(holder, "/")}


def _versions(policy: Policy) -> list[dict[str, Any]]:
    return [
        version_answer(policy, version) | {"Document": quote(version.document, safe="")}
        for version in reversed(policy.versions)
    ]
