"""Service control policies: what accounts may do at most.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html
"""

from typing import Any

from fogbank.core.context import Context
from fogbank.core.errors import NotImplementedInFogbank
from fogbank.core.identity_policy_grammar import check_identity_policy
from fogbank.core.pages import page
from fogbank.core.policy_grammar import MalformedPolicy
from fogbank.core.service import Answer
from fogbank.core.store import Table
from fogbank.core.tags import tag_map
from fogbank.services.organizations.base import FULL_ACCESS, Base, described, node_arn
from fogbank.services.organizations.errors import (
    ConstraintViolation,
    DuplicatePolicy,
    DuplicatePolicyAttachment,
    InvalidInput,
    MalformedPolicyDocument,
    PolicyInUse,
    PolicyNotAttached,
    PolicyNotFound,
    PolicyTypeAlreadyEnabled,
    PolicyTypeNotEnabled,
    RootNotFound,
    TargetNotFound,
)
from fogbank.services.organizations.records import ControlPolicy, Node, Organization, new_id

CONTROL = "SERVICE_CONTROL_POLICY"
ATTACHED_MAX = 5  # to one target
SIZE_MAX = 5120  # characters

_FULL = ControlPolicy(
    "FullAWSAccess",
    "Allows access to every operation",
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
)


class Policies(Base):
    """The operations on policies of `OrganizationsService`. Other types than service control policies answer
    NotImplemented.
    """

    def attach_policy(self, ctx: Context, *, PolicyId: str, TargetId: str) -> Answer:
        organization = self._managed(ctx)
        self._policy(organization, PolicyId)
        target = self._target(organization, TargetId)
        self._check_enabled(organization)
        if PolicyId in target.policies:
            raise DuplicatePolicyAttachment
        if len(target.policies) >= ATTACHED_MAX:
            raise ConstraintViolation(
                "You have attached the maximum number of policies of this type to the specified target."
            )
        target.policies.append(PolicyId)
        self._keep_node(organization, TargetId, target)
        return None

    def create_policy(
        self,
        ctx: Context,
        *,
        Content: str,
        Description: str,
        Name: str,
        Type: str,
        Tags: list[dict[str, str]] | None = None,
    ) -> Answer:
        organization = self._managed(ctx)
        _check_type(Type)
        self._check_policy_name(organization, Name)
        _check_content(Content)
        policy = ControlPolicy(Name, Description, Content, tag_map(Tags))
        policy_id = new_id("p-", 8)
        self._tables.policies.put((organization.id, policy_id), policy)
        return {"Policy": _policy_answer(organization, policy_id, policy)}

    def delete_policy(self, ctx: Context, *, PolicyId: str) -> Answer:
        organization = self._managed(ctx)
        self._own_policy(organization, PolicyId)
        if any(PolicyId in node.policies for _, node in self._nodes(organization)):
            raise PolicyInUse
        self._tables.policies.delete((organization.id, PolicyId))
        return None

    def describe_policy(self, ctx: Context, *, PolicyId: str) -> Answer:
        organization = self._organization(ctx)
        return {"Policy": _policy_answer(organization, PolicyId, self._policy(organization, PolicyId))}

    def detach_policy(self, ctx: Context, *, PolicyId: str, TargetId: str) -> Answer:
        organization = self._managed(ctx)
        self._policy(organization, PolicyId)
        target = self._target(organization, TargetId)
        self._check_enabled(organization)
        if PolicyId not in target.policies:
            raise PolicyNotAttached
        if len(target.policies) == 1:
            raise ConstraintViolation(
                "You cannot remove the last policy attached to the specified target. You must have at least one "
                "attached at all times."
            )
        target.policies.remove(PolicyId)
        self._keep_node(organization, TargetId, target)
        return None

    def disable_policy_type(self, ctx: Context, *, RootId: str, PolicyType: str) -> Answer:
        """All attachments end with it."""
        organization, root = self._root(ctx, RootId)
        _check_type(PolicyType)
        self._check_enabled(organization)
        self._set_on_all(organization, [])
        root.control_enabled, root.policies = False, []
        self._keep_node(organization, RootId, root)
        return {"Root": root_answer(organization, root)}

    def enable_policy_type(self, ctx: Context, *, RootId: str, PolicyType: str) -> Answer:
        """Everything has full access at first."""
        organization, root = self._root(ctx, RootId)
        _check_type(PolicyType)
        if root.control_enabled:
            raise PolicyTypeAlreadyEnabled
        self._set_on_all(organization, [FULL_ACCESS])
        root.control_enabled, root.policies = True, [FULL_ACCESS]
        self._keep_node(organization, RootId, root)
        return {"Root": root_answer(organization, root)}

    def list_policies(
        self, ctx: Context, *, Filter: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        organization = self._organization(ctx)
        _check_type(Filter)
        known = [FULL_ACCESS, *(key[1] for key, _ in self._tables.policies.scan((organization.id,)))]
        return self._summaries(organization, known, NextToken, MaxResults)

    def list_policies_for_target(
        self,
        ctx: Context,
        *,
        TargetId: str,
        Filter: str,
        NextToken: str | None = None,
        MaxResults: int | None = None,
    ) -> Answer:
        organization = self._managed(ctx)
        _check_type(Filter)
        return self._summaries(organization, self._target(organization, TargetId).policies, NextToken, MaxResults)

    def list_targets_for_policy(
        self, ctx: Context, *, PolicyId: str, NextToken: str | None = None, MaxResults: int | None = None
    ) -> Answer:
        organization = self._managed(ctx)
        self._policy(organization, PolicyId)
        targets = {node_id: node for node_id, node in self._nodes(organization) if PolicyId in node.policies}
        ids, rest = page(sorted(targets), NextToken, MaxResults)
        rows = [
            {
                "TargetId": each,
                "Arn": node_arn(organization, each, targets[each]),
                "Name": targets[each].name,
                "Type": targets[each].kind,
            }
            for each in ids
        ]
        return {"Targets": rows} | rest

    def update_policy(
        self,
        ctx: Context,
        *,
        PolicyId: str,
        Name: str | None = None,
        Description: str | None = None,
        Content: str | None = None,
    ) -> Answer:
        organization = self._managed(ctx)
        policy = self._own_policy(organization, PolicyId)
        if Name is not None and Name != policy.name:
            self._check_policy_name(organization, Name)
            policy.name = Name
        if Content is not None:
            _check_content(Content)
            policy.content = Content
        policy.description = policy.description if Description is None else Description
        self._tables.policies.put((organization.id, PolicyId), policy)
        return {"Policy": _policy_answer(organization, PolicyId, policy)}

    # ---- for authorization --------------------------------------------------------------------------------------

    @property
    def deciding_tables(self) -> tuple[Table[Any], ...]:
        """A write to one of them may change what is controlled."""
        return self._tables.deciding

    def control_of(self, account: str) -> list[list[tuple[str, str]]]:
        """The service control policies of an account, level by level from the root down: their ARNs and texts. The
        management account has none.
        """
        organization = self._organization_of(account)
        if organization is None or organization.management == account:
            return []
        levels = []
        for node_id in self._path(organization, account):
            node = self._tables.nodes.peek((organization.id, node_id))
            assert node is not None
            levels.append([(policy_arn(organization, each), self._text(organization, each)) for each in node.policies])
        return [level for level in levels if level]

    def organization_of(self, account: str) -> tuple[str, str]:
        """The id of the account's organization, and its place there as `aws:PrincipalOrgPaths` tells it."""
        organization = self._organization_of(account)
        if organization is None:
            return "", ""
        return organization.id, f"{organization.id}/{'/'.join(self._path(organization, account)[:-1])}/"

    # ---- steps --------------------------------------------------------------------------------------------------

    def _policy(self, organization: Organization, policy_id: str) -> ControlPolicy:
        if policy_id == FULL_ACCESS:
            return _FULL
        found = self._tables.policies.get((organization.id, policy_id))
        if found is None:
            raise PolicyNotFound
        return found

    def _own_policy(self, organization: Organization, policy_id: str) -> ControlPolicy:
        if policy_id == FULL_ACCESS:
            raise InvalidInput("You cannot modify or delete an AWS managed policy.")
        return self._policy(organization, policy_id)

    def _text(self, organization: Organization, policy_id: str) -> str:
        found = _FULL if policy_id == FULL_ACCESS else self._tables.policies.peek((organization.id, policy_id))
        assert found is not None  # A policy that is attached cannot be deleted.
        return found.content

    def _target(self, organization: Organization, node_id: str) -> Node:
        node = self._node(organization, node_id)
        if node is None:
            raise TargetNotFound
        return node

    def _root(self, ctx: Context, root_id: str) -> tuple[Organization, Node]:
        organization = self._managed(ctx)
        root = self._node(organization, root_id)
        if root is None or root_id != organization.root:
            raise RootNotFound
        return organization, root

    def _check_enabled(self, organization: Organization) -> None:
        root = self._node(organization, organization.root)
        if root is None or not root.control_enabled:
            raise PolicyTypeNotEnabled

    def _set_on_all(self, organization: Organization, policies: list[str]) -> None:
        for node_id, node in list(self._nodes(organization)):
            node.policies = list(policies)
            self._keep_node(organization, node_id, node)

    def _check_policy_name(self, organization: Organization, name: str) -> None:
        if name == _FULL.name or any(
            policy.name == name for _, policy in self._tables.policies.scan((organization.id,))
        ):
            raise DuplicatePolicy

    def _summaries(
        self, organization: Organization, ids: list[str], token: str | None, limit: int | None
    ) -> dict[str, Any]:
        shown, rest = page(sorted(ids), token, limit)
        return {"Policies": [_summary(organization, each, self._policy(organization, each)) for each in shown]} | rest


def policy_arn(organization: Organization, policy_id: str) -> str:
    if policy_id == FULL_ACCESS:
        return f"arn:aws:organizations::aws:policy/service_control_policy/{FULL_ACCESS}"
    place = f"{organization.id}/service_control_policy/{policy_id}"
    return f"arn:aws:organizations::{organization.management}:policy/{place}"


def root_answer(organization: Organization, root: Node) -> dict[str, Any]:
    types = [{"Type": CONTROL, "Status": "ENABLED"}] if root.control_enabled else []
    return described(organization, organization.root, root) | {"PolicyTypes": types}


def _check_type(policy_type: str) -> None:
    if policy_type != CONTROL:
        raise NotImplementedInFogbank(f"Fogbank's Organizations has no policies of type {policy_type}.")


def _check_content(content: str) -> None:
    if len(content) > SIZE_MAX:
        raise ConstraintViolation("You have exceeded the maximum size of a policy document.")
    try:
        check_identity_policy(content)
    except MalformedPolicy:
        raise MalformedPolicyDocument from None


def _summary(organization: Organization, policy_id: str, policy: ControlPolicy) -> dict[str, Any]:
    return {
        "Id": policy_id,
        "Arn": policy_arn(organization, policy_id),
        "Name": policy.name,
        "Description": policy.description,
        "Type": CONTROL,
        "AwsManaged": policy_id == FULL_ACCESS,
    }


def _policy_answer(organization: Organization, policy_id: str, policy: ControlPolicy) -> dict[str, Any]:
    return {"PolicySummary": _summary(organization, policy_id, policy), "Content": policy.content}
