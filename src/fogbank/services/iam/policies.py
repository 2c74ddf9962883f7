"""Managed policies and their versions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_managed-versioning.html
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.iam.aws_managed import aws_managed_policies, is_aws_managed
from fogbank.services.iam.errors import (
    AccessDenied,
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    ValidationError,
)
from fogbank.services.iam.fields import PAGE_MAX, check_document, page, policy_size, tagged, with_tags
from fogbank.services.iam.holders import Holder, boundary_of
from fogbank.services.iam.records import Policy, PolicyVersion, new_id
from fogbank.services.iam.roles import Roles

VERSIONS_MAX = 5  # IAM's quota
_NOT_CREATED = ("Description",)
_NOT_LISTED = ("Description", "Tags")
SIZE_MAX = 6144  # characters without white space, also a quota


class Usage(NamedTuple):
    """How often policies are attached, and how often they are a boundary, by ARN."""

    attached: Counter[str]
    boundaries: Counter[str]


class ManagedPolicies(Roles):
    """The operations on managed policies of `IamService`."""

    def create_policy(
        self,
        ctx: Context,
        *,
        PolicyName: str,
        PolicyDocument: str,
        Path: str = "/",
        Description: str = "",
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        _check_managed(PolicyDocument)
        # A policy's name is unique in its account, whatever its path.
        if any(policy.name == PolicyName for _, policy in self._tables.policies.scan((ctx.account,))):
            raise EntityAlreadyExists(f"A policy called {PolicyName} already exists. Duplicate names are not allowed.")
        policy = Policy(
            name=PolicyName,
            id=new_id("ANPA"),
            path=Path,
            created_ms=ctx.now_ms,
            updated_ms=ctx.now_ms,
            versions=[PolicyVersion(1, PolicyDocument, ctx.now_ms)],
            description=Description,
            tags=tag_map(Tags),
        )
        arn = f"arn:aws:iam::{ctx.account}:policy{Path}{PolicyName}"
        self._tables.policies.put((ctx.account, arn), policy)
        return {"Policy": _without(_NOT_CREATED, policy_answer(arn, policy, self._usage(ctx)))}

    def create_policy_version(
        self, ctx: Context, *, PolicyArn: str, PolicyDocument: str, SetAsDefault: bool = False
    ) -> Answer:
        policy = self._own_policy(ctx, "CreatePolicyVersion", PolicyArn)
        _check_managed(PolicyDocument)
        if len(policy.versions) >= VERSIONS_MAX:
            raise LimitExceeded(
                f"A managed policy can have up to {VERSIONS_MAX} versions. Before you create a new version, "
                "you must delete an existing version."
            )
        version = PolicyVersion(policy.next_version, PolicyDocument, ctx.now_ms)
        policy.versions.append(version)
        policy.next_version += 1
        policy.updated_ms = ctx.now_ms
        if SetAsDefault:
            policy.default = version.number
        self._tables.policies.put((ctx.account, PolicyArn), policy)
        return {"PolicyVersion": version_answer(policy, version)}

    def delete_policy(self, ctx: Context, *, PolicyArn: str) -> Answer:
        policy = self._own_policy(ctx, "DeletePolicy", PolicyArn)
        if self._holders(ctx, PolicyArn, boundaries=True):
            raise DeleteConflict("Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise DeleteConflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy."
            )
        self._tables.policies.delete((ctx.account, PolicyArn))
        return None

    def delete_policy_version(self, ctx: Context, *, PolicyArn: str, VersionId: str) -> Answer:
        policy = self._own_policy(ctx, "DeletePolicyVersion", PolicyArn)
        version = _version(policy, PolicyArn, VersionId)
        if version.number == policy.default:
            raise DeleteConflict("Cannot delete the default version of a policy.")
        policy.versions.remove(version)
        self._tables.policies.put((ctx.account, PolicyArn), policy)
        return None

    def get_policy(self, ctx: Context, *, PolicyArn: str) -> Answer:
        policy = self._policy(ctx, PolicyArn)
        answer = policy_answer(PolicyArn, policy, self._usage(ctx))
        return {"Policy": answer | {"Tags": tag_list(policy.tags)}}  # here also if there are none

    def get_policy_version(self, ctx: Context, *, PolicyArn: str, VersionId: str) -> Answer:
        policy = self._policy(ctx, PolicyArn)
        version = _version(policy, PolicyArn, VersionId)
        return {"PolicyVersion": version_answer(policy, version) | {"Document": quote(version.document, safe="")}}

    def list_entities_for_policy(
        self,
        ctx: Context,
        *,
        PolicyArn: str,
        EntityFilter: str | None = None,
        PathPrefix: str = "/",
        PolicyUsageFilter: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        self._policy(ctx, PolicyArn)
        rows = [
            (kind, {f"{kind}Name": holder.name, f"{kind}Id": holder.id})
            for kind, holder in self._holders(ctx, PolicyArn, boundaries=PolicyUsageFilter != "PermissionsPolicy")
            if (EntityFilter in (None, kind) or (EntityFilter == "LocalManagedPolicy"))
            and holder.path.startswith(PathPrefix)
            and (PolicyUsageFilter != "PermissionsBoundary" or PolicyArn not in holder.attached)
        ]
        found = page("rows", rows, Marker, MaxItems)
        shown = found.pop("rows")
        return found | {
            f"Policy{kind}s": [row for other, row in shown if other == kind] for kind in ("Group", "User", "Role")
        }

    def list_policies(
        self,
        ctx: Context,
        *,
        Scope: str = "All",
        OnlyAttached: bool = False,
        PathPrefix: str = "/",
        PolicyUsageFilter: str | None = None,
        Marker: str | None = None,
        MaxItems: int = PAGE_MAX,
    ) -> Answer:
        usage = self._usage(ctx)
        used = usage.boundaries if PolicyUsageFilter == "PermissionsBoundary" else usage.attached
        rows = [
            # Policy (API reference): the description is not part of ListPolicies.
            _without(_NOT_LISTED, policy_answer(arn, policy, usage))
            for arn, policy in self._policies_in(ctx, Scope)
            if policy.path.startswith(PathPrefix)
            and (used[arn] or not OnlyAttached)
            and (PolicyUsageFilter is None or used[arn])
        ]
        return page("Policies", rows, Marker, MaxItems)

    def list_policy_versions(
        self, ctx: Context, *, PolicyArn: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        policy = self._policy(ctx, PolicyArn)
        rows = [version_answer(policy, version) for version in reversed(policy.versions)]
        return page("Versions", rows, Marker, MaxItems)

    def set_default_policy_version(self, ctx: Context, *, PolicyArn: str, VersionId: str) -> Answer:
        policy = self._own_policy(ctx, "SetDefaultPolicyVersion", PolicyArn)
        policy.default = _version(policy, PolicyArn, VersionId).number
        policy.updated_ms = ctx.now_ms
        self._tables.policies.put((ctx.account, PolicyArn), policy)
        return None

    def list_policy_tags(
        self, ctx: Context, *, PolicyArn: str, Marker: str | None = None, MaxItems: int = PAGE_MAX
    ) -> Answer:
        return page("Tags", tag_list(self._policy(ctx, PolicyArn).tags), Marker, MaxItems)

    def tag_policy(self, ctx: Context, *, PolicyArn: str, Tags: list[dict[str, str]]) -> Answer:
        policy = self._own_policy(ctx, "TagPolicy", PolicyArn)
        policy.tags = with_tags(policy.tags, Tags)
        self._tables.policies.put((ctx.account, PolicyArn), policy)
        return None

    def untag_policy(self, ctx: Context, *, PolicyArn: str, TagKeys: list[str]) -> Answer:
        policy = self._own_policy(ctx, "UntagPolicy", PolicyArn)
        policy.tags = {key: value for key, value in policy.tags.items() if key not in TagKeys}
        self._tables.policies.put((ctx.account, PolicyArn), policy)
        return None

    # ---- steps --------------------------------------------------------------------------------------------------

    def _policy(self, ctx: Context, arn: str) -> Policy:
        if not arn.startswith("arn:"):
            raise ValidationError("Invalid ARN:  Could not be parsed!")
        if is_aws_managed(arn):
            found = aws_managed_policies().get(arn)
            if found is None:
                raise NotImplementedInFogbank(f"Fogbank's IAM does not have the contents of the AWS policy {arn}.")
            return found
        policy = self._tables.policies.get((ctx.account, arn))
        if policy is None:
            raise NoSuchEntity(f"Policy {arn} was not found.")
        return policy

    def _own_policy(self, ctx: Context, operation: str, arn: str) -> Policy:
        """A policy that may be changed: AWS's are AWS's."""
        if is_aws_managed(arn):
            raise AccessDenied(
                f"User: {ctx.principal_arn} is not authorized to perform: iam:{operation} on resource: policy {arn}"
            )
        return self._policy(ctx, arn)

    def _policies_in(self, ctx: Context, scope: str) -> Iterator[tuple[str, Policy]]:
        """The policies of the account, of AWS or (`All`) both, with their ARNs."""
        if scope != "AWS":
            for (_, arn), policy in self._tables.policies.scan((ctx.account,)):
                yield arn, policy
        if scope != "Local":
            yield from aws_managed_policies().items()

    def _holders(self, ctx: Context, arn: str, *, boundaries: bool = False) -> list[tuple[str, Holder]]:
        """What the policy is attached to or, if wanted, is the boundary of; with its kind."""
        return [
            (kind, holder)
            for kind, holder in self._every_holder(ctx)
            if arn in holder.attached or (boundaries and boundary_of(holder) == arn)
        ]

    def _every_holder(self, ctx: Context) -> Iterator[tuple[str, Holder]]:
        for kind, table in (("Group", self._tables.groups), ("User", self._tables.users), ("Role", self._tables.roles)):
            for _, holder in table.scan((ctx.account,)):
                yield kind, holder

    def _usage(self, ctx: Context) -> Usage:
        usage = Usage(Counter(), Counter())
        for _, holder in self._every_holder(ctx):
            usage.attached.update(holder.attached)
            usage.boundaries[boundary_of(holder)] += 1
        return usage


def policy_answer(arn: str, policy: Policy, usage: Usage) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": arn,
        "Path": policy.path,
        "DefaultVersionId": f"v{policy.default}",
        "AttachmentCount": usage.attached[arn],
        "PermissionsBoundaryUsageCount": usage.boundaries[arn],
        "IsAttachable": True,
        "CreateDate": policy.created_ms / 1000,
        "UpdateDate": policy.updated_ms / 1000,
    }
    if policy.description:
        answer["Description"] = policy.description
    return answer | tagged(policy.tags)


def _without(names: Sequence[str], answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in names}


def _version(policy: Policy, arn: str, version_id: str) -> PolicyVersion:
    for version in policy.versions:
        if f"v{version.number}" == version_id:
            return version
    raise NoSuchEntity(f"Policy {arn} version {version_id} does not exist or is not attachable.")


def _check_managed(document: str) -> None:
    check_document(document, managed=True)
    if policy_size(document) > SIZE_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PolicySize: {SIZE_MAX}")


def version_answer(policy: Policy, version: PolicyVersion) -> dict[str, Any]:
    return {
        "VersionId": f"v{version.number}",
        "IsDefaultVersion": version.number == policy.default,
        "CreateDate": version.created_ms / 1000,
    }
