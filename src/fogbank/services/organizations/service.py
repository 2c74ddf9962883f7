"""AWS Organizations. https://docs.aws.amazon.com/organizations/latest/APIReference/Welcome.html"""

from collections.abc import Mapping
from typing import Any

from fogbank.core.cloud import Cloud
from fogbank.core.context import Context
from fogbank.core.pages import page
from fogbank.core.service import Answer
from fogbank.core.tags import tag_list, tag_map
from fogbank.services.organizations.accounts import Accounts
from fogbank.services.organizations.base import node_arn
from fogbank.services.organizations.errors import AlreadyInOrganization, OrganizationNotEmpty, TargetNotFound
from fogbank.services.organizations.policies import CONTROL, Policies, policy_arn
from fogbank.services.organizations.records import (
    ACCOUNT,
    ROOT,
    ControlPolicy,
    Node,
    Organization,
    OrganizationTables,
    new_id,
)
from fogbank.services.organizations.units import Units


class OrganizationsService(Accounts, Units, Policies):
    """Organizations with their units, accounts and service control policies, which `--auth iam` enforces.

    Invitations, trusted services, delegated administrators and other types of policies answer NotImplemented.
    Organizations are global: keys have no region.
    """

    name = "organizations"

    def __init__(self, cloud: Cloud) -> None:
        super().__init__(cloud)
        self._tables = OrganizationTables(cloud.store)

    def create_organization(self, ctx: Context, *, FeatureSet: str = "ALL") -> Answer:
        if self._organization_of(ctx.account) is not None:
            raise AlreadyInOrganization
        made = Organization(new_id("o-", 10), ctx.account, new_id("r-", 4), FeatureSet == "ALL", ctx.now_ms)
        self._tables.organizations.put((ctx.account,), made)
        self._tables.members.put((ctx.account,), ctx.account)
        self._keep_node(made, made.root, Node(ROOT, "Root"))
        management = Node(ACCOUNT, f"account-{ctx.account}", made.root, email=_email(ctx.account), joined_ms=ctx.now_ms)
        self._keep_node(made, ctx.account, management)
        return {"Organization": _answer(made)}

    def delete_organization(self, ctx: Context) -> Answer:
        organization = self._managed(ctx)
        nodes = dict(self._nodes(organization))
        if nodes.keys() != {organization.root, ctx.account}:
            raise OrganizationNotEmpty
        for table in (self._tables.nodes, self._tables.policies, self._tables.creations):
            for key, _ in list(table.scan((organization.id,))):
                table.delete(key)
        self._tables.members.delete((ctx.account,))
        self._tables.organizations.delete((ctx.account,))
        return None

    def describe_organization(self, ctx: Context) -> Answer:
        return {"Organization": _answer(self._organization(ctx))}

    # ---- tags ---------------------------------------------------------------------------------------------------

    def list_tags_for_resource(self, ctx: Context, *, ResourceId: str, NextToken: str | None = None) -> Answer:
        tags = self._tagged(self._managed(ctx), ResourceId).tags
        keys, rest = page(sorted(tags), NextToken, None)
        return {"Tags": tag_list({key: tags[key] for key in keys})} | rest

    def tag_resource(self, ctx: Context, *, ResourceId: str, Tags: list[dict[str, str]]) -> Answer:
        organization = self._managed(ctx)
        found = self._tagged(organization, ResourceId)
        found.tags |= tag_map(Tags)
        return self._keep_tagged(organization, ResourceId, found)

    def untag_resource(self, ctx: Context, *, ResourceId: str, TagKeys: list[str]) -> Answer:
        organization = self._managed(ctx)
        found = self._tagged(organization, ResourceId)
        found.tags = {key: value for key, value in found.tags.items() if key not in TagKeys}
        return self._keep_tagged(organization, ResourceId, found)

    def arn_of(self, ctx: Context, resource: str) -> str:
        """The ARN of a root, a unit, an account or a policy of the caller's organization; `*` if it has none such."""
        organization = self._organization_of(ctx.account)
        if organization is None:
            return "*"
        node = self._node(organization, resource)
        if node is not None:
            return node_arn(organization, resource, node)
        return policy_arn(organization, resource) if resource.startswith("p-") else "*"

    def resource_tags(self, ctx: Context, arn: str) -> Mapping[str, str]:
        organization = self._organization_of(ctx.account)
        found = None if organization is None else self._find_tagged(organization, arn.rpartition("/")[2])
        return found.tags if found is not None else {}

    def _find_tagged(self, organization: Organization, resource: str) -> Node | ControlPolicy | None:
        return self._node(organization, resource) or self._tables.policies.get((organization.id, resource))

    def _tagged(self, organization: Organization, resource: str) -> Node | ControlPolicy:
        found = self._find_tagged(organization, resource)
        if found is None:
            raise TargetNotFound
        return found

    def _keep_tagged(self, organization: Organization, resource: str, found: Node | ControlPolicy) -> Answer:
        if isinstance(found, Node):
            self._keep_node(organization, resource, found)
        else:
            self._tables.policies.put((organization.id, resource), found)
        return None


def _email(account: str) -> str:
    """Accounts that nobody gave an address have one that nobody has."""
    return f"{account}@fogbank.invalid"


def _answer(organization: Organization) -> dict[str, Any]:
    account = f"arn:aws:organizations::{organization.management}:account/{organization.id}/{organization.management}"
    return {
        "Id": organization.id,
        "Arn": f"arn:aws:organizations::{organization.management}:organization/{organization.id}",
        "FeatureSet": "ALL" if organization.all_features else "CONSOLIDATED_BILLING",
        "MasterAccountArn": account,
        "MasterAccountId": organization.management,
        "MasterAccountEmail": _email(organization.management),
        "AvailablePolicyTypes": [{"Type": CONTROL, "Status": "ENABLED"}] if organization.all_features else [],
    }
